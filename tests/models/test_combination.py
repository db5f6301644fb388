"""The combination: weights that are optimal, bounded, and shrunk where little is known."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from throughtime.forecasting.pooled_shares import pooled_shares
from throughtime.models import combination, rolling_errors
from throughtime.models.combination import HALF_PRIOR, Combination, combine
from throughtime.models.rolling_errors import (
    MAX_ORIGINS,
    RollingErrors,
    rolling_origins,
    values_ahead,
)


@dataclass(frozen=True)
class Known:
    """A model whose forecasts are those of the truth with a known error."""

    truth: np.ndarray
    error: np.ndarray
    name: str = "known"

    def forecast(self, values, origins, steps):
        rows = np.minimum(origins[:, None] + np.arange(steps), len(self.truth) - 1)
        return (self.truth + self.error)[rows]


def errors_of(moments, origins=2000, steps=1, seed=0):
    """Rolling errors whose second moments are those given, exactly."""
    n = len(moments)
    raw = np.random.default_rng(seed).normal(size=(n, origins * steps))
    white = np.linalg.solve(np.linalg.cholesky(raw @ raw.T / raw.shape[1]), raw)
    errors = (np.linalg.cholesky(moments) @ white).reshape(n, origins, steps)
    return RollingErrors(np.arange(origins), errors, origins)


def weighed(rolling, groups, steps=1):
    models = [Known(np.zeros(3), np.zeros(3), f"model {i}") for i in range(len(groups))]
    return combine(rolling, models, groups, steps)


@pytest.fixture
def untempered(monkeypatch):
    """Second moments as they are, for closed forms."""
    monkeypatch.setattr(rolling_errors, "TEMPER", 0.0)


def test_a_place_that_no_model_foresees_counts_less():
    """Model 0 is exact but for one place in fifty, where both are wrong."""
    easy, hard = np.array([0.01, 1.0]), np.array([30.0, 20.0])
    errors = np.where(np.arange(400) % 50 == 0, hard[:, None], easy[:, None])
    errors = errors * np.random.default_rng(0).choice([-1, 1], (2, 400))
    rolling = RollingErrors(np.arange(400), errors[..., None], 10**9)
    e = errors / np.mean(errors**2, axis=0) ** 0.25
    S = e @ e.T
    expected = (S[1, 1] - S[0, 1]) / (S[0, 0] + S[1, 1] - 2 * S[0, 1])
    found = weighed(rolling, ["prior", "core"]).weights[0, 0]
    assert found == pytest.approx(expected, abs=1e-4)
    S = errors @ errors.T
    plain = (S[1, 1] - S[0, 1]) / (S[0, 0] + S[1, 1] - 2 * S[0, 1])
    assert found > plain + 0.1


def test_where_all_places_are_as_hard_nothing_is_tempered(monkeypatch):
    """Errors of one size: a rotation of (1, 0) by random angles."""
    angles = np.random.default_rng(0).uniform(0, np.pi, 300)
    errors = 3.0 * np.stack([np.cos(angles), np.sin(angles)])[..., None]
    rolling = RollingErrors(np.arange(300), errors, 10**9)
    tempered = weighed(rolling, ["prior", "core"]).weights
    monkeypatch.setattr(rolling_errors, "TEMPER", 0.0)
    np.testing.assert_allclose(weighed(rolling, ["prior", "core"]).weights, tempered)


def test_independent_errors_are_weighed_by_their_inverse_variance(untempered):
    variances = np.array([1.0, 2.0, 4.0])
    rolling = replace(errors_of(np.diag(variances)), rows=10**9)
    weights = weighed(rolling, ["prior", "core", "core"]).weights[0]
    np.testing.assert_allclose(weights, (1 / variances) / (1 / variances).sum(), atol=1e-5)


def test_correlated_errors_follow_bates_and_granger(untempered):
    S = np.array([[1.0, 0.3], [0.3, 2.0]])
    weight = (S[1, 1] - S[0, 1]) / (S[0, 0] + S[1, 1] - 2 * S[0, 1])
    rolling = replace(errors_of(S), rows=10**9)
    found = weighed(rolling, ["prior", "core"]).weights[0]
    np.testing.assert_allclose(found, [weight, 1 - weight], atol=1e-5)


@pytest.fixture
def strongly_shrunk(monkeypatch):
    monkeypatch.setattr(combination, "SHRINKAGE", 1e9)
    monkeypatch.setattr(combination, "DOUBT", 1e9)


def test_few_origins_leave_half_prior_and_half_core_by_inverse_error(
    strongly_shrunk, untempered
):
    rolling = errors_of(np.diag([4.0, 3.0, 1.0, 1.0]))
    models = [Known(np.zeros(3), np.zeros(3))] * 4
    groups = ["prior", "core", "core", "network"]
    weights = combine(rolling, models, groups, 1).weights[0]
    np.testing.assert_allclose(weights, [0.5, 1 / 8, 3 / 8, 0], atol=1e-5)


def test_a_network_needs_more_evidence_than_the_core():
    rolling = replace(errors_of(np.diag([1.0, 1.0, 0.2])), rows=3)
    as_network = weighed(rolling, ["prior", "core", "network"]).weights[0, 2]
    as_core = weighed(rolling, ["prior", "core", "core"]).weights[0, 2]
    assert 0 < as_network < 0.5 * as_core
    many = replace(rolling, rows=10**6)
    sure = [weighed(many, ["prior", "core", kind]).weights[0] for kind in ("network", "core")]
    np.testing.assert_allclose(*sure, atol=1e-3)


def test_without_a_prior_the_others_share_all(strongly_shrunk, untempered):
    rolling = errors_of(np.diag([3.0, 1.0, 3.0]))
    weights = weighed(rolling, ["core"] * 3).weights[0]
    np.testing.assert_allclose(weights, [0.2, 0.6, 0.2], atol=1e-5)


@given(st.integers(2, 5), st.integers(0, 10**6), st.integers(1, 10**4))
def test_weights_are_the_minimum_on_the_simplex(n, seed, rows):
    """Against a general solver of the problem in the module's equation."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, n))
    S = A @ A.T + 0.1 * np.eye(n)
    rolling = replace(errors_of(S, origins=200, seed=seed), rows=rows)
    S = rolling.moments(1, 1)
    groups = ["prior"] + ["core"] * (n - 1)
    weights = weighed(rolling, groups).weights[0]
    assert (weights >= 0).all() and weights.sum() == pytest.approx(1)
    start = combination._start(np.diag(S), np.array(groups), HALF_PRIOR)
    few = rolling.count(1, 1)  # as many as rows, or origins
    assert few <= rows
    pull = combination.SHRINKAGE / few * (1 + 2 * n / few) * (start @ S @ start)

    def cost(w):
        return w @ S @ w + pull * ((w - start) ** 2).sum()

    sums_to_one = {"type": "eq", "fun": lambda w: w.sum() - 1}
    best = minimize(cost, start, bounds=[(0, 1)] * n, constraints=sums_to_one, method="SLSQP")
    assert cost(weights) <= best.fun * (1 + 1e-4) + 1e-12


