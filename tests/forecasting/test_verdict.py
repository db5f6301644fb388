"""The verdict: true to the numbers, and honest when a baseline wins."""

import dataclasses
import math

import numpy as np
import pytest
from made_models import untrained, waves

from throughtime.forecasting import verdict
from throughtime.forecasting.backtest import Backtest


def judged(errors, level=0.9, margins=None, targets=("y",)):
    """A backtest in which each method is off by its error at every lead time."""
    truth = np.random.default_rng(0).normal(size=(40, 5, len(targets)))
    forecasts = {name: truth + error for name, error in errors.items()}
    margins = np.full((5, len(targets)), 1.0) if margins is None else margins
    return Backtest.judge(truth, forecasts, margins, level, 11, targets)


@pytest.fixture(scope="module")
def model():
    return untrained(waves(filled=3))


def told(model, backtest):
    notes = verdict.notes(model, backtest, [])
    return " ".join(verdict.sentences(backtest)), " ".join(notes)


def test_the_verdict_says_by_how_much_the_network_wins(model):
    backtest = judged({"network": 0.3, "ridge autoregression": 0.4, "persistence": 2.0})
    text, _ = told(model, backtest)
    assert "is 0.3000, 25 % lower than the 0.4000 of the best baseline, ridge" in text
    assert f"(NMSE) is {0.09 / backtest.truth[:, 0].var():#.4g}" in text
    assert "asked to hold 90 % of the values and held 100 %" in text
    assert "wider than need be" in text and "baseline forecasts better" not in text


def test_the_verdict_says_when_a_baseline_wins(model):
    errors = {"network": 0.5, "ridge autoregression": 2.0, "seasonal persistence": 0.4}
    text, _ = told(model, judged(errors))
    assert "25 % higher than the 0.4000 of the best baseline, seasonal persistence" in text
    assert "(period 11): here the baseline forecasts better" in text
    text, _ = told(model, judged({"network": 2.0, "persistence": 0.4}))
    assert "5 times the 0.4000 of the best baseline" in text
    assert "worse than forecasting the mean" in text


def test_the_verdict_says_when_there_is_no_gain(model):
    text, _ = told(model, judged({"network": 0.4, "persistence": 0.401}))
    assert "the same as" in text and "no gain" in text


def test_the_verdict_says_when_intervals_are_too_narrow_or_missing(model):
    errors = {"network": 0.3, "persistence": 0.4}
    margins = np.full((5, 1), 0.1)
    assert (
        "held 0 % of those in the test part: they are too narrow"
        in told(model, judged(errors, margins=margins))[0]
    )
    margins = np.array([[1.0], [1.0], [np.inf], [np.inf], [np.inf]])
    assert "No interval beyond lead time 2" in told(model, judged(errors, margins=margins))[1]
    text, notes = told(model, judged(errors, margins=np.full((5, 1), np.inf)))
    assert "The intervals" not in text and "No intervals:" in notes


def test_the_verdict_tells_what_is_not_finite_or_not_known(model):
    text, _ = told(model, judged({"network": np.nan, "persistence": 1.0}))
    assert "not finite: do not use them" in text
    text, _ = told(model, judged({"network": 1.0, "persistence": np.inf}))
    assert "no baseline to compare it with" in text
    assert "held out" in told(model, None)[0]
    assert "3 missing values were filled" in told(model, None)[1]


def test_the_verdict_names_each_target(model):
    backtest = judged({"network": 0.3, "persistence": 0.4}, targets=("a", "b"))
    text, _ = told(model, backtest)
    assert "RMSE for a," in text and "RMSE for b," in text and " for a, " in text


def test_numbers_read_well():
    assert [verdict.number(v) for v in (0.0, 41.3, 1234.5, 98765.4, -2.5e-7, math.nan)] == [
        "0.000",
        "41.30",
        "1234",
        "98765",
        "-2.500e-07",
        "–",
    ]


def test_lead_times_at_which_a_baseline_wins_are_named(model):
    backtest = judged({"network": 0.3, "persistence": 0.4, "ridge autoregression": 0.5})
    backtest.rmse["persistence"][:, 0] = [0.1, 0.5, 0.5, 0.5, 0.5]
    assert (
        "At 1 of 5 lead times (1) a baseline has the lower error." in told(model, backtest)[1]
    )
    backtest.rmse["ridge autoregression"][:, 0] = [0.5, 0.5, 0.2, 0.5, 0.5]
    assert "At 2 of 5 lead times (the first is 1) a" in told(model, backtest)[1]


@pytest.mark.parametrize(
    "best, validated, still",
    [((9, 2), True, True), ((8, 2), True, False), ((9,), False, False)],
)
def test_a_training_that_should_go_on_is_noted(best, validated, still):
    notes = verdict.notes(untrained(waves(), best, validated), None, [])
    assert any("train for longer" in note for note in notes) is still


def test_the_key_figures_are_the_backtests(model):
    backtest = judged({"network": 0.3, "persistence": 0.4, "ridge autoregression": 0.5})
    tiles = {
        tile.name: (tile.value, tile.unit) for tile in verdict.key_figures(model, backtest)
    }
    nmse = 0.09 / backtest.truth[:, 0].var()
    assert tiles == {
        "Mean RMSE, network": ("0.3000", ""),
        "Best baseline": ("0.4000", "persistence"),
        "Network against it": ("25 %", "lower error"),
        "One-step NMSE": (f"{nmse:#.4g}", ""),
        "Coverage": ("100 %", "90 % asked"),
        "Forecasts judged": ("40", "5 steps"),
        # a GRU of 4 units on 1 input: 3 gates, the candidate's second bias, the readout
        "Parameters": (str(3 * 4 * (1 + 4 + 1) + 4 + 5), "1 network"),
        "Training": ("4.5 s", "9 epochs"),
    }
    assert [tile.name for tile in verdict.key_figures(model, None)] == [
        "Parameters",
        "Training",
    ]


def test_each_target_has_a_row():
    errors = {"network": 0.4, "persistence": 0.2}
    margins = np.array([[1.0, np.inf]]).repeat(5, axis=0)
    first, second = verdict.target_rows(judged(errors, margins=margins, targets=("a", "b")))
    assert first[:6] == ("a", "0.4000", "0.2000", "persistence", "100 %", "higher error")
    assert (first.coverage, second.coverage) == ("100 %", "none")
    (alone,) = verdict.target_rows(judged({"network": 0.4}))
    assert alone[2:6] == ("–", "none", "–", "")
    assert verdict.target_rows(None) == []


def test_series_that_were_not_judged_are_told(model):
    backtest = dataclasses.replace(judged({"network": 1.0, "persistence": 2.0}), series=(2, 5))
    assert "Only 2 of the 5 series could be judged" in told(model, backtest)[1]
