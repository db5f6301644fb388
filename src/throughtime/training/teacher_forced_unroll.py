"""A network through time that reads, in part, what it said at the step before."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from throughtime.errors import InputError
from throughtime.recurrence.network import Network


def fed_back(
    network: Network,
    xs: Float[Array, "batch time input"],
    forced: Float[Array, "batch time"],
    state: PyTree = None,
    lengths: Int[Array, " batch"] | None = None,
) -> tuple[Array, tuple[Array, ...], PyTree]:
    r"""As `Network.trace`, but the series among the inputs is fed back.

    The first features of the inputs, as many as there are outputs, are the series:
    $x_t = m_t y_t + (1 - m_t) \hat y_{t-1}$, with m `forced`; 1 at the first step. The gradient
    flows through what was fed back.

    **Arguments:** as for `Network.trace`; `forced`: m, for each sequence and step.

    **Returns:** y before sigma_y at every step; h of every cell; the final states.

    **Raises:** `InputError` if the network does not forecast one step at every step.
    """
    check_fed_back(network)
    size, first = network.output_size, xs[:, 0]
    level = jnp.pad(first[:, : network.centred], ((0, 0), (0, xs.shape[-1] - network.centred)))
    out = level[:, :size]
    start = network.initial_state(len(xs)) if state is None else state
    forced, counted = forced.astype(xs.dtype), jnp.ones(xs.shape[:2], bool)
    if lengths is not None:
        counted = jnp.arange(xs.shape[1]) < lengths[:, None]
        xs = jnp.where(counted[..., None], xs, 0)

    def forward(carry, now):
        states, said = carry
        x, m, counts = now
        m = m[:, None]
        own = jnp.concatenate([m * x[:, :size] + (1 - m) * said, x[:, size:]], axis=-1)
        new, h = network.advance(states, own - level)
        y = network.readout.linear(h)
        y = y + (own[:, :size] if network.residual else out)
        kept = jax.tree.map(
            lambda n, o: jnp.where(counts.reshape(-1, *[1] * (n.ndim - 1)), n, o), new, states
        )
        hs = tuple(cell.hidden(s) for cell, s in zip(network.cells, kept, strict=True))
        return (kept, network.readout.activate(y)), (y, hs)

    steps = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), (xs, forced, counted))
    final, (ys, hs) = jax.lax.scan(forward, (start, first[:, :size]), steps)
    ys, hs = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), (ys, hs))
    return ys, hs, final[0]


def check_fed_back(network: Network) -> None:
    """Refuse a network whose outputs are not its next inputs.

    Raises
    ------
    InputError
    """
    size = network.output_size
    one = size <= network.input_size and network.residual in (0, size)
    if network.readout.last or not one or network.centred not in (0, size):
        rule = "what is fed back must be the next input: one step ahead, read out at every step"
        got = f"{size} outputs and {network.input_size} inputs"
        raise InputError(rule, got, 'Use `horizon=1`, or `forcing="full"`.')