@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
def test_weights_have_no_unit(factor):
    S = np.array([[1.0, 0.2, 0.1], [0.2, 2.0, 0.3], [0.1, 0.3, 1.5]])
    found = weighed(errors_of(S * factor**2), ["prior", "core", "network"]).weights
    plain = weighed(errors_of(S), ["prior", "core", "network"]).weights
    np.testing.assert_allclose(found, plain, atol=1e-9)


def test_each_band_of_lead_times_has_its_own_weights():
    errors = errors_of(np.eye(2), origins=400, steps=6).errors
    errors[0, :, 0] *= 0.01  # the first is better one step ahead, the second later
    errors[1, :, 4:] *= 0.01
    found = weighed(RollingErrors(np.arange(400), errors, 10**6), ["prior", "core"], 6)
    assert found.last == (1, 4)
    assert found.weights[0, 0] > 0.99 and found.weights[2, 1] > 0.99
    assert found.weights[1] == pytest.approx([0.5, 0.5], abs=0.1)
    assert found.weights_of(6)[:, 0] == pytest.approx(found.weights[[0, 1, 1, 1, 2, 2], 0])


def test_a_model_that_diverges_has_no_weight():
    errors = errors_of(np.eye(3), origins=50).errors
    errors[2, 7, 0] = -np.inf
    found = weighed(RollingErrors(np.arange(50), errors, 50), ["prior", "core", "network"])
    assert found.weights[0, 2] == 0 and found.weights.sum() == pytest.approx(1)


def test_errors_beyond_the_end_have_no_part():
    truth = np.arange(10.0)
    models = [Known(truth, np.full(10, e)) for e in (1.0, -2.0)]
    rolling = RollingErrors.of(models, truth, 6, 3)
    assert list(rolling.origins) == [6, 7, 8, 9] and rolling.rows == 4
    unknown = np.isnan(rolling.errors[0])
    assert unknown.tolist() == [
        [False] * 3,
        [False] * 3,
        [False, False, True],
        [False, True, True],
    ]
    np.testing.assert_allclose(rolling.moments(1, 3), [[1, -2], [-2, 4]])


