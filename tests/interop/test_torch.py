"""PyTorch itself says whether weights were copied right."""

import jax.numpy as jnp
import numpy as np
import pytest

import throughtime as tt
from throughtime.errors import InputError
from throughtime.recurrence.cells import GRU, LSTM, RNN
from throughtime.recurrence.network import Dense, Network, Readout

torch = pytest.importorskip("torch")

from throughtime.interop.torch import (  # noqa: E402
    forecaster_to_torch,
    from_torch,
    to_torch,
)

XS = np.random.default_rng(0).normal(size=(3, 11, 4))
CELLS = {
    "tanh": lambda i, o: RNN(i, o, dtype="float64", key=o),
    "relu": lambda i, o: RNN(i, o, "relu", dtype="float64", key=o),
    "gru": lambda i, o: GRU(i, o, dtype="float64", key=o),
    "lstm": lambda i, o: LSTM(i, o, dtype="float64", key=o),
}
pytestmark = pytest.mark.usefixtures("float64")


def network(cell, last=False, output="identity", **more):
    layers = Dense(6, 7, "relu", dtype="float64", key=1), Dense(7, 4, dtype="float64", key=2)
    cells = CELLS[cell](4, 5), CELLS[cell](5, 6)
    return Network(cells, Readout(layers, output, last), **more)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"last": True},
        {"residual": 2},
        {"centred": 2},
        {"output": "softmax"},
        {"centred": 4, "residual": 4, "last": True},
    ],
)
def test_outputs_are_those_of_the_network(cell, more):
    one = network(cell, **more)
    ours, states = one(jnp.asarray(XS))
    theirs, finals = to_torch(one)(torch.tensor(XS))
    np.testing.assert_allclose(theirs.detach().numpy(), ours, atol=1e-12)
    if cell == "lstm":
        np.testing.assert_allclose(finals[1][1][0].detach().numpy(), states[1].c, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_a_state_is_carried_on_in_both(cell):
    module = to_torch(network(cell))
    whole, _ = module(torch.tensor(XS))
    _, state = module(torch.tensor(XS[:, :6]))
    rest, _ = module(torch.tensor(XS[:, 6:]), state)
    np.testing.assert_allclose(rest.detach(), whole[:, 6:].detach(), atol=1e-12)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_of_pytorch_becomes_a_network_and_comes_back(kind, bias):
    torch.manual_seed(0)
    layer = getattr(torch.nn, kind)(4, 5, 2, bias=bias, batch_first=True).double()
    linear = torch.nn.Linear(5, 3, bias=bias).double()
    ours, _ = from_torch(layer, linear)(jnp.asarray(XS))
    theirs = linear(layer(torch.tensor(XS))[0]).detach().numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    again, _ = to_torch(from_torch(layer, linear))(torch.tensor(XS))
    np.testing.assert_allclose(again.detach().numpy(), theirs, atol=1e-12)


def test_gradients_are_those_of_pytorch():
    """Backpropagation through time, by PyTorch's autograd and by ours."""
    import jax

    layer = torch.nn.GRU(4, 5, batch_first=True).double()
    linear = torch.nn.Linear(5, 3).double()
    one = from_torch(layer, linear)
    (linear(layer(torch.tensor(XS))[0]) ** 2).sum().backward()
    found = jax.grad(lambda n: (n(jnp.asarray(XS))[0] ** 2).sum(), allow_int=True)(one)
    np.testing.assert_allclose(found.cells[0].W, layer.weight_hh_l0.grad.numpy(), rtol=1e-9)
    np.testing.assert_allclose(found.cells[0].U, layer.weight_ih_l0.grad.numpy(), rtol=1e-9)


SETTINGS = {"hidden": 5, "ensemble": 2, "epochs": 2, "window": 12, "dtype": "float64"}


@pytest.mark.parametrize(
    "settings",
    [{}, {"horizon": 3}, {"truncated": True, "centred": False}, {"cell": "lstm", "depth": 2}],
)
@pytest.mark.parametrize("inputs", [(), ("u",)])
def test_a_forecaster_gives_the_same_forecasts(settings, inputs):
    rng, t = np.random.default_rng(1), np.arange(140)
    y = 300 + 40 * np.sin(t / 5) + rng.normal(size=140)
    table = {"y": y} | {name: np.cos(t / 5) for name in inputs}
    import polars as pl

    plain = {"core": None, "prior": None}
    model = tt.Forecaster(**SETTINGS, **plain, **settings)
    model.fit(pl.DataFrame(table), target="y", inputs=inputs)
    ahead = np.cos(np.arange(140, 147) / 5)[:, None]
    ours = model.predict(7, inputs=ahead if inputs else None).mean
    module = forecaster_to_torch(model)
    context = torch.tensor(y[None, -module.window :, None])
    known = np.concatenate([table["u"][-module.window :, None], ahead]) if inputs else None
    known = None if known is None else torch.tensor(known[None])
    theirs = module(context, 7, known)[0].detach().numpy()
    np.testing.assert_allclose(theirs, ours, rtol=1e-10)


def test_what_pytorch_has_not_is_refused():
    logistic = Network((RNN(2, 3, "logistic", key=0),), Readout((Dense(3, 1, key=0),)))
    with pytest.raises(InputError, match="PyTorch has the cells"):
        to_torch(logistic)
    linear = torch.nn.Linear(6, 1)
    with pytest.raises(InputError, match="forwards"):
        from_torch(torch.nn.GRU(2, 3, bidirectional=True), linear)
    with pytest.raises(InputError, match=r"must be an `nn.RNN`"):
        from_torch(linear, linear)
    with pytest.raises(InputError, match="Call `fit` first"):
        forecaster_to_torch(tt.Forecaster())
