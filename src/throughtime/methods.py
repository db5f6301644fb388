"""How a loss is minimised.

A *method* is a pair of functions:

- `init(params) -> state`
- `step(objective, params, state, batch) -> params, state, info`

`objective(params, batch)` gives the loss and what came with it. The methods here
are first-order ones, built from Optax; any other with these two functions fits.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

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
    """The optimiser's state, and a factor on the rate that `train` sets from epoch to epoch."""

    optimiser: optax.OptState
    factor: Float[Array, ""]


class FirstOrder(NamedTuple):
    """A method that follows the gradient: any Optax transformation.

    - `optimiser`: gives the update of a gradient.
    - `name`, `rate`: said in messages.
    """

    optimiser: optax.GradientTransformation
    name: str = "optax"
    rate: float | None = None

    def init(self, params: PyTree) -> FirstOrderState:
        one = jax.device_put(np.ones((), jnp.result_type(float)))  # (compiles nothing)
        return FirstOrderState(self.optimiser.init(params), one)

    def step(self, objective, params, state, batch):
        (loss, extra), gradient = jax.value_and_grad(objective, has_aux=True)(params, batch)
        update, optimiser = self.optimiser.update(gradient, state.optimiser, params)
        update = jax.tree.map(lambda u: (state.factor * u).astype(u.dtype), update)
        params = optax.apply_updates(params, update)
        info = Info(loss, optax.tree.norm(gradient), extra)
        return params, FirstOrderState(optimiser, state.factor), info


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
    rate: float | None = None,
    *,
    clip: float | None = None,
) -> Method:
    """A method by name.

    **Arguments:**

    - `name`: one of `METHODS`; a `Method`, or an Optax transformation, of your own.
    - `rate`: the learning rate; each method has its own default.
    - `clip`: the gradient is scaled down to this global norm where it is larger
      (Pascanu, Mikolov and Bengio 2013).

    **Raises:** `InputError` for an unknown name or a number that is not positive.
    """
    for label, value in (("rate", rate), ("clip", clip)):
        if value is not None and not value > 0:
            raise InputError(f"`{label}` must be positive", value, f"Raise `{label}`.")
    own = not isinstance(name, str)
    if own and (rate is not None or (clip is not None and not hasattr(name, "update"))):
        rule = "`rate` and `clip` belong to a method that is named"
        raise InputError(rule, "a method of your own", "Set them where you build it.")
    if isinstance(name, optax.GradientTransformation):
        return FirstOrder(_clipped(name, clip))
    if not isinstance(name, str):
        return name
    if name not in METHODS:
        raise InputError("`method` must be a known method", name, nearest(name, METHODS))
    build, default = METHODS[name]
    rate = default if rate is None else rate
    return FirstOrder(_clipped(build(rate), clip), name, rate)


def _clipped(optimiser, clip):
    if clip is None:
        return optimiser
    return optax.chain(optax.clip_by_global_norm(clip), optimiser)
