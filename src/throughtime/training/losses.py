"""What is minimised.

A `Loss` compares outputs with targets, feature by feature, and gives one number per
example and step; the objective averages those that count.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from throughtime.errors import InputError, nearest

PerStep = Float[Array, "*batch"]
Outputs = Float[Array, "*batch output"]


class Loss(NamedTuple):
    """A loss: `function(outputs, targets)` gives one number per example and step.

    A cross-entropy belongs to one `output` (sigma_y) and takes y before it, which is exact
    where a probability would round to 0 or 1; the other losses take any output.
    """

    name: str
    function: Callable[[Outputs, Outputs], PerStep]
    output: str | None = None


def squared_error(outputs: Outputs, targets: Outputs) -> PerStep:
    r"""MSE: $\frac1n \sum_i (\hat y_i - y_i)^2$."""
    return jnp.mean((outputs - targets) ** 2, axis=-1)


def absolute_error(outputs: Outputs, targets: Outputs) -> PerStep:
    r"""MAE: $\frac1n \sum_i |\hat y_i - y_i|$."""
    return jnp.mean(jnp.abs(outputs - targets), axis=-1)


def huber(outputs: Outputs, targets: Outputs) -> PerStep:
    r"""Mean of $\frac12 e^2$ where $|e| \le 1$ and $|e| - \frac12$ elsewhere (Huber 1964)."""
    size = jnp.abs(outputs - targets)
    return jnp.mean(jnp.where(size <= 1, 0.5 * size**2, size - 0.5), axis=-1)


def softmax_cross_entropy(outputs: Outputs, targets: Outputs) -> PerStep:
    r"""$-\sum_i p_i \log \mathrm{softmax}(y)_i$; targets are one-hot or probabilities."""
    return -jnp.sum(targets * jax.nn.log_softmax(outputs), axis=-1)


def binary_cross_entropy(outputs: Outputs, targets: Outputs) -> PerStep:
    r"""Mean of $-p_i \log \sigma(y_i) - (1 - p_i) \log(1 - \sigma(y_i))$."""
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
    """The loss of that name; a `Loss` of your own passes through.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if isinstance(name, Loss):
        return name
    if name not in LOSSES:
        raise InputError("`loss` must be a known loss", name, nearest(name, LOSSES))
    return LOSSES[name]
