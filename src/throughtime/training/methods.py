"""How a loss is minimised, by name."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from throughtime.errors import InputError, nearest

from .first_order import (
    FirstOrder,
    adam,
    cm,
    momentum,
    momentum_of,
    nag,
    nesterov,
    rmsprop,
    sgd,
)  # fmt: skip
from .hessian_free import hessian_free
from .objective import Method

Each = float | int | np.number | Sequence[float | int] | Array | np.ndarray
"""One number for all members of an ensemble, or one for each."""

METHODS: dict[str, tuple[Callable[..., Any], float | None]] = {
    "adam": (adam, 1e-3),
    "cm": (cm, 1e-3),
    "hessian_free": (hessian_free, None),
    "momentum": (momentum, 1e-2),
    "nag": (nag, 1e-3),
    "nesterov": (nesterov, 1e-2),
    "rmsprop": (rmsprop, 1e-3),
    "sgd": (sgd, 1e-2),
}
"""The methods by name, each with the rate it takes when none is given; one has no rate."""

WITH_MOMENTUM = ("cm", "momentum", "nag", "nesterov")
"""The methods that take a momentum."""


def training_method(name: str, rate: float | None, clip: float | None) -> Method:
    """A method by name as models train with it: Adam at 3e-3 if no rate is asked for.

    `clip` is for the methods that follow it. **Raises:** `InputError` as `method`.
    """
    if name == "hessian_free":
        return method(name, rate)
    return method(name, 3e-3 if rate is None and name == "adam" else rate, clip=clip)


def method(
    name: str | Method | optax.GradientTransformation = "adam",
    rate: Each | None = None,
    *,
    clip: Each | None = None,
    mu: float | int | np.number | None = None,
) -> Method:
    """A method by name.

    Parameters
    ----------
    name
        One of `METHODS`; a `Method`, or an Optax transformation, of your own.
    rate
        The learning rate; each method has its own default. `hessian_free` takes none.
    clip
        The gradient is scaled down to this global norm where it is larger (Pascanu, Mikolov and
        Bengio 2013).
    mu
        The momentum, of a method that has one (`WITH_MOMENTUM`). Of `cm` and `nag` it is that
        after the first 1000 updates.

    Raises
    ------
    InputError
        For an unknown name or a number that is not positive.

    Notes
    -----
    `rate` and `clip` may be sequences, one number for each member of the ensemble that the
    method will train.
    """
    rate, clip = _each("rate", rate), _each("clip", clip)
    sizes = [len(v) for v in (rate, clip) if isinstance(v, tuple)]
    if len(set(sizes)) > 1:
        rule = "`rate` and `clip` must be of as many members"
        raise InputError(rule, f"{sizes[0]} and {sizes[1]}", "Pass as many of each.")
    own = not isinstance(name, str)
    if mu is not None and name not in WITH_MOMENTUM:
        rule = "`mu` belongs to a method with momentum"
        got = "a method of your own" if own else name
        raise InputError(rule, got, f"Use one of {', '.join(WITH_MOMENTUM)}.")
    if own and (rate is not None or (clip is not None and not hasattr(name, "update"))):
        rule = "`rate` and `clip` belong to a method that is named"
        raise InputError(rule, "a method of your own", "Set them where you build it.")
    if isinstance(name, optax.GradientTransformation):
        return _clipped(FirstOrder(name), clip)
    if not isinstance(name, str):
        return name
    if name not in METHODS:
        raise InputError("`method` must be a known method", name, nearest(name, METHODS))
    build, default = METHODS[name]
    if default is None:
        if rate is not None or clip is not None:
            rule = f"`{name}` finds how far to step, and takes no `rate` or `clip`"
            raise InputError(rule, rate if clip is None else clip, "Leave it out.")
        return build()
    rate = default if rate is None else rate
    more = () if mu is None else (momentum_of(mu),)
    optimiser = build(1.0 if isinstance(rate, tuple) else rate, *more)
    return _clipped(FirstOrder(optimiser, name, rate), clip)


def _clipped(method: FirstOrder, clip: float | tuple[float, ...] | None) -> FirstOrder:
    if clip is None:
        return method
    if isinstance(clip, tuple):
        return method._replace(clip=clip)
    chained = optax.chain(optax.clip_by_global_norm(clip), method.optimiser)
    return method._replace(optimiser=chained)


def _each(label: str, value: Any) -> float | tuple[float, ...] | None:
    """A number as a float, several as a tuple of them; checked."""
    if value is None:
        return None
    rule = f"`{label}` must be a number, or one for each member"
    try:
        values = np.asarray(value)
    except (TypeError, ValueError):  # lists within lists, of several lengths
        raise InputError(rule, value, "Pass a number.") from None
    known = any(jnp.issubdtype(values.dtype, kind) for kind in (np.integer, np.floating))
    if values.size and not known:
        raise InputError(rule, value, "Pass a number.")
    values = values.astype(float)
    if values.ndim > 1 or not values.size:
        raise InputError(rule, f"an array of shape {values.shape}", "Pass a list of numbers.")
    wrong = values[~(values > 0)]
    if wrong.size:
        raise InputError(f"`{label}` must be positive", wrong[0], f"Raise `{label}`.")
    if label == "rate" and np.isinf(values).any():  # an infinite clip is none
        raise InputError("`rate` must be finite", "inf", "Lower `rate`.")
    return tuple(values.tolist()) if values.ndim else float(values)
