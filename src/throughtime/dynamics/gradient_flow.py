r"""Gradient flow: how much of the loss at one step reaches the states at earlier steps.

The loss at step t gives the state k steps earlier the gradient

$$D^k_t = J_{t-k+1}^\top \cdots J_t^\top \nabla_{s_t} L_t, \qquad
  J_t = \partial s_t / \partial s_{t-1}$$

a product of k Jacobians. Where they contract, the gradient vanishes; where they expand, it
explodes (Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013).
A dependence over which no gradient arrives cannot be learned. The state s is everything that
the cells pass on: h, and the memory cell of an LSTM. All is computed in float64, for any cell.
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
from throughtime.recurrence.cells import LSTM
from throughtime.recurrence.echo_state_cell import EchoState
from throughtime.recurrence.network import Network
from throughtime.training.batches import Batch, Data
from throughtime.training.losses import Loss
from throughtime.training.losses import loss as loss_named
from throughtime.training.objective import Objective

from .maps import to_float64

VANISHING = 1e-4
"""A gradient has vanished once it is below this fraction of its norm at lag 0."""

STEADY = 1.02
"""A gradient is steady if it changes by less than this factor, up or down, in a step."""

MAX_EXAMPLES = 8
"""Sequences that the gradient flow is measured on, at most."""

MAX_LAGS = 24
"""Lags at which singular values are computed, at most."""


@dataclass(frozen=True)
class GradientFlow:
    r"""The gradient of a network on its way back through the steps of a batch.

    Attributes
    ----------
    signal
        By lag, the norm of the gradient that arrives, relative to lag 0.
    share
        By lag, the part of the gradient of all recurrent weights that arrives over this lag;
        the parts sum to 1.
    state_norms
        By step, the norm of $dL/ds_t$, for the whole loss L.
    weight_norm
        The norm of the gradient of all recurrent weights.
    lags
        The lags of `singular_values`.
    singular_values
        The singular values of $\partial s_T / \partial s_{T-k}$ for each of the lags k,
        `(lag, value)`, largest first.
    has_memory_cell
        Whether a cell is an LSTM already.
    is_reservoir
        Whether its cells are those of an echo state network, whose weights stay as they are.
    """

    signal: Float64[np.ndarray, " lag"]
    share: Float64[np.ndarray, " lag"]
    state_norms: Float64[np.ndarray, " time"]
    weight_norm: float
    lags: tuple[int, ...]
    singular_values: Float64[np.ndarray, "lags value"]
    has_memory_cell: bool = False
    is_reservoir: bool = False

    @property
    def rate(self) -> float:
        """The factor by which the signal changes in a step.

        It is the slope of a straight line through the logarithm of the signal, as far as the
        signal lies between `VANISHING` and its inverse.
        """
        valid = np.isfinite(self.signal) & (self.signal > 0)
        end = len(valid) if valid.all() else int(np.argmin(valid))
        logs = np.log(self.signal[:end])
        beyond = np.flatnonzero(np.abs(logs) > -math.log(VANISHING))
        end = min(end, int(beyond[0]) + 1) if len(beyond) else end
        if end < 2:
            if not np.isfinite(self.signal[0]) or np.isinf(self.signal[:2]).any():
                return math.inf  # the states themselves explode
            return 0.0 if len(valid) > 1 else 1.0
        return float(np.exp(np.polyfit(np.arange(end), logs[:end], 1)[0]))

    @property
    def reach(self) -> float:
        """The first lag at which less than `VANISHING` of the gradient arrives.

        It may be infinite. Beyond the steps of the batch it is extrapolated from the rate.
        """
        arrives = np.flatnonzero(self.signal >= VANISHING)
        known = np.flatnonzero(np.isfinite(self.signal))
        if len(arrives) and len(known) and arrives[-1] < known[-1]:
            return float(arrives[-1] + 1)
        rate = self.rate
        if rate >= 1 / STEADY:
            return math.inf
        return float(math.ceil(math.log(VANISHING) / math.log(rate)))

    def verdict(self) -> str:
        """In a sentence or two: how the gradient changes, what it means, and what helps."""
        steps, rate = len(self.signal) - 1, self.rate
        if self.is_reservoir:
            return self._memory(steps, rate)
        if rate > STEADY:
            tenfold = _steps(math.log(10) / math.log(rate), one="step")
            return (
                f"The gradient grows tenfold every {tenfold}: training will be unstable. Clip"
                " the gradient, or use smaller recurrent weights (a spectral radius of at most"
                " 1)."
            )
        if rate < 1 / STEADY:
            tenfold = _steps(-math.log(10) / math.log(rate) if rate > 0 else 1, one="step")
            if self.reach > steps:
                return (
                    f"The gradient falls tenfold every {tenfold}: it reaches back over all"
                    f" {steps} steps of the sequences."
                )
            remedy = "an LSTM, or the echo-state initialisation"
            if self.has_memory_cell:
                remedy = '`init="keras"`, with which its keep gate starts open'
            return (
                f"The gradient falls tenfold every {tenfold}: what happened"
                f" {_steps(self.reach)} ago or earlier can't be learned. If it matters, use"
                f" {remedy}."
            )
        return f"The gradient keeps its size over all {steps} steps."

    def _memory(self, steps: int, rate: float) -> str:
        """The verdict on a reservoir, in which nothing recurrent is trained: its memory."""
        if rate == 0:
            return "The units remember nothing: what goes on is the output, which is fed back."
        if rate > STEADY:
            tenfold = _steps(math.log(10) / math.log(rate), one="step")
            return (
                f"A difference between states grows tenfold every {tenfold}: the reservoir does"
                " not forget where it began. Lower its spectral radius (`radius`)."
            )
        if rate >= 1 / STEADY:
            return f"The reservoir keeps what it reads over all {steps} steps."
        tenfold = _steps(-math.log(10) / math.log(rate) if rate > 0 else 1, one="step")
        if self.reach > steps:
            return (
                f"The memory of the reservoir falls tenfold every {tenfold}: it reaches back"
                f" over all {steps} steps of the sequences."
            )
        return (
            f"The memory of the reservoir falls tenfold every {tenfold}: what happened"
            f" {_steps(self.reach)} ago or earlier is forgotten. If it matters, raise"
            " the spectral radius (`radius`) towards 1, lower `leak`, or take more units"
            " (`hidden`)."
        )


def gradient_flow(
    network: Network,
    data: Data | Batch,
    loss: str | Loss = "mse",
    examples: int = MAX_EXAMPLES,
) -> GradientFlow:
    """The gradient flow of a network on some sequences.

    The network reads the data at every step (full teacher forcing), whatever forcing it was
    trained with.

    Parameters
    ----------
    network
        A network of any cells.
    data
        Its training data, of which the first examples are used, or a `Batch` of sequences of
        equal length.
    loss
        The loss: its name, or your own.
    examples
        The number of sequences, at most.

    Raises
    ------
    InputError
        If the sequences have a single step, or the gradient of the loss is zero.

    Examples
    --------
    >>> gradient_flow(network, Sequences(inputs, targets)).verdict()     # doctest: +SKIP
    "The gradient falls tenfold every 7 steps: ..."
    """
    batch = example_batch(data, examples)
    if batch.inputs.shape[1] < 2:
        rule = "a gradient flows back through two steps or more"
        raise InputError(rule, f"{batch.inputs.shape[1]}", "Pass longer sequences.")
    with precision("float64"):
        network, batch = to_float64(network), to_float64(batch)
        result = _flow(network, batch, loss_named(loss))
        signal, share, state_norms, weight_norm, any_gradient = jax.tree.map(np.asarray, result)
        if not any_gradient:
            rule = "the loss must have a gradient that is not zero"
            remedy = "Pass targets that the network does not meet exactly."
            raise InputError(rule, "one of zero", remedy)
        lags = _lags(batch.inputs.shape[1])
        singular_values = np.asarray(_singular_values(network, batch, lags))
    return GradientFlow(
        signal,
        share,
        state_norms,
        float(weight_norm),
        lags,
        singular_values,
        any(isinstance(cell, LSTM) for cell in network.cells),
        all(isinstance(cell, EchoState) for cell in network.cells),
    )


def example_batch(data: Data | Batch, examples: int = MAX_EXAMPLES) -> Batch:
    """The first examples of some data, as one batch."""
    batch = data
    if not isinstance(batch, Batch):
        batch = batch.batch(jnp.asarray(batch.plan(examples, None)[0]))
    return jax.tree.map(lambda leaf: leaf[:examples], batch)


@eqx.filter_jit
def _flow(network: Network, batch: Batch, loss: Loss):
    """Signal, share, state norms, weight norm, and whether any gradient is not zero."""
    step = _Step(network)
    states, direct = _states_and_gradients(network, step, batch, loss)
    # by example, then by time: the state before each step, the input, the gradient after it
    before, xs = states[:, :-1], batch.inputs
    back = jax.vmap(jax.vmap(step.vjp))

    def one_step_back(D):
        """Gradients one lag further: those of the state before step t go to step t - 1."""
        return jnp.pad(back(before, xs, D)[:, 1:], ((0, 0), (0, 1), (0, 0)))

    def accumulate(carry, _):
        D, total = carry
        return (one_step_back(D), total + D), (D**2).sum()

    lags = jnp.arange(xs.shape[1])
    (_, total), arriving = jax.lax.scan(accumulate, (direct, jnp.zeros_like(direct)), lags)
    squares = (direct**2).sum(axis=(0, 2))
    sent = jnp.cumsum(squares[::-1])[::-1]  # by the steps that have so many before them
    gradient, displacement = step.weight_gradient(before, xs, total)
    square = gradient @ gradient

    def contribution(D, _):
        return one_step_back(D), (D * displacement).sum()

    _, parts = jax.lax.scan(contribution, direct, lags)
    signal = jnp.sqrt(arriving / jnp.where(sent > 0, sent, jnp.nan))
    share = parts / jnp.where(square > 0, square, jnp.inf)
    state_norms = jnp.sqrt((total**2).sum(axis=(0, 2)))
    return signal, share, state_norms, jnp.sqrt(square), jnp.abs(direct).sum() != 0


class _Step:
    """One step of all cells of a network; the state of one example is a vector."""

    def __init__(self, network: Network):
        self.network = network
        self.cells, self.static = eqx.partition(network.cells, eqx.is_inexact_array)
        self.unflatten = ravel_pytree(network.initial_state(1))[1]

    def __call__(self, cells, state: Array, x: Array) -> Array:
        network = eqx.tree_at(lambda n: n.cells, self.network, eqx.combine(cells, self.static))
        return ravel_pytree(network.advance(self.unflatten(state), x[None])[0])[0]

    def vjp(self, state: Array, x: Array, gradient: Array) -> Array:
        """The gradient by the state before the step, from that by the state after it."""
        return jax.vjp(lambda s: self(self.cells, s, x), state)[1](gradient)[0]

    def weight_gradient(
        self, states: Array, xs: Array, gradients: Array
    ) -> tuple[Array, Array]:
        """The weight gradient, from the gradients by the states after all steps.

        Returns
        -------
        gradient
            The gradient by all recurrent weights, as one vector.
        displacement
            How each state changes, the one before it held fixed, if the weights change by
            that gradient.
        """

        def after(cells):
            each = jax.vmap(jax.vmap(lambda s, x: self(cells, s, x)))
            return each(states, xs)

        gradient = jax.vjp(after, self.cells)[1](gradients)[0]
        displacement = jax.jvp(after, (self.cells,), (gradient,))[1]
        return ravel_pytree(gradient)[0], displacement

    def hidden(self, state: Array) -> Array:
        """h of the last cell."""
        return self.network.cells[-1].hidden(self.unflatten(state)[-1])[0]


def _states(network: Network, step: _Step, batch: Batch) -> Array:
    """All states from the initial one on, `(example, time + 1, state)`."""
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


def _states_and_gradients(network: Network, step: _Step, batch: Batch, loss: Loss):
    """All states, and the direct gradient of the loss by each but the first.

    Direct means: not by way of later states.
    """
    states = _states(network, step, batch)
    objective, readout = Objective(loss, lambda _: network), network.readout
    ys, _, _ = network.trace(batch.inputs, batch.state)

    def loss_of(states):
        """The loss as a function of the states; other parts of the outputs are constant."""
        hs = jax.vmap(jax.vmap(step.hidden))(states[:, 1:])
        read = readout.linear(hs[:, -1] if readout.last else hs)
        outputs = read + jax.lax.stop_gradient(ys - read)
        return objective.masked_mean(
            readout.activate(outputs) if loss.output is None else outputs, batch
        )[0]

    return states, jax.grad(loss_of)(states)[:, 1:]


def _lags(time: int) -> tuple[int, ...]:
    """Lags that are evenly spaced in their logarithm."""
    spaced = np.geomspace(1, time - 1, min(MAX_LAGS, time - 1))
    return tuple(sorted({round(float(lag)) for lag in spaced}))


@eqx.filter_jit
def _singular_values(network: Network, batch: Batch, lags: tuple[int, ...]):
    """Singular values of the last state's derivative by the states `lags` steps earlier.

    For the first example of the batch.
    """
    step = _Step(network)
    states = _states(network, step, batch)[0]
    xs, time = batch.inputs[0], batch.inputs.shape[1]
    place = jnp.asarray([lags.index(lag) if lag in lags else len(lags) for lag in range(time)])
    back = jax.vmap(step.vjp, in_axes=(None, None, 0))

    def one_step_back(carry, lag):
        product, products = carry
        product = back(states[time - lag], xs[time - lag], product)
        return (product, products.at[place[lag]].set(product, mode="drop")), None

    size = states.shape[1]
    start = jnp.eye(size), jnp.zeros((len(lags), size, size))
    (_, products), _ = jax.lax.scan(one_step_back, start, jnp.arange(1, time))
    return jnp.linalg.svd(products, compute_uv=False)


def _steps(number: float | int, one: str = "1 step") -> str:
    """A number of steps in words."""
    whole = max(1, round(number))
    return one if whole == 1 else f"{whole} steps"
