"""Methods against their recurrences, written plainly in NumPy."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st

from throughtime.errors import InputError
from throughtime.training.first_order import (
    FirstOrder,
    check_momentum,
    momentum,
    nag,
    nesterov,
    warm_momentum,
)
from throughtime.training.methods import METHODS, WITH_MOMENTUM, _check_per_member, method
from throughtime.training.objective import Info, Method

pytestmark = pytest.mark.usefixtures("quick_compile")
STEPS, RATE, START = 6, 0.03, np.array([1.0, -2.0, 0.5])
CURVATURE = np.diag([1.0, 4.0, 0.1])


def objective(w, batch):
    return 0.5 * w @ jnp.asarray(CURVATURE, w.dtype) @ w, "extra"


def slope(w):
    return CURVATURE @ w


def plain_sgd(w, rate=RATE):
    for _ in range(STEPS):
        w = w - rate * slope(w)
        yield w


def plain_momentum(w, rate=RATE, mu=0.9, ahead=False):
    """`rate` and `mu` are numbers, or functions of the updates done."""
    v = np.zeros_like(w)
    for t in range(STEPS):
        g = slope(w)
        now, keep = (value(t) if callable(value) else value for value in (rate, mu))
        v = keep * v + g
        following = mu(t + 1) if callable(mu) else mu
        w = w - now * (g + following * v if ahead else v)
        yield w


def plain_rmsprop(w, rate=RATE):
    v = np.zeros_like(w)
    for _ in range(STEPS):
        v = 0.9 * v + 0.1 * slope(w) ** 2
        w = w - rate * slope(w) / np.sqrt(v + 1e-7)
        yield w


def plain_adam(w, rate=RATE):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, STEPS + 1):
        m = 0.9 * m + 0.1 * slope(w)
        v = 0.999 * v + 0.001 * slope(w) ** 2
        w = w - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        yield w


PLAIN = {
    "sgd": plain_sgd,
    "momentum": plain_momentum,
    "nesterov": lambda w, rate=RATE: plain_momentum(w, rate, ahead=True),
    "nag": lambda w, rate=RATE: plain_momentum(w, rate, ahead=True),  # 0.9 for 1000 updates
    "cm": plain_momentum,  # likewise
    "rmsprop": plain_rmsprop,
    "adam": plain_adam,
}


@partial(jax.jit, static_argnums=(0, 3))
def scan(chosen, w, state, steps=STEPS):
    def one(carry, _):
        w, state, _ = chosen.step(objective, *carry, None)
        return (w, state), w

    return jax.lax.scan(one, (w, state), None, steps)[1]


def path(chosen, factor=None, steps=STEPS):
    """The weights after each step, through a scan as `train` does it."""
    w = jnp.asarray(START)
    state = jax.jit(chosen.init)(w)
    if factor is not None:
        state = state._replace(factor=jnp.asarray(factor))
    return np.asarray(scan(chosen, w, state, steps))


@cache
def named(name):
    """One object for each method, so that its program is compiled once."""
    return method(name, RATE)


def test_every_method_has_its_recurrence():
    with_a_rate = {name for name, (_, rate) in METHODS.items() if rate is not None}
    assert set(PLAIN) == with_a_rate


@pytest.mark.parametrize("asked", [{"rate": 0.1}, {"clip": 1.0}])
def test_hessian_free_takes_no_rate(asked):
    assert set(METHODS) - set(PLAIN) == {"hessian_free"}
    assert "damping" in method("hessian_free").quantities
    with refuses("`hessian_free` finds how far to step"):
        method("hessian_free", **asked)


@pytest.mark.parametrize("name", PLAIN)
def test_recurrence(name, float64):
    expected = np.array(list(PLAIN[name](START)))
    np.testing.assert_allclose(path(named(name)), expected, rtol=1e-12)


@pytest.mark.parametrize("ahead", [False, True])
def test_rate_and_momentum_on_a_schedule(ahead, float64):
    """Both see the number of updates done, from 0."""
    build = nesterov if ahead else momentum
    ours = build(lambda t: RATE / (1 + t), lambda t: 0.5 + 0.08 * t)
    expected = plain_momentum(
        START, lambda t: RATE / (1 + t), lambda t: 0.5 + 0.08 * t, ahead=ahead
    )
    np.testing.assert_allclose(path(method(ours)), np.array(list(expected)), rtol=1e-12)


def paper(w, rate, mu, steps):
    """Nesterov's method as Sutskever et al. (2013) write it: theta and v before each update.

    `rate` is a number, `mu` a function of the updates done.
    """
    v = np.zeros_like(w)
    for t in range(steps + 1):
        yield w, v
        v = mu(t) * v - rate * slope(w + mu(t) * v)
        w = w + v


@given(momenta=st.lists(st.floats(0, 0.999), min_size=STEPS + 1, max_size=STEPS + 1))
def test_nesterov_is_the_papers_whatever_the_momenta(momenta):
    """phi_t = theta_t + mu_t v_t (Bengio et al. 2013), for momenta that change each update."""
    with jax.enable_x64(True):
        mu = jnp.asarray(momenta)
        optimiser = nesterov(RATE, lambda t: mu[t])
        w, state, ours = jnp.asarray(START), optimiser.init(jnp.asarray(START)), []
        for _ in range(STEPS):
            update, state = optimiser.update(jnp.asarray(slope(np.asarray(w))), state)
            w = optax.apply_updates(w, update)
            ours.append(np.asarray(w))
    steps = list(paper(START, RATE, lambda t: momenta[t], STEPS))
    phi = [theta + momenta[t] * v for t, (theta, v) in enumerate(steps)]
    np.testing.assert_array_equal(phi[0], START)
    np.testing.assert_allclose(ours, phi[1:], rtol=1e-12, atol=1e-13)


def test_cm_changes_its_momentum_after_1000_updates(float64):
    """v <- mu v + g and w <- w - rate v, with the mu of the update."""
    updates, rate, mu0 = 1010, 1e-4, 0.99
    w, v, expected = START, np.zeros_like(START), []
    for t in range(updates):
        v = (0.9 if t < 1000 else mu0) * v + slope(w)
        w = w - rate * v
        expected.append(w)
    ours = path(method("cm", rate, mu=mu0), steps=updates)
    np.testing.assert_allclose(ours, expected, rtol=1e-10)


def test_nag_follows_the_paper_over_the_change_of_momentum(float64):
    """Also where Optax' form does not: there it is off by (mu_t+1 - mu_t) v_t+1."""
    updates, rate, mu0 = 1010, 1e-4, 0.99

    def mu(t):
        return 0.9 if t < 1000 else mu0

    steps = list(paper(START, rate, mu, updates))
    phi = np.array([theta + mu(t) * v for t, (theta, v) in enumerate(steps)])[1:]
    np.testing.assert_allclose(
        path(method("nag", rate, mu=mu0), steps=updates), phi, rtol=1e-10
    )
    np.testing.assert_allclose(path(method(nag(rate, mu0)), steps=updates), phi, rtol=1e-10)
    theirs = optax.inject_hyperparams(optax.sgd, static_args="nesterov")(
        learning_rate=rate, momentum=warm_momentum(mu0), nesterov=True
    )
    off = path(method(theirs), steps=updates) - phi
    np.testing.assert_allclose(off[:999], 0, atol=1e-13)
    np.testing.assert_allclose(off[999], -(mu0 - 0.9) * steps[1000][1], rtol=1e-8)


