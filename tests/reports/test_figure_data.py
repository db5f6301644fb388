"""The numbers of a figure: those it was drawn from, and nothing else."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.reports import dynamics_figures, figure_data, figure_style
from throughtime.reports.page import PictureMaker

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)


def rows_of(panel):
    return list(csv.reader(io.StringIO(figure_data.to_csv(panel))))


def draw(*curves, width=figure_style.WIDE, stamps=None):
    """A figure of these curves over steps or stamps, with a band and what is no data."""
    with figure_style.canvas(width, 200) as figure:
        axes = figure.add_subplot(xlabel="when", ylabel="what")
        for i, y in enumerate(curves):
            x = np.arange(len(y)) if stamps is None else stamps[: len(y)]
            axes.plot(x, y, label=f"curve {i}, 12 rows")
            axes.plot(x, y, "o")  # dots on the line
            axes.fill_between(x, np.array(y) - 1, np.array(y) + 2, label="band", alpha=0.2)
        axes.axhline(0.5, label="a bound")
        axes.axvline(x[0])
    return figure


@given(st.lists(FINITE, min_size=2, max_size=12))
@settings(max_examples=25)
def test_curves_and_bands_are_what_was_drawn(y):
    (panel,) = figure_data.panels(draw(y))
    assert [curve.name for curve in panel.curves] == ["curve 0", "band"]
    line, band = panel.curves
    np.testing.assert_array_equal(line.y, y)
    np.testing.assert_array_equal([band.y, band.top], [np.array(y) - 1, np.array(y) + 2])
    rows = rows_of(panel)
    assert rows[0] == ["when", "curve 0", "band lower", "band upper"]
    read = np.array(rows[1:], float)  # `repr` loses nothing
    np.testing.assert_array_equal(read[:, 0], np.arange(len(y)))
    np.testing.assert_array_equal(read[:, 1], y)
    np.testing.assert_array_equal(read[:, 3], np.array(y) + 2)


def test_curves_of_unequal_reach_share_the_rows():
    rows = rows_of(figure_data.panels(draw([1.0, 2.0, 3.0], [4.0, np.nan]))[0])
    assert [row[1] for row in rows[1:]] == ["1", "2", "3"]
    assert rows[0][2:5] == ["curve 1", "band lower", "band upper"]
    assert [row[4] for row in rows[1:]] == ["3", "4", "5"]
    assert [row[2] for row in rows[1:]] == ["4", "", ""]


@pytest.mark.parametrize(
    ("step", "stamp"),
    [
        ("31 D", "2024-03-31"),
        ("90 m", "2024-02-29 01:30"),
        ("90 s", "2024-02-29 00:01:30"),
        ("25 ms", "2024-02-29 00:00:00.025"),
    ],
)
def test_stamps_are_written_as_fine_as_they_are(step, stamp):
    number, unit = step.split()
    stamps = np.datetime64("2024-02-29", "us") + np.arange(3) * np.timedelta64(
        int(number), unit
    )
    with figure_style.canvas(figure_style.WIDE, 200) as figure:
        from matplotlib.dates import AutoDateLocator

        axes = figure.add_subplot()
        axes.plot(stamps, [1, 2, 3], label="y")
        axes.xaxis.set_major_locator(AutoDateLocator())
    (panel,) = figure_data.panels(figure)
    assert panel.x.time == unit and rows_of(panel)[2] == [stamp, "2"]


def test_points_in_no_order_have_a_row_each():
    pairs = {"map": (np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 0.5]))}
    (panel,) = figure_data.panels(dynamics_figures.return_map(pairs, "z"))
    head, *rows = rows_of(panel)
    assert head == ["curve", "maximum of z", "the next maximum"]
    assert rows == [["map", "3", "1"], ["map", "1", "2"], ["map", "2", "0.5"]]


def test_a_heat_map_is_a_table_of_its_cells():
    epochs, signals = [0, 5, 20, 21], np.geomspace(1, 0.01, 12).reshape(4, 3)
    (panel,) = figure_data.panels(dynamics_figures.gradient_heat_map(epochs, signals))
    head, *rows = rows_of(panel)
    assert head == ["epoch", "lag, steps", "relative gradient norm"]
    table = np.array(rows, float)
    np.testing.assert_allclose(table[:, 0].reshape(3, 4), [epochs] * 3)
    np.testing.assert_allclose(table[:, 2].reshape(3, 4), signals.T)
    assert figure_data.to_json(dynamics_figures.gradient_heat_map(epochs, signals)) == []


def test_a_page_has_six_digits_and_shares_what_is_equal():
    y = np.array([1 / 3, 2e-9, np.nan])
    (panel,) = figure_data.to_json(draw(y, 2 * y))
    assert panel["xs"][0] == [0, 1, 2]
    assert [curve["x"] for curve in panel["curves"][:2]] == [0, 0]
    assert panel["curves"][0]["y"] == [0.333333, 2e-09, None]
    assert json.dumps(panel, allow_nan=False)
    (panel,) = figure_data.to_json(draw(np.arange(2500.0)))
    assert panel["every"] == 3 and panel["curves"][0]["y"][:3] == [0, 3, 6]


def test_a_name_cannot_leave_the_data_of_a_page():
    name = "</script><script>alert(1)</script>"
    curves = {name: (np.arange(3.0), np.arange(3.0))}
    picture = PictureMaker()("", dynamics_figures.time_series, curves, "t", ("x", "y"))
    assert "<" not in picture.data
    assert json.loads(picture.data)[0]["curves"][0]["name"] == name
