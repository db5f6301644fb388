r"""Fitting a network's readout by ridge regression, with its cells left as they are.

$$\min_{V, c} \; \sum_t w_t \, \|y_t - V h_t - c\|^2 + \lambda \|V\|_F^2$$

This is all the training that an echo state network has (Jaeger 2001). The hidden states h of
one epoch are summed in float64, and the sums give V and c at every penalty. y is the target of
the last layer: the data's targets less what a residual or centred network adds to its output.

The loss is the squared error whatever the targets are: classes are one-hot vectors, and the
largest output is the answer. So the network's output must be `identity`.
"""

import math
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from throughtime._support.memory import require_memory
from throughtime._support.precision import in_precision_of_weights
from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.ensemble import stack_networks
from throughtime.recurrence.initialisation import on_device
from throughtime.recurrence.network import Network
from throughtime.training.batches import Data
from throughtime.training.epoch import initial_network_state
from throughtime.training.history import Row
from throughtime.training.objective import step_weights
from throughtime.training.result import Fitted

from .regression_sums import Gram
from .ridge import RIDGES, Readout, RidgePath


class ReadoutFit(NamedTuple):
    r"""A network with a fitted readout.

    Attributes
    ----------
    network
        The network that was passed, with new V and c in its last layer.
    ridge
        The penalty $\lambda$, on the sum over steps.
    loss
        The mean squared error over the data.
    validation_loss
        The mean squared error over the validation data; NaN without any.
    """

    network: Network
    ridge: float
    loss: float
    validation_loss: float


class Rows(NamedTuple):
    """The steps of a batch with a weight above 0: h, y of the last layer, and the weight."""

    h: Float[np.ndarray, "rows hidden"]
    y: Float[np.ndarray, "rows output"]
    weight: Float[np.ndarray, " rows"]


@in_precision_of_weights
def fit_readout(
    network: Network,
    data: Data,
    *,
    batch_size: int = 256,
    validation: Data | None = None,
    ridges: Iterable[float | int] = RIDGES,
    ridge: float | None = None,
    key: Key = 0,
) -> ReadoutFit:
    r"""Fit V and c of a network's last layer by ridge regression.

    Parameters
    ----------
    network
        Any network with an `identity` output; only its V and c are replaced.
    data
        `Windows`, `Sequences`, `Streams`, or data of your own (see `training/batches.py`). Its
        lengths and weights count as in the loss of a training.
    batch_size
        Examples at a time; the result depends on it only through rounding.
    validation
        Data on which the penalty is chosen, by the lowest loss; without it, the penalty is
        chosen by generalised cross-validation.
    ridges
        The penalties to choose from.
    ridge
        The penalty on the mean over steps, if none is to be chosen; where the regression is
        singular at it, the next power of 10 of it at which it is not.
    key
        Seed of the epoch, for data that is sampled anew in each.

    Returns
    -------
    ReadoutFit
        The network with its readout fitted, the penalty and the losses.

    Raises
    ------
    InputError
        For an output other than `identity`, for data without any weighted step or with values
        that are not finite, for a regression that is singular at every penalty, and for more
        units than memory can hold the sums of.
    """
    network.check_single()
    _check_readout(network, data)
    outputs, features = network.readout.layers[-1].V.shape
    require_memory(sums_size(features, outputs), "the sums of its regression")
    # With a generator, as for a training: without one, sampled data is its fixed test data.
    gram, weight = _weighted_gram(_rows(network, data, batch_size, generator(key)))
    path, ridges = gram.path(), [float(one) for one in ridges]
    if ridge is not None:
        powers = weight * ridge * 10.0 ** np.arange(12)
        ridges = [min(_regular_readouts(path, powers.tolist()))]
    if validation is None:
        best, validation_loss = path.best(ridges), math.nan
    else:
        readouts = _regular_readouts(path, ridges)
        losses = _losses(list(readouts.values()), _rows(network, validation, batch_size, None))
        best, validation_loss = min(zip(readouts, losses, strict=True), key=lambda x: x[1])
    V, c = path.solve(best)
    last = network.readout.layers[-1]
    weights = on_device(V, last.V.dtype), on_device(c, last.c.dtype)
    loss = float(path.squared_error(best).mean() / weight)
    return ReadoutFit(with_last_layer(network, *weights), best, loss, validation_loss)


def fit_readouts(
    networks: Network,
    data: Data,
    *,
    validation: Data | None = None,
    ridge: float | None = None,
    key: Key = 0,
) -> Fitted:
    """`fit_readout` for each member of an ensemble, with a result like that of `train`.

    Parameters
    ----------
    networks
        A network whose weights have a leading axis over the members.
    data, validation, ridge, key
        See `fit_readout`.

    Returns
    -------
    Fitted
        The ensemble, with one `Row` of history for each member, which holds its penalty.

    Raises
    ------
    InputError
        See `fit_readout`.
    """
    clock = time.perf_counter()
    fits, history = [], []
    for i, network in enumerate(networks.networks):
        fits.append(fit_readout(network, data, validation=validation, ridge=ridge, key=key))
        seconds, known = time.perf_counter() - clock, {"ridge": fits[-1].ridge}
        losses = fits[-1].loss, fits[-1].validation_loss
        history.append(Row(i, 1, *losses, math.nan, 1.0, seconds, math.nan, known))
    stacked = stack_networks([fit.network for fit in fits])
    return Fitted(stacked, history, (1,) * len(fits), "readouts fitted by ridge regression")


