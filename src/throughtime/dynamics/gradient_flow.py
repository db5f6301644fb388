r"""Gradient flow: how much of the loss of one step reaches the states of steps before it.

A loss at step t gives the state k steps before it the gradient

$$D^k_t = J_{t-k+1}^\top \cdots J_t^\top \nabla_{s_t} L_t, \qquad
  J_t = \partial s_t / \partial s_{t-1}$$

a product of k slopes: where they shrink it vanishes, where they stretch it explodes
(Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013). What does
not arrive cannot be learned. The state s is all that the cells hand on: h, and the memory of an
LSTM. All is computed in float64, for any cell.
"""

import math
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float64

from throughtime._support.precision import precision
from throughtime.errors import InputError
from throughtime.recurrence.network import Network
from throughtime.training.batches import Batch, Data
from throughtime.training.losses import Loss
from throughtime.training.losses import loss as loss_named
from throughtime.training.objective import Objective

from .maps import double

LOST = 1e-4
"""A gradient that fell to less than this share of its size is lost among the others."""

STEADY = 1.02
"""By this factor a step, or its inverse, a gradient may change and still be called steady."""

EXAMPLES, LAGS = 8, 24
"""At most so many sequences are looked at, and so many lags for singular values."""


@dataclass(frozen=True)
class GradientFlow:
    """How the gradient of a network flows back through the steps of a batch.

    Attributes
    ----------
    signal
        By lag, the norm of the gradient that arrives over that at lag 0.
    share
        By lag, the part of the gradient of all recurrent weights that comes over it; they sum
        to 1.
    slopes
        The norm of dL/ds_t by step, of the whole loss.
    norm
        Of the gradient of all recurrent weights.
    lags, singular
        The singular values of ds_T/ds_{T-lag}, `(lag, value)`, largest first.
    """

    signal: Float64[np.ndarray, " lag"]
    share: Float64[np.ndarray, " lag"]
    slopes: Float64[np.ndarray, " time"]
    norm: float
    lags: tuple[int, ...]
    singular: Float64[np.ndarray, "lags value"]

    @property
    def rate(self) -> float:
        """The factor on the signal per step, by a straight line through its logarithm.

        It goes through what is above `LOST` (or above its inverse, where it grows).
        """
        sound = np.isfinite(self.signal) & (self.signal > 0)
        end = len(sound) if sound.all() else int(np.argmin(sound))
        logs = np.log(self.signal[:end])
        beyond = np.flatnonzero(np.abs(logs) > -math.log(LOST))
        end = min(end, int(beyond[0]) + 1) if len(beyond) else end
        if end < 2:
            if not np.isfinite(self.signal[0]) or np.isinf(self.signal[:2]).any():
                return math.inf  # the states themselves explode
            return 0.0 if len(sound) > 1 else 1.0
        return float(np.exp(np.polyfit(np.arange(end), logs[:end], 1)[0]))

    @property
    def reach(self) -> float:
        """The lag from which on less than `LOST` of the gradient arrives; infinite if none.

        Beyond the steps that were looked at it is read from the rate.
        """
        arrives = np.flatnonzero(self.signal >= LOST)
        known = np.flatnonzero(np.isfinite(self.signal))
        if len(arrives) and len(known) and arrives[-1] < known[-1]:
            return float(arrives[-1] + 1)
        rate = self.rate
        if rate >= 1 / STEADY:
            return math.inf
        return float(math.ceil(math.log(LOST) / math.log(rate)))

    def verdict(self) -> str:
        """What that means, in a sentence, and what helps."""
        steps, rate = len(self.signal) - 1, self.rate
        if rate > STEADY:
            tenfold = _steps(math.log(10) / math.log(rate), one="step")
            return (
                f"The gradient grows by 10 every {tenfold}: training will jump. Clip the"
                " gradient, or take smaller recurrent weights (a spectral radius of at most 1)."
            )
        if rate < 1 / STEADY:
            tenfold = _steps(-math.log(10) / math.log(rate) if rate > 0 else 1, one="step")
            return (
                f"The gradient falls by 10 every {tenfold}: what happened"
                f" {_steps(self.reach)} ago and earlier can't be learned. If it matters, use an"
                " LSTM, or the echo-state initialisation."
            )
        return f"The gradient keeps its size over the {steps} steps that were looked at."


