"""How a loss is minimised.

A *method* is a pair of functions:

- `init(params) -> state`
- `step(objective, params, state, batch) -> params, state, info`

`objective(params, batch)` gives the loss and what came with it. The methods here
are first-order ones, built from Optax; any other with these two functions fits.

A method with a rate or a clip for each member of an ensemble says of how many in `members`,
and its `init(params, member)` takes the number of the member, from 0.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PyTree

from .batches import Batch
from .errors import InputError, nearest

Objective = Callable[[PyTree, Batch], tuple[Float[Array, ""], Any]]


class Info(NamedTuple):
    """What a step saw: the loss before it, its gradient's norm, and the objective's extra."""

    loss: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    extra: Any


@runtime_checkable
class Method(Protocol):
    """The contract; see the head of this module."""

    def init(self, params: PyTree) -> PyTree: ...

    def step(
        self, objective: Objective, params: PyTree, state: PyTree, batch: Batch
    ) -> tuple[PyTree, PyTree, Info]: ...


class FirstOrderState(NamedTuple):
    """The optimiser's state, and a factor on the rate that `train` sets from epoch to epoch.

    `rate` and `clip` are this member's, where every member has its own.
    """

    optimiser: optax.OptState
    factor: Float[Array, ""]
    rate: Float[Array, ""] | None = None
    clip: Float[Array, ""] | None = None


class FirstOrder(NamedTuple):
    """A method that follows the gradient: any Optax transformation.

    - `optimiser`: gives the update of a gradient.
    - `name`, `rate`: said in messages. A tuple of rates is one for each member of an
      ensemble; its updates are those of `optimiser` times its rate.
    - `clip`: of each member, if they differ: the largest norm of a gradient.
    """

    optimiser: optax.GradientTransformation
    name: str = "optax"
    rate: float | tuple[float, ...] | None = None
    clip: tuple[float, ...] | None = None

    @property
    def members(self) -> int | None:
        """For how many members there is a rate or a clip; None if they share it."""
        each = [v for v in (self.rate, self.clip) if isinstance(v, tuple)]
        return len(each[0]) if each else None

    def init(self, params: PyTree, member: int | Int[Array, ""] = 0) -> FirstOrderState:
        one = jax.device_put(np.ones((), jnp.result_type(float)))  # (compiles nothing)

        def own(values):
            return jnp.asarray(values, one.dtype)[member] if isinstance(values, tuple) else None

        return FirstOrderState(self.optimiser.init(params), one, own(self.rate), own(self.clip))

    def step(self, objective, params, state, batch):
        (loss, extra), gradient = jax.value_and_grad(objective, has_aux=True)(params, batch)
        info = Info(loss, optax.tree.norm(gradient), extra)
        if state.clip is not None:
            limit = state.clip.astype(info.gradient_norm.dtype)
            gradient, _ = optax.clip_by_global_norm(limit).update(gradient, optax.EmptyState())
        update, optimiser = self.optimiser.update(gradient, state.optimiser, params)
        for scale in (state.rate, state.factor):
            if scale is not None:
                update = jax.tree.map(lambda u, by=scale: (by * u).astype(u.dtype), update)
        params = optax.apply_updates(params, update)
        return params, state._replace(optimiser=optimiser), info


def adam(rate: optax.ScalarOrSchedule = 1e-3) -> optax.GradientTransformation:
    """Adam (Kingma and Ba 2015), with the constants of the paper."""
    return optax.adam(rate)


def rmsprop(rate: optax.ScalarOrSchedule = 1e-3) -> optax.GradientTransformation:
    r"""RMSprop (Hinton 2012) as in Keras: the gradient over $\sqrt{v + 10^{-7}}$."""
    return optax.rmsprop(rate, decay=0.9, eps=1e-7, eps_in_sqrt=True)


def sgd(rate: optax.ScalarOrSchedule = 1e-2) -> optax.GradientTransformation:
    r"""Gradient descent: $\theta \leftarrow \theta - \epsilon g$."""
    return optax.sgd(rate)


def momentum(
    rate: optax.ScalarOrSchedule = 1e-2,
    mu: optax.ScalarOrSchedule = 0.9,
    *,
    nesterov: bool = False,
) -> optax.GradientTransformation:
    r"""Classical momentum (Polyak 1964) or Nesterov's, rate and momentum constant or scheduled.

    $$v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \epsilon v$$

    Nesterov's (Sutskever et al. 2013, in the form of Bengio et al. 2013) steps along
    $g + \mu v$ instead of $v$. A schedule maps the number of updates done to a value.
    """
    build = optax.inject_hyperparams(optax.sgd, static_args="nesterov")
    return build(learning_rate=rate, momentum=mu, nesterov=nesterov)


def nesterov(
    rate: optax.ScalarOrSchedule = 1e-2,
    mu: optax.ScalarOrSchedule = 0.9,
) -> optax.GradientTransformation:
    """Nesterov's accelerated gradient; see `momentum`."""
    return momentum(rate, mu, nesterov=True)


Each = float | int | np.number | Sequence[float | int] | Array | np.ndarray
"""One number for all members of an ensemble, or one for each."""

METHODS: dict[str, tuple[Callable[..., optax.GradientTransformation], float]] = {
    "adam": (adam, 1e-3),
    "momentum": (momentum, 1e-2),
    "nesterov": (nesterov, 1e-2),
    "rmsprop": (rmsprop, 1e-3),
    "sgd": (sgd, 1e-2),
}
"""The methods by name, each with the rate it takes when none is given."""


def method(
    name: str | Method | optax.GradientTransformation = "adam",
    rate: Each | None = None,
    *,
    clip: Each | None = None,
) -> Method:
    """A method by name.

    **Arguments:**

    - `name`: one of `METHODS`; a `Method`, or an Optax transformation, of your own.
    - `rate`: the learning rate; each method has its own default.
    - `clip`: the gradient is scaled down to this global norm where it is larger
      (Pascanu, Mikolov and Bengio 2013).

    `rate` and `clip` may be sequences, one number for each member of the ensemble that the
    method will train.

    **Raises:** `InputError` for an unknown name or a number that is not positive.
    """
    rate, clip = _each("rate", rate), _each("clip", clip)
    sizes = [len(v) for v in (rate, clip) if isinstance(v, tuple)]
    if len(set(sizes)) > 1:
        rule = "`rate` and `clip` must be of as many members"
        raise InputError(rule, f"{sizes[0]} and {sizes[1]}", "Pass as many of each.")
    own = not isinstance(name, str)
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
    rate = default if rate is None else rate
    optimiser = build(1.0 if isinstance(rate, tuple) else rate)
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