def test_warm_momentum(float64):
    values = [float(warm_momentum(0.98)(t)) for t in (0, 999, 1000, 10**6)]
    assert values == [0.9, 0.9, 0.98, 0.98]
    assert float(warm_momentum()(1000)) == 0.995


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("mu", [0.9, 0.98])
def test_momentum_on_a_quadratic_is_a_damped_oscillation(ahead, mu, float64):
    r"""Of curvature $\lambda$, each weight is $\mathrm{Re}(c\, r^t)$ with r the root of

    $r^2 = (1 + \mu - \epsilon\lambda) r - \mu$ for classical momentum (Polyak 1964), and of
    $r^2 = (1 - \epsilon\lambda) ((1 + \mu) r - \mu)$ for Nesterov's. So the error shrinks by
    $\sqrt\mu$ an update, or by $\sqrt{\mu (1 - \epsilon\lambda)}$, whatever the rate.
    """
    steps, name = 60, "nesterov" if ahead else "momentum"
    ours = path(method(name, RATE, mu=mu), steps=steps)
    for i, curvature in enumerate(np.diag(CURVATURE)[:2]):
        e = RATE * curvature
        linear, constant = ((1 - e) * (1 + mu), (1 - e) * mu) if ahead else (1 + mu - e, mu)
        r = np.roots([1, -linear, constant])[0]
        assert abs(r.imag) > 0 and abs(r) == pytest.approx(np.sqrt(constant), rel=1e-12)
        first = 1 - e * (1 + mu) if ahead else 1 - e  # w_1 / w_0
        c = 1 + 1j * (r.real - first) / r.imag  # Re c = 1, Re(c r) = first
        closed = START[i] * (c * r ** np.arange(1, steps + 1)).real
        np.testing.assert_allclose(ours[:, i], closed, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", WITH_MOMENTUM)
def test_momentum_of_a_named_method(name, float64):
    ahead, scheduled = name in ("nag", "nesterov"), name in ("nag", "cm")
    expected = np.array(list(plain_momentum(START, mu=0.5, ahead=ahead)))
    if scheduled:  # the one that is given comes after 1000 updates
        expected = np.array(list(plain_momentum(START, ahead=ahead)))
    np.testing.assert_allclose(path(method(name, RATE, mu=0.5)), expected, rtol=1e-12)
    none = np.array(list(plain_sgd(START)))
    if not scheduled:
        np.testing.assert_allclose(path(method(name, RATE, mu=0)), none, rtol=1e-12)


def test_momentum_is_refused():
    assert set(WITH_MOMENTUM) < set(METHODS)
    for name in set(METHODS) - set(WITH_MOMENTUM):
        with refuses(f"`mu` belongs to a method with momentum; got {name}."):
            method(name, mu=0.9)
    with refuses("got a method of your own. Use one of cm, momentum, nag, nesterov."):
        method(optax.sgd(0.1), mu=0.9)
    for wrong in (1.0, -0.1, np.nan, "much", [0.9, 0.8], None):
        with refuses("a momentum must be a number of at least 0 and below 1"):
            check_momentum(wrong)
    with refuses("below 1; got 1.0. Pass such a number, for instance 0.9."):
        warm_momentum(1.0)


@pytest.mark.parametrize("name", PLAIN)
def test_the_factor_scales_the_step_and_nothing_else(name, float64):
    full, half = (path(named(name), factor)[0] for factor in (1.0, 0.5))
    np.testing.assert_allclose(half - START, 0.5 * (full - START), rtol=1e-12)
    np.testing.assert_array_equal(path(named(name), 0.0), [START] * STEPS)


@pytest.mark.parametrize("name", PLAIN)
def test_default_rate(name, float64):
    _, rate = METHODS[name]
    assert method(name).rate == rate
    expected = np.array(list(PLAIN[name](START, rate)))
    np.testing.assert_allclose(path(method(name)), expected, rtol=1e-12)


def test_clip_is_by_the_global_norm(float64):
    """Larger gradients keep their direction and lose their length; smaller are untouched."""
    params = {"a": jnp.array([3.0]), "b": jnp.array([0.0, 4.0])}

    def half_square(params, batch):
        return batch * 0.5 * sum(jnp.sum(leaf**2) for leaf in params.values()), None

    ours = method("sgd", 0.1, clip=1.0)
    step = jax.jit(lambda scale: ours.step(half_square, params, ours.init(params), scale))
    for scale, length in ((1.0, 1.0), (0.1, 0.5), (100.0, 1.0)):
        new, _, info = step(scale)
        for name, unit in (("a", [0.6]), ("b", [0.0, 0.8])):
            moved = np.asarray(params[name]) - np.asarray(new[name])
            np.testing.assert_allclose(moved, 0.1 * length * np.array(unit), atol=1e-15)
        assert float(info.gradient_norm) == pytest.approx(5 * scale)  # before the clip


@pytest.mark.parametrize("name", PLAIN)
def test_of_several_rates_and_clips_a_member_takes_its_own(name, float64):
    """Nothing is clipped by an infinite norm; the optimiser may also be the user's own."""
    rates = (0.5, RATE, 0.1)
    ours = method(name, rates, clip=[0.1, np.inf, 0.1])
    assert ours.members == 3 and ours.rate == rates and method(name, RATE).members is None
    state = ours.init(jnp.asarray(START), 1)
    assert float(state.rate) == RATE and float(state.factor) == 1
    expected = np.array(list(PLAIN[name](START)))
    np.testing.assert_allclose(scan(ours, jnp.asarray(START), state), expected, rtol=1e-12)
    own = method(optax.sgd(1.0), clip=rates)
    moved = scan(own, jnp.asarray(START), own.init(jnp.asarray(START), 2))[0] - START
    assert np.linalg.norm(moved) == pytest.approx(0.1)


def test_info():
    ours = method("sgd", 0.1)
    w = jnp.asarray(START, jnp.float32)
    infos = []

    @jax.jit
    def step(w):
        infos.append(ours.step(objective, w, ours.init(w), None)[2])
        return infos[0]._replace(auxiliary=None)

    info = step(w)
    assert isinstance(info, Info) and infos[0].auxiliary == "extra"
    assert float(info.loss) == pytest.approx(0.5 * START @ CURVATURE @ START)
    assert float(info.gradient_norm) == pytest.approx(np.linalg.norm(slope(START)), rel=1e-6)


@pytest.mark.parametrize("name", PLAIN)
def test_a_step_keeps_dtypes_also_beside_double_precision(name, float64):
    """A scan carries weights and state: single precision stays single."""
    ours = method(name, RATE, clip=1.0)
    w = jnp.asarray(START, jnp.float32)
    state = ours.init(w)
    new, after = jax.eval_shape(lambda w, s: ours.step(objective, w, s, None)[:2], w, state)
    assert new.dtype == jnp.float32
    before = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), after) == before


