"""A network unrolled through time that reads, in part, its own previous output."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from throughtime.errors import InputError
from throughtime.recurrence.network import Network


def teacher_forced_unroll(
    network: Network,
    xs: Float[Array, "batch time input"],
    forcing_weights: Float[Array, "batch time"],
    state: PyTree = None,
    lengths: Int[Array, " batch"] | None = None,
) -> tuple[Array, tuple[Array, ...], PyTree]:
    r"""Unroll a network whose outputs are mixed into its next inputs.

    The first features of the inputs, as many as there are outputs, are the series y. In their
    place the network reads

    $$m_t\, y_t + (1 - m_t)\, \hat y_t$$

    with m the forcing weights and $\hat y_t$ the output of the step before, which forecasts
    $y_t$. At the first step it reads $y_t$. The gradient flows through the outputs that are
    read.

    Parameters
    ----------
    network
        One that forecasts one step ahead at every step.
    xs
        Inputs, `(batch, time, input)`.
    forcing_weights
        m, `(batch, time)`, from 0 (the network's output) to 1 (the data).
    state
        The state before the first step; zeros when None.
    lengths
        Steps of each sequence, `(batch,)`; all of them when None.

    Returns
    -------
    ys : Array, (batch, time, output)
        The outputs before $\sigma_y$.
    hs : tuple of Array, (batch, time, hidden)
        The hidden states of each cell.
    state : PyTree
        The final state.

    Raises
    ------
    InputError
        If the network does not forecast one step ahead at every step.
    """
    check_one_step_ahead(network)
    size, first = network.output_size, xs[:, 0]
    level = jnp.pad(first[:, : network.centred], ((0, 0), (0, xs.shape[-1] - network.centred)))
    output_level = level[:, :size]
    start = network.initial_state(len(xs)) if state is None else state
    forcing_weights, mask = forcing_weights.astype(xs.dtype), jnp.ones(xs.shape[:2], bool)
    if lengths is not None:
        mask = jnp.arange(xs.shape[1]) < lengths[:, None]
        xs = jnp.where(mask[..., None], xs, 0)

    def step(carry, step_inputs):
        states, previous = carry
        x, m, inside = step_inputs
        m = m[:, None]
        mixed = jnp.concatenate([m * x[:, :size] + (1 - m) * previous, x[:, size:]], axis=-1)
        new, h = network.advance(states, mixed - level)
        y = network.readout.linear(h)
        y = y + (mixed[:, :size] if network.residual else output_level)
        states = jax.tree.map(
            lambda n, o: jnp.where(inside.reshape(-1, *[1] * (n.ndim - 1)), n, o), new, states
        )
        hs = tuple(cell.hidden(s) for cell, s in zip(network.cells, states, strict=True))
        return (states, network.readout.activate(y)), (y, hs)

    steps = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), (xs, forcing_weights, mask))
    final, (ys, hs) = jax.lax.scan(step, (start, first[:, :size]), steps)
    ys, hs = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), (ys, hs))
    return ys, hs, final[0]


def check_one_step_ahead(network: Network) -> None:
    """Refuse a network whose outputs are not its next inputs.

    Raises
    ------
    InputError
        If it is read out after the last step only, or its outputs do not correspond to the
        first of its inputs.
    """
    size = network.output_size
    one_step = size <= network.input_size and network.residual in (0, size)
    if network.readout.last or not one_step or network.centred not in (0, size):
        rule = "a network that reads its own outputs must forecast one step ahead at every step"
        got = f"{size} outputs and {network.input_size} inputs"
        raise InputError(rule, got, 'Use `horizon=1`, or `forcing="full"`.')
