"""A network left to itself: its outputs fed back as its next inputs."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from throughtime.errors import InputError

from .network import Network


def rollout(
    network: Network,
    context: Float[Array, "batch time target"],
    steps: int,
    inputs: Float[Array, "batch span input"] | None = None,
    *,
    carry: bool = False,
) -> Float[Array, "batch steps target"]:
    r"""Continue a series for `steps` steps, closed loop.

    The network gives $(\hat y_{t+1}, \dots, \hat y_{t+H})$ from
    $(y_t, u_{t+1}, \dots, u_{t+H})$, as `Windows` trains it; H is its outputs over the
    targets. H = 1 is the recursive forecast, H >= steps the direct one, and between the two
    blocks of H steps are fed back.

    Parameters
    ----------
    context
        What is known of the series, ending at the forecast's origin.
    inputs
        The known inputs u of the context and of the steps ahead. Where a block reaches beyond
        them, the last is held.
    carry
        Go on from the network's state. By default each block runs the network afresh over as
        many steps as the context had, just as a network trained on windows saw them.

    Returns
    -------
    Float[Array, 'batch steps target']
        The forecast.

    Raises
    ------
    InputError
        If the sizes of network, context and inputs do not fit.
    """
    batch, time, targets = context.shape
    horizon, blocks = _blocks(network, targets, steps)
    if carry and network.centred:
        rule = "a centred network measures a window from its start, and cannot be carried on"
        raise InputError(rule, "`carry=True`", "Build the network with `centred=0`.")
    if inputs is None:
        inputs = jnp.zeros((batch, time + steps, 0), context.dtype)
    _check(network, targets, inputs, horizon, time + steps)
    ahead = blocks * horizon - steps
    inputs = jnp.pad(inputs, ((0, 0), (0, ahead), (0, 0)), mode="edge")

    def known(first, length):
        """The inputs (u_{t+1}, ..., u_{t+H}) side by side, at `length` steps from `first`."""
        shifted = [
            jax.lax.dynamic_slice_in_dim(inputs, first + k, length, axis=1)
            for k in range(1, horizon + 1)
        ]
        return jnp.concatenate(shifted, axis=-1)

    def split(ys):
        return ys.reshape(batch, horizon, targets)

    def afresh(past, block):
        xs = jnp.concatenate([past, known(block * horizon, time)], axis=-1)
        new = split(_latest(network, xs, None)[0])
        return jnp.concatenate([past, new], axis=1)[:, horizon:], new

    def onwards(state_and_last, block):
        state, last = state_and_last
        xs = jnp.concatenate([last, known(time + (block - 1) * horizon, horizon)], axis=-1)
        ys, state = _latest(network, xs, state)
        return (state, split(ys)), split(ys)

    if not carry:
        _, stacked = jax.lax.scan(afresh, context, jnp.arange(blocks))
    else:
        xs = jnp.concatenate([context, known(0, time)], axis=-1)
        ys, state = _latest(network, xs, None)
        first = split(ys)
        _, rest = jax.lax.scan(onwards, (state, first), jnp.arange(1, blocks))
        stacked = jnp.concatenate([first[None], rest])
    return jnp.swapaxes(stacked, 0, 1).reshape(batch, blocks * horizon, targets)[:, :steps]


def _latest(network: Network, xs: Array, state):
    """The outputs after the last step."""
    ys, state = network(xs, state)
    return (ys if network.readout.last else ys[:, -1]), state


def _blocks(network: Network, targets: int, steps: int) -> tuple[int, int]:
    if steps < 1:
        raise InputError("`steps` must be at least 1", steps, "Raise `steps`.")
    if network.output_size % targets:
        rule = "the network's outputs must be a multiple of the targets"
        got = f"{network.output_size} outputs for {targets} targets"
        raise InputError(rule, got, "Give a context with the targets it was trained on.")
    horizon = network.output_size // targets
    return horizon, -(-steps // horizon)


def _check(network: Network, targets: int, inputs: Array, horizon: int, length: int) -> None:
    features = targets + horizon * inputs.shape[-1]
    if features != network.input_size:
        rule = f"the network takes {network.input_size} features"
        got = f"{targets} targets and {inputs.shape[-1]} inputs at {horizon} steps ahead"
        raise InputError(rule, got, "Give the targets and inputs it was trained on.")
    if inputs.shape[1] < length:
        rule = f"`inputs` must cover the context and the steps ahead, {length} steps"
        raise InputError(rule, f"{inputs.shape[1]} steps", "Give the inputs of every step.")
