"""Correlation dimensions that are known: of curves, sets, attractors, and of noise none."""

import math

import numpy as np
import pytest
from conftest import refuses
from matplotlib.figure import Figure

from throughtime.dynamics.correlation_dimension import correlation_dimension, pair_counts
from throughtime.dynamics.series_behaviour import series_behaviour
from throughtime.dynamics.simulate import simulate
from throughtime.dynamics.systems import system

GOLDEN = (1 + math.sqrt(5)) / 2


@pytest.fixture(scope="module")
def henon():
    return simulate(system("henon"), 20_000, transient=1000)


@pytest.fixture(scope="module")
def lorenz():
    return simulate(system("lorenz63"), 12_000, dt=0.05, transient=50, scheme="rk4")


def near(found, value, tolerance):
    assert not found.why
    assert found.dimension == pytest.approx(value, abs=tolerance)
    assert abs(found.dimension - value) < 3 * found.error + 0.01
    assert found.error < 0.2


def test_henon_is_1_22_from_one_variable_and_from_both(henon):
    near(correlation_dimension(henon[:, 0]), 1.22, 0.03)
    near(correlation_dimension(henon), 1.22, 0.03)


def test_lorenz_is_2_05_from_one_variable_and_from_all(lorenz):
    near(correlation_dimension(lorenz[:, 0]), 2.05, 0.1)
    near(correlation_dimension(lorenz), 2.05, 0.06)


def test_a_sine_is_a_curve_and_two_are_a_surface():
    n = np.arange(8000)
    near(correlation_dimension(np.sin(2 * np.pi * n / (20 * GOLDEN))), 1, 0.1)
    near(correlation_dimension(np.sin(0.1 * n) + np.sin(0.1 * math.sqrt(2) * n)), 2, 0.15)


def test_the_cantor_set_is_ln_2_over_ln_3():
    digits = np.random.default_rng(0).integers(0, 2, (10_000, 30)) * 2
    points = digits @ 3.0 ** -np.arange(1, 31)
    near(correlation_dimension(points[:, None]), math.log(2) / math.log(3), 0.02)


@pytest.mark.parametrize("m", [1, 2, 3])
def test_points_that_fill_a_space_have_its_dimension(m):
    points = np.random.default_rng(m).uniform(size=(10_000, m))
    near(correlation_dimension(points), m, 0.05 * m)


def test_of_noise_and_of_a_random_walk_it_cannot_be_told():
    noise = np.random.default_rng(0).normal(size=4000)
    for series in (noise, np.cumsum(noise)):
        found = correlation_dimension(series)
        assert found.why and math.isnan(found.dimension)
        assert found.describe().startswith("can't tell: ")


def test_it_counts_pairs_beyond_the_window_as_a_loop_does():
    points = np.random.default_rng(0).normal(size=(60, 2))
    counts, pairs, radii = pair_counts(points, 3)
    apart = [
        np.linalg.norm(points[i] - points[j])
        for i in range(60)
        for j in range(60)
        if abs(i - j) > 3
    ]
    assert pairs.sum() == len(apart)
    wanted = [(np.array(apart) <= r).sum() for r in radii]
    np.testing.assert_array_equal(counts.sum(axis=0), wanted)


def test_the_window_removes_what_is_near_by_continuity_alone():
    """A random walk in eight dimensions: without a window its path alone is a curve."""
    path = np.cumsum(np.random.default_rng(0).normal(size=(3000, 8)), axis=0)
    naive = correlation_dimension(path, theiler=0)
    assert naive.why or naive.dimension < 3
    counts, _, radii = pair_counts(path, 300)
    close = radii < 3
    assert counts[:, close].sum() < 0.1 * pair_counts(path, 0)[0][:, close].sum()


def test_a_chaotic_series_is_told_its_dimension(lorenz):
    found = series_behaviour(lorenz[:, 0], 0.05)
    assert found.kind == "is chaotic" and "correlation dimension 2." in found.describe()
    assert found.dimension.dimension == pytest.approx(2.05, abs=0.12)


def test_it_shows_itself(henon):
    found = correlation_dimension(henon[:3000])
    table = found.to_polars()
    assert table.columns == ["radius", "correlation_sum", "in_stretch"]
    assert table["in_stretch"].sum() == found.last - found.first + 1
    axes = found.plot(Figure().add_subplot())
    assert axes.get_xscale() == "log" and len(axes.get_lines()) == 2
    assert repr(found).startswith("CorrelationDimension(1.")


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (np.zeros(10), "a dimension needs a series or a trajectory of at least 200 steps"),
        (np.full(300, np.nan), "a series must be finite"),
        (np.ones(300), "a series must vary for a dimension"),
    ],
)
def test_what_has_no_dimension(values, rule):
    with refuses(rule):
        correlation_dimension(values)
