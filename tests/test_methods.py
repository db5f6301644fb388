"""Methods against their recurrences, written plainly in NumPy."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from throughtime.errors import InputError
from throughtime.methods import (
    METHODS,
    FirstOrder,
    Info,
    Method,
    _each,
    method,
    momentum,
    nesterov,
)

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
        w = w - now * (g + keep * v if ahead else v)
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
    "rmsprop": plain_rmsprop,
    "adam": plain_adam,
}


@partial(jax.jit, static_argnums=0)
def scan(chosen, w, state):
    def one(carry, _):
        w, state, _ = chosen.step(objective, *carry, None)
        return (w, state), w

    return jax.lax.scan(one, (w, state), None, STEPS)[1]


def path(chosen, factor=None):
    """The weights after each step, through a scan as `train` does it."""
    w = jnp.asarray(START)
    state = jax.jit(chosen.init)(w)
    if factor is not None:
        state = state._replace(factor=jnp.asarray(factor))
    return np.asarray(scan(chosen, w, state))


@cache
def named(name):
    """One object for each method, so that its program is compiled once."""
    return method(name, RATE)


def test_every_method_has_its_recurrence():
    assert set(PLAIN) == set(METHODS)


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
        return infos[0]._replace(extra=None)

    info = step(w)
    assert isinstance(info, Info) and infos[0].extra == "extra"
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
                _each("rate", value)


def test_a_rate_is_finite():
    for value in (np.inf, [0.1, np.inf]):
        with pytest.raises(InputError, match="`rate` must be finite; got inf"):
            method("adam", value)
