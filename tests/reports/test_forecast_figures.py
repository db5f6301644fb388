"""Figures: what they show, and that each is light and well-formed at both widths."""

import dataclasses
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from made_models import with_margins
from pages import HOSTILE, SVG, lines, texts

from throughtime.data.series import Series
from throughtime.data.split import Split
from throughtime.forecasting.forecast import Forecast
from throughtime.reports import error_figures, figure_style, forecast_figures, general_figures
from throughtime.stamps.time_axis import Times
from throughtime.training.history import Row


def make_series(n=120, name="y"):
    rows = np.arange(n)
    values = np.sin(rows / 3)[:, None] + 0.001 * rows[:, None]
    return Series(values, (name,), np.empty((n, 0)), (), Times.count(n), "made")


def make_backtest(series, steps=6, origins=15, margins=None, name="y"):
    """Forecasts that are wrong by a known amount, of the end of a series."""
    n = len(series)
    first = n - steps - origins + 1
    rows = first + np.arange(origins)[:, None] + np.arange(steps)
    truth = series.targets[rows]
    shift = 0.1 * np.arange(1, steps + 1)[:, None]
    forecasts = {
        "network": truth + shift,
        "ridge autoregression": truth - 2 * shift,
        "persistence": truth + 3 * shift,
        "seasonal persistence": truth + 4 * shift,
    }
    margins = np.full((steps, 1), 0.35) if margins is None else margins
    return with_margins(truth, forecasts, margins, 0.9, 19, (name,))


def make_history(members=2, epochs=8, validated=True):
    return [
        Row(m, e, 1 / e, 2 / e if validated else math.nan, 1.0, 1.0, 0.1 * e)
        for e in range(1, epochs + 1)
        for m in range(members)
    ]


def make_forecast(series, steps=6, margin=0.2, name="y"):
    mean = np.zeros((steps, 1))
    wide = np.full((steps, 1), margin)
    times = series.times.after(steps)
    return Forecast(mean, mean - wide, mean + wide, times, (name,), 0.9, "made")


def every_figure(name="y", width=figure_style.WIDE):
    series = make_series(name=name)
    backtest = make_backtest(series, name=name)
    return {
        "split": forecast_figures.series_split(series, Split(80, 95, 120), width=width),
        "truth": forecast_figures.forecast_and_truth(backtest, series[:114], width=width),
        "beyond": forecast_figures.forecast_beyond_data(
            make_forecast(series, name=name), series, width=width
        ),
        "lead": error_figures.error_by_lead_time(backtest, width=width),
        "training": general_figures.training_losses(make_history(), (8, 7), width=width),
        "coverage": error_figures.interval_coverage(backtest, width=width),
        "one": forecast_figures.one_step_predictions(
            backtest, series.times[100:115], width=width
        ),
    }


@pytest.mark.parametrize("width", [figure_style.WIDE, figure_style.NARROW])
def test_every_figure_is_light_well_formed_svg(width):
    for name, figure in every_figure(width=width).items():
        svg = figure_style.to_svg(figure)
        root = ET.fromstring(svg)
        assert svg.startswith("<svg") and len(svg) < 40_000, name
        assert root.get("width") == "100%" and root.get("height") is None
        assert root.get("viewBox").split()[2] == str(width)
        assert len(root.find(f"{SVG}title").text) > 5
        assert len(root.find(f"{SVG}desc").text) > 5
        assert texts(svg) and "DejaVu" not in svg and "<style" not in svg


def test_names_are_only_text():
    for figure in every_figure(name=HOSTILE).values():
        svg = figure_style.to_svg(figure)
        ET.fromstring(svg)
        assert "<script" not in svg
    split = forecast_figures.series_split(make_series(name="a $b$ & <c>"), Split(80, 95, 120))
    assert "a $b$ & <c>" in texts(figure_style.to_svg(split))


def test_the_parts_join_and_hold_every_row():
    figure = forecast_figures.series_split(make_series(), Split(80, 95, 120))
    parts = lines(figure)
    assert list(parts) == ["training, 80 rows", "validation, 15 rows", "test, 25 rows"]
    series = make_series()
    np.testing.assert_array_equal(
        parts["training, 80 rows"].get_ydata(), series.targets[:80, 0]
    )
    assert parts["validation, 15 rows"].get_xdata()[0] == 79  # joined to the part before
    assert "test, 25 rows" in texts(figure_style.to_svg(figure))


def test_a_part_without_rows_is_left_out():
    figure = forecast_figures.series_split(make_series(), Split(120, 120, 120))
    assert list(lines(figure)) == ["training, 120 rows"]


def test_filled_values_have_rings():
    series = make_series()
    filled = np.zeros((120, 1), bool)
    filled[[7, 90, 91]] = True
    figure = forecast_figures.series_split(
        dataclasses.replace(series, filled_at=filled), Split(80, 95, 120)
    )
    rings = lines(figure)["filled, 3 rows"]
    np.testing.assert_array_equal(rings.get_ydata(), series.targets[[7, 90, 91], 0])


def test_long_series_stay_light():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20_000, 1))
    values[12_345] = 50
    series = Series(values, ("y",), np.empty((20_000, 0)), (), Times.count(20_000))
    svg = figure_style.to_svg(
        forecast_figures.series_split(series, Split(12_000, 16_000, 20_000))
    )
    assert len(svg) < 60_000


