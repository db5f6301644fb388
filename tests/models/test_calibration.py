"""Calibrated intervals: recoveries, invariances, and what must hold for all inputs."""

import numpy as np
import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm, t

from throughtime.forecasting.metrics import coverage
from throughtime.models.calibration import LEVELS, Calibration
from throughtime.models.prior_network import QUANTILES

Z = norm.ppf(QUANTILES)
ORDINARY = (0.1, 0.5, 0.8, 0.9, 0.95, 0.99)


def normal_quantiles(center, sd):
    return center[..., None] + np.asarray(sd)[..., None] * Z


def independent_forecasts(rng, origins, steps, factor=1.0, bias=0.0):
    """A centre, a prior's normal quantiles and a truth; `factor` is by how much it is wider."""
    center = rng.normal(size=(origins, steps))
    sd = np.exp(rng.normal(size=(origins, 1))) * np.sqrt(np.arange(1, steps + 1))
    truth = center + sd * (bias + factor * rng.normal(size=center.shape))
    return center, normal_quantiles(center, sd), truth


@pytest.mark.parametrize("factor", [0.2, 1.0, 4.0])
def test_the_right_width_is_found(factor):
    """Scores are normal, times the factor: so are the widths, and levels hold."""
    rng = np.random.default_rng(0)
    # Origins far apart: no forecasts overlap.
    center, quantiles, truth = independent_forecasts(rng, 3000, 6, factor)
    fitted = Calibration.fit(center, quantiles, truth, np.arange(3000) * 6)
    assert fitted.multipliers == pytest.approx(factor, rel=0.12)
    center, quantiles, truth = independent_forecasts(rng, 3000, 6, factor)
    for level in ORDINARY:
        found = coverage(truth, *fitted.interval(center, quantiles, level))
        assert found == pytest.approx(level, abs=0.025)


def test_a_bias_moves_the_interval():
    rng = np.random.default_rng(1)
    fitted = Calibration.fit(*independent_forecasts(rng, 3000, 1, bias=0.5))
    below, above = fitted.widths(
        np.zeros((1, 1)), normal_quantiles(*np.array([[[0]], [[1]]])), 0.9
    )
    assert below[0, 0] == pytest.approx(1.645 - 0.5, abs=0.12)
    assert above[0, 0] == pytest.approx(1.645 + 0.5, abs=0.12)


def test_heavy_tails_widen_the_high_levels_alone():
    rng = np.random.default_rng(2)
    center, quantiles, _ = independent_forecasts(rng, 5000, 1)
    sd = (quantiles[..., -1] - center) / Z[-1]
    truth = center + sd * rng.standard_t(2, size=center.shape)
    fitted = Calibration.fit(center, quantiles, truth)
    expected = t(2).ppf((1 + LEVELS) / 2) / norm.ppf((1 + LEVELS) / 2)
    assert fitted.multipliers[:, 0] == pytest.approx(np.tile(expected, (2, 1)), rel=0.12)


def test_without_errors_the_prior_remains_a_little_wider():
    """The factor of Student's t with 40 degrees of freedom."""
    center = np.zeros((4, 3))
    quantiles = normal_quantiles(center, np.full(center.shape, 2.0))
    fitted = Calibration.fit(center, quantiles, np.full(center.shape, np.nan))
    lower, upper = fitted.interval(center, quantiles, 0.9)
    assert upper == pytest.approx(2 * t(40).ppf(0.95))
    assert lower == pytest.approx(-2 * t(40).ppf(0.95))


def test_few_errors_change_little_and_count_as_uncertain():
    """The same errors, once and forty times: the more, the further from the prior's width."""
    sizes = 0.3 * norm.ppf((1 + np.arange(1, 10) / 10) / 2)
    errors = np.concatenate([sizes, -sizes])
    widths = []
    for repeats in (1, 5, 40):
        truth = np.tile(errors, repeats)[:, None]
        center = np.zeros_like(truth)
        quantiles = normal_quantiles(center, np.ones_like(truth))
        fitted = Calibration.fit(center, quantiles, truth)
        widths.append(fitted.widths(center, quantiles, 0.8)[0, 0, 0] / norm.ppf(0.9))
    assert 1 > widths[0] > widths[1] > widths[2]
    assert widths[0] > 0.35
    assert widths[2] == pytest.approx(0.3, abs=0.02)


def test_forecasts_that_overlap_count_once():
    """60 origins in a row hold 60 forecasts of 1 step, but 5 of 12; 12 steps apart, all 60."""
    rng = np.random.default_rng(3)
    forecasts = independent_forecasts(rng, 60, 12)
    close = Calibration.fit(*forecasts)
    apart = Calibration.fit(*forecasts, np.arange(60) * 12)
    assert close.last == (1, 4)
    assert close.counts == pytest.approx([60, 60 / 3, 60 / 8.5])
    assert apart.counts == pytest.approx([60, 60, 60])


def test_every_level_is_reached_in_normal_scores():
    """A normal prior and multipliers of 1 give the normal quantiles, at any level."""
    center = np.full((2, 5), 7.0)
    quantiles = normal_quantiles(center, np.full(center.shape, 3.0))
    plain = Calibration((1, 4), np.log([1, 3, 5]), np.ones((2, 3, 4)), np.ones(3), 0.0)
    for level in (1e-12, 0.01, 0.4, 0.5, 0.77, 0.9, 0.95, 0.999, 1 - 1e-12):
        lower, upper = plain.interval(center, quantiles, level)
        assert upper == pytest.approx(7 + 3 * norm.ppf((1 + level) / 2))
        assert lower == pytest.approx(7 - 3 * norm.ppf((1 + level) / 2))


