r"""The readout of a network fitted by regression, its cells left as they are.

$$\min_{V, c} \; \sum_t w_t \, \|y_t - V h_t - c\|^2 + \lambda \|V\|_F^2$$

This is all the training that an echo state network has (Jaeger 2001): the hidden states h of
one epoch go into sums in float64, and the sums give V and c at every penalty. y is what the
last layer must give: the targets less what a residual or centred network adds to it.

There is no likelihood in it: targets that are classes are regressed on as one-hot vectors, and
the largest output is the answer. So the network's output must be `identity`.
"""

import math
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from throughtime._support.memory import require_memory
from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError
from throughtime.recurrence.initialisation import on_device
from throughtime.recurrence.network import Architecture, Network
from throughtime.training.batches import Data
from throughtime.training.epoch import state_before
from throughtime.training.objective import counted
from throughtime.training.train import Fitted, Row

from . import ridge


class ReadoutFit(NamedTuple):
    r"""A network with a fitted readout.

    Attributes
    ----------
    network
        The one that was passed, but for V and c of its last layer.
    ridge
        The penalty $\lambda$, on the sum over steps.
    loss, validation_loss
        The mean squared error over the data, and over the validation data (NaN without any).
    """

    network: Network
    ridge: float
    loss: float
    validation_loss: float


class Rows(NamedTuple):
    """The steps of a batch that count: h, y of the last layer, and how much each counts."""

    h: Float[np.ndarray, "rows hidden"]
    y: Float[np.ndarray, "rows output"]
    weight: Float[np.ndarray, " rows"]


def fit_readout(
    network: Network,
    data: Data,
    *,
    batch_size: int = 256,
    validation: Data | None = None,
    ridges: Iterable[float | int] = ridge.RIDGES,
    key: Key = 0,
) -> ReadoutFit:
    r"""Fit V and c of a network's last layer by ridge regression.

    Parameters
    ----------
    network
        Any, with an `identity` output; nothing but V and c is changed.
    data
        `Windows`, `Sequences`, `Streams`, or your own (see `batches`). Its lengths and weights
        count as in a training's loss.
    batch_size
        Examples at a time; the result depends on it by rounding alone.
    validation
        The penalty with the lowest loss on it is taken; without it, the one of the lowest
        generalised cross-validation.
    ridges
        The penalties to choose from.
    key
        Of the epoch, for data that is drawn anew for each.

    Returns
    -------
    ReadoutFit
        A `ReadoutFit`.

    Raises
    ------
    InputError
        For another output than `identity`, for data without a step that counts or with one that
        is not finite, if the regression is singular at every penalty, and for more units than
        memory holds the sums of.
    """
    _check(network, data)
    outputs, features = network.readout.layers[-1].V.shape
    require_memory(sums_size(features, outputs), "the sums of its regression")
    # With a generator, as for a training: without one, drawn data is the fixed data of tests.
    gram, weight = _gram(_rows(network, data, batch_size, generator(key)))
    path, ridges = gram.path(), [float(one) for one in ridges]
    if validation is None:
        best, judged = path.best(ridges), math.nan
    else:
        readouts = _regular(path, ridges)
        losses = _losses(list(readouts.values()), _rows(network, validation, batch_size, None))
        best, judged = min(zip(readouts, losses, strict=True), key=lambda pair: pair[1])
    V, c = path.solve(best)
    last = network.readout.layers[-1]
    weights = on_device(V, last.V.dtype), on_device(c, last.c.dtype)
    loss = float(path.squared_error(best).mean() / weight)
    return ReadoutFit(_with_last(network, *weights), best, loss, judged)


def fit_readouts(
    networks: Network, data: Data, *, validation: Data | None = None, key: Key = 0
) -> Fitted:
    """`fit_readout` of each member of an ensemble, as `train` would return it.

    Parameters
    ----------
    networks
        Weights with a leading axis over the members.
    data, validation, key
        As for `fit_readout`.

    Returns
    -------
    Fitted
        A `Fitted`, with a `Row` for each member, which names its penalty.

    Raises
    ------
    InputError
        As `fit_readout`.
    """
    clock = time.perf_counter()
    params, static = eqx.partition(networks, eqx.is_inexact_array)
    params = jax.tree.map(np.asarray, params)
    fits, history = [], []
    for i in range(len(params.readout.layers[-1].c)):
        member = jax.tree.map(lambda w, i=i: jax.device_put(w[i]), params)
        network = eqx.combine(member, static)
        fits.append(fit_readout(network, data, validation=validation, key=key))
        seconds, known = time.perf_counter() - clock, {"ridge": fits[-1].ridge}
        losses = fits[-1].loss, fits[-1].validation_loss
        history.append(Row(i, 1, *losses, math.nan, 1.0, seconds, math.nan, known))
    stacked = jax.tree.map(
        lambda *w: jax.device_put(np.stack(w)), *(fit.network for fit in fits)
    )
    return Fitted(stacked, history, (1,) * len(fits), "readouts fitted by ridge regression")


