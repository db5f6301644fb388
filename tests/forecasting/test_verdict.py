"""The verdict: true to the numbers, and clear when a baseline wins."""

import dataclasses
import math

import numpy as np
import pytest
from made_models import untrained, waves, with_margins

from throughtime.forecasting import verdict


def make_backtest(errors, level=0.9, margins=None, targets=("y",)):
    """A backtest in which each method is off by its error at every lead time."""
    truth = np.random.default_rng(0).normal(size=(40, 5, len(targets)))
    forecasts = {name: truth + error for name, error in errors.items()}
    margins = np.full((5, len(targets)), 1.0) if margins is None else margins
    return with_margins(truth, forecasts, margins, level, 11, targets)


@pytest.fixture(scope="module")
def model():
    return untrained(waves(filled=3))


def sentences_and_notes(model, backtest):
    notes = verdict.notes(model, backtest, [])
    return " ".join(verdict.sentences(backtest)), " ".join(notes)


def test_the_verdict_says_by_how_much_the_network_wins(model):
    backtest = make_backtest({"network": 0.3, "ridge autoregression": 0.4, "persistence": 2.0})
    text, _ = sentences_and_notes(model, backtest)
    assert "is 0.3000, 25 % lower than the 0.4000 of the best baseline, ridge" in text
    assert f"(NMSE) is {0.09 / backtest.truth[:, 0].var():#.4g}" in text
    assert "The 90 % prediction intervals contain 100 % of the values" in text
    assert "wider than necessary" in text and "baseline forecasts better" not in text


def test_the_verdict_says_when_a_baseline_wins(model):
    errors = {"network": 0.5, "ridge autoregression": 2.0, "seasonal persistence": 0.4}
    text, _ = sentences_and_notes(model, make_backtest(errors))
    assert "25 % higher than the 0.4000 of the best baseline, seasonal persistence" in text
    assert "(period 11): here the baseline forecasts better" in text
    text, _ = sentences_and_notes(model, make_backtest({"network": 2.0, "persistence": 0.4}))
    assert "5 times the 0.4000 of the best baseline" in text
    assert "no better than forecasting the mean" in text


def test_the_verdict_says_when_there_is_no_gain(model):
    text, _ = sentences_and_notes(model, make_backtest({"network": 0.4, "persistence": 0.401}))
    assert "within 0.5 % of the 0.4010 of" in text and "there is no gain" in text


def test_the_verdict_says_when_intervals_are_too_narrow_or_missing(model):
    errors = {"network": 0.3, "persistence": 0.4}
    margins = np.full((5, 1), 0.1)
    assert (
        "contain 0 % of the values in the test part: they are too narrow"
        in sentences_and_notes(model, make_backtest(errors, margins=margins))[0]
    )
    margins = np.array([[1.0], [1.0], [np.inf], [np.inf], [np.inf]])
    assert (
        "There are no intervals beyond lead time 2: the"
        in sentences_and_notes(model, make_backtest(errors, margins=margins))[1]
    )
    text, notes = sentences_and_notes(
        model, make_backtest(errors, margins=np.full((5, 1), np.inf))
    )
    assert "intervals" not in text and "There are no intervals: the" in notes


def test_the_verdict_reports_what_is_not_finite_or_not_known(model):
    text, _ = sentences_and_notes(model, make_backtest({"network": np.nan, "persistence": 1.0}))
    assert "not finite: do not use them" in text
    text, _ = sentences_and_notes(model, make_backtest({"network": 1.0, "persistence": np.inf}))
    assert "no baseline to compare it with" in text
    assert "held out" in sentences_and_notes(model, None)[0]
    assert (
        "3 missing values were filled in before training; they are excluded"
        in sentences_and_notes(model, None)[1]
    )


def test_the_verdict_names_each_target(model):
    backtest = make_backtest({"network": 0.3, "persistence": 0.4}, targets=("a", "b"))
    text, _ = sentences_and_notes(model, backtest)
    assert "RMSE for a is" in text and "RMSE for b is" in text and " for a, " in text


def test_numbers_read_well():
    assert [
        verdict.format_number(v) for v in (0.0, 41.3, 1234.5, 98765.4, -2.5e-7, math.nan)
    ] == [
        "0.000",
        "41.30",
        "1234",
        "98765",
        "-2.500e-07",
        "–",
    ]


def test_lead_times_at_which_a_baseline_wins_are_named(model):
    backtest = make_backtest({"network": 0.3, "persistence": 0.4, "ridge autoregression": 0.5})
    backtest.rmse["persistence"][:, 0] = [0.1, 0.5, 0.5, 0.5, 0.5]
    assert (
        "At lead time 1, a baseline has a lower error."
        in sentences_and_notes(model, backtest)[1]
    )
    backtest.rmse["ridge autoregression"][:, 0] = [0.5, 0.5, 0.2, 0.5, 0.5]
    assert (
        "At 2 of 5 lead times, starting with lead time 1, a baseline"
        in sentences_and_notes(model, backtest)[1]
    )


@pytest.mark.parametrize(
    "best, validated, still",
    [((9, 2), True, True), ((8, 2), True, False), ((9,), False, False)],
)
def test_a_training_that_should_go_on_is_noted(best, validated, still):
    notes = verdict.notes(untrained(waves(), best, validated), None, [])
    assert any("train for more epochs" in note for note in notes) is still


def test_the_key_figures_are_the_backtests(model):
    backtest = make_backtest({"network": 0.3, "persistence": 0.4, "ridge autoregression": 0.5})
    tiles = {
        tile.name: (tile.value, tile.detail) for tile in verdict.key_figures(model, backtest)
    }
    nmse = 0.09 / backtest.truth[:, 0].var()
    assert tiles == {
        "Mean RMSE, network": ("0.3000", ""),
        "Mean RMSE, baseline": ("0.4000", "persistence"),
        "Network against baseline": ("25 %", "lower error"),
        "One-step NMSE": (f"{nmse:#.4g}", ""),
        "Coverage": ("100 %", "nominal 90 %"),
        "Forecasts evaluated": ("40", "5 steps each"),
        # a GRU of 4 units on 1 input: 3 gates, the candidate's second bias, the readout
        "Parameters": (str(3 * 4 * (1 + 4 + 1) + 4 + 5), "in 1 network"),
        "Training": ("4.5 s", "9 epochs"),
    }
    assert [tile.name for tile in verdict.key_figures(model, None)] == [
        "Parameters",
        "Training",
    ]


def test_each_target_has_a_row():
    errors = {"network": 0.4, "persistence": 0.2}
    margins = np.array([[1.0, np.inf]]).repeat(5, axis=0)
    first, second = verdict.target_rows(
        make_backtest(errors, margins=margins, targets=("a", "b"))
    )
    assert first[:6] == ("a", "0.4000", "0.2000", "persistence", "100 %", "higher error")
    assert (first.coverage, second.coverage) == ("100 %", "–")
    (alone,) = verdict.target_rows(make_backtest({"network": 0.4}))
    assert alone[2:6] == ("–", "none", "–", "")
    assert verdict.target_rows(None) == []


def test_series_that_were_not_evaluated_are_counted(model):
    backtest = dataclasses.replace(
        make_backtest({"network": 1.0, "persistence": 2.0}), series_counts=(2, 5)
    )
    assert (
        "Only 2 of the 5 series could be evaluated; the"
        in sentences_and_notes(model, backtest)[1]
    )
