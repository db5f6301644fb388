"""The spectral radius against LAPACK, closed forms and matrices that have none."""

import numpy as np
import pytest
import scipy.sparse as sparse
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st

from throughtime.recurrence import spectral_radius as module
from throughtime.recurrence.spectral_radius import (
    largest_singular_value,
    scale_to_radius,
    spectral_radius,
)


def random_sparse(n, incoming, seed):
    rng = np.random.default_rng(seed)
    share = incoming / n
    return sparse.csr_array(rng.normal(size=(n, n)) * (rng.random((n, n)) < share))


@pytest.mark.parametrize("incoming", [3, 10, 50])
@pytest.mark.parametrize("seed", range(3))
def test_arnoldi_finds_what_lapack_finds(incoming, seed):
    W = random_sparse(250, incoming, seed)
    expected = np.abs(np.linalg.eigvals(W.toarray())).max()
    np.testing.assert_allclose(spectral_radius(W), expected, rtol=1e-9)
    np.testing.assert_allclose(spectral_radius(W.toarray()), expected, rtol=1e-9)
    scaled = scale_to_radius(W, 0.7)
    np.testing.assert_allclose(
        np.abs(np.linalg.eigvals(scaled.toarray())).max(), 0.7, rtol=1e-8
    )


def test_a_large_eigenvalue_that_hardly_couples_is_found():
    """All but one unit in a random block; the one alone has the largest eigenvalue."""
    W = random_sparse(249, 10, 0)
    inner = np.abs(np.linalg.eigvals(W.toarray())).max()
    whole = sparse.csr_array(sparse.block_diag([W, np.array([[-1.01 * inner]])]))
    np.testing.assert_allclose(spectral_radius(whole), 1.01 * inner, rtol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 50, 250])
def test_a_ring_has_the_root_of_its_weights_product(n):
    weights = np.random.default_rng(n).uniform(0.5, 1.5, n)
    ring = sparse.csr_array(
        (weights, (np.arange(n), np.arange(n) - 1 + n * (np.arange(n) == 0)))
    )
    expected = np.exp(np.log(weights).mean())
    np.testing.assert_allclose(spectral_radius(ring), expected, rtol=1e-8)
    np.testing.assert_allclose(largest_singular_value(ring), weights.max(), rtol=1e-8)


@given(n=st.integers(1, 30), radius=st.floats(1e-3, 1e3), seed=st.integers(0, 999))
def test_a_scaled_matrix_has_the_radius_asked(n, radius, seed):
    W = np.random.default_rng(seed).normal(size=(n, n))
    found = np.abs(np.linalg.eigvals(scale_to_radius(W, radius))).max()
    np.testing.assert_allclose(found, radius, rtol=1e-8)


@pytest.mark.parametrize("n", [3, 60, 250])
def test_the_largest_singular_value_is_numpys(n):
    W = random_sparse(n, 3, 1)
    expected = np.linalg.svd(W.toarray(), compute_uv=False)[0]
    np.testing.assert_allclose(largest_singular_value(W), expected, rtol=1e-9)


@pytest.mark.parametrize("n", [1, 5, 300])
def test_a_matrix_without_a_way_back_is_refused(n):
    triangle = np.tril(np.random.default_rng(0).normal(size=(n, n)), -1)
    order = np.random.default_rng(1).permutation(n)
    hidden = triangle[np.ix_(order, order)]
    for W in (np.zeros((n, n)), triangle, hidden, sparse.csr_array(hidden)):
        with refuses("must have a spectral radius above 0; got a nilpotent matrix. Draw"):
            spectral_radius(W)


def test_a_matrix_nilpotent_by_cancelling_is_refused():
    block = np.array([[1.0, -1.0], [1.0, -1.0]])
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))
    chain = turn @ np.eye(6, k=1) @ turn.T
    for W in (block, chain):
        with refuses("must have a spectral radius above 0"):
            spectral_radius(W)


def test_what_is_too_large_to_be_sure_of_is_refused(monkeypatch):
    monkeypatch.setattr(module, "_largest", lambda A, start: None)
    monkeypatch.setattr(module, "AT_MOST_DENSE", 250)
    with refuses("Arnoldi's method must converge where there are over 250 units"):
        spectral_radius(random_sparse(300, 5, 0))
    W = random_sparse(240, 5, 0)
    expected = np.abs(np.linalg.eigvals(W.toarray())).max()
    np.testing.assert_allclose(spectral_radius(W), expected, rtol=1e-9)
    with refuses("`radius` must be positive and finite; got 0"):
        scale_to_radius(W, 0)