@pytest.mark.parametrize("lead", [1, 5, 20])
def test_errors_that_overlap_are_worth_what_bartlett_says(lead):
    """Of a random walk they are sums of `lead` shocks, of a known signal in noise one each."""
    rows = 5000
    shocks = np.random.default_rng(lead).normal(size=(2, rows + lead))
    sums = np.sum([shocks[:, j : rows + j] for j in range(lead)], axis=0)
    walk, noise = (
        RollingErrors(np.arange(rows), np.repeat(one[:, :rows, None], lead, axis=2), rows)
        for one in (sums, shocks)
    )
    rho = 1 - np.arange(1, lead) / lead
    expected = rows / (1 + 2 * np.sum(rho**2))
    assert walk.count(lead, lead) == pytest.approx(expected, rel=0.1)
    assert noise.count(lead, lead) == pytest.approx(rows, rel=0.02)


def test_the_errors_are_worth_at_least_what_does_not_overlap_and_at_most_one_a_row():
    constant = RollingErrors(np.arange(60), np.ones((2, 60, 12)), 60)
    assert constant.count(12, 12) == 60 / 12
    assert replace(constant, rows=3).count(1, 1) == 3
    diverged = replace(constant, errors=np.full((2, 60, 12), np.inf))
    assert diverged.count(5, 12) == 60 / 8.5
    assert RollingErrors(np.arange(0), np.empty((2, 0, 3)), 0).count(1, 3) == 0.5


def test_on_a_sine_in_noise_the_worse_model_has_little_weight_far_ahead():
    """The core errs by the noise alone; the prior by a sine as large besides.

    Of 96 rows two forecasts of 37 to 50 steps do not overlap, and yet all of them tell it.
    """
    rows, steps, period = 96, 50, 25
    at = np.arange(rows)[:, None] + np.arange(steps)
    sine = np.sqrt(2) * np.sin(2 * np.pi * at / period)
    shares, ratios = [], []
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(size=rows + steps)[at]
        errors = np.where(at < rows, [noise + sine, noise], np.nan)
        rolling = RollingErrors(np.arange(rows), errors, rows)
        far = weighed(rolling, ["prior", "core"], steps).weights[-1]
        shares.append(far[0])
        ratios.append(np.hypot(far[0], 1))  # what it errs by, over what the core does
    assert np.mean(shares) < 0.27
    assert np.mean(ratios) < 1.035


def test_the_fewer_rows_for_many_models_the_closer_to_the_start(untempered):
    """At n rows and K models the pull is that of plain shrinkage at n / (1 + 2 K / n)."""
    S = np.diag([1.0, 2.0, 3.0])
    groups = ["prior", "core", "core"]
    few = replace(errors_of(S), rows=6)
    start = combination._start(np.diag(S), np.array(groups), HALF_PRIOR)
    plain = np.full(3, combination.SHRINKAGE / (6 / (1 + 2 * 3 / 6)))
    expected = combination.least_squares_weights(S, start, plain)
    np.testing.assert_allclose(weighed(few, groups).weights[0], expected, atol=1e-9)


def test_a_combination_is_the_weighted_mean_of_its_models():
    truth = np.arange(20.0)
    models = (Known(truth, np.ones(20), "a"), Known(truth, -2 * np.ones(20), "b"))
    weights = np.array([[0.25, 0.75], [0.5, 0.5]])
    both = Combination(models, (1,), weights, ("prior", "core"))
    found = both.forecast(truth, np.array([5, 9]), 3)
    expected = np.array([[5, 6, 7], [9, 10, 11]]) - np.array([1.25, 0.5, 0.5])
    np.testing.assert_allclose(found, expected)
    assert both.shares(3) == pytest.approx({"b": 1.75 / 3, "a": 1.25 / 3})
    assert list(both.shares(3)) == ["b", "a"]
    np.testing.assert_allclose(both.part("core").forecast(truth, np.array([5]), 2), [[3, 4]])
    assert both.strongest("core") is models[1] and both.strongest("network") is None
    other = replace(models[1], name="c")
    assert both.replaced("core", other).components == (models[0], other)


def test_a_forecast_that_is_not_finite_leaves_its_weight_to_the_others():
    truth, broken = np.arange(20.0), np.zeros(20)
    broken[6] = np.inf
    models = (Known(truth, np.ones(20)), Known(truth, broken))
    both = Combination(models, (), np.array([[0.5, 0.5]]), ("prior", "network"))
    np.testing.assert_allclose(both.forecast(truth, np.array([5]), 3), [[5.5, 7, 7.5]])