def test_without_a_prior_the_spread_of_the_errors_is_the_shape():
    """A random walk's grows with the root of the lead time, also beyond what was seen."""
    rng = np.random.default_rng(4)
    truth = np.cumsum(rng.normal(size=(2000, 16)), axis=1)
    center = np.zeros_like(truth)
    fitted = Calibration.fit(center, None, truth, np.arange(2000) * 16)
    _, upper = fitted.interval(np.zeros((1, 64)), None, 0.9)
    assert upper[0] == pytest.approx(1.645 * np.sqrt(np.arange(1, 65)), rel=0.12)
    assert (np.diff(fitted.spread) >= 0).all()


def test_without_a_prior_few_errors_give_wide_intervals():
    errors = np.array([[1.0, np.nan], [-1.0, np.nan]])
    fitted = Calibration.fit(np.zeros((2, 2)), None, errors)
    _, upper = fitted.interval(np.zeros((1, 2)), None, 0.9)
    assert upper[0, 0] > 2.0
    assert 1.2 * upper[0, 0] < upper[0, 1] < np.inf


def test_a_constant_series_has_intervals_around_its_value():
    center = np.full((20, 3), 5.0)
    for quantiles in (None, np.full((20, 3, len(QUANTILES)), 5.0)):
        fitted = Calibration.fit(center, quantiles, center)
        lower, upper = fitted.interval(center, quantiles, 0.9)
        assert coverage(center, lower, upper) == 1
        assert upper == pytest.approx(lower)


def test_errors_where_the_prior_sees_none_are_taken_up():
    rng = np.random.default_rng(5)
    center = np.zeros((300, 1))
    quantiles = np.zeros((300, 1, len(QUANTILES)))
    truth = rng.normal(size=center.shape)
    fitted = Calibration.fit(center, quantiles, truth)
    assert coverage(truth, *fitted.interval(center, quantiles, 0.9)) > 0.8


def test_shift_scale_and_sign():
    rng = np.random.default_rng(6)
    center, quantiles, truth = independent_forecasts(rng, 40, 20, factor=2, bias=0.3)
    truth[30:, 10:] = np.nan
    lower, upper = Calibration.fit(center, quantiles, truth).interval(center, quantiles, 0.9)
    moved = [1e6 * x + 3e7 for x in (center, quantiles, truth)]
    found = Calibration.fit(*moved).interval(*moved[:2], 0.9)
    np.testing.assert_allclose(found, [1e6 * lower + 3e7, 1e6 * upper + 3e7], rtol=1e-7)
    mirrored = -center, -quantiles[..., ::-1], -truth
    found = Calibration.fit(*mirrored).interval(*mirrored[:2], 0.9)
    np.testing.assert_allclose(found, [-upper, -lower])


finite = st.floats(-1e9, 1e9)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 8), st.integers(1, 15), st.booleans())
def test_intervals_are_finite_and_nested(data, origins, steps, with_prior):
    shape = origins, steps
    center = data.draw(hnp.arrays(np.float64, shape, elements=finite))
    truth = data.draw(
        hnp.arrays(np.float64, shape, elements=finite | st.just(np.nan) | st.just(0.0))
    )
    truth[0, 0] = 1.0
    quantiles = None
    if with_prior:
        drawn = hnp.arrays(np.float64, (*shape, len(QUANTILES)), elements=finite)
        quantiles = np.sort(data.draw(drawn), axis=-1)
    fitted = Calibration.fit(center, quantiles, truth)
    inner = center, center
    for level in (0.001, 0.3, 0.5, 0.6, 0.8, 0.9, 0.93, 0.95, 0.99, 0.9999):
        lower, upper = fitted.interval(center, quantiles, level)
        assert np.isfinite(lower).all()
        assert np.isfinite(upper).all()
        assert (lower <= inner[0]).all()
        assert (upper >= inner[1]).all()
        inner = lower, upper


def test_rules():
    center, nothing = np.zeros((2, 3)), np.full((2, 3), np.nan)
    with refuses("intervals need the prior or a forecast whose outcome is known; got neither."):
        Calibration.fit(center, None, nothing)
    fitted = Calibration.fit(center, None, center + 1)
    with refuses("`level` must lie between 0 and 1; got 1.0. Pass one such as 0.9."):
        fitted.interval(center, None, 1.0)
    with refuses("`quantiles` must be those of the prior that the calibration was fitted with"):
        fitted.interval(center, np.zeros((2, 3, len(QUANTILES))), 0.9)


def test_counts_that_are_mostly_zero_have_an_interval_that_holds_them():
    """The prior's median and lower quantiles are 0; the centre is not."""
    rng = np.random.default_rng(0)
    truth = rng.poisson(0.3, (400, 4)).astype(float)
    center = np.full(truth.shape, 0.3)
    upper = np.array([0.6, 1.0, 1.4, 1.8])
    one = np.concatenate([-1e-3 * upper[::-1], [0.0], upper])
    quantiles = np.broadcast_to(one, (*truth.shape, len(one)))
    fitted = Calibration.fit(center, quantiles, truth)
    lower, upper = fitted.interval(center, quantiles, 0.9)
    assert np.mean((lower <= truth) & (truth <= upper)) > 0.85
    assert np.median(lower) <= 0 and np.median(upper) < 4
