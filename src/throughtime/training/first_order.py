"""Methods that follow the gradient, built from Optax: momentum of both kinds, Adam, RMSprop."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PyTree

from throughtime.errors import InputError

from .objective import Info


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

    Attributes
    ----------
    optimiser
        Gives the update of a gradient.
    name, rate
        Said in messages. A tuple of rates is one for each member of an ensemble; its updates
        are those of `optimiser` times its rate.
    clip
        Of each member, if they differ: the largest norm of a gradient.
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
    rate: optax.ScalarOrSchedule = 1e-2, mu: optax.ScalarOrSchedule = 0.9
) -> optax.GradientTransformation:
    r"""Classical momentum (Polyak 1964), rate and momentum constant or scheduled.

    $$v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \epsilon v$$

    A schedule maps the number of updates done to a value.
    """
    build = optax.inject_hyperparams(optax.sgd, static_args="nesterov")
    return build(learning_rate=rate, momentum=mu, nesterov=False)


def nesterov(
    rate: optax.ScalarOrSchedule = 1e-2, mu: optax.ScalarOrSchedule = 0.9
) -> optax.GradientTransformation:
    r"""Nesterov's accelerated gradient (1983), as Sutskever et al. (2013) write it.

    $$v_{t+1} = \mu_t v_t - \epsilon\, g(\theta_t + \mu_t v_t), \qquad
      \theta_{t+1} = \theta_t + v_{t+1}$$

    The weights that are kept are those that the slope is taken at, $\phi_t = \theta_t +
    \mu_t v_t$ (Bengio et al. 2013). With $m = -v / \epsilon$ the same iterates are

    $$m_{t+1} = \mu_t m_t + g(\phi_t), \qquad
      \phi_{t+1} = \phi_t - \epsilon\,(g(\phi_t) + \mu_{t+1} m_{t+1})$$

    with the momentum of the next update in the second. (Optax' own has $\mu_t$ in both: where
    the momentum changes, it steps off the paper's iterates by $(\mu_{t+1} - \mu_t) v_{t+1}$.)
    A rate on a schedule scales the step, not $m$.
    """
    return optax.chain(_ahead(mu), optax.scale_by_learning_rate(rate))


class AheadState(NamedTuple):
    """`count` of updates done, and m."""

    count: Int[Array, ""]
    m: PyTree


def _ahead(mu: optax.ScalarOrSchedule) -> optax.GradientTransformation:
    r"""The gradient to $g + \mu_{t+1} m_{t+1}$; see `nesterov`."""

    def at(count):
        return mu(count) if callable(mu) else mu

    def add(g, mu, m):
        return (g + mu * m).astype(g.dtype)

    def init(params):
        return AheadState(jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, params))

    def update(updates: PyTree, state: Any, params: Any = None):
        count, after = state.count, jnp.asarray(optax.safe_increment(state.count))
        m = jax.tree.map(lambda g, m: add(g, at(count), m), updates, state.m)
        step = jax.tree.map(lambda g, m: add(g, at(after), m), updates, m)
        return step, AheadState(after, m)

    return optax.GradientTransformation(init, update)


def warm_momentum(mu0: float | int = 0.995) -> optax.Schedule:
    """Momentum 0.9 for the first 1000 updates, then `mu0` (Sutskever et al. 2013).

    Raises
    ------
    InputError
        If `mu0` is not in [0, 1)
    """
    mu0 = momentum_of(mu0)
    return optax.join_schedules([optax.constant_schedule(m) for m in (0.9, mu0)], [1000])


def nag(
    rate: optax.ScalarOrSchedule = 1e-3, mu0: float = 0.995
) -> optax.GradientTransformation:
    """`nesterov` with `warm_momentum`: the method of Sutskever et al. (2013).

    They use it with the initialisation `echo-state`, `mu0` of 0, 0.9, 0.98 or 0.995, and the
    best of the rates 1e-3, 1e-4, 1e-5 and 1e-6.
    """
    return nesterov(rate, warm_momentum(mu0))


def cm(rate: optax.ScalarOrSchedule = 1e-3, mu0: float = 0.995) -> optax.GradientTransformation:
    """Classical `momentum` with `warm_momentum`: what Sutskever et al. (2013) compare with."""
    return momentum(rate, warm_momentum(mu0))


def momentum_of(mu: Any) -> float:
    """A momentum as a float; checked."""
    rule = "a momentum must be a number of at least 0 and below 1"
    try:
        value = float(mu)
    except (TypeError, ValueError):
        raise InputError(rule, mu, "Pass a number.") from None
    if not 0 <= value < 1:
        raise InputError(rule, mu, "Lower it." if value >= 1 else "Raise it.")
    return value
