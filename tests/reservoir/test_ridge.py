"""Ridge regression against direct solves, the hat matrix and scikit-learn."""

from itertools import pairwise

import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from sklearn import linear_model

from throughtime.reservoir.regression_sums import Gram, Triangle
from throughtime.reservoir.ridge import RIDGES

PENALTIES = (1e-6, 1e-3, 0.1, 1.0, 30.0)
both = pytest.mark.parametrize("sums", [Gram, Triangle])


def rows(n=40, p=6, q=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** rng.uniform(-1, 1, p) + rng.normal(size=p)
    Y = X @ rng.normal(size=(p, q)) + rng.normal(size=(n, q)) + 3
    return X, Y


def hat(X, ridge, intercept=True):
    """The matrix that maps targets to their fit, from its definition."""
    n = len(X)
    if not intercept:
        return X @ np.linalg.solve(X.T @ X + ridge * np.eye(X.shape[1]), X.T)
    Xc = X - X.mean(axis=0)
    inner = Xc @ np.linalg.solve(Xc.T @ Xc + ridge * np.eye(X.shape[1]), Xc.T)
    return inner + np.ones((n, n)) / n


def hilbert(p=12, n=60):
    """Features so nearly dependent that their Gram matrix is singular in double precision."""
    X = np.linspace(0, 1, n)[:, None] ** np.arange(1, p + 1)
    truth = np.random.default_rng(0).normal(size=(p, 1))
    return X, X @ truth


@both
@pytest.mark.parametrize("ridge", PENALTIES)
def test_a_solution_is_scikit_learns(sums, ridge):
    X, Y = rows()
    V, c = sums.of(X, Y).solve(ridge)
    peer = linear_model.Ridge(alpha=ridge, solver="svd").fit(X, Y)
    np.testing.assert_allclose(V, peer.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(c, peer.intercept_, rtol=1e-8, atol=1e-10)


@both
@pytest.mark.parametrize("intercept", [True, False])
def test_a_path_is_a_direct_solve_at_every_penalty(sums, intercept):
    X, Y = rows()
    path = sums.of(X, Y, intercept).path()
    for ridge in PENALTIES:
        V, c = path.solve(ridge)
        np.testing.assert_allclose(X @ V.T + c, hat(X, ridge, intercept) @ Y, atol=1e-9)
        direct = sums.of(X, Y, intercept).solve(ridge)
        np.testing.assert_allclose(V, direct.V, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(path.solve(ridge)(X[0]), V @ X[0] + c)
        if not intercept:
            np.testing.assert_array_equal(c, 0)


@both
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("ridge", PENALTIES)
def test_degrees_error_and_score_are_those_of_the_hat_matrix(sums, intercept, ridge):
    X, Y = rows()
    path = sums.of(X, Y, intercept).path()
    n, H = len(X), hat(X, ridge, intercept)
    error = ((Y - H @ Y) ** 2).sum(axis=0)
    score = n * error / (n - np.trace(H)) ** 2
    np.testing.assert_allclose(path.degrees(ridge), np.trace(H), rtol=1e-9)
    np.testing.assert_allclose(path.squared_error(ridge), error, rtol=1e-7)
    np.testing.assert_allclose(path.gcv(ridge), score, rtol=1e-7)


@both
@given(
    n=st.integers(3, 60),
    p=st.integers(1, 40),
    rank=st.integers(1, 12),
    free=st.booleans(),
    seed=st.integers(0, 99),
)
def test_error_and_score_where_features_depend_on_each_other(sums, n, p, rank, free, seed):
    """Fewer directions than features, or than rows: what they cannot reach stays as error."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, p)) / rank + 2
    Y = X[:, :1] + rng.normal(size=(n, 2))
    path = sums.of(X, Y, free).path()
    for ridge in (1e-3, 1.0, 30.0):
        H = hat(X, ridge, free)
        error = ((Y - H @ Y) ** 2).sum(axis=0)
        np.testing.assert_allclose(path.squared_error(ridge), error, rtol=1e-6, atol=1e-9)
        if n - np.trace(H) > 0.01:
            score = n * error / (n - np.trace(H)) ** 2
            np.testing.assert_allclose(path.gcv(ridge), score, rtol=1e-5, atol=1e-9)


def test_both_sums_choose_the_same_penalty_where_features_depend_on_each_other():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(50, 10)) @ rng.normal(size=(10, 80))
    Y = X[:, :1] / 4 + 3 * rng.normal(size=(50, 1))
    chosen = {sums.of(X, Y).path().best() for sums in (Gram, Triangle)}
    scores = []
    for ridge in RIDGES[8:]:  # below, the definition itself is singular in double precision
        H = hat(X, ridge)
        scores.append(((Y - H @ Y) ** 2).sum() / (50 - np.trace(H)) ** 2)
    assert chosen == {RIDGES[8:][np.argmin(scores)]}


def test_the_score_is_leaving_each_row_out_where_rows_weigh_alike():
    """Rows of a circulant matrix: the diagonal of H is constant, so GCV is ordinary CV."""
    rng = np.random.default_rng(1)
    first = rng.normal(size=9)
    X = np.array([np.roll(first, i) for i in range(9)])
    Y = rng.normal(size=(9, 1))
    path = Triangle.of(X, Y, intercept=False).path()
    left_out = [
        Y[i] - X[i] @ np.linalg.solve(A.T @ A + 0.7 * np.eye(9), A.T @ np.delete(Y, i, axis=0))
        for i in range(9)
        for A in [np.delete(X, i, axis=0)]
    ]
    np.testing.assert_allclose(path.gcv(0.7), np.mean(np.square(left_out)), rtol=1e-10)


def test_the_best_penalty_has_the_least_score():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60, 40))
    Y = X[:, :1] + 3 * rng.normal(size=(60, 1))
    path = Gram.of(X, Y).path()
    scores = [path.gcv(ridge)[0] for ridge in RIDGES]
    assert path.best() == RIDGES[np.argmin(scores)] > RIDGES[0]


@both
@given(
    cuts=st.lists(st.integers(0, 50), max_size=4), seed=st.integers(0, 99), free=st.booleans()
)
def test_chunks_added_or_merged_are_one_shot(sums, cuts, seed, free):
    X, Y = rows(50, 4, 2, seed)
    edges = sorted({0, 50, *cuts})
    parts = [slice(a, b) for a, b in pairwise(edges)]
    added = merged = sums.of(X[parts[0]], Y[parts[0]], free)
    for part in parts[1:]:
        added = added.add(X[part], Y[part])
        merged = sums.of(X[part], Y[part], free).merge(merged)
    whole = sums.of(X, Y, free)
    pairs = [(X[part], Y[part]) for part in parts]
    blocks = sums.of_blocks(iter(pairs), free)
    more = sums.of_blocks(pairs[:1], free)
    more = more.add_blocks(pairs[1:]) if pairs[1:] else more
    expected, expected_gcv = whole.solve(1e-3), whole.path().gcv(1e-3)
    for found in (added, merged, blocks, more):
        assert found.count == whole.count == 50
        solved = found.solve(1e-3)
        np.testing.assert_allclose(solved.V, expected.V, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(solved.c, expected.c, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(found.path().gcv(1e-3), expected_gcv, rtol=1e-7)


def test_gram_is_the_square_of_triangle():
    X, Y = rows()
    R = Triangle.of(X, Y).R
    np.testing.assert_allclose(R[1:, 1:].T @ R[1:, 1:], Gram.of(X, Y).scatter, rtol=1e-10)
    np.testing.assert_array_equal(R, np.triu(R))


def test_a_mean_far_from_zero_costs_no_digits():
    X, Y = rows()
    near, far = Gram.of(X, Y), Gram.of(X[:20] + 1e6, Y[:20]).add(X[20:] + 1e6, Y[20:])
    np.testing.assert_allclose(far.solve(0.1).V, near.solve(0.1).V, rtol=1e-6)


def test_a_first_block_far_from_the_others_costs_no_digits():
    """One row at 1e6 standard deviations, then a thousand: as their merge, in any order."""
    X, Y = rows(1000)
    X[0] += 1e6
    one, others = (X[:1], Y[:1]), (X[1:], Y[1:])
    merged = Gram.of(*one).merge(Gram.of(*others))
    for blocks in ([one, others], [others, one]):
        found = Gram.of_blocks(blocks)
        np.testing.assert_allclose(found.scatter, merged.scatter, rtol=1e-12)
        np.testing.assert_allclose(found.mean, merged.mean, rtol=1e-12)


@both
def test_blocks_must_hold_rows_of_one_kind(sums):
    X, Y = rows()
    whole = sums.of_blocks([(X[:0], Y[:0]), (X, Y), (X[:0], Y[:0])])
    np.testing.assert_allclose(whole.solve(0.1).V, sums.of(X, Y).solve(0.1).V, rtol=1e-12)
    with refuses("a regression needs rows"):
        sums.of_blocks([])
    with refuses("rows that are summed must be of the same columns"):
        sums.of_blocks([(X, Y), (np.concatenate([X, Y[:, 1:]], axis=1), Y[:, :1])])


def test_triangle_keeps_the_digits_that_gram_loses():
    X, Y = hilbert()
    with refuses('or regress by "qr"'):
        Gram.of(X, Y).solve(0)
    fit = Triangle.of(X[:25], Y[:25]).add(X[25:], Y[25:]).solve(1e-26)
    np.testing.assert_allclose(fit(X), Y, atol=1e-12)
    squared = Gram.of(X, Y).path()
    lost = squared.solve(squared.best(10.0 ** np.arange(-16, 0)))
    assert np.abs(lost(X) - Y).max() > 1e3 * np.abs(fit(X) - Y).max()


@both
@given(n=st.integers(2, 30), p=st.integers(2, 8), seed=st.integers(0, 99))
def test_a_column_twice_needs_a_penalty(sums, n, p, seed):
    X, Y = rows(n, p, 1, seed)
    X[:, -1] = X[:, 0]
    with refuses("must not be singular; got `ridge` 0. Raise `ridge` to"):
        sums.of(X, Y).solve(0)
    with refuses("must not be singular"):
        sums.of(X, Y).path().solve(0)
    V, _ = sums.of(X, Y).solve(1e-3)
    np.testing.assert_allclose(V[:, 0], V[:, -1], rtol=1e-5, atol=1e-8)


@both
def test_the_penalty_that_the_remedy_names_is_enough(sums):
    X, Y = rows()
    X[:, 1] = X[:, 0]
    path = sums.of(X, Y).path()
    with pytest.raises(ValueError) as error:
        path.solve(0)
    ridge = float(str(error.value).split("Raise `ridge` to ")[1].split(" ")[0])
    assert path.solve(2 * ridge)
    assert path.best([0, 2 * ridge]) == 2 * ridge
    with refuses("must not be singular"):
        path.best([0])


@both
def test_what_is_not_a_regression_is_refused(sums):
    X, Y = rows()
    for ridge in (-1.0, np.inf, np.nan):
        with refuses("`ridge` must be 0 or more"):
            sums.of(X, Y).solve(ridge)
    with refuses("must be of the same columns"):
        sums.of(X, Y).merge(sums.of(X[:, 1:], Y))


@both
@pytest.mark.parametrize(("features", "targets"), [(6, 1), (5, 2), (7, 2), (5, 3), (7, 1)])
def test_rows_of_other_columns_are_refused(sums, features, targets):
    X, Y = rows()
    Z = np.concatenate([X, Y, X], axis=1)
    other = Z[:, :features], Z[:, features : features + targets]
    got = f"got 6 features, 2 targets, an intercept and {features} features, {targets} targets"
    for taken in (sums.of(X, Y).add, lambda *more: sums.of(X, Y).merge(sums.of(*more))):
        with refuses(f"rows that are summed must be of the same columns; {got}"):
            taken(*other)
    with refuses("2 targets, an intercept and 6 features, 2 targets, no intercept"):
        sums.of(X, Y).merge(sums.of(X, Y, intercept=False))


def test_a_fit_through_every_row_has_no_score():
    X, Y = rows(4)
    with refuses("more rows than degrees of freedom; got 4 rows and 4 degrees"):
        Triangle.of(X, Y).path().gcv(1e-20)
