"""Exponential smoothing as a cell: closed forms, the textbook recursion, and derivatives."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from fast_compilation import quick_jit
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from throughtime.recurrence.exponential_smoothing import ExponentialSmoothing, SmoothingState
from throughtime.recurrence.unroll import unroll

PERIOD, TIME, BATCH = 4, 12, 2
RATES = {"alpha": 0.4, "beta": 0.1, "gamma": 0.25, "phi": 0.9}
run = quick_jit(unroll)


@pytest.fixture(autouse=True)
def double(float64):
    """All tests here are exact up to rounding error."""


def build(period=PERIOD, **rates):
    return ExponentialSmoothing(period, **(rates or RATES), dtype=jnp.float64)


def random_state(rng, period=PERIOD, batch=BATCH):
    size = period if period > 1 else 0
    level, slope, error = rng.normal(size=(3, batch))
    return SmoothingState(level, slope, rng.normal(size=(batch, size)), 0 * error)


def problem(seed=0, period=PERIOD, time=TIME):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.normal(size=(BATCH, time, 1))), random_state(rng, period)


def textbook(y, state, alpha, beta, gamma, phi):
    """ETS(A, Ad, A) of one series as Hyndman et al. write it, the season by its own index."""
    level, slope, season = (
        float(state.level),
        float(state.slope),
        list(map(float, state.season)),
    )
    errors, levels, slopes = [], [], []
    for t, value in enumerate(y):
        old = season[t] if season else 0.0
        error = value - (level + phi * slope + old)
        level, slope = level + phi * slope + alpha * error, phi * slope + beta * error
        if season:
            season.append(old + gamma * error)
        errors.append(error), levels.append(level), slopes.append(slope)
    return errors, levels, slopes, season[len(y) :]


@pytest.mark.parametrize("period", [1, PERIOD])
def test_the_textbook_recursion(period):
    rates = RATES if period > 1 else RATES | {"gamma": 0.0}
    xs, start = problem(period=period)
    states, final = run(build(period, **rates), xs, start)
    for row in range(BATCH):
        one = jax.tree.map(lambda leaf, row=row: leaf[row], start)
        errors, levels, slopes, season = textbook(np.asarray(xs[row, :, 0]), one, **rates)
        np.testing.assert_allclose(states.error[row], errors, atol=1e-13)
        np.testing.assert_allclose(states.level[row], levels, atol=1e-13)
        np.testing.assert_allclose(states.slope[row], slopes, atol=1e-13)
        np.testing.assert_allclose(final.season[row], season, atol=1e-13)


def test_simple_smoothing_is_a_weighted_sum():
    r"""$l_T = (1 - a)^T l_0 + a \sum_k (1 - a)^k y_{T-k}$."""
    xs, start = problem(period=1)
    start = start._replace(slope=np.zeros(BATCH))
    _, final = run(build(1, alpha=0.3), xs, start)
    weights = 0.3 * 0.7 ** np.arange(TIME)
    expected = 0.7**TIME * start.level + np.asarray(xs[..., 0])[:, ::-1] @ weights
    np.testing.assert_allclose(final.level, expected, atol=1e-13)


def test_simple_smoothing_is_arima_0_1_1():
    """Its errors are those of $y_t - y_{t-1} = e_t - (1 - a) e_{t-1}$."""
    xs, start = problem(period=1)
    states, _ = run(build(1, alpha=0.3), xs, start._replace(slope=np.zeros(BATCH)))
    values, errors = np.asarray(xs[..., 0]), np.asarray(states.error)
    moving_average = errors[:, 1:] - 0.7 * errors[:, :-1]
    np.testing.assert_allclose(np.diff(values), moving_average, atol=1e-13)
    again = lfilter([1, -1], [1, -0.7], np.concatenate([start.level[:, None], values], axis=1))
    before = start.level[:, None] * 0.7 ** np.arange(TIME + 1)  # what the filter saw as a jump
    np.testing.assert_allclose(errors, (again - before)[:, 1:], atol=1e-13)


def test_a_line_and_a_season_are_followed_without_error():
    """With the right first state; then the rates do not matter."""
    t, season = np.arange(1, TIME + 1), np.array([3.0, -1.0, -2.5, 0.5])
    y = 2 + 0.5 * t + season[(t - 1) % PERIOD]
    start = SmoothingState(np.array([2.0]), np.array([0.5]), season[None], np.zeros(1))
    states, _ = run(build(**RATES | {"phi": 1.0}), jnp.asarray(y[None, :, None]), start)
    np.testing.assert_allclose(states.error, 0, atol=1e-13)


@pytest.mark.parametrize("period", [1, PERIOD])
def test_it_is_the_linear_recurrence_of_U_and_W(period):
    cell = build(period, **(RATES if period > 1 else RATES | {"gamma": 0.0}))
    xs, start = problem(period=period)
    states, _ = run(cell, xs, start)
    U, W, h = map(np.asarray, quick_jit(lambda c, s: (c.U, c.W, c.hidden(s)))(cell, start))
    assert W.shape == (cell.hidden_size, cell.hidden_size) and U.shape == (len(W), 1)
    hidden = np.asarray(quick_jit(cell.hidden)(states))
    for t in range(TIME):
        h = h @ W.T + np.asarray(xs[:, t]) @ U.T
        np.testing.assert_allclose(hidden[:, t], h, atol=1e-13)


@given(shift=st.floats(-1e3, 1e3), scale=st.floats(0.01, 100))
@settings(max_examples=10)
def test_shift_and_scale_of_the_series_are_those_of_the_state(shift, scale):
    with jax.enable_x64(True):
        xs, start = problem()
        cell = build()
        states, _ = run(cell, xs, start)
        moved = jax.tree.map(lambda leaf: scale * leaf, start)
        moved = moved._replace(level=moved.level + shift)
        other, _ = run(cell, scale * xs + shift, moved)
    tolerance = 1e-11 * (scale + abs(shift))
    np.testing.assert_allclose(other.error, scale * states.error, atol=tolerance)
    np.testing.assert_allclose(other.level, scale * states.level + shift, atol=tolerance)


def test_one_rate_for_each_sequence_is_a_cell_for_each():
    xs, start = problem()
    both = {name: np.array([rate, 0.9 * rate + 0.08]) for name, rate in RATES.items()}
    states, _ = run(build(**both), xs, start)
    for row in range(BATCH):
        own = build(**{name: rates[row] for name, rates in both.items()})
        alone, _ = run(own, xs, start)
        jax.tree.map(
            lambda a, b, row=row: np.testing.assert_allclose(a[row], b[row], atol=1e-14),
            states,
            alone,
        )


@given(
    alpha=st.floats(0.01, 0.99),
    shares=st.tuples(*[st.floats(0.01, 0.99)] * 2),
    d=st.floats(0, 1),
)
@settings(max_examples=20)
def test_rates_are_those_given(alpha, shares, d):
    beta, gamma, phi = alpha * shares[0], (1 - alpha) * shares[1], 1 - 0.2 * d
    with jax.enable_x64(True):
        cell = build(alpha=alpha, beta=beta, gamma=gamma, phi=phi)
        np.testing.assert_allclose(np.array(cell.rates), [alpha, beta, gamma, phi], rtol=1e-9)


def test_bounds_are_kept_exactly_and_no_gradient_reaches_them():
    cell = build(1, alpha=0.3)
    np.testing.assert_array_equal(np.array(cell.rates[1:]), [0, 0, 1])
    slope = quick_jit(eqx.filter_grad(loss))(cell, *problem(period=1))
    assert slope.logits[0] != 0 and not np.asarray(slope.logits[1:]).any()


def loss(cell, xs, start):
    states, final = unroll(cell, xs, start)
    return jnp.sum(states.error**2) + jnp.sum(jnp.sin(cell.hidden(final)))


@cache
def compiled():
    value = quick_jit(lambda logits, xs, start: loss(with_logits(logits), xs, start))
    slope = quick_jit(jax.grad(lambda logits, xs, start: loss(with_logits(logits), xs, start)))
    return value, slope


def with_logits(logits):
    return eqx.tree_at(lambda cell: cell.logits, build(), logits)


def test_gradients_against_finite_differences():
    value, slope = compiled()
    logits, arguments = build().logits, problem()
    gradient, small = np.asarray(slope(logits, *arguments)), 1e-6
    for i in range(4):
        step = small * np.eye(4)[i]
        difference = value(logits + step, *arguments) - value(logits - step, *arguments)
        np.testing.assert_allclose(gradient[i], difference / (2 * small), rtol=1e-7)


def test_the_adjoint_is_the_transpose_of_the_tangent():
    r"""$\langle g, J v\rangle = \langle J^\top g, v\rangle$, logits and first state alike."""
    xs, start = problem()
    rng = np.random.default_rng(1)

    def outputs(logits, start):
        return unroll(with_logits(logits), xs, start)[0]

    point = (build().logits, start)
    along = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), point)
    shapes = jax.eval_shape(outputs, *point)
    g = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), shapes)

    @quick_jit
    def both(point, along, g):
        tangent = jax.jvp(outputs, point, along)[1]
        adjoint = jax.vjp(outputs, *point)[1](g)
        return tangent, adjoint

    tangent, adjoint = both(point, along, g)

    def inner(one, other):
        pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
        return sum(float(np.sum(np.asarray(a) * np.asarray(b))) for a, b in pairs)

    np.testing.assert_allclose(inner(g, tangent), inner(adjoint, along), rtol=1e-12)


def test_padding_changes_nothing():
    xs, start = problem()
    padded = xs.at[0, 5:].set(np.nan)
    _, final = run(build(), padded, start, np.array([5, TIME]))
    _, short = run(build(), xs[:, :5], start)
    _, whole = run(build(), xs, start)
    for ours, first, second in zip(final, short, whole, strict=True):
        np.testing.assert_allclose(ours[0], first[0], atol=1e-14)
        np.testing.assert_allclose(ours[1], second[1], atol=1e-14)


def test_one_dtype_from_the_logits_to_the_states():
    for dtype in (jnp.float32, jnp.float64):
        cell = ExponentialSmoothing(PERIOD, **RATES, dtype=dtype)
        states, final = run(cell, jnp.zeros((1, TIME, 1), dtype))
        weights = quick_jit(lambda cell: (cell.U, cell.W, cell.initial_state(1)))(cell)
        leaves = jax.tree.leaves((states, final, weights))
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype(dtype)}


@pytest.mark.parametrize(
    "wrong", [{"alpha": 1.5}, {"beta": 0.4}, {"gamma": 0.8}, {"phi": 0.5}, {"gamma": -0.1}]
)
def test_a_rate_out_of_its_range_is_refused(wrong):
    with refuses(f"`{next(iter(wrong))}` must be from"):
        ExponentialSmoothing(PERIOD, **wrong)


def test_a_period_below_one_is_refused():
    with refuses("`period` must be a whole number of at least 1"):
        ExponentialSmoothing(0)
