"""Backtests: where forecasts begin, what is truth, and the errors by NumPy."""

import dataclasses
import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from made_models import with_margins

from throughtime.data.series import Series
from throughtime.forecasting.backtest import Backtest
from throughtime.forecasting.rolling_origins import RollingOrigins, check_truth
from throughtime.forecasting.scores import Panel
from throughtime.models.intervals import Intervals
from throughtime.stamps.time_axis import Times


def counted(n, inputs=1):
    """Row i holds i, and 1000 + i as its input."""
    rows = np.arange(float(n))[:, None]
    names = tuple(f"u{i}" for i in range(inputs))
    return Series(rows, ("y",), np.tile(rows + 1000, inputs), names, Times.count(n))


def make_backtest(origins=40, steps=7, targets=2, seed=0, **options):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(origins, steps, targets))
    forecasts = {
        name: truth + size * rng.normal(size=truth.shape)
        for name, size in (("network", 0.5), ("persistence", 1.0))
    }
    given = {"margins": np.full((steps, targets), 0.5), "level": 0.9, "period": 4, **options}
    names = tuple(f"y{i}" for i in range(targets))
    return with_margins(
        truth, forecasts, given["margins"], given["level"], given["period"], names
    )


def test_origins_by_hand():
    found = RollingOrigins.between(counted(10), 6, 9, context=3, steps=2, complete=True)
    np.testing.assert_array_equal(found.contexts[..., 0], [[3, 4, 5], [4, 5, 6]])
    np.testing.assert_array_equal(found.truth[..., 0], [[6, 7], [7, 8]])
    known = [[1003, 1004, 1005, 1006, 1007], [1004, 1005, 1006, 1007, 1008]]
    np.testing.assert_array_equal(found.inputs[..., 0], known)
    assert len(found) == 2


def test_the_truth_ends_with_its_part():
    """Row 9 exists, but it belongs to another part; inputs are known ahead."""
    found = RollingOrigins.between(counted(10), 6, 9, context=3, steps=3, complete=False)
    np.testing.assert_array_equal(found.contexts[:, -1, 0], [5, 6, 7])
    nan = np.nan
    np.testing.assert_array_equal(found.truth[..., 0], [[6, 7, 8], [7, 8, nan], [8, nan, nan]])
    ahead = [[1006, 1007, 1008], [1007, 1008, 1009], [1008, 1009, 1009]]
    np.testing.assert_array_equal(found.inputs[:, 3:, 0], ahead)


def test_origins_without_enough_context_do_not_count():
    found = RollingOrigins.between(counted(10), 0, 10, context=4, steps=2, complete=True)
    np.testing.assert_array_equal(found.contexts[:, 0, 0], np.arange(5))
    assert not len(
        RollingOrigins.between(counted(10), 8, 10, context=3, steps=3, complete=True)
    )
    both = [RollingOrigins.between(counted(n), 0, n, 3, 5, True) for n in (10, 6)]
    assert [len(part) for part in both] == [3, 0]
    assert sum(map(len, both)) == 3


@given(
    n=st.integers(1, 30), data=st.data(), context=st.integers(1, 6), steps=st.integers(1, 6),
    complete=st.booleans(),
)  # fmt: skip
def test_every_origin_of_a_part_once_and_no_truth_beyond_it(n, data, context, steps, complete):
    first = data.draw(st.integers(0, n))
    end = data.draw(st.integers(first, n))
    found = RollingOrigins.between(counted(n), first, end, context, steps, complete)
    longest = steps if complete else 1
    wanted = [s for s in range(first, end) if s >= context and s + longest <= end]
    assert len(found) == len(wanted)
    for i, s in enumerate(wanted):
        np.testing.assert_array_equal(found.contexts[i, :, 0], np.arange(s - context, s))
        for k in range(steps):
            truth = found.truth[i, k, 0]
            assert truth == s + k if s + k < end else np.isnan(truth)
            assert found.inputs[i, context + k, 0] == 1000 + min(s + k, n - 1)
    assert found.inputs.shape == (len(wanted), context + steps, 1)


def test_errors_are_numpys():
    found = make_backtest()
    assert (found.origins, found.steps) == (40, 7)
    for name, forecast in found.forecasts.items():
        for k in range(7):
            for i in range(2):
                error = forecast[:, k, i] - found.truth[:, k, i]
                assert found.rmse[name][k, i] == pytest.approx(np.sqrt(np.mean(error**2)))
                assert found.mae[name][k, i] == pytest.approx(np.mean(np.abs(error)))
                inside = np.mean(np.abs(error) <= 0.5)
                assert name != "network" or found.coverage[k, i] == pytest.approx(inside)
        for lead in (1, 7):
            error = forecast[:, lead - 1] - found.truth[:, lead - 1]
            nmse = np.mean(error**2, axis=0) / np.var(found.truth[:, lead - 1], axis=0)
            np.testing.assert_allclose(found.nmse(name, lead), nmse)
    assert found.mean_coverage() == pytest.approx(found.coverage.mean())