def test_any_optax_transformation(float64):
    expected = np.array(list(plain_adam(START)))
    np.testing.assert_allclose(path(method(optax.adam(RATE))), expected, rtol=1e-12)
    clipped = path(method(optax.sgd(RATE), clip=0.5))[0]
    assert np.linalg.norm(clipped - START) == pytest.approx(0.5 * RATE)


def test_your_own_method():
    class Newton:
        def init(self, params):
            return ()

        def step(self, objective, params, state, batch):
            value, gradient = jax.value_and_grad(lambda w: objective(w, batch)[0])(params)
            hessian = jax.hessian(lambda w: objective(w, batch)[0])(params)
            new = params - jnp.linalg.solve(hessian, gradient)
            return new, state, Info(value, jnp.linalg.norm(gradient), None)

    mine = Newton()
    assert isinstance(mine, Method) and method(mine) is mine
    assert isinstance(method("adam"), FirstOrder) and method(method("adam")).name == "adam"
    np.testing.assert_allclose(path(mine), np.zeros((STEPS, 3)), atol=1e-6)


def test_errors():
    with pytest.raises(InputError, match=r"got adm\. Did you mean `adam`\?"):
        method("adm")
    for value in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match=f"`rate` must be positive; got {value}"):
            method("adam", value)
        with pytest.raises(InputError, match=f"`clip` must be positive; got {value}"):
            method("adam", clip=value)
        with pytest.raises(InputError, match=f"`rate` must be positive; got {value}"):
            method("adam", [0.1, value])
    for wrong in ([], np.ones((2, 2))):
        with pytest.raises(InputError, match=r"`rate` must be a number, or one for each"):
            method("adam", wrong)
    with pytest.raises(InputError, match=r"of as many members; got 2 and 3\."):
        method("adam", [0.1, 0.2], clip=[1.0, 2.0, 3.0])


@pytest.mark.parametrize("value", [np.float32(0.5), np.array(0.5), jnp.float32(0.5)])
def test_a_number_of_any_kind_is_told(value):
    rate = method("adam", value).rate
    assert type(rate) is float and rate == 0.5


@pytest.mark.parametrize("wrong", ["0.1", None, {}, True, 1j, [[1.0], [1.0, 2.0]], ["a"]])
def test_what_is_not_a_number_is_refused(wrong):
    for value in (wrong, [wrong]):
        if value is not None:
            with pytest.raises(InputError, match="`rate` must be a number, or one for each"):
                _check_per_member("rate", value)


def test_a_rate_is_finite():
    for value in (np.inf, [0.1, np.inf]):
        with pytest.raises(InputError, match="`rate` must be finite; got inf"):
            method("adam", value)
