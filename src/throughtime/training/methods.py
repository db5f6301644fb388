"""Methods, the ways to minimise a loss, by name."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from throughtime.errors import InputError, did_you_mean

from .first_order import (
    FirstOrder,
    adam,
    check_momentum,
    cm,
    momentum,
    nag,
    nesterov,
    rmsprop,
    sgd,
)  # fmt: skip
from .hessian_free import hessian_free
from .objective import Method

PerMember = float | int | np.number | Sequence[float | int] | Array | np.ndarray
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
"""The methods by name, each with its default rate; `hessian_free` has no rate."""

WITH_MOMENTUM = ("cm", "momentum", "nag", "nesterov")
"""The methods that take a momentum."""


def training_method(name: str, rate: float | None, clip: float | None) -> Method:
    """A method by name with the defaults of models: Adam has a rate of 3e-3.

    `clip` has no effect on `hessian_free`, which takes none.

    Raises
    ------
    InputError
        As for `method`.
    """
    if name == "hessian_free":
        return method(name, rate)
    return method(name, 3e-3 if rate is None and name == "adam" else rate, clip=clip)


def method(
    name: str | Method | optax.GradientTransformation = "adam",
    rate: PerMember | None = None,
    *,
    clip: PerMember | None = None,
    mu: float | int | np.number | None = None,
) -> Method:
    """A method by name: a way to minimise the loss.

    Parameters
    ----------
    name
        One of `METHODS`; a `Method` of your own, or an Optax transformation.
    rate
        The learning rate, or a sequence with one for each member of an ensemble. Each method
        has its own default; `hessian_free` takes none.
    clip
        The largest gradient norm, or a sequence with one for each member of an ensemble. A
        larger gradient is scaled down to this norm (Pascanu, Mikolov and Bengio 2013).
    mu
        The momentum, for a method that has one (`WITH_MOMENTUM`). For `cm` and `nag` it is the
        momentum after the first 1000 updates.

    Returns
    -------
    Method
        The method.

    Raises
    ------
    InputError
        For an unknown name, a number that is not positive, or an argument that the method does
        not take.
    """
    rate, clip = _check_per_member("rate", rate), _check_per_member("clip", clip)
    sizes = [len(v) for v in (rate, clip) if isinstance(v, tuple)]
    if len(set(sizes)) > 1:
        rule = "`rate` and `clip` must be of as many members"
        raise InputError(rule, f"{sizes[0]} and {sizes[1]}", "Pass as many of each.")
    custom = not isinstance(name, str)
    if mu is not None and name not in WITH_MOMENTUM:
        rule = "`mu` belongs to a method with momentum"
        got = "a method of your own" if custom else name
        raise InputError(rule, got, f"Use one of {', '.join(WITH_MOMENTUM)}.")
    if custom and (rate is not None or (clip is not None and not hasattr(name, "update"))):
        rule = "`rate` and `clip` belong to a method that is named"
        raise InputError(rule, "a method of your own", "Set them where you build it.")
    if isinstance(name, optax.GradientTransformation):
        return FirstOrder(name, clip=clip)
    if not isinstance(name, str):
        return name
    if name not in METHODS:
        raise InputError("`method` must be a known method", name, did_you_mean(name, METHODS))
    build, default = METHODS[name]
    if default is None:
        if rate is not None or clip is not None:
            rule = f"`{name}` finds how far to step, and takes no `rate` or `clip`"
            wrong = "clip" if rate is None else "rate"
            raise InputError(rule, clip if rate is None else rate, f"Leave out `{wrong}`.")
        return build()
    rate = default if rate is None else rate
    return FirstOrder(build, name, rate, clip, None if mu is None else check_momentum(mu))


def _check_per_member(label: str, value: Any) -> float | tuple[float, ...] | None:
    """A number as a float, or several as a tuple of floats.

    Raises
    ------
    InputError
        If they are not positive numbers.
    """
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
        raise InputError(f"`{label}` must be positive", wrong[0], "Pass a number above 0.")
    if label == "rate" and np.isinf(values).any():  # an infinite clip is none
        raise InputError("`rate` must be finite", "inf", "Lower `rate`.")
    return tuple(values.tolist()) if values.ndim else float(values)
