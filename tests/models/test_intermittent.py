"""Intermittent demand: the recursion by hand, its limits, and what stands beside it."""

from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.forecasting.forecaster import Forecaster
from throughtime.models.intermittent import Intermittent, is_intermittent
from throughtime.models.model_kinds import Transformed
from throughtime.models.prior import Prior
from throughtime.models.prior_network import MEDIAN
from throughtime.models.series_model import SeriesModel
from throughtime.models.traits import Recipe, found_bound, read_traits

demands = st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0, 7.0]), min_size=1, max_size=60)
rates = st.sampled_from([0.01, 0.1, 0.4, 1.0])


def sold(n=300, share=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.poisson(3, n) + 1.0) * (rng.random(n) < share)


@given(y=demands, frequency=rates, size=rates)
def test_the_recursion_step_by_step(y, frequency, size):
    p = z = 0.0
    sales = 0
    wanted = []
    for t, value in enumerate(y, 1):
        p += max(frequency, 1 / t) * ((value > 0) - p)
        if value > 0:
            sales += 1
            z += max(size, 1 / sales) * (value - z)
        wanted.append(p * z)
    model = Intermittent(frequency, size)
    found = model.forecast(np.array(y), np.arange(1, len(y) + 1), 2)
    np.testing.assert_allclose(found, np.array(wanted)[:, None].repeat(2, axis=1), atol=1e-12)


def test_of_steady_demand_it_is_the_mean():
    y = sold(4000)
    found = Intermittent.fit(y, (), 5)
    assert found.frequency <= 0.02
    assert found.means(y)[-1] == pytest.approx(y.mean(), rel=0.15)


def test_a_product_that_is_given_up_is_noticed():
    y = np.concatenate([sold(200), np.zeros(60)])
    model = Intermittent.fit(y, (), 5)
    assert model.means(y)[-1] < 0.3 * model.means(y)[199]


def test_what_is_intermittent():
    assert is_intermittent(sold()) and not is_intermittent(sold() - 1)
    assert not is_intermittent(np.zeros(9)) and not is_intermittent(np.arange(9.0))


@pytest.mark.parametrize(
    ("values", "bound"),
    [([0, 1.5, 2.2], 0), ([3, 1, 4], 0), ([0.5, 1.5], -np.inf), ([-1, 2], -np.inf),
     ([0, 0, 0], 0)],
)  # fmt: skip
def test_the_bound_that_a_series_shows(values, bound):
    assert found_bound(np.array(values, float)) == bound


def test_no_forecast_of_counts_is_negative():
    y, origin = sold(120, 0.2), np.array([120])
    model = SeriesModel.fit(y, 6)
    found = model.forecast(y, origin, 6)
    around = model.intervals(y, origin, found, [0.5, 0.9])
    assert model.traits.intermittent and model.traits.lower == 0
    assert "intermittent demand" in [one.name for one in model.combination.components]
    assert (around.lower >= 0).all() and (around.lower <= found).all()
    assert (around.upper[1] > found).all()
    assert (around.at(0.999)[0] >= 0).all() and (around.quantile(0.001) >= 0).all()


def test_the_prior_and_the_combination_forecast_the_mean_of_what_is_sold():
    """The median of each value is 0; over a year that adds up to nothing sold."""
    origins, prior, median, combined, wanted = np.arange(200, 290), 0.0, 0.0, 0.0, 0.0
    for seed in range(4):
        y = sold(seed=seed)
        model = SeriesModel.fit(y[:200], 10)
        strongest = cast(Transformed | Prior, model.combination.strongest("prior"))
        ahead = strongest.forecast(y, origins, 10)
        quantiles = strongest.quantiles(y, origins, 10)
        np.testing.assert_array_equal(ahead, strongest.center(quantiles))
        prior += ahead.mean()
        median += quantiles[..., MEDIAN].mean()
        combined += model.forecast(y, origins, 10).mean()
        wanted += np.mean([y[o : o + 10].mean() for o in origins])
    assert median < 0.5 * wanted
    assert prior == pytest.approx(wanted, rel=0.2)
    assert combined == pytest.approx(wanted, rel=0.2)


def test_the_median_of_what_is_mostly_zero_is_not_its_mean():
    """It errs less in absolute value, the mean in square."""
    y, origins = sold(), np.arange(200, 290)
    model = SeriesModel.fit(y[:200], 10)
    mean = model.forecast(y, origins, 10)
    median = model.intervals(y, origins, mean, [0.5, 0.9]).quantile(0.5)
    truth = np.stack([y[o : o + 10] for o in origins])
    assert np.abs(truth - median).mean() < np.abs(truth - mean).mean()
    assert np.square(truth - median).mean() > np.square(truth - mean).mean()


def test_a_forecast_has_both():
    found = Forecaster(core="linear", hidden=2, epochs=1).fit(sold(120), verbose=False)
    ahead = found.predict(4)
    assert (ahead.quantile(0.5) < 0.5 * ahead.mean).all()


def test_what_is_mostly_zero_is_not_seen_through_roots():
    traits, _ = read_traits(sold(), None, Recipe())
    assert traits.intermittent and traits.transform.power == 1
