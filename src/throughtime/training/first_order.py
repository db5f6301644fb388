"""First-order methods, built from Optax: both kinds of momentum, Adam, RMSprop."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PyTree

from throughtime.errors import InputError

from .objective import Info


class FirstOrderState(NamedTuple):
    """The state of a first-order method.

    The names of the fields are those of the tensors in a checkpoint.

    Attributes
    ----------
    optimiser
        The state of the Optax transformation.
    factor
        The factor on the rate, which the schedule of `train` sets in each epoch.
    rate
        The rate of this member, where each member has its own.
    clip
        The largest gradient norm of this member, where each member has its own.
    """

    optimiser: optax.OptState
    factor: Float[Array, ""]
    rate: Float[Array, ""] | None = None
    clip: Float[Array, ""] | None = None


class FirstOrder(eqx.Module):
    """A method that follows the gradient, by any Optax transformation.

    Its numbers are leaves of a pytree: methods that differ in them alone share a program.

    Parameters
    ----------
    optimiser
        The Optax transformation, which turns a gradient into an update; or a function that
        makes one of the rate, and of the momentum if there is one.
    name
        The name of the method, for messages.
    rate
        The rate. A tuple has one rate for each member of an ensemble, by which the updates of
        an `optimiser` of rate 1 are multiplied.
    clip
        The largest gradient norm, or a tuple with that of each member.
    mu
        The momentum.
    factors
        A factor on the update of each weight.
    """

    optimiser: optax.GradientTransformation | Callable[..., optax.GradientTransformation] = (
        eqx.field(static=True)
    )
    name: str = eqx.field(static=True, default="optax")
    rate: float | tuple[float, ...] | None = None
    clip: float | tuple[float, ...] | None = None
    mu: float | None = None
    factors: Float[Array | np.ndarray, " weights"] | None = None

    @property
    def members(self) -> int | None:
        """The number of members with a rate or clip of their own; None if they share both."""
        per_member = [v for v in (self.rate, self.clip) if isinstance(v, tuple)]
        return len(per_member[0]) if per_member else None

    @property
    def transformation(self) -> optax.GradientTransformation:
        """The Optax transformation, with its rate and the clip that all members share."""
        found = self.optimiser
        if callable(found):
            rate = 1.0 if isinstance(self.rate, tuple) else self.rate
            found = found(rate) if self.mu is None else found(rate, self.mu)
        if self.clip is None or isinstance(self.clip, tuple):
            return found
        return optax.chain(optax.clip_by_global_norm(self.clip), found)

    def init(self, params: PyTree, member: int | Int[Array, ""] = 0) -> FirstOrderState:
        one = jax.device_put(np.ones((), jnp.result_type(float)))  # (compiles nothing)

        def of_member(values):
            return jnp.asarray(values, one.dtype)[member] if isinstance(values, tuple) else None

        rate, clip = of_member(self.rate), of_member(self.clip)
        return FirstOrderState(self.transformation.init(params), one, rate, clip)

    def step(self, objective, params, state, batch):
        value_and_grad = jax.value_and_grad(objective, has_aux=True)
        (loss, auxiliary), gradient = value_and_grad(params, batch)
        info = Info(loss, optax.tree.norm(gradient), auxiliary)
        if state.clip is not None:
            limit = state.clip.astype(info.gradient_norm.dtype)
            gradient, _ = optax.clip_by_global_norm(limit).update(gradient, optax.EmptyState())
        update, optimiser = self.transformation.update(gradient, state.optimiser, params)
        for scale in (self.factors, state.rate, state.factor):
            if scale is not None:
                update = jax.tree.map(lambda u, by=scale: (by * u).astype(u.dtype), update)
        params = optax.apply_updates(params, update)
        return params, state._replace(optimiser=optimiser), info


def adam(rate: optax.ScalarOrSchedule = 1e-3) -> optax.GradientTransformation:
    """Adam (Kingma and Ba 2015), with the paper's constants."""
    return optax.adam(rate)


def rmsprop(rate: optax.ScalarOrSchedule = 1e-3) -> optax.GradientTransformation:
    r"""RMSprop (Hinton 2012), with the constants of Keras.

    $$v \leftarrow 0.9\, v + 0.1\, g^2, \qquad
      \theta \leftarrow \theta - \epsilon\, \frac{g}{\sqrt{v + 10^{-7}}}$$
    """
    return optax.rmsprop(rate, decay=0.9, eps=1e-7, eps_in_sqrt=True)


def sgd(rate: optax.ScalarOrSchedule = 1e-2) -> optax.GradientTransformation:
    r"""Gradient descent: $\theta \leftarrow \theta - \epsilon g$."""
    return optax.sgd(rate)