def test_forecast_and_truth_start_from_the_last_known_value():
    series = make_series()
    backtest = make_backtest(series)
    curves = lines(forecast_figures.forecast_and_truth(backtest, series[:114]))
    last = series.targets[113, 0]
    for name, line in curves.items():
        if name in ("network", "truth", "ridge autoregression", "seasonal, period 19"):
            assert line.get_ydata()[0] == last and line.get_xdata()[0] == 113
            assert len(line.get_ydata()) == 7
    np.testing.assert_allclose(curves["truth"].get_ydata()[1:], series.targets[114:, 0])
    np.testing.assert_allclose(
        curves["network"].get_ydata()[1:], backtest.forecasts["network"][-1, :, 0]
    )


def test_infinite_margins_are_not_drawn():
    series = make_series()
    none = np.full((6, 1), np.inf)
    some = none.copy()
    some[:3] = 0.2
    for margins, banded in [(none, False), (some, True)]:
        backtest = make_backtest(series, margins=margins)
        svg = figure_style.to_svg(forecast_figures.forecast_and_truth(backtest, series[:114]))
        assert ("90 % interval" in texts(svg)) is banded
        assert not re.search(r"\b(nan|inf)\b", svg)
        assert "no interval" in texts(
            figure_style.to_svg(error_figures.interval_coverage(backtest))
        )
    svg = figure_style.to_svg(
        forecast_figures.forecast_beyond_data(make_forecast(series, margin=np.inf), series)
    )
    assert "90 % interval" not in texts(svg) and not re.search(r"\b(nan|inf)\b", svg)


def test_a_forecast_that_runs_away_does_not_flatten_the_picture():
    series = make_series()
    backtest = make_backtest(series)
    backtest.forecasts["network"][-1, -1] = 1e9
    axes = forecast_figures.forecast_and_truth(backtest, series[:114]).axes[0]
    assert axes.get_ylim()[1] < 10


@pytest.mark.parametrize("steps, origins", [(1, 1), (1, 20), (40, 1)])
def test_the_smallest_backtests_are_drawn(steps, origins):
    series = make_series()
    backtest = make_backtest(series, steps, origins)
    first = 120 - steps - origins + 1
    for figure in (
        forecast_figures.forecast_and_truth(backtest, series[: 120 - steps]),
        error_figures.error_by_lead_time(backtest),
        error_figures.interval_coverage(backtest),
        forecast_figures.one_step_predictions(backtest, series.times[first : first + origins]),
        forecast_figures.forecast_beyond_data(make_forecast(series, steps)),
    ):
        ET.fromstring(figure_style.to_svg(figure))


def test_errors_are_those_of_the_backtest():
    backtest = make_backtest(make_series())
    curves = lines(error_figures.error_by_lead_time(backtest))
    np.testing.assert_array_equal(
        curves["ridge autoregression"].get_ydata(), backtest.rmse["ridge autoregression"][:, 0]
    )
    np.testing.assert_array_equal(curves["network"].get_xdata(), np.arange(1, 7))
    assert curves["network"].get_linewidth() > curves["persistence"].get_linewidth()


def test_coverage_is_in_per_cent_beside_the_level():
    backtest = make_backtest(make_series())  # errors 0.1 to 0.6, margins 0.35
    curves = lines(error_figures.interval_coverage(backtest))
    assert curves["empirical"].get_ydata().tolist() == [100, 100, 100, 0, 0, 0]
    assert curves["nominal, 90 %"].get_ydata()[0] == 90


@pytest.mark.parametrize("validated", [True, False])
def test_training_has_a_line_for_each_member_and_its_best_epoch(validated):
    figure = general_figures.training_losses(make_history(3, 8, validated), (8, 2, 5))
    drawn = figure.axes[0].get_lines()
    assert len(drawn) == 3 * (3 if validated else 2)
    dots = sorted(
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in drawn
        if len(line.get_xdata()) == 1
    )
    best = 2 if validated else 1
    np.testing.assert_allclose(dots, [(2, best / 2), (5, best / 5), (8, best / 8)])
    assert figure.axes[0].get_yscale() == "log"


def test_losses_that_are_not_positive_have_a_linear_axis():
    history = [Row(0, e, 1.0 - e, -e / 2, 1.0, 1.0, 1.0) for e in (1, 2, 3)]
    assert general_figures.training_losses(history, (0,)).axes[0].get_yscale() == "linear"


def test_general_lines_are_named_and_told_apart():
    x = np.arange(1, 101)
    curves = {"truth": (x, 1.0 / x), "network": (x, 2.0 / x)}
    figure = general_figures.line_plot("Title", curves, "epoch", "loss", log=True)
    curves, (axes,) = lines(figure), figure.axes
    np.testing.assert_array_equal(curves["network"].get_ydata(), 2.0 / x)
    assert curves["truth"].get_linestyle() == "-" != curves["network"].get_linestyle()
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("epoch", "loss", "log")
    assert {"Title", "truth", "network"} <= set(texts(figure_style.to_svg(figure)))


def test_many_lines_and_dense_ones_are_all_drawn():
    x = np.arange(1000)
    figure = general_figures.line_plot(
        "Title", {f"line {i}": (x, x + i) for i in range(6)}, log=True
    )
    assert len(lines(figure)) == 6 and figure.axes[0].get_yscale() == "linear"
    assert all(line.get_linewidth() < 1 for line in figure.axes[0].get_lines())
