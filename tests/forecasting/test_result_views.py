"""What a forecast, a backtest and a history show: tables, pictures, a few words."""

import io
import math
import re
import sys

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
from conftest import refuses
from made_models import known_backtest, untrained, waves
from matplotlib.figure import Figure

from throughtime._support.result_view import html_of_sentence, html_table
from throughtime.commands.forecast_csv import predictions_csv
from throughtime.data.datasets import load_dataset
from throughtime.forecasting.forecaster import Forecaster
from throughtime.training.history import History, Row

TARGETS = ("flow <m3/s>", "level")


@pytest.fixture(scope="module")
def model():
    return untrained(waves(targets=TARGETS))


@pytest.fixture(scope="module")
def forecast(model):
    return model.predict(6)


@pytest.fixture(scope="module")
def backtest(model):
    return known_backtest(model, None, 5)


@pytest.fixture(scope="module")
def history():
    rows = [
        Row(m, e, 1 / e, 2 / e, 1.0, 1.0, 0.1 * e, 1e-3, {"damping": 0.5} if e > 1 else {})
        for e in (1, 2, 3)
        for m in (0, 1)
    ]
    return History(rows)


def axes():
    return Figure().add_subplot()


def drawn(found, label):
    """The points of the line with this label."""
    lines = [line for line in found.get_lines() if line.get_label() == label]
    assert len(lines) == 1
    return lines[0].get_xdata(), lines[0].get_ydata()


def test_a_forecast_is_a_table_as_in_its_csv(forecast):
    table, csv = forecast.to_polars(), pl.read_csv(io.StringIO(predictions_csv([forecast])))
    assert table.columns == csv.columns and len(table) == 6
    for name in table.columns[1:]:
        np.testing.assert_allclose(table[name], csv[name], rtol=1e-6)
    np.testing.assert_array_equal(table["level_upper_90"], forecast.upper[:, 1])
    np.testing.assert_array_equal(table[table.columns[0]], forecast.times.values())


def test_a_table_is_the_same_in_pandas(forecast, backtest, history):
    for one in (forecast, backtest, history):
        table, other = one.to_polars(), one.to_pandas()
        assert list(other.columns) == table.columns
        for name in table.columns:
            np.testing.assert_array_equal(other[name].to_numpy(), table[name].to_numpy())


