"""PyTorch's recurrent layers for `bptt.py`, and its cells step by step for `latency.py`."""

import json
import sys

import torch
from rounds import serve
from torch import nn

LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
CELLS = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}


def layer(device: str, cell: str, batch: int, time: int, hidden: int, inputs: int):
    """Loss over every step and its gradient by all weights, eager."""
    torch.manual_seed(0)
    network = LAYERS[cell](inputs, hidden, batch_first=True, device=device)
    xs = torch.randn(batch, time, inputs, device=device)

    def run():
        network.zero_grad()
        network(xs)[0].square().mean().backward()
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def step(cell: str, hidden: int, inputs: int):
    """One sample in, one prediction out, the state kept; without a graph."""
    torch.manual_seed(0)
    network, readout = CELLS[cell](inputs, hidden), nn.Linear(hidden, 1)
    sample = torch.randn(1, inputs).numpy()
    state = None

    @torch.inference_mode()
    def run():
        nonlocal state
        state = network(torch.from_numpy(sample), state)
        return readout(state[0] if cell == "lstm" else state).item()

    return run


def main(threads: int, device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        print(json.dumps({"missing": "this PyTorch sees no CUDA device"}))
        return
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    about = {"torch": torch.__version__, "threads": torch.get_num_threads(), "device": device}

    def prepare(what: str, **point):
        return step(**point) if what == "step" else layer(device, **point)

    serve(about, prepare)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
