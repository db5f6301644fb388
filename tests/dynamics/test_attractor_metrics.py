"""Attractor metrics: the valid time, and distances between states and between spectra."""

import numpy as np
import pytest
from conftest import refuses
from scipy import special, stats

from throughtime.dynamics import attractor_metrics as metrics


def test_valid_time_ends_at_the_first_step_that_is_off():
    truth = np.zeros((2, 6, 2))
    forecast = truth.copy()
    forecast[0, 3] = 0.5  # valid for three steps, whatever comes after
    forecast[1, :, 0] = 0.5  # off in one of two variables: .5 / sqrt(2) < .4
    spread = np.ones(2)
    times = metrics.valid_time(truth, forecast, dt=0.1, spread=spread)
    np.testing.assert_allclose(times, [0.3, 0.6])
    forecast[1, 0] = np.nan
    assert metrics.valid_time(truth, forecast, spread=spread)[1] == 0
    assert metrics.valid_time(truth[0], forecast[0], spread=spread) == 3


def test_valid_time_is_in_units_of_the_spread():
    truth = np.random.default_rng(0).normal(0, 7, (500, 1))
    forecast = truth + 7 * 0.39
    assert metrics.valid_time(truth, forecast, spread=np.array([7.0])) == 500
    assert metrics.valid_time(truth, truth + 7 * 0.41, spread=np.array([7.0])) == 0
    with refuses("must vary"):
        metrics.valid_time(np.ones((5, 1)), np.ones((5, 1)))
    with refuses("(trajectory, time, dim)"):
        metrics.valid_time(np.ones(5), np.ones(5))


def test_state_space_divergence_is_that_of_the_histograms():
    rng = np.random.default_rng(0)
    truth, other = rng.normal(size=(4000, 2)), rng.normal(0.3, 1.2, (4000, 2))
    wider = 0.1 * truth.std(axis=0)
    ranges = list(zip(truth.min(axis=0) - wider, truth.max(axis=0) + wider, strict=True))
    p, q = (np.histogramdd(y, bins=30, range=ranges)[0].ravel() + 1e-5 for y in (truth, other))
    p, q = p / p.sum(), q / q.sum()
    expected = float((p * np.log(p / q)).sum())
    assert metrics.state_space_divergence(truth, other) == pytest.approx(expected, rel=1e-9)
    assert metrics.state_space_divergence(truth, truth) == pytest.approx(0, abs=1e-12)


def test_state_space_divergence_falls_as_distributions_near():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(20_000, 1))
    found = [
        metrics.state_space_divergence(truth, rng.normal(m, 1, (20_000, 1)))
        for m in (1, 0.5, 0)
    ]
    assert found[0] == pytest.approx(0.5, rel=0.15)  # half the squared distance of the means
    assert found[0] > found[1] > found[2] and found[2] < 0.02
    lost = np.full((100, 1), np.inf)
    assert np.isfinite(metrics.state_space_divergence(truth, lost))


@pytest.mark.parametrize(("shift", "spread"), [(0.5, 1.0), (0.0, 2.0), (0.3, 0.5), (0.0, 0.0)])
def test_state_space_divergence_of_gaussians_in_five_dimensions(shift, spread):
    """Points of a Gaussian, widened by another, are a Gaussian: the divergence is known."""
    rng = np.random.default_rng(0)
    truth, other = rng.normal(size=(12_000, 5)), rng.normal(shift, spread, (12_000, 5))
    v = (1 + spread**2) / 2  # the ratio of the widened variances
    expected = 5 / 2 * (1 / v - 1 + np.log(v) + shift**2 / (2 * v))
    assert metrics.state_space_divergence(truth, other) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("dim", [5, 12, 60])
def test_state_space_divergence_in_many_dimensions_is_that_of_mixtures(dim):
    """By other samples of the same mixtures, density by density."""
    rng = np.random.default_rng(0)
    truth, other = (np.cumsum(rng.normal(size=(200, dim)), axis=0) / 9 for _ in range(2))
    y, z = ((values - truth.mean(axis=0)) / truth.std(axis=0) for values in (truth, other))
    x = y[rng.integers(0, 200, 800)] + rng.normal(size=(800, dim))
    densities = [stats.norm.logpdf(x[:, None], c).sum(axis=-1) for c in (y, z)]
    p, q = (special.logsumexp(each, axis=1) for each in densities)
    found = metrics.state_space_divergence(truth * 7 - 3, other * 7 - 3)
    assert found == pytest.approx((p - q).mean(), abs=5 * (p - q).std() / np.sqrt(800))


def test_state_space_divergence_is_ordered_in_many_dimensions():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(3000, 220))
    near, far = (rng.normal(m, 1, (3000, 220)) for m in (0, 1))
    zero = metrics.state_space_divergence(truth, truth)
    found = [metrics.state_space_divergence(truth, y) for y in (near, far)]
    assert zero == pytest.approx(0, abs=1e-9) and 0 < found[0] < found[1] < np.inf
    half = far.copy()
    half[::2] = np.nan  # diverged: the places that it reaches have half the weight
    lost = metrics.state_space_divergence(truth, np.full_like(truth, np.inf))
    assert found[1] < metrics.state_space_divergence(truth, half) < lost == np.inf


def test_spectrum_distance():
    t = np.arange(4000)[:, None]
    slow, fast = np.sin(2 * np.pi * t / 50), np.sin(2 * np.pi * t / 5)
    assert metrics.spectrum_distance(slow, 3 * slow + 1) == pytest.approx(0, abs=1e-6)
    assert metrics.spectrum_distance(slow, fast) == pytest.approx(1, abs=1e-3)
    both = slow + fast  # half of its power is where all of the other is
    expected = np.sqrt(1 - np.sqrt(0.5))
    assert metrics.spectrum_distance(slow, both) == pytest.approx(expected, abs=1e-2)
    assert metrics.spectrum_distance(slow, np.full_like(slow, np.nan)) == 1
    assert metrics.spectrum_distance(slow, np.ones_like(slow)) == 1
    with refuses("the same variables"):
        metrics.spectrum_distance(slow, np.ones((50, 2)))