def test_without_pandas_polars_is_the_remedy(forecast, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with refuses("needs the package `pandas`"):
        forecast.to_pandas()


def test_a_backtest_is_a_table_with_a_row_for_each_method_target_and_lead(backtest):
    table = backtest.to_polars()
    assert len(table) == len(backtest.rmse) * len(TARGETS) * backtest.steps
    for method, errors in backtest.rmse.items():
        for j, target in enumerate(TARGETS):
            rows = table.filter(method=method, target=target)
            assert rows["lead"].to_list() == [1, 2, 3, 4, 5]
            np.testing.assert_array_equal(rows["rmse"], errors[:, j])
            np.testing.assert_array_equal(rows["mae"], backtest.mae[method][:, j])


def test_a_history_is_a_table_of_its_rows(history):
    table = history.to_polars()
    assert table.columns[:3] == ["member", "epoch", "loss"] and len(table) == 6
    assert table["loss"].to_list() == [row.loss for row in history]
    assert math.isnan(table["damping"][0]) and table["damping"][5] == 0.5


def test_a_forecast_is_drawn_after_the_end_of_its_series(model, forecast):
    given = axes()
    assert forecast.plot(given, target=1) is given and given.get_ylabel() == "level"
    stamps, values = drawn(given, "forecast")
    np.testing.assert_array_equal(values, forecast.mean[:, 1])
    np.testing.assert_array_equal(stamps, forecast.times.values())
    stamps, values = drawn(given, "measured")
    np.testing.assert_array_equal(values, model.data_.series[0].targets[-40:, 1])
    assert stamps[-1] < forecast.times.values()[0]
    (band,) = given.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == forecast.upper[:, 1].max()
    assert heights.min() == forecast.lower[:, 1].min()


def test_a_backtest_and_a_history_are_drawn(backtest, history):
    given = backtest.plot(axes(), target=1)
    for method, errors in backtest.rmse.items():
        leads, values = drawn(given, method)
        np.testing.assert_array_equal(leads, [1, 2, 3, 4, 5])
        np.testing.assert_array_equal(values, errors[:, 1])
    given = history.plot(axes())
    np.testing.assert_allclose(drawn(given, "validation loss")[1], [2, 1, 2 / 3])


def test_without_axes_the_current_ones_are_drawn_on(forecast):
    _, given = plt.subplots()
    assert forecast.plot() is given


def test_a_figure_of_its_own_leaves_room_for_labels(history):
    assert not plt.get_fignums()
    figure = history.plot().figure
    figure.canvas.draw()
    label = figure.axes[0].yaxis.label.get_window_extent()
    assert 0 <= label.x0 < label.x1 <= figure.axes[0].get_window_extent().x0


def test_a_notebook_shows_a_few_words_a_picture_and_a_table(forecast, backtest, history):
    for one in (forecast, backtest, history):
        before = plt.get_fignums()
        html = one._repr_html_()
        assert plt.get_fignums() == before
        assert "data:image/png;base64," in html and "<m3/s>" not in html
        assert len(repr(one)) < 200 and "\n" not in repr(one)
        assert len(re.sub('base64,[^"]*', "", html)) < 3000
    assert "flow &lt;m3/s&gt;_lower_90" in forecast._repr_html_()
    assert repr(backtest).startswith("Backtest(5 steps from ")
    assert repr(History()) == "History(no epochs)"


def test_a_table_of_a_notebook_has_plain_stamps_and_counts_its_rows():
    hours = np.datetime64("2024-02-03T22:00", "us") + np.arange(6) * np.timedelta64(1, "h")
    html = html_table({"time": hours, "y": np.arange(6.0)})
    assert "<td>2024-02-03 23:00:00</td>" in html and "<td>2024-02-04</td>" in html
    assert "<p>1 more row</p>" in html
    half = hours[:1] + np.timedelta64(500, "ms")
    assert "<td>2024-02-03 22:00:00.5</td>" in html_table({"time": half})


def test_what_is_typed_is_set_as_code_and_nothing_else_is():
    said = html_of_sentence("Set `a<b` to 1, not ` or <i>.")
    assert said == "Set <code>a&lt;b</code> to 1, not ` or &lt;i&gt;."


def test_a_forecaster_names_the_settings_that_were_changed():
    assert repr(Forecaster()) == "Forecaster()"
    assert repr(Forecaster(hidden=64, rate=0.01)) == "Forecaster(hidden=64, rate=0.01)"


QUICK = {"core": None, "prior": None, "hidden": 2, "ensemble": 1, "epochs": 5, "window": 8}


def test_fit_takes_the_name_of_a_bundled_series_unless_a_file_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = load_dataset("sunspots")
    assert Forecaster(**QUICK).prepare("sunspots").data_.series[0].fingerprint() == (
        known.fingerprint()
    )
    (tmp_path / "sunspots").write_text("t,y\n" + "".join(f"{i},{i % 7}\n" for i in range(60)))
    assert len(Forecaster(**QUICK).prepare("sunspots", target="y").data_.series[0]) == 60


def test_fit_calls_back_after_each_epoch_and_shows_no_bar_in_a_log(capfd):
    seen = []

    def after(state, history):
        seen.append((int(np.max(state.epoch)), len(history)))
        return len(seen) == 2

    model = Forecaster(**QUICK).fit(np.sin(np.arange(60) / 3), on_epoch=after)
    assert seen == [(1, 1), (2, 2)] and model.fitted_.stopped == "stopped after epoch 2"
    assert capfd.readouterr() == ("", "")
    Forecaster(**QUICK).fit(np.sin(np.arange(60) / 3), verbose=True)
    assert "epoch 5 of 5" in capfd.readouterr().err