def gradient_flow(
    network: Network, data: Data | Batch, loss: str | Loss = "mse", examples: int = EXAMPLES
) -> GradientFlow:
    """The gradient flow of a network on some sequences.

    It is that of a pass that reads the data at every step (full teacher forcing), whatever the
    network was trained with.

    Parameters
    ----------
    network
        Of any cells.
    data
        What it is trained on (the first examples are taken), or a `Batch` of sequences of one
        length.
    loss
        By name, or your own.
    examples
        Sequences that are looked at, at most.

    Raises
    ------
    InputError
        For sequences of one step, or a loss without any slope.

    Examples
    --------
    >>> gradient_flow(network, Sequences(inputs, targets)).verdict()     # doctest: +SKIP
    "The gradient falls by 10 every 7 steps: ..."
    """
    batch = looked_at(data, examples)
    if batch.inputs.shape[1] < 2:
        rule = "a gradient flows back through two steps or more"
        raise InputError(rule, f"{batch.inputs.shape[1]}", "Pass longer sequences.")
    with precision("float64"):
        found = _flow(double(network), double(batch), loss_named(loss))
        signal, share, slopes, norm, sloped = jax.tree.map(np.asarray, found)
        if not sloped:
            rule = "a gradient flows only where the loss has a slope"
            remedy = "Pass targets that the network does not meet exactly."
            raise InputError(rule, "none", remedy)
        wanted = _lags(batch.inputs.shape[1])
        singular = np.asarray(_singular_values(double(network), double(batch), wanted))
    return GradientFlow(signal, share, slopes, float(norm), wanted, singular)


def looked_at(data: Data | Batch, examples: int = EXAMPLES) -> Batch:
    """The first examples of data, as a batch."""
    batch = data
    if not isinstance(batch, Batch):
        batch = batch.batch(jnp.asarray(batch.plan(examples, None)[0]))
    return jax.tree.map(lambda leaf: leaf[:examples], batch)


@eqx.filter_jit
def _flow(network: Network, batch: Batch, loss: Loss):
    """Signal, share, slopes and norm, and whether the loss has a slope at all."""
    step = _Step(network)
    states, direct = _states_and_slopes(network, step, batch, loss)
    # by example, then by time: the state before each step, the input, the slope after it
    before, xs = states[:, :-1], batch.inputs
    back = jax.vmap(jax.vmap(step.back))

    def earlier(D):
        """What reaches the state before step t belongs to the state after step t - 1."""
        return jnp.pad(back(before, xs, D)[:, 1:], ((0, 0), (0, 1), (0, 0)))

    def gather(carry, _):
        D, total = carry
        return (earlier(D), total + D), (D**2).sum()

    lags = jnp.arange(xs.shape[1])
    (_, total), arrived = jax.lax.scan(gather, (direct, jnp.zeros_like(direct)), lags)
    squares = (direct**2).sum(axis=(0, 2))
    sent = jnp.cumsum(squares[::-1])[::-1]  # of the steps that have so many before them
    whole, moved = step.weights(before, xs, total)
    square = whole @ whole

    def weigh(D, _):
        return earlier(D), (D * moved).sum()

    _, parts = jax.lax.scan(weigh, direct, lags)
    signal = jnp.sqrt(arrived / jnp.where(sent > 0, sent, jnp.nan))
    share = parts / jnp.where(square > 0, square, jnp.inf)
    slopes = jnp.sqrt((total**2).sum(axis=(0, 2)))
    return signal, share, slopes, jnp.sqrt(square), jnp.abs(direct).sum() != 0