def momentum(
    rate: optax.ScalarOrSchedule = 1e-2, mu: optax.ScalarOrSchedule = 0.9
) -> optax.GradientTransformation:
    r"""Classical momentum (Polyak 1964).

    $$v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \epsilon v$$

    Rate $\epsilon$ and momentum $\mu$ are constants, or schedules, which map the number of
    updates done to a value.
    """
    build = optax.inject_hyperparams(optax.sgd, static_args="nesterov")
    return build(learning_rate=rate, momentum=mu, nesterov=False)


def nesterov(
    rate: optax.ScalarOrSchedule = 1e-2, mu: optax.ScalarOrSchedule = 0.9
) -> optax.GradientTransformation:
    r"""Nesterov's accelerated gradient (1983), in the form of Sutskever et al. (2013).

    $$v_{t+1} = \mu_t v_t - \epsilon\, g(\theta_t + \mu_t v_t), \qquad
      \theta_{t+1} = \theta_t + v_{t+1}$$

    The stored weights are those at which the gradient is taken, $\phi_t = \theta_t +
    \mu_t v_t$ (Bengio et al. 2013). With $m = -v / \epsilon$ the same iterates are

    $$m_{t+1} = \mu_t m_t + g(\phi_t), \qquad
      \phi_{t+1} = \phi_t - \epsilon\,(g(\phi_t) + \mu_{t+1} m_{t+1})$$

    with the momentum of the next update in the second. (Optax's own version has $\mu_t$ in
    both: where the momentum changes, it departs from the paper's iterates by
    $(\mu_{t+1} - \mu_t) v_{t+1}$.) A scheduled rate scales the step, not $m$.
    """
    return optax.chain(_scale_by_nesterov(mu), optax.scale_by_learning_rate(rate))


class NesterovState(NamedTuple):
    """The state of Nesterov's momentum: the `count` of updates done, and m."""

    count: Int[Array, ""]
    m: PyTree


def _scale_by_nesterov(mu: optax.ScalarOrSchedule) -> optax.GradientTransformation:
    r"""The transformation of the gradient into $g + \mu_{t+1} m_{t+1}$; see `nesterov`."""

    def momentum_at(count):
        return mu(count) if callable(mu) else mu

    def add(g, mu, m):
        return (g + mu * m).astype(g.dtype)

    def init(params):
        return NesterovState(jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, params))

    def update(updates: PyTree, state: Any, params: Any = None):
        now, following = state.count, jnp.asarray(optax.safe_increment(state.count))
        m = jax.tree.map(lambda g, m: add(g, momentum_at(now), m), updates, state.m)
        step = jax.tree.map(lambda g, m: add(g, momentum_at(following), m), updates, m)
        return step, NesterovState(following, m)

    return optax.GradientTransformation(init, update)


def warm_momentum(mu0: float | int | Float[Array, ""] = 0.995) -> optax.Schedule:
    """Momentum 0.9 for the first 1000 updates, then `mu0` (Sutskever et al. 2013).

    Raises
    ------
    InputError
        If `mu0` is not at least 0 and below 1.
    """
    if not isinstance(mu0, jax.Array):  # (within a program it has been checked)
        mu0 = check_momentum(mu0)
    return optax.join_schedules([optax.constant_schedule(m) for m in (0.9, mu0)], [1000])


def nag(
    rate: optax.ScalarOrSchedule = 1e-3, mu0: float | Float[Array, ""] = 0.995
) -> optax.GradientTransformation:
    """`nesterov` with `warm_momentum`: the method of Sutskever et al. (2013).

    They use it with the initialisation `echo-state`, one of 0, 0.9, 0.98 and 0.995 for `mu0`,
    and the best of the rates 1e-3, 1e-4, 1e-5 and 1e-6.
    """
    return nesterov(rate, warm_momentum(mu0))


def cm(
    rate: optax.ScalarOrSchedule = 1e-3, mu0: float | Float[Array, ""] = 0.995
) -> optax.GradientTransformation:
    """Classical `momentum` with `warm_momentum`, which Sutskever et al. (2013) compare with."""
    return momentum(rate, warm_momentum(mu0))


def check_momentum(mu: Any) -> float:
    """The momentum as a float.

    Raises
    ------
    InputError
        If it is not a number of at least 0 and below 1.
    """
    rule = "a momentum must be a number of at least 0 and below 1"
    remedy = "Pass such a number, for instance 0.9."
    try:
        value = float(mu)
    except (TypeError, ValueError):
        raise InputError(rule, mu, remedy) from None
    if not 0 <= value < 1:
        raise InputError(rule, mu, remedy)
    return value