def test_a_perfect_forecast_and_the_mean():
    truth = np.random.default_rng(0).normal(size=(30, 2, 1))
    mean = np.broadcast_to(truth.mean(axis=0), truth.shape)
    margins = np.zeros((2, 1))
    found = with_margins(truth, {"network": truth, "mean": mean}, margins, 0.9, None, ("y",))
    assert not found.rmse["network"].any() and (found.coverage == 1).all()
    np.testing.assert_allclose(found.nmse("mean"), 1)


def test_an_infinite_interval_covers_nothing_that_counts():
    margins = np.full((7, 2), 0.5)
    margins[3:] = np.inf
    found = make_backtest(margins=margins)
    assert np.isnan(found.coverage[3:]).all() and np.isfinite(found.coverage[:3]).all()
    assert found.mean_coverage() == pytest.approx(found.coverage[:3].mean())
    assert np.isnan(make_backtest(margins=np.full((7, 2), np.inf)).mean_coverage())


def test_a_forecast_that_is_nan_is_not_inside():
    truth = np.zeros((4, 1, 1))
    forecast = np.array([0.0, np.nan, 0.0, np.inf])[:, None, None]
    found = with_margins(truth, {"network": forecast}, np.ones((1, 1)), 0.9, None, ("y",))
    assert found.coverage.item() == 0.5
    assert not np.isfinite(found.rmse["network"].item()), "nor is it left out of the error"


@pytest.mark.parametrize(
    ("steps", "shown"),
    [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (7, [1, 2, 5, 7]), (20, [1, 2, 5, 10, 20]),
     (130, [1, 2, 5, 10, 20, 50, 100, 130])],
)  # fmt: skip
def test_leads(steps, shown):
    assert make_backtest(origins=2, steps=steps, targets=1).selected_lead_times() == shown


@pytest.mark.parametrize("target", [0, 1])
def test_the_table_holds_the_errors(target):
    found = make_backtest()
    at_leads, over_all = found.table(target).split("\n\n")
    lines = at_leads.splitlines()
    assert lines[0].split() == ["RMSE", "at", "lead", "time", "1", "2", "5", "7"]
    assert set(lines[1]) == {"-"} and len({len(line) for line in lines}) == 1
    for line, (name, errors) in zip(lines[2:], found.rmse.items(), strict=True):
        assert line.split() == [name, *(f"{v:.4g}" for v in errors[[0, 1, 4, 6], target])]
    lines = over_all.splitlines()
    assert len({len(line) for line in lines}) == 1
    for line, name in zip(lines[2:], found.rmse, strict=True):
        means = found.rmse[name][:, target].mean(), found.mae[name][:, target].mean()
        assert line.split()[:3] == [name, *(f"{v:.4g}" for v in means)]
    inside = f"{100 * found.scores['network'].coverage[target]:.0f}"
    assert lines[2].split()[5:7] == [inside, "%"] and lines[3].split()[-1] == "-"


def two_series(factor=1000.0, origins=30, steps=3):
    """The same forecasts of two series, one of which has `factor` times the size."""
    rng = np.random.default_rng(3)
    truth, error = rng.normal(size=(2, origins, steps, 1))
    truth, error = (np.concatenate([v, factor * v]) for v in (truth, error))
    panel = Panel(("a", "b"), np.repeat([0, 1], origins), np.array([[0.5], [0.5 * factor]]))
    forecast = truth + error
    margins = np.where(panel.of_origin == 0, 1.0, factor)[:, None, None]
    around = Intervals((0.9,), forecast, (forecast - margins)[None], (forecast + margins)[None])
    return Backtest.from_forecasts(
        truth, {"network": forecast}, {"network": around}, 0.9, None, ("y",), (2, 2), panel
    )


def test_no_series_outweighs_the_others_by_its_unit():
    found = two_series()
    alone = found.by_series()
    assert found.relative and list(alone) == ["a", "b"] and not alone["a"].relative
    for name, unit in (("a", 0.5), ("b", 500.0)):
        np.testing.assert_allclose(alone[name].rmse["network"], unit * found.rmse["network"])
        np.testing.assert_allclose(alone[name].coverage, found.coverage)
        np.testing.assert_allclose(alone[name].nmse(), found.nmse())
        mine = alone[name].scores["network"]
        np.testing.assert_allclose(mine.mase, found.scores["network"].mase)
        np.testing.assert_allclose(mine.winkler, unit * found.scores["network"].winkler)
    assert set(strict(found)["series"]) == {"a", "b"}
    assert "RMSE (in naive errors)" in found.table()