class _Step:
    """One step of all cells of a network, on the state of one example as a vector."""

    def __init__(self, network: Network):
        self.network = network
        self.cells, self.static = eqx.partition(network.cells, eqx.is_inexact_array)
        first = network.initial_state(1)
        self.flat, self.shaped = ravel_pytree(first)

    def __call__(self, cells, state: Array, x: Array) -> Array:
        network = eqx.tree_at(lambda n: n.cells, self.network, eqx.combine(cells, self.static))
        return ravel_pytree(network.advance(self.shaped(state), x[None])[0])[0]

    def back(self, state: Array, x: Array, slope: Array) -> Array:
        """The gradient by the state before, of that by the state after."""
        return jax.vjp(lambda s: self(self.cells, s, x), state)[1](slope)[0]

    def weights(self, states: Array, xs: Array, slopes: Array) -> tuple[Array, Array]:
        """The gradient by the weights, states held, of that by the states after all steps.

        And how far each state moves, states before it held, when the weights move along it.
        """

        def after(cells):
            each = jax.vmap(jax.vmap(lambda s, x: self(cells, s, x)))
            return each(states, xs)

        gradient = jax.vjp(after, self.cells)[1](slopes)[0]
        moved = jax.jvp(after, (self.cells,), (gradient,))[1]
        return ravel_pytree(gradient)[0], moved

    def hidden(self, state: Array) -> Array:
        """h of the last cell."""
        return self.network.cells[-1].hidden(self.shaped(state)[-1])[0]


def _states(network: Network, step: _Step, batch: Batch) -> Array:
    """All states from the first on, `(example, time + 1, state)`."""
    start = network.initial_state(len(batch.inputs)) if batch.state is None else batch.state
    rows = jax.vmap(lambda s: ravel_pytree(s)[0])(
        jax.tree.map(lambda leaf: leaf[:, None], start)
    )
    xs = batch.inputs
    if network.centred:
        first = xs[:, :1, : network.centred]
        others = xs.shape[-1] - network.centred
        xs = xs - jnp.pad(first, ((0, 0), (0, 0), (0, others)))

    def run(state, xs):
        def forward(state, x):
            state = step(step.cells, state, x)
            return state, state

        return jnp.concatenate([state[None], jax.lax.scan(forward, state, xs)[1]])

    return jax.vmap(run)(rows, xs)


def _states_and_slopes(network: Network, step: _Step, batch: Batch, loss: Loss):
    """All states, and the slope of the loss by each but the first, past the others."""
    states = _states(network, step, batch)
    objective, readout = Objective(loss, lambda _: network), network.readout
    ys, _, _ = network.trace(batch.inputs, batch.state)

    def of(states):
        """The loss by what is read out; what else is added to the outputs is held."""
        hs = jax.vmap(jax.vmap(step.hidden))(states[:, 1:])
        read = readout.linear(hs[:, -1] if readout.last else hs)
        moved = read + jax.lax.stop_gradient(ys - read)
        return objective.average(
            readout.activate(moved) if loss.output is None else moved, batch
        )[0]

    return states, jax.grad(of)(states)[:, 1:]


def _lags(time: int) -> tuple[int, ...]:
    """Lags evenly spread in their logarithm."""
    spread = np.geomspace(1, time - 1, min(LAGS, time - 1))
    return tuple(sorted({round(float(lag)) for lag in spread}))


@eqx.filter_jit
def _singular_values(network: Network, batch: Batch, lags: tuple[int, ...]):
    """Of the last state of the first example by those `lags` before it."""
    step = _Step(network)
    states = _states(network, step, batch)[0]
    xs, time = batch.inputs[0], batch.inputs.shape[1]
    place = jnp.asarray([lags.index(lag) if lag in lags else len(lags) for lag in range(time)])
    back = jax.vmap(step.back, in_axes=(None, None, 0))

    def further(carry, lag):
        product, kept = carry
        product = back(states[time - lag], xs[time - lag], product)
        return (product, kept.at[place[lag]].set(product, mode="drop")), None

    size = states.shape[1]
    first = jnp.eye(size), jnp.zeros((len(lags), size, size))
    (_, products), _ = jax.lax.scan(further, first, jnp.arange(1, time))
    return jnp.linalg.svd(products, compute_uv=False)


def _steps(number: float | int, one: str = "1 step") -> str:
    """A number of steps in words."""
    whole = max(1, round(number))
    return one if whole == 1 else f"{whole} steps"