def test_origins_are_spaced_evenly_and_end_before_the_last_value():
    assert list(rolling_origins(3, 6)) == [3, 4, 5]
    many = rolling_origins(100, 2100)
    assert len(many) == MAX_ORIGINS and many[0] == 100 and many[-1] == 2099
    ahead = values_ahead(np.arange(5.0), np.array([3, 4]), 3)
    np.testing.assert_array_equal(ahead, [[3, 4, np.nan], [4, np.nan, np.nan]])


def test_others_forecast_where_the_only_model_with_a_weight_diverges():
    truth = np.ones(9)
    models = [Known(truth, error * truth) for error in (np.nan, 1.0, 3.0)]
    one = Combination(
        tuple(models), (), np.array([[1.0, 0.0, 0.0]]), ("network", "core", "core")
    )
    np.testing.assert_allclose(one.forecast(truth, np.array([2, 3]), 2), 3.0)


def test_a_remembered_model_is_asked_once_for_the_same():
    asked = []

    class Counting(Known):
        def forecast(self, values, origins, steps):
            asked.append(steps)
            return super().forecast(values, origins, steps)

    truth, origins = np.arange(20.0), np.array([5, 9])
    models = (Counting(truth, np.ones(20), "a"), Counting(truth, -np.ones(20), "b"))
    both = Combination(models, (), np.array([[0.25, 0.75]]), ("prior", "core"))
    once = both.remembered()
    np.testing.assert_array_equal(
        once.forecast(truth, origins, 3), both.forecast(truth, origins, 3)
    )
    asked.clear()
    for group in ("prior", "core"):
        found = once.part(group).forecast(truth, origins, 3)
        assert not asked
        np.testing.assert_array_equal(found, both.part(group).forecast(truth, origins, 3))
        asked.clear()
    once.forecast(truth, origins[:1], 3)
    once.forecast(truth, origins[:1], 2)
    assert asked == [3, 3, 2, 2]


def three(variances, rows, seed=0):
    """Rolling errors of a prior, a core and a network with independent errors."""
    rng = np.random.default_rng(seed)
    errors = np.sqrt(variances)[:, None, None] * rng.normal(size=(3, rows, 1))
    return RollingErrors(np.arange(rows), errors, rows), ("prior", "core", "network")


def test_many_series_together_believe_in_a_network_that_one_alone_does_not():
    variances = [1.0, 1.0, 0.25]
    each = [three(variances, 20, seed) for seed in range(60)]
    alone = pooled_shares(each[:1], 1)[0]
    together = pooled_shares(each, 1)[0]
    assert alone["network"] < 0.5 < together["network"] < 0.8
    assert sum(together.values()) == pytest.approx(1)
    best = 1 / np.array(variances) / np.sum(1 / np.array(variances))
    assert together["network"] == pytest.approx(best[2], abs=0.06)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_unit_of_a_series_plays_no_part_in_what_they_have_in_common(unit):
    one, two = three([1.0, 2.0, 4.0], 40), three([2.0, 1.0, 4.0], 40, 1)
    scaled = RollingErrors(two[0].origins, two[0].errors * unit, two[0].rows), two[1]
    plain = pooled_shares([one, two], 1)
    assert pooled_shares([one, scaled], 1)[0] == pytest.approx(plain[0])


def test_a_series_without_a_network_says_nothing_about_networks():
    each = [three([1.0, 1.0, 0.25], 20, seed) for seed in range(60)]
    rolling, _ = three([1.0, 1.0, 1.0], 20)
    short = RollingErrors(rolling.origins, rolling.errors[:2], rolling.rows), ("prior", "core")
    assert pooled_shares([*each, short], 1) == pooled_shares(each, 1)


def test_without_errors_the_shares_are_the_start():
    nothing = RollingErrors(np.arange(0), np.empty((2, 0, 1)), 0), ("prior", "core")
    assert pooled_shares([nothing], 1) == [HALF_PRIOR]


def test_weights_start_from_the_shares_that_are_given(strongly_shrunk):
    rolling, groups = three([1.0, 1.0, 1.0], 2)
    models = [Known(np.zeros(5), np.zeros(5), name) for name in groups]
    shares = [{"prior": 0.2, "core": 0.1, "network": 0.7}]
    given = combine(rolling, models, groups, 1, shares=shares).weights[0]
    assert given[2] == pytest.approx(0.7, abs=0.01)
