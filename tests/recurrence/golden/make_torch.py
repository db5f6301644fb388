"""Numbers from PyTorch that `test_golden.py` compares with: `python make_torch.py` writes them.

Recurrent layers: weights in PyTorch's layout, inputs, initial and final states, outputs, and
the gradients of one scalar, `sum(A * outputs) + sum(B * final states)`, in float64.
Optimisers: ten steps on a small logistic regression.
"""

from pathlib import Path

import numpy as np
import torch

BATCH, TIME, INPUT, HIDDEN = 3, 7, 4, 5
LENGTHS = [7, 1, 4]
KINDS = ("rnn_tanh", "rnn_relu", "gru", "lstm")
CASES = [(kind, 1, False) for kind in KINDS]
CASES += [(kind, 1, True) for kind in KINDS]
CASES += [(kind, 2, True) for kind in KINDS]

OPTIMISERS = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
}


def recurrent(kind, layers, padded, seed):
    """One run of a PyTorch layer with random weights, and its gradients, as NumPy arrays."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return torch.tensor(rng.normal(0, 0.6, shape), dtype=torch.float64)

    sizes = {"input_size": INPUT, "hidden_size": HIDDEN, "num_layers": layers}
    common = {"batch_first": True, "dtype": torch.float64}
    if kind.startswith("rnn"):
        layer = torch.nn.RNN(**sizes, nonlinearity=kind.removeprefix("rnn_"), **common)
    else:
        layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[kind](**sizes, **common)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(draw(*weight.shape))
    xs = draw(BATCH, TIME, INPUT).requires_grad_()
    names = ["h0", "c0"] if kind == "lstm" else ["h0"]
    before = [draw(layers, BATCH, HIDDEN).requires_grad_() for _ in names]
    lengths = torch.tensor(LENGTHS if padded else [TIME] * BATCH)

    state = tuple(before) if kind == "lstm" else before[0]
    if padded:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            xs, lengths, batch_first=True, enforce_sorted=False
        )
        packed, final = layer(packed, state)
        outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(
            packed, batch_first=True, total_length=TIME
        )
    else:
        outputs, final = layer(xs, state)
    finals = final if kind == "lstm" else (final,)

    A = draw(*outputs.shape) * (torch.arange(TIME)[None, :, None] < lengths[:, None, None])
    Bs = [draw(*last.shape) for last in finals]
    value = (A * outputs).sum() + sum(
        (B * last).sum() for B, last in zip(Bs, finals, strict=True)
    )
    value.backward()

    found = {"xs": xs, "outputs": outputs, "A": A, "lengths": lengths, "xs.grad": xs.grad}
    for name, first, last, B in zip(names, before, finals, Bs, strict=True):
        letter = name[0]
        found |= {name: first, f"{name}.grad": first.grad, f"{letter}n": last, f"B{letter}": B}
    for name, weight in layer.named_parameters():
        found |= {name: weight, f"{name}.grad": weight.grad}
    return {name: value.detach().numpy() for name, value in found.items()}


def logistic_problem(seed=0):
    """Features and labels of a small logistic regression, and weights to start from."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, 4))
    labels = (X @ [1.0, -2.0, 0.5, 0.0] + 0.3 * rng.normal(size=20) > 0).astype(float)
    return X, labels, rng.normal(size=4)


def trajectory(name, steps=10):
    """The weights before each of the first steps, and after the last."""
    X, labels, first = map(torch.tensor, logistic_problem())
    w = first.clone().requires_grad_()
    optimiser = OPTIMISERS[name]([w])
    path = [w.detach().numpy().copy()]
    for _ in range(steps):
        optimiser.zero_grad()
        y = X @ w
        loss = (torch.nn.functional.softplus(y) - labels * y).mean() + 0.05 * (w**2).sum()
        loss.backward()
        optimiser.step()
        path.append(w.detach().numpy().copy())
    return np.array(path)


def main():
    found = {}
    for seed, (kind, layers, padded) in enumerate(CASES):
        case = f"{kind}-{layers}-{'padded' if padded else 'full'}"
        run = recurrent(kind, layers, padded, seed)
        found |= {f"{case}/{name}": value for name, value in run.items()}
    X, labels, first = logistic_problem()
    found |= {"optim/X": X, "optim/labels": labels, "optim/first": first}
    found |= {f"optim/{name}": trajectory(name) for name in OPTIMISERS}
    np.savez_compressed(Path(__file__).with_name("torch_cells.npz"), **found)


if __name__ == "__main__":
    main()
