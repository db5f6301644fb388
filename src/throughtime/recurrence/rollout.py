"""A network in closed loop: its outputs fed back as its next inputs."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from throughtime._support.precision import in_precision_of_weights
from throughtime.errors import InputError

from .network import Network


@in_precision_of_weights
def rollout(
    network: Network,
    context: Float[Array, "batch time target"],
    steps: int,
    inputs: Float[Array, "batch span input"] | None = None,
    *,
    carry: bool = False,
) -> Float[Array, "batch steps target"]:
    r"""Continue a series by `steps` steps in closed loop.

    The network gives $(\hat y_{t+1}, \dots, \hat y_{t+H})$ from
    $(y_t, u_{t+1}, \dots, u_{t+H})$, as `Windows` trains it; its horizon H is the number of its
    outputs divided by that of the targets. H = 1 is the recursive forecast, H >= steps the
    direct one; between the two, blocks of H steps are fed back.

    Parameters
    ----------
    network
        The network, trained on these targets and inputs.
    context
        The series up to the origin of the forecast, `(batch, time, target)`.
    steps
        Number of steps to forecast.
    inputs
        The known inputs u of the context and of the steps ahead, `(batch, time + steps,
        input)`; None if the network takes none. Where the last block reaches beyond them, the
        last input is repeated.
    carry
        Whether to continue from the network's state. By default each block runs the network
        from zero over as many steps as the context has, as in training on windows.

    Returns
    -------
    Array, (batch, steps, target)
        The forecast.

    Raises
    ------
    InputError
        If the sizes of network, context and inputs do not fit, and for `carry` with a centred
        network.
    """
    batch, time, targets = context.shape
    horizon, blocks = _blocks(network, targets, steps)
    if carry and network.centred:
        rule = "a centred network measures a window from its start, and cannot carry a state"
        raise InputError(rule, "`carry=True`", "Pass `carry=False`.")
    if inputs is None:
        inputs = jnp.zeros((batch, time + steps, 0), context.dtype)
    _check_inputs(network, targets, inputs, horizon, time + steps)
    excess = blocks * horizon - steps
    inputs = jnp.pad(inputs, ((0, 0), (0, excess), (0, 0)), mode="edge")

    def inputs_ahead(first, length):
        """The inputs (u_{t+1}, ..., u_{t+H}) side by side, at `length` steps from `first`."""
        shifted = [
            jax.lax.dynamic_slice_in_dim(inputs, first + k, length, axis=1)
            for k in range(1, horizon + 1)
        ]
        return jnp.concatenate(shifted, axis=-1)

    def as_block(ys):
        return ys.reshape(batch, horizon, targets)

    def window_block(past, block):
        xs = jnp.concatenate([past, inputs_ahead(block * horizon, time)], axis=-1)
        new = as_block(_last_outputs(network, xs, None)[0])
        return jnp.concatenate([past, new], axis=1)[:, horizon:], new

    def carried_block(state_and_last, block):
        state, last = state_and_last
        known = inputs_ahead(time + (block - 1) * horizon, horizon)
        xs = jnp.concatenate([last, known], axis=-1)
        ys, state = _last_outputs(network, xs, state)
        return (state, as_block(ys)), as_block(ys)

    if not carry:
        _, stacked = jax.lax.scan(window_block, context, jnp.arange(blocks))
    else:
        xs = jnp.concatenate([context, inputs_ahead(0, time)], axis=-1)
        ys, state = _last_outputs(network, xs, None)
        first = as_block(ys)
        _, later = jax.lax.scan(carried_block, (state, first), jnp.arange(1, blocks))
        stacked = jnp.concatenate([first[None], later])
    return jnp.swapaxes(stacked, 0, 1).reshape(batch, blocks * horizon, targets)[:, :steps]


def _last_outputs(network: Network, xs: Array, state):
    """The outputs after the last step, and the state."""
    ys, state = network(xs, state)
    return (ys if network.readout.last else ys[:, -1]), state


def _blocks(network: Network, targets: int, steps: int) -> tuple[int, int]:
    """The horizon of the network, and how many blocks of it the steps take."""
    if steps < 1:
        raise InputError("`steps` must be at least 1", steps, "Raise `steps`.")
    if network.output_size % targets:
        rule = "the network's outputs must be a multiple of the targets"
        got = f"{network.output_size} outputs for {targets} targets"
        raise InputError(rule, got, "Give a context with the targets it was trained on.")
    horizon = network.output_size // targets
    return horizon, -(-steps // horizon)


def _check_inputs(
    network: Network, targets: int, inputs: Array, horizon: int, length: int
) -> None:
    features = targets + horizon * inputs.shape[-1]
    if features != network.input_size:
        rule = f"the network takes {network.input_size} features"
        got = f"{targets} targets and {inputs.shape[-1]} inputs at {horizon} steps ahead"
        raise InputError(rule, got, "Give the targets and inputs it was trained on.")
    if inputs.shape[1] < length:
        rule = f"`inputs` must cover the context and the steps ahead, {length} steps"
        raise InputError(rule, f"{inputs.shape[1]} steps", f"Pass `inputs` of {length} steps.")