def check_memory(shape: Architecture, members: int) -> None:
    """Refuse an ensemble that memory could not hold while it is fitted, before it is drawn.

    It takes the weights twice, as drawn and as fitted, and the sums of one regression.

    Raises
    ------
    InputError
        If that is more than this machine's memory.
    """
    features = (shape.hidden, *shape.dense)[-1]
    weights = jnp.dtype(shape.dtype).itemsize * members * shape.fewest_weights()
    size = sums_size(features, shape.output_size) + 2.0 * weights
    require_memory(size, "its weights and the sums of its regression")


def sums_size(features: int, outputs: int) -> float:
    """Bytes of a regression: five square matrices, for the scatter, its updates and factors."""
    return 5 * 8.0 * (features + outputs) ** 2


def _rows(
    network: Network, data: Data, batch_size: int, rng: np.random.Generator | None
) -> Iterator[Rows]:
    """The weighted steps of each batch of an epoch, on the host."""
    plan = jnp.asarray(data.plan(batch_size, rng).astype(np.int32))
    state = initial_network_state(network, data, plan[0])
    for row in plan:
        found, state = _states(network, data, row, state)
        hs, ys, weights = map(np.asarray, found)
        counts = weights > 0  # the padding may hold anything, even NaN
        yield Rows(hs[counts], ys[counts], weights[counts])


@eqx.filter_jit
def _states(network: Network, data: Data, row: Int[Array, "..."], state: PyTree):
    """h, y of the last layer and the weight of each step, or of each example if `last`."""
    batch, readout = data.batch(row), network.readout
    last = readout.layers[-1]
    zeroed = with_last_layer(network, jnp.zeros_like(last.V), jnp.zeros_like(last.c))
    added, hidden, finals = zeroed.trace(batch.inputs, state, batch.lengths)
    hs = network.cells[-1].hidden(finals[-1]) if readout.last else hidden[-1]
    for layer in readout.layers[:-1]:
        hs = layer(hs)
    found = hs, batch.targets - added, step_weights(batch, hs)
    return found, finals if data.stateful else None


def _weighted_gram(batches: Iterator[Rows]) -> tuple[Gram, float]:
    r"""The weighted means and scatter of $z = (h, y)$, and the sum of the weights.

    $$m = s + \frac{d}{\sum_t w_t}, \quad d = \sum_t w_t (z_t - s), \quad
      S = \sum_t w_t (z_t - s)(z_t - s)^\top - \frac{d d^\top}{\sum_t w_t}$$

    with s the mean of the first rows, so that little is lost to cancellation.
    """
    count, total, s, d, S = 0, 0.0, None, 0.0, 0.0
    outputs = 0
    for h, y, weight in batches:
        if not len(h):
            continue
        z, w = np.concatenate([h, y], axis=1, dtype=np.float64), weight.astype(np.float64)
        if not np.isfinite(z).all():
            rule = "states and targets must be finite"
            remedy = "Fill missing values of the data, and scale it."
            raise InputError(rule, "NaN or infinity", remedy)
        s, outputs = z.mean(axis=0) if s is None else s, y.shape[1]
        z = np.sqrt(w)[:, None] * (z - s)
        count, total = count + len(z), total + float(w.sum())
        d, S = d + np.sqrt(w) @ z, S + z.T @ z
    if s is None:
        rule = "a regression needs steps of a weight above 0, after the washout"
        raise InputError(rule, "none", "Lower `washout`, or pass more data.")
    return Gram(count, s + d / total, S - np.outer(d, d) / total, outputs), total


def _regular_readouts(path: RidgePath, ridges: list[float]) -> dict[float, Readout]:
    """The readouts at all penalties at which the regression is not singular."""
    readouts, refusal = {}, None
    for ridge in sorted(ridges):
        try:
            readouts[ridge] = path.solve(ridge)
        except InputError as error:
            refusal = error
    if not readouts:
        rule = "`ridges` must hold a penalty"
        raise refusal or InputError(rule, "none", "Pass one penalty or more.")
    return readouts


def _losses(readouts: list[Readout], batches: Iterator[Rows]) -> list[float]:
    """The mean squared error of each readout.

    The outputs are computed in the network's own dtype: in float32, a readout of large weights
    makes rounding errors that would not show in the float64 of the sums.
    """
    V, c = (np.stack(weights) for weights in zip(*readouts, strict=True))  # (ridge, ...)
    total, squares = 0.0, np.zeros(len(V))
    for h, y, w in batches:
        outputs = h @ V.reshape(-1, h.shape[1]).astype(h.dtype).T + c.ravel().astype(h.dtype)
        errors = outputs.reshape(len(h), *c.shape).astype(np.float64) - y[:, None]
        squares += w @ (errors**2).mean(axis=-1)
        total += float(w.sum())
    return (squares / total).tolist()


def with_last_layer(network: Network, V: Array, c: Array) -> Network:
    """The network with these weights in its last layer."""

    def last_layer(network):
        return network.readout.layers[-1].V, network.readout.layers[-1].c

    return eqx.tree_at(last_layer, network, (V, c))


def _check_readout(network: Network, data: Data) -> None:
    output, activation = network.readout.output, network.readout.layers[-1].activation
    if (output, activation) != ("identity", "identity"):
        rule = "a readout that is fitted by regression must have an identity output"
        got = output if output != "identity" else activation
        remedy = (
            'Build the network with `output="identity"`, and pass classes as one-hot targets.'
        )
        raise InputError(rule, got, remedy)
    if data.stateful and network.centred:
        rule = "a centred network measures each window from its start, and cannot read streams"
        raise InputError(rule, "`Streams`", "Build the network with `centred=0`.")
