"""Cells and optimisers against PyTorch: values, final states and every gradient.

`golden/torch_cells.npz` comes from `golden/make_torch.py`. Where PyTorch can be imported, the
cells are also compared on fresh random draws.
"""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fast_compilation import quick_jit

from throughtime.recurrence.cells import GRU, LSTM, RNN, LSTMState
from throughtime.recurrence.unroll import unroll
from throughtime.training.methods import method

pytestmark = pytest.mark.usefixtures("float64")

GOLDEN = np.load(Path(__file__).parent / "golden" / "torch_cells.npz")
CASES = sorted({name.split("/")[0] for name in GOLDEN.files} - {"optim"})
KINDS = ("rnn_tanh", "rnn_relu", "gru", "lstm")


def arrays_of(case):
    prefix = f"{case}/"
    return {
        name.removeprefix(prefix): GOLDEN[name]
        for name in GOLDEN.files
        if name.startswith(prefix)
    }


def cell_of(kind, torch, layer):
    """Our cell with the weights of one layer of PyTorch: copies, and the sum of biases."""
    U, W, b_ih, b_hh = (
        torch[f"{name}_l{layer}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    hidden, size = W.shape[1], U.shape[1]
    common = {"dtype": jnp.float64, "key": 0}
    if kind == "gru":
        cell = GRU(size, hidden, **common)
        b = b_ih + np.concatenate([b_hh[: 2 * hidden], np.zeros(hidden)])
        weights = (U, W, b, b_hh[2 * hidden :])
    else:
        cell = (
            LSTM(size, hidden, **common)
            if kind == "lstm"
            else RNN(size, hidden, kind.removeprefix("rnn_"), **common)
        )
        weights = (U, W, b_ih + b_hh)
    return eqx.tree_at(leaves, cell, tuple(map(jnp.asarray, weights)))


def leaves(cell):
    return (cell.U, cell.W, cell.b, *([cell.d] if isinstance(cell, GRU) else []))


def torch_gradients(kind, torch, layer):
    """PyTorch's gradients of one layer, named by our letters."""
    U, W, b_ih, b_hh = (
        torch[f"{name}_l{layer}.grad"]
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    return (U, W, b_ih, b_hh[2 * W.shape[1] :]) if kind == "gru" else (U, W, b_ih)


def states_of(kind, h, c):
    """Stacked arrays (layer, batch, hidden) as our states, one for each cell."""
    if kind == "lstm":
        return tuple(
            LSTMState(jnp.asarray(a), jnp.asarray(b)) for a, b in zip(h, c, strict=True)
        )
    return tuple(map(jnp.asarray, h))


@quick_jit
@eqx.filter_grad(has_aux=True)
def slopes(trained, lengths, A, B):
    """Gradients of `sum(A outputs) + sum(B finals)`; and the outputs and final states."""
    cells, xs, before = trained
    finals = []
    for cell, state in zip(cells, before, strict=True):
        stack, final = unroll(cell, xs, state, lengths)
        xs = cell.hidden(stack)
        finals.append(final)
    finals = tuple(finals)
    weighed = jax.tree.map(lambda b, final: jnp.sum(b * final), B, finals)
    return jnp.sum(A * xs) + sum(jax.tree.leaves(weighed)), (xs, finals)


def assert_close(ours, wanted):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12), ours, wanted
    )


def check_agreement(kind, torch):
    cells = tuple(cell_of(kind, torch, layer) for layer in range(len(torch["h0"])))
    before = states_of(kind, torch["h0"], torch.get("c0"))
    xs, A, lengths = (jnp.asarray(torch[name]) for name in ("xs", "A", "lengths"))
    B = states_of(kind, torch["Bh"], torch.get("Bc"))
    padded = (torch["lengths"] < xs.shape[1]).any()
    gradients, (outputs, finals) = slopes(
        (cells, xs, before), lengths if padded else None, A, B
    )
    # In NumPy from here: comparing is not a program to compile.
    gradients, outputs, finals = jax.tree.map(np.asarray, (gradients, outputs, finals))
    counted = np.arange(xs.shape[1])[None, :] < torch["lengths"][:, None]
    assert_close(outputs[counted], torch["outputs"][counted])
    assert_close(finals, states_of(kind, torch["hn"], torch.get("cn")))

    cells_slope, xs_slope, before_slope = gradients
    assert_close(xs_slope, torch["xs.grad"])
    assert_close(before_slope, states_of(kind, torch["h0.grad"], torch.get("c0.grad")))
    for layer, slope in enumerate(cells_slope):
        assert_close(leaves(slope), torch_gradients(kind, torch, layer))


@pytest.mark.parametrize("case", CASES)
def test_stored_numbers_of_torch(case):
    check_agreement(case.split("-")[0], arrays_of(case))


@pytest.mark.parametrize("seed", [101, 102])
@pytest.mark.parametrize("kind", KINDS)
def test_torch_itself(kind, seed):
    pytest.importorskip("torch")
    from golden.make_torch import recurrent

    check_agreement(kind, recurrent(kind, layers=2, padded=True, seed=seed))


@pytest.mark.parametrize("name", ["adam", "sgd", "momentum", "nesterov"])
def test_ten_steps_of_an_optimiser(name):
    X, labels, w, path = (
        jnp.asarray(GOLDEN[f"optim/{part}"]) for part in ("X", "labels", "first", name)
    )

    def objective(w, batch):
        y = X @ w
        logistic = jnp.mean(jax.nn.softplus(y) - labels * y)
        return logistic + 0.05 * jnp.sum(w**2), None

    ours = method(name, 0.1)
    step = quick_jit(lambda w, state: ours.step(objective, w, state, None))
    state = ours.init(w)
    for wanted in path:
        np.testing.assert_allclose(w, wanted, rtol=1e-12, atol=1e-13)
        w, state, _ = step(w, state)
