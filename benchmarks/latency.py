"""One streaming step: a state and one sample in, a prediction out, batch 1, on one core.

    python benchmarks/latency.py --peer PYTHON_WITH_TORCH [--hidden 64 256]

Each step takes the sample from a NumPy array and gives the prediction as a Python float, so
the way to the library and back is part of it: what a program pays that reads a sensor. Four
sides, in turn: a cell's `step` and a readout, compiled; a whole `Network` on a sequence of one
step, compiled; PyTorch's cell and a linear layer, eager in inference mode; and the equations
written by hand in NumPy, the floor.
"""

import os
import statistics

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy's pool starts at import, before the pinning

import jax
import numpy as np
from machine import machine
from rounds import Local, in_turn, options, peer, percentile, pin, save

import throughtime as tt

CELLS = ("rnn", "gru", "lstm")
INPUTS = 1


def network(cell: str, hidden: int):
    """A network run over sequences of one step."""
    built = tt.Architecture(INPUTS, 1, cell=cell, hidden=hidden).build(0)

    @jax.jit
    def step(state, sample):
        ys, state = built(sample[:, None], state)
        return ys[0, 0, 0], state

    return _streamed(step, built.initial_state(1))


def cell_and_readout(cell: str, hidden: int):
    """The cell's own step, then the readout."""
    built = tt.Architecture(INPUTS, 1, cell=cell, hidden=hidden).build(0)
    (layer,), readout = built.cells, built.readout

    @jax.jit
    def step(state, sample):
        state = layer.step(layer.drive(sample[None])[0], state)
        return readout.linear(layer.hidden(state))[0, 0], state

    return _streamed(step, layer.initial_state(1))


def _streamed(step, state):
    sample = np.zeros((1, INPUTS), np.float32)

    def run():
        nonlocal state
        prediction, state = step(state, sample)
        return float(prediction)

    return run


def by_hand(cell: str, hidden: int):
    """The equations of `cells.py` in NumPy, one vector at a time."""
    built = tt.Architecture(INPUTS, 1, cell=cell, hidden=hidden).build(0)
    (layer,), readout = built.cells, built.readout.layers[0]
    U, W, b, V, c_out = map(np.asarray, (layer.U, layer.W, layer.b, readout.V[0], readout.c))
    d = np.asarray(layer.d) if cell == "gru" else None
    sample, n = np.zeros(INPUTS, np.float32), hidden
    h = c = np.zeros(hidden, np.float32)

    def logistic(a):
        return 0.5 + 0.5 * np.tanh(0.5 * a)

    def rnn():
        nonlocal h
        h = np.tanh(U @ sample + b + W @ h)

    def gru():
        nonlocal h
        drive, product = U @ sample + b, W @ h
        gates = logistic(drive[: 2 * n] + product[: 2 * n])
        candidate = np.tanh(drive[2 * n :] + gates[:n] * (product[2 * n :] + d))
        h = candidate + gates[n:] * (h - candidate)

    def lstm():
        nonlocal h, c
        a = U @ sample + b + W @ h
        c = logistic(a[n : 2 * n]) * c + logistic(a[:n]) * np.tanh(a[2 * n : 3 * n])
        h = logistic(a[3 * n :]) * np.tanh(c)

    step = {"rnn": rnn, "gru": gru, "lstm": lstm}[cell]

    def run():
        step()
        return float(V @ h + c_out[0])

    return run


def main() -> None:
    parser = options(__doc__, "latency")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--hidden", nargs="+", type=int, default=(64, 256))
    parser.add_argument("--seconds", type=float, default=0.2, help="of a side's turn (0.2)")
    asked = parser.parse_args()
    pin("1")
    started = machine()
    torch = peer("bptt_torch", asked.peer, "torch", threads=1, device="cpu")
    rows = []
    print("microseconds a step, median (99th percentile)")
    print(f"{'':<12}{'cell':>18}{'network':>18}{'torch':>18}{'NumPy':>18}")
    for name in asked.cells:
        for hidden in asked.hidden:
            point = {"cell": name, "hidden": hidden}
            sides = {
                side: Local(build(**point))
                for side, build in (("cell", cell_and_readout), ("network", network))
            }
            if torch:
                sides["torch"] = torch.prepare(what="step", inputs=INPUTS, **point)
            sides["numpy"] = Local(by_hand(**point))
            taken = in_turn(sides, asked.rounds, asked.seconds, most=2000)
            micros = {
                side: {
                    "median": 1e6 * statistics.median(times),
                    "p99": 1e6 * percentile(times, 0.99),
                    "calls": len(times),
                }
                for side, times in taken.items()
            }
            rows.append({**point, "microseconds": micros})
            cells = [
                f"{micros[k]['median']:.1f} ({micros[k]['p99']:.1f})" if k in micros else "-"
                for k in ("cell", "network", "torch", "numpy")
            ]
            print(f"{name} {hidden:<8}" + "".join(f"{one:>18}" for one in cells), flush=True)
    save(asked.out, asked.peer, started, benchmark="latency", inputs=INPUTS, rows=rows)


if __name__ == "__main__":
    main()
