"""Losses: functions that compare outputs with targets.

A `Loss` gives one number per example and step; the objective takes the mean over the steps
that count.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from throughtime.errors import InputError, did_you_mean

PerStep = Float[Array, "*batch"]
Outputs = Float[Array, "*batch output"]


class Loss(NamedTuple):
    r"""A loss of one example and step.

    A cross-entropy belongs to one output function $\sigma_y$ and takes y before it, which is
    exact where a probability would round to 0 or 1. The other losses take the outputs of any.

    Parameters
    ----------
    name
        The name, for messages.
    function
        `function(outputs, targets)` gives one number per example and step. `hessian_free` needs
        it to be convex in the outputs.
    output
        The output function of the network that the loss belongs to, such as `softmax`; None
        for any.
    """

    name: str
    function: Callable[[Outputs, Outputs], PerStep]
    output: str | None = None


def squared_error(outputs: Outputs, targets: Outputs) -> PerStep:
    r"""Mean squared error: $\frac1n \sum_i (\hat y_i - y_i)^2$."""
    return jnp.mean((outputs - targets) ** 2, axis=-1)


def absolute_error(outputs: Outputs, targets: Outputs) -> PerStep:
    r"""Mean absolute error: $\frac1n \sum_i |\hat y_i - y_i|$."""
    return jnp.mean(jnp.abs(outputs - targets), axis=-1)


def huber(outputs: Outputs, targets: Outputs) -> PerStep:
    r"""Huber's loss (1964), with $e = \hat y - y$.

    The mean of $\frac12 e^2$ where $|e| \le 1$ and of $|e| - \frac12$ elsewhere.
    """
    size = jnp.abs(outputs - targets)
    return jnp.mean(jnp.where(size <= 1, 0.5 * size**2, size - 0.5), axis=-1)


def softmax_cross_entropy(outputs: Outputs, targets: Outputs) -> PerStep:
    r"""Cross-entropy: $-\sum_i p_i \log \mathrm{softmax}(y)_i$.

    Targets are probabilities, or one-hot.
    """
    return -jnp.sum(targets * jax.nn.log_softmax(outputs), axis=-1)


def binary_cross_entropy(outputs: Outputs, targets: Outputs) -> PerStep:
    r"""The mean of $-p_i \log \sigma(y_i) - (1 - p_i) \log(1 - \sigma(y_i))$."""
    # Both terms are positive: nothing cancels, however small the loss.
    ones, zeros = jax.nn.softplus(-outputs), jax.nn.softplus(outputs)
    return jnp.mean(targets * ones + (1 - targets) * zeros, axis=-1)


LOSSES: dict[str, Loss] = {
    "mse": Loss("mse", squared_error),
    "mae": Loss("mae", absolute_error),
    "huber": Loss("huber", huber),
    "cross_entropy": Loss("cross_entropy", softmax_cross_entropy, output="softmax"),
    "binary_cross_entropy": Loss(
        "binary_cross_entropy", binary_cross_entropy, output="logistic"
    ),
}
"""The losses by name."""


def loss(name: str | Loss) -> Loss:
    """The loss of that name; a `Loss` of your own is returned as it is.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if isinstance(name, Loss):
        return name
    if name not in LOSSES:
        raise InputError("`loss` must be a known loss", name, did_you_mean(name, LOSSES))
    return LOSSES[name]
