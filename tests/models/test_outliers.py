"""What is plainly wrong is found and replaced, and nothing else, whatever the unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.datasets import load_dataset
from throughtime.models.outliers import clean


def smooth(n=200, seed=0):
    rng = np.random.default_rng(seed)
    return 300 + np.cumsum(rng.normal(size=n)) + 20 * np.sin(2 * np.pi * np.arange(n) / 12)


@given(
    at=st.integers(2, 197),
    wrong=st.sampled_from([lambda y: 10 * y, lambda y: 0.0, lambda y: -999.0]),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    shift=st.sampled_from([0.0, 1e6]),
)
def test_one_wrong_datum_is_found_and_replaced(at, wrong, scale, shift):
    y = smooth()
    broken = y.copy()
    broken[at] = wrong(y[at])
    cleaned, indices = clean(shift * scale + scale * broken, (12,))
    assert indices.tolist() == [at]
    right = np.delete(np.arange(200), at)
    np.testing.assert_array_equal(cleaned[right], (shift * scale + scale * broken)[right])
    assert abs(cleaned[at] / scale - shift - y[at]) < 5  # a few of the noise's deviations


@pytest.mark.parametrize("run", [2, 3])
def test_a_short_dropout_is_found(run):
    y = smooth()
    y[80 : 80 + run] = -999
    assert clean(y, (12,))[1].tolist() == list(range(80, 80 + run))


def test_a_sensor_that_drops_out_now_and_then():
    y = smooth(600)
    at = np.array([50, 130, 210, 260, 333, 420, 470, 555])
    y[at] = 0
    assert clean(y, (12,))[1].tolist() == at.tolist()


def test_without_noise_a_replacement_is_exact():
    t = np.arange(120)
    y = 3 * t + np.tile([0.0, 5, -2, 8, 1, -7, 3, 2, -4, 6, 0, 9], 10)
    y += 0.01 * np.random.default_rng(0).normal(size=120)
    broken = y.copy()
    broken[[40, 119]] = 5e3
    cleaned, indices = clean(broken, (12,))
    assert indices.tolist() == [40, 119]
    np.testing.assert_allclose(cleaned, y, atol=0.1)


def test_the_last_datum_needs_more():
    y = smooth()
    inside, end = y.copy(), y.copy()
    inside[150] += 110
    end[-1] += 110
    assert clean(inside, (12,))[1].tolist() == [150]
    assert not len(clean(end, (12,))[1])
    end[-1] += 800
    assert clean(end, (12,))[1].tolist() == [199]


@pytest.mark.parametrize("after", [1, 2, 3, 5, 40])
def test_a_level_shift_stays(after):
    y = smooth()[: 100 + after]
    y[100:] += 90
    assert not len(clean(y, (12,))[1])


def test_a_peak_of_every_december_stays_and_one_in_june_goes():
    rng = np.random.default_rng(2)
    y = rng.normal(size=144) + np.where(np.arange(144) % 12 == 11, 60, 0)
    assert not len(clean(y, (12,))[1])
    y[66] += 60
    assert clean(y, (12,))[1].tolist() == [66]


def logistic_map(n):
    x = [0.3]
    while len(x) < n:
        x.append(3.9 * x[-1] * (1 - x[-1]))
    return np.array(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: rng.normal(size=300),
        lambda rng: np.cumsum(rng.normal(size=300)),
        lambda rng: rng.standard_t(3, size=300),
        lambda rng: np.exp(rng.normal(size=300)),
        lambda rng: rng.poisson(0.3, size=300).astype(float),
        lambda rng: rng.poisson(4, size=300).astype(float),
        lambda rng: (rng.random(300) < 0.4) * rng.gamma(0.7, 8, size=300),
        lambda rng: np.repeat(30 * rng.normal(size=6), 50) + rng.normal(size=300),
        lambda rng: np.arange(300.0) ** 2,
        lambda rng: 100 * np.exp(-0.5 * ((np.arange(300) - 150) / 3) ** 2),
        lambda rng: logistic_map(300),
        lambda rng: np.full(300, 1e9),
        lambda rng: np.zeros(0),
        lambda rng: np.array([1.0, 2.0, 1000.0]),
    ],
)
def test_nothing_is_wrong_where_extremes_are_true(make):
    rng = np.random.default_rng(0)
    found = [len(clean(make(rng), ())[1]) for _ in range(20)]
    assert sum(n > 0 for n in found) <= 1


@pytest.mark.parametrize("name", ["laser", "sunspots", "elnino", "co2"])
def test_nothing_is_wrong_in_the_bundled_series(name):
    y = load_dataset(name, fill="linear").targets[:, 0]
    assert not len(clean(y, ())[1])


@given(origin=st.integers(0, 200))
def test_the_argument_stays_as_it_is_and_what_is_right_too(origin):
    y = smooth()
    y[100] = -999
    before = y.copy()
    cleaned, indices = clean(y[:origin], (12,))
    np.testing.assert_array_equal(y, before)
    assert set(indices.tolist()) <= {100}
    assert np.isfinite(cleaned).all() and len(cleaned) == origin
    assert (100 in indices) == (origin > 100)