def check_memory(shape: Architecture, members: int) -> None:
    """Refuse an ensemble to be fitted that memory cannot hold, before any of it is drawn.

    Counted are the weights twice, as drawn and as fitted, and the sums of one regression.

    Raises
    ------
    InputError
    """
    features = (shape.hidden, *shape.dense)[-1]
    weights = jnp.dtype(shape.dtype).itemsize * members * shape.fewest_weights()
    size = sums_size(features, shape.output_size) + 2.0 * weights
    require_memory(size, "its weights and the sums of its regression")


def sums_size(features: int, outputs: int) -> float:
    """Bytes of a regression: its scatter, what is added to it, its factors; five squares."""
    return 5 * 8.0 * (features + outputs) ** 2


def _rows(
    network: Network, data: Data, batch_size: int, rng: np.random.Generator | None
) -> Iterator[Rows]:
    """What counts of each batch of an epoch, on the host."""
    plan = jnp.asarray(data.plan(batch_size, rng).astype(np.int32))
    state = state_before(network, data, plan[0])
    for row in plan:
        found, state = _states(network, data, row, state)
        hs, ys, weights = map(np.asarray, found)
        counts = weights > 0  # what stands in the padding may be anything, even NaN
        yield Rows(hs[counts], ys[counts], weights[counts])


@eqx.filter_jit
def _states(network: Network, data: Data, row: Int[Array, "..."], state: PyTree):
    """h, y of the last layer and the weight of every step (of every example, if `last`)."""
    batch, readout = data.batch(row), network.readout
    last = readout.layers[-1]
    silent = _with_last(network, jnp.zeros_like(last.V), jnp.zeros_like(last.c))
    added, hidden, finals = silent.trace(batch.inputs, state, batch.lengths)
    hs = network.cells[-1].hidden(finals[-1]) if readout.last else hidden[-1]
    for layer in readout.layers[:-1]:
        hs = layer(hs)
    found = hs, batch.targets - added, counted(batch, hs)
    return found, finals if data.stateful else None


def _gram(batches: Iterator[Rows]) -> tuple[ridge.Gram, float]:
    r"""The weighted means and scatter of $z = (h, y)$, and the sum of the weights.

    $$m = s + \frac{d}{\sum_t w_t}, \quad d = \sum_t w_t (z_t - s), \quad
      S = \sum_t w_t (z_t - s)(z_t - s)^\top - \frac{d d^\top}{\sum_t w_t}$$

    with s the mean of the first rows, so that little cancels.
    """
    count, total, s, d, S = 0, 0.0, None, 0.0, 0.0
    outputs = 0
    for h, y, weight in batches:
        if not len(h):
            continue
        z, w = np.concatenate([h, y], axis=1, dtype=np.float64), weight.astype(np.float64)
        if not np.isfinite(z).all():
            rule = "states and targets that count must be finite"
            raise InputError(rule, "NaN or infinity", "Fill or scale the data.")
        s, outputs = z.mean(axis=0) if s is None else s, y.shape[1]
        z = np.sqrt(w)[:, None] * (z - s)
        count, total = count + len(z), total + float(w.sum())
        d, S = d + np.sqrt(w) @ z, S + z.T @ z
    if s is None:
        raise InputError("a regression needs steps that count", "none", "Lower `washout`.")
    return ridge.Gram(count, s + d / total, S - np.outer(d, d) / total, outputs), total


def _regular(path: ridge.RidgePath, ridges: list[float]) -> dict[float, ridge.Readout]:
    """The readouts at all penalties under which the regression is not singular."""
    found, refusal = {}, None
    for one in sorted(ridges):
        try:
            found[one] = path.solve(one)
        except InputError as error:
            refusal = error
    if not found:
        raise refusal or InputError("`ridges` must hold a penalty", "none", "Pass some.")
    return found


def _losses(readouts: list[ridge.Readout], batches: Iterator[Rows]) -> list[float]:
    """The mean squared error of each readout.

    The outputs are in the network's own dtype: in float32, a readout of large weights has an
    error from rounding, which the float64 of the sums would not show.
    """
    V, c = (np.stack(weights) for weights in zip(*readouts, strict=True))  # (ridge, ...)
    total, squares = 0.0, np.zeros(len(V))
    for h, y, w in batches:
        outputs = h @ V.reshape(-1, h.shape[1]).astype(h.dtype).T + c.ravel().astype(h.dtype)
        errors = outputs.reshape(len(h), *c.shape).astype(np.float64) - y[:, None]
        squares += w @ (errors**2).mean(axis=-1)
        total += float(w.sum())
    return (squares / total).tolist()


def _with_last(network: Network, V: Array, c: Array) -> Network:
    def last(network):
        return network.readout.layers[-1].V, network.readout.layers[-1].c

    return eqx.tree_at(last, network, (V, c))


def _check(network: Network, data: Data) -> None:
    output, activation = network.readout.output, network.readout.layers[-1].activation
    if (output, activation) != ("identity", "identity"):
        rule = "a readout that is fitted by regression must have an identity output"
        got = output if output != "identity" else activation
        remedy = 'Build the network with `output="identity"`; classes are one-hot targets.'
        raise InputError(rule, got, remedy)
    if data.stateful and network.centred:
        rule = "a centred network measures windows from their start, and cannot read streams"
        raise InputError(rule, "`Streams`", "Build the network with `centred=0`.")
