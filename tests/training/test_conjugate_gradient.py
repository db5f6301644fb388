"""Conjugate gradient: its optimum, the Krylov spaces on the way, its stop and what it saves."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import block_diag

from throughtime.training.conjugate_gradient import conjugate_gradient, saved_steps, stalled

pytestmark = pytest.mark.usefixtures("quick_compile")


def problem(n, condition=10.0, seed=0):
    """A symmetric positive definite matrix of that condition, g and a first x."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(n, n)))[0]
    A = basis @ np.diag(np.geomspace(1, condition, n)) @ basis.T
    return A, rng.normal(size=n), rng.normal(size=n)


@partial(jax.jit, static_argnames="steps")
def solve(A, g, start, M, steps=40):
    return conjugate_gradient(lambda v: A @ v, g, start, M, steps)


def quadratic(A, g, x):
    return 0.5 * x @ A @ x + g @ x


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [1, 2, 10])
def test_it_solves_the_system_whatever_the_preconditioner(n, weighted, float64):
    A, g, start = problem(n)
    M = np.random.default_rng(1).uniform(0.1, 10, n) if weighted else np.ones(n)
    found = solve(A, g, start, M)
    np.testing.assert_allclose(found.final, -np.linalg.solve(A, g), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_each_iterate_is_the_lowest_of_its_krylov_space(steps, float64):
    """x_i minimises q over x_0 + span(z, (M^-1 A) z, ...), which pins it down."""
    assert saved_steps(5).tolist() == [1, 2, 3, 4, 5]
    A, g, start = problem(8, condition=100.0)
    M = np.random.default_rng(2).uniform(0.5, 2, 8)
    z = (A @ start + g) / M
    space = np.column_stack(
        [np.linalg.matrix_power(A / M[:, None], i) @ z for i in range(steps)]
    )
    space = np.linalg.qr(space)[0]
    inside = np.linalg.solve(space.T @ A @ space, -space.T @ (A @ start + g))
    found = solve(A, g, start, M, steps=5)
    assert int(found.steps) == 5 and int(found.last) == 4
    iterate = found.xs[steps - 1]
    np.testing.assert_allclose(iterate, start + space @ inside, rtol=1e-8, atol=1e-9)


WIDTH = 300


def widened(A, g):
    """The same problem beside one of zeros, at one width, so that it is compiled once."""
    more = WIDTH - len(g)
    return block_diag(A, np.eye(more)), np.pad(g, (0, more))


def plain(A, g, x, M, steps):
    """Conjugate gradient with Martens' rule, as plainly as it goes: all iterates."""
    r = A @ x + g
    p = -r / M
    xs, values = [x], [quadratic(A, g, x)]
    for i in range(1, steps + 1):
        alpha = (r @ (r / M)) / (p @ A @ p)
        x, new = x + alpha * p, r + alpha * (A @ p)
        p = -new / M + (new @ (new / M)) / (r @ (r / M)) * p
        r = new
        xs.append(x)
        values.append(quadratic(A, g, x))
        k = max(10, math.ceil(0.1 * i))
        if i > k and values[i] < 0 and (values[i] - values[i - k]) / values[i] < k * 5e-4:
            break
    return np.array(xs), np.array(values)


@pytest.mark.parametrize(("n", "condition"), [(60, 30.0), (200, 300.0), (300, 500.0)])
def test_the_stopping_rule_and_the_saved_iterates(n, condition, float64):
    A, g, start = problem(n, condition)
    xs, values = plain(A, g, 0 * start, np.ones(n), 300)
    found = solve(*widened(A, g), np.zeros(WIDTH), np.ones(WIDTH), steps=300)
    steps = int(found.steps)
    assert steps == len(xs) - 1 and 11 <= steps < 300
    np.testing.assert_allclose(found.values[: steps + 1], values, rtol=1e-6, atol=1e-12)
    before = [n for n in saved_steps(300) if n < steps]
    assert int(found.last) == len(before)
    saved = np.asarray(found.xs[: len(before) + 1])
    np.testing.assert_array_equal(saved[:, n:], 0)
    np.testing.assert_allclose(saved[:, :n], xs[[*before, steps]], rtol=1e-5, atol=1e-8)


def test_the_number_of_steps_is_a_limit(float64):
    A, g, start = problem(50, 1e6)
    assert int(solve(A, g, start, np.ones(50), steps=7).steps) == 7


@given(st.integers(1, 400))
def test_marks(steps):
    found = saved_steps(steps)
    expected = {math.ceil(1.3**j) for j in range(40)}
    assert set(found) == {n for n in expected if n < steps} | {steps}
    assert (np.diff(found) > 0).all() and found.dtype == int


# (XLA takes subnormal numbers for 0.)
@given(st.lists(st.floats(-10, 10, allow_subnormal=False), min_size=1, max_size=250))
def test_stalled_is_the_rule(values):
    with jax.enable_x64(True):
        i = len(values) - 1
        k = max(10, math.ceil(i / 10))
        expected = (
            i > k and values[i] < 0 and ((values[i] - values[i - k]) / values[i] < k * 5e-4)
        )
        padded = jnp.asarray(np.pad(values, (0, 251 - len(values))))
        assert bool(is_stalled(padded, i)) == expected


is_stalled = jax.jit(stalled)


def test_it_starts_at_the_optimum_and_stays_there(float64):
    A, _, _ = problem(10)
    found = solve(A, np.zeros(10), np.zeros(10), np.ones(10))
    assert int(found.steps) == 0 and int(found.last) == 0
    np.testing.assert_array_equal(found.final, np.zeros(10))


def test_it_ends_where_the_matrix_is_not_positive(float64):
    """Along a direction of curvature 0 or below q has no minimum: what was found stays."""
    A, g = np.diag([1.0, 2.0, *[-1.0] * 8]), np.array([1.0, 1.0, *[0.0] * 8])
    found = solve(A, g, np.zeros(10), np.ones(10))
    np.testing.assert_allclose(found.final, [-1, -0.5, *[0] * 8], atol=1e-12)
    found = solve(-np.eye(10), g, np.ones(10), np.ones(10))
    assert int(found.steps) == 0
    np.testing.assert_array_equal(found.final, np.ones(10))


def test_what_is_not_finite_leaves_the_last_iterate(float64):
    A, g, start = problem(10)
    for wrong in (np.nan, np.inf):
        found = solve(A * wrong, g, start, np.ones(10))
        assert int(found.steps) == 0
        np.testing.assert_array_equal(found.final, start)


def test_in_parallel_each_ends_by_itself(float64):
    """Under `vmap` a system that is solved waits for the others without moving."""
    systems = [problem(10, condition, seed) for seed, condition in enumerate((1.5, 1e2, 1e5))]
    A, g, start = (np.stack(part) for part in zip(*systems, strict=True))

    def one(*system):
        found = solve(*system, jnp.ones(10))
        return found.steps, found.final

    steps, finals = jax.jit(jax.vmap(one))(A, g, start)
    for i, (A, g, start) in enumerate(systems):
        alone = solve(A, g, start, np.ones(10))
        assert int(steps[i]) == int(alone.steps)
        np.testing.assert_allclose(finals[i], alone.final, rtol=1e-6, atol=1e-9)