def test_a_series_without_a_unit_is_in_no_pooled_figure():
    """It stood still, then moved: its errors say nothing of the others."""
    found, other = two_series(), two_series(factor=1e9)
    panel = replace(found.panel, units=found.panel.units * [[1], [0]])
    still = Backtest.from_forecasts(
        other.truth, other.forecasts, other.intervals, 0.9, None, ("y",), (2, 2), panel
    )
    alone = found.by_series()["a"]
    np.testing.assert_allclose(still.rmse["network"], alone.rmse["network"] / 0.5)
    np.testing.assert_allclose(still.coverage, alone.coverage)
    np.testing.assert_allclose(still.nmse(), alone.nmse())
    for mine, its in zip(still.scores.values(), alone.scores.values(), strict=True):
        np.testing.assert_allclose(mine.mase, its.mase)
        np.testing.assert_allclose(mine.winkler, its.winkler / 0.5)
    assert panel.without_unit() == ["b"]
    assert np.isfinite(still.by_series()["b"].rmse["network"]).all()
    assert strict(still)["series"]["b"]["scores"]["mase"] == [None]


def test_a_lead_time_that_was_never_measured_in_one_series_warns_of_nothing():
    found = two_series()
    truth = np.where(found.panel.of_origin[:, None, None] * np.array([0, 1, 0])[:, None],
                     np.nan, found.truth)  # fmt: skip
    gaps = Backtest.from_forecasts(
        truth, found.forecasts, found.intervals, 0.9, None, ("y",), (2, 2), found.panel
    )
    alone = gaps.by_series()["b"]
    assert np.isnan(alone.rmse["network"]).ravel().tolist() == [False, True, False]
    assert np.isfinite(gaps.rmse["network"]).all()
    assert np.isnan(alone.nmse(lead=2)).all()


def strict(found):
    def refuse(text):
        raise AssertionError(f"{text} is not JSON")

    return json.loads(json.dumps(found.to_json()), parse_constant=refuse)


def test_to_json():
    found = make_backtest()
    plain = strict(found)
    assert (plain["origins"], plain["steps"], plain["period"]) == (40, 7, 4)
    assert plain["targets"] == ["y0", "y1"] and plain["level"] == 0.9
    for name in found.forecasts:
        np.testing.assert_array_equal(plain["rmse"][name], found.rmse[name])
        np.testing.assert_array_equal(plain["mae"][name], found.mae[name])
        np.testing.assert_array_equal(plain["nmse_one_step"][name], found.nmse(name))
    np.testing.assert_array_equal(plain["coverage"], found.coverage)


def test_json_knows_no_nan():
    """Not for intervals that are infinite, a single origin, or a forecast that diverged."""
    assert (
        strict(make_backtest(margins=np.full((7, 2), np.inf)))["coverage"] == [[None] * 2] * 7
    )
    single = make_backtest(origins=1)
    assert np.isnan(single.nmse()).all()
    assert strict(single)["nmse_one_step"]["network"] == [None, None]
    truth = np.random.default_rng(0).normal(size=(3, 1, 1))
    wild = {"network": np.full((3, 1, 1), np.inf)}
    found = with_margins(truth, wild, np.ones((1, 1)), 0.9, None, ("y",))
    assert strict(found)["rmse"]["network"] == [[None]]


def test_what_was_filled_is_no_truth_and_no_origin():
    series = counted(10)
    flags = np.zeros((10, 1), bool)
    flags[[5, 8]] = True
    filled = dataclasses.replace(series, filled_at=flags)
    found = RollingOrigins.between(filled, 5, 10, context=3, steps=2, complete=True)
    nan = np.nan
    by_hand = [[nan, 6], [nan, nan], [7, nan], [nan, 9]]
    np.testing.assert_array_equal(found.truth[..., 0], by_hand)
    assert (len(found), found.evaluated_count) == (4, 3)
    check_truth(found.truth)
    with refuses("measured values at each lead time; got only filled ones at lead time 1."):
        check_truth(
            RollingOrigins.between(filled, 5, 7, context=3, steps=1, complete=True).truth
        )


def test_unknown_truth_counts_nowhere():
    truth = np.random.default_rng(0).normal(size=(30, 2, 1))
    margins = np.ones((2, 1))
    forecasts = {"network": truth + 0.5, "persistence": truth * 2}
    gaps = truth.copy()
    gaps[::3, 0], gaps[4] = np.nan, np.nan
    found = with_margins(gaps, forecasts, margins, 0.9, None, ("y",))
    kept = ~np.isnan(gaps[:, 0, 0])
    few = {name: forecast[kept] for name, forecast in forecasts.items()}
    other = with_margins(truth[kept], few, margins, 0.9, None, ("y",))
    for name in forecasts:
        np.testing.assert_allclose(found.rmse[name][0], other.rmse[name][0])
        np.testing.assert_allclose(found.mae[name][0], other.mae[name][0])
        np.testing.assert_allclose(found.nmse(name), other.nmse(name))
    assert (found.coverage == 1).all() and found.origins == 29
