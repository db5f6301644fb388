"""Networks and forecasters as PyTorch modules, and PyTorch's recurrent layers as networks.

Gates are stacked in the same order here and there, so weights are copied as they are. PyTorch
has two biases beside each other, which this library adds; of a GRU's candidate alone they stay
apart (`d`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

from throughtime._support.precision import precision
from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.cells import GRU, LSTM, RNN, Cell
from throughtime.recurrence.network import Dense, Network, Readout
from throughtime.recurrence.summary import cell_title

OUTPUTS = {"identity": nn.Identity, "logistic": nn.Sigmoid, "softmax": lambda: nn.Softmax(-1)}
ACTIVATIONS = OUTPUTS | {"tanh": nn.Tanh, "relu": nn.ReLU}


class TorchNetwork(nn.Module):
    """A network as a PyTorch module: the same outputs, and trained by PyTorch from there.

    Made by `to_torch`.

    Attributes
    ----------
    cells
        A recurrent layer of PyTorch for each cell, from the bottom up.
    readout
        The dense layers.
    """

    def __init__(self, network: Network):
        super().__init__()
        self.cells = nn.ModuleList([_layer(cell) for cell in network.cells])
        layers: list[nn.Module] = []
        for dense in network.readout.layers:
            linear = nn.Linear(dense.V.shape[1], dense.V.shape[0], dtype=_dtype(dense.V))
            _copy(linear, {"weight": dense.V, "bias": dense.c})
            layers += [linear, ACTIVATIONS[dense.activation]()]
        self.readout = nn.Sequential(*layers)
        self.output = OUTPUTS[network.readout.output]()
        self.last = network.readout.last
        self.residual, self.centred = network.residual, network.centred

    def forward(
        self, xs: torch.Tensor, state: Sequence[Any] | None = None
    ) -> tuple[torch.Tensor, tuple[Any, ...]]:
        """Outputs `(batch, time, output)` or `(batch, output)`, and the state of each layer.

        Parameters
        ----------
        xs
            The inputs, `(batch, time, input)`.
        state
            The states that an earlier call returned, as PyTorch has them; zeros by default.
        """
        inputs, first = xs, xs[:, :1, : self.centred]
        if self.centred:
            xs = torch.cat([xs[..., : self.centred] - first, xs[..., self.centred :]], dim=-1)
        finals = []
        for cell, before in zip(self.cells, state or [None] * len(self.cells), strict=True):
            xs, final = cell(xs, before)
            finals.append(final)
        ys = self.readout(xs[:, -1] if self.last else xs)
        added = inputs[..., : self.residual] if self.residual else first
        if added.shape[-1]:
            added = added[:, -1] if self.last else added
            ys = ys + added.repeat(*[1] * (ys.ndim - 1), ys.shape[-1] // added.shape[-1])
        return self.output(ys), tuple(finals)


class TorchForecaster(nn.Module):
    """The networks of a fitted forecaster as one PyTorch module, from values to values.

    Made by `forecaster_to_torch`. The linear core and the prior are not among them: it gives
    the row `network` of a backtest, which is the whole forecast of `core=None, prior=None`.

    Attributes
    ----------
    networks
        The members of the ensemble, whose forecasts are averaged.
    window
        Steps that they read.
    """

    def __init__(self, model: Forecaster):
        super().__init__()
        data, networks = model.data_, model.network_.networks
        self.networks = nn.ModuleList([to_torch(one) for one in networks])
        self.window, self.carry = data.read_before(data.series[0]), data.truncated
        self.targets, past = len(data.scalers[0].mean), data.past_scaler
        dtype = torch.float64 if data.dtype == "float64" else torch.float32
        for name, value in {
            "mean": np.stack([np.append(one.mean, past.mean) for one in data.scalers]),
            "std": np.stack([np.append(one.std, past.std) for one in data.scalers]),
            "input_mean": data.input_scaler.mean,
            "input_std": data.input_scaler.std,
        }.items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))
        self.dtype = dtype

    def forward(
        self,
        context: torch.Tensor,
        steps: int,
        inputs: torch.Tensor | None = None,
        series: int = 0,
    ) -> torch.Tensor:
        """The forecast, `(batch, steps, target)`, in the units of the data.

        Parameters
        ----------
        context
            The last `window` values before each forecast, `(batch, window, target)`; inputs
            that are known in the past alone stand beside them.
        steps
            Number of steps.
        inputs
            Inputs of the context and of the steps ahead, `(batch, window + steps, input)`.
        series
            Whose scale is used, of a forecaster of several series.
        """
        mean, std = self.mean[series], self.std[series]
        past = ((context.double() - mean) / std).to(self.dtype)
        if inputs is None:
            inputs = past.new_zeros(len(past), past.shape[1] + steps, 0)
        known = ((inputs.double() - self.input_mean) / self.input_std).to(self.dtype)
        roll = _carried if self.carry else _in_windows
        made = torch.stack([roll(one, past, known, steps) for one in self.networks])
        return (made.mean(dim=0).double() * std + mean)[..., : self.targets]


def to_torch(network: Network) -> TorchNetwork:
    """A network as a module of PyTorch, with its weights.

    Parameters
    ----------
    network
        A network of RNN (`tanh`, `relu`), GRU and LSTM cells; not an ensemble.

    Raises
    ------
    InputError
        For an ensemble, or a cell that PyTorch does not have.
    """
    network.check_single()
    return TorchNetwork(network)


def from_torch(
    recurrent: nn.Module, readout: nn.Linear | Sequence[nn.Linear], *, last: bool = False
) -> Network:
    """A recurrent layer of PyTorch and its linear readout as a network.

    Parameters
    ----------
    recurrent
        An `nn.RNN`, `nn.GRU` or `nn.LSTM` of any number of layers, in one direction.
    readout
        The linear layer that reads the last of them; of several, there is a relu between.
    last
        Whether the readout reads the last step alone.

    Raises
    ------
    InputError
        For two directions, a projection, or another layer.
    """
    kinds = {nn.RNN: RNN, nn.GRU: GRU, nn.LSTM: LSTM}
    if type(recurrent) not in kinds:
        rule = "`recurrent` must be an `nn.RNN`, `nn.GRU` or `nn.LSTM`"
        raise InputError(rule, type(recurrent).__name__, "Pass that layer of your module.")
    if recurrent.bidirectional or recurrent.proj_size:
        rule = "a network reads forwards, and its hidden state is not projected"
        got = "`bidirectional=True`" if recurrent.bidirectional else "a `proj_size`"
        raise InputError(rule, got, "Pass a layer without it.")
    linear = [readout] if isinstance(readout, nn.Linear) else list(readout)
    with precision(str(recurrent.weight_ih_l0.dtype).removeprefix("torch.")):
        cells = tuple(_cell(recurrent, i) for i in range(recurrent.num_layers))
        layers = [
            _dense(one, "relu" if i + 1 < len(linear) else "identity")
            for i, one in enumerate(linear)
        ]
        return Network(cells, Readout(tuple(layers), last=last))


def forecaster_to_torch(model: Forecaster) -> TorchForecaster:
    """The networks of a fitted forecaster as a module of PyTorch.

    Parameters
    ----------
    model
        A forecaster that is fitted, of cells that PyTorch has.

    Raises
    ------
    InputError
        If it is not fitted, or of another cell.
    """
    if not hasattr(model, "fitted_"):
        rule = "a forecaster must be fitted before it is copied"
        raise InputError(rule, "one that is not", "Call `fit` first.")
    return TorchForecaster(model)


def _in_windows(network, past, known, steps):
    """Closed loop, each block from the state zero; see `rollout`."""
    time, targets = past.shape[1:]
    horizon, blocks = _blocks(network, targets, steps)
    known = _repeated(known, blocks * horizon - steps)
    made = []
    for block in range(blocks):
        xs = torch.cat([past, _ahead(known, block * horizon, time, horizon)], dim=-1)
        made.append(_last_block(network(xs)[0], horizon, targets))
        past = torch.cat([past, made[-1]], dim=1)[:, horizon:]
    return torch.cat(made, dim=1)[:, :steps]


def _carried(network, past, known, steps):
    """Closed loop with the state carried on; see `rollout`."""
    time, targets = past.shape[1:]
    horizon, blocks = _blocks(network, targets, steps)
    known = _repeated(known, blocks * horizon - steps)
    xs = torch.cat([past, _ahead(known, 0, time, horizon)], dim=-1)
    ys, state = network(xs)
    made = [_last_block(ys, horizon, targets)]
    for block in range(1, blocks):
        ahead = _ahead(known, time + (block - 1) * horizon, horizon, horizon)
        ys, state = network(torch.cat([made[-1], ahead], dim=-1), state)
        made.append(_last_block(ys, horizon, targets))
    return torch.cat(made, dim=1)[:, :steps]


def _blocks(network, targets, steps):
    horizon = network.readout[-2].out_features // targets
    return horizon, -(-steps // horizon)


def _repeated(known, excess):
    return torch.cat([known, known[:, -1:].repeat(1, excess, 1)], dim=1)


def _ahead(known, first, length, horizon):
    """The inputs of the next steps side by side, at `length` steps from `first`."""
    shifted = [known[:, first + k : first + k + length] for k in range(1, horizon + 1)]
    return torch.cat(shifted, dim=-1)


def _last_block(ys, horizon, targets):
    ys = ys if ys.ndim == 2 else ys[:, -1]
    return ys.reshape(len(ys), horizon, targets)


def _layer(cell: Cell) -> nn.RNNBase:
    """A cell as a recurrent layer of PyTorch."""
    sizes = {"batch_first": True, "dtype": _dtype(getattr(cell, "W", jnp.zeros(0)))}
    bias = getattr(cell, "b", None)
    if isinstance(cell, RNN) and cell.activation in ("tanh", "relu"):
        layer = nn.RNN(cell.input_size, cell.hidden_size, nonlinearity=cell.activation, **sizes)
    elif isinstance(cell, GRU):
        layer = nn.GRU(cell.input_size, cell.hidden_size, **sizes)
    elif isinstance(cell, LSTM):
        layer = nn.LSTM(cell.input_size, cell.hidden_size, **sizes)
    else:
        rule = "PyTorch has the cells RNN (`tanh`, `relu`), GRU and LSTM"
        raise InputError(rule, cell_title(cell), "Use one of these.")
    beside = jnp.zeros_like(bias)
    if isinstance(cell, GRU):
        beside = beside.at[2 * cell.hidden_size :].set(cell.d)
    weights = {"weight_ih_l0": cell.U, "weight_hh_l0": cell.W}
    _copy(layer, weights | {"bias_ih_l0": bias, "bias_hh_l0": beside})
    return layer


def _cell(recurrent: nn.RNNBase, i: int) -> Cell:
    """One layer of PyTorch as a cell."""
    U, W = (_array(getattr(recurrent, f"weight_{way}_l{i}")) for way in ("ih", "hh"))
    nothing = np.zeros(len(U), U.dtype)
    biases = [
        _array(getattr(recurrent, f"bias_{way}_l{i}")) if recurrent.bias else nothing
        for way in ("ih", "hh")
    ]
    sizes = {"dtype": U.dtype, "key": 0}
    hidden = W.shape[1]
    if isinstance(recurrent, nn.GRU):
        kept = np.arange(3 * hidden) < 2 * hidden
        cell = GRU(U.shape[1], hidden, **sizes)
        b, d = biases[0] + kept * biases[1], biases[1][2 * hidden :]
        return _with(cell, U=U, W=W, b=b, d=d)
    if isinstance(recurrent, nn.LSTM):
        cell = LSTM(U.shape[1], hidden, **sizes)
    else:
        cell = RNN(U.shape[1], hidden, recurrent.nonlinearity, **sizes)
    return _with(cell, U=U, W=W, b=biases[0] + biases[1])


def _dense(linear: nn.Linear, activation: str) -> Dense:
    V = _array(linear.weight)
    c = np.zeros(len(V), V.dtype) if linear.bias is None else _array(linear.bias)
    dense = Dense(V.shape[1], V.shape[0], activation, dtype=V.dtype, key=0)
    return _with(dense, V=V, c=c)


def _with(module, **weights):
    """The module with these weights."""
    names = list(weights)
    new = [jnp.asarray(weights[name]) for name in names]
    return eqx.tree_at(lambda m: [getattr(m, name) for name in names], module, new)


def _copy(module: nn.Module, weights: dict[str, Any]) -> None:
    with torch.no_grad():
        for name, value in weights.items():
            getattr(module, name).copy_(torch.tensor(np.asarray(value)))


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def _dtype(array: Any) -> torch.dtype:
    return torch.float64 if array.dtype == np.float64 else torch.float32
