"""forecast.csv: digits, names, stamps as they were, and no formulas."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stamped_tables import days, read

from throughtime.commands.forecast_csv import harmless, predictions_csv, significant_digits
from throughtime.data.loading import to_series
from throughtime.forecasting.forecast import Forecast
from throughtime.stamps.time_axis import Times

finite = st.floats(-1e15, 1e15)


def forecast(times, targets=("y",), name="a", level=0.9, offset=0.0):
    steps = len(times)
    mean = offset + np.arange(float(steps))[:, None] * np.ones(len(targets))
    return Forecast(mean, mean - 1.5, mean + 1.5, times, targets, level, name)


@given(st.lists(finite, min_size=1, max_size=20))
def test_values_are_told_apart_as_well_as_their_range_asks(values):
    values = np.array(values)
    digits = significant_digits(values)
    read_back = np.array([float(f"{value:.{digits}g}") for value in values])
    spread = np.ptp(values)
    size = np.abs(values).max()
    assert np.abs(read_back - values).max() <= (1e-7 * spread or 1e-7 * size) + 1e-15 * size


@pytest.mark.parametrize("offset", [0.0, 1e9, 1e12, -1e14])
def test_a_far_level_keeps_its_changes(offset):
    text = predictions_csv([forecast(Times(0, 1, 4, "t"), offset=offset)])
    table = pd.read_csv(io.StringIO(text))
    np.testing.assert_allclose(table["y"] - offset, np.arange(4.0), atol=0.02)
    np.testing.assert_allclose(table["y_upper_90"] - table["y_lower_90"], 3, atol=0.04)


@pytest.mark.parametrize(("level", "name"), [(0.9, "90"), (0.975, "97.5"), (0.8, "80")])
def test_the_level_is_in_the_names(level, name):
    head = predictions_csv([forecast(Times(0, 1, 2, "t"), level=level)]).splitlines()[0]
    assert head == f"t,y,y_lower_{name},y_upper_{name}"


FORMULAS = ["=1+1", "+cmd", "-x", "@sum", '=HYPERLINK("x")', "\tx", "-1+2"]


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_of_text_begins_a_formula(name):
    several = [
        forecast(Times(0, 1, 2, name), (name,), name),
        forecast(Times(0, 1, 2, name), (name,)),
    ]
    table = pd.read_csv(io.StringIO(predictions_csv(several)), header=None, dtype=str)
    cells = [cell for cell in table.to_numpy().ravel() if not _is_number(cell)]
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r"]


def _is_number(cell):
    try:
        return np.isfinite(float(cell))
    except ValueError:
        return False


def test_numbers_are_left_alone():
    assert [harmless(text) for text in ("-5", "+1.5e-3", "-.5", "flow")] == [
        "-5",
        "+1.5e-3",
        "-.5",
        "flow",
    ]


FORMS = {
    "quarters": ([f"{1970 + i // 4} Q{i % 4 + 1}" for i in range(45)], "date"),
    "US days": (days(45, form="%m/%d/%Y"), "date"),
    "hours": (days(45, "h", form="%Y-%m-%d %H:%M"), "date"),
    "business days": (days(45, "B"), "date"),
    "month names": (days(45, "MS", form="%b %Y"), "date"),
    "years": (list(range(1950, 1995)), "year"),
    "a name with a formula": (days(45), "=date"),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_file_goes_on_as_the_table_and_is_read_again(tmp_path, form):
    """By this program and by pandas."""
    stamps, name = FORMS[form]
    series = read(tmp_path, stamps[:40], name)
    path = tmp_path / "forecast.csv"
    path.write_text(predictions_csv([forecast(series.times.after(5), offset=1e9)]))
    table = pd.read_csv(path, dtype=str)
    assert table.iloc[:, 0].tolist() == [str(stamp) for stamp in stamps[40:]]
    (again,) = to_series(path, target="y")
    np.testing.assert_array_equal(again.times.values(), series.times.after(5).values())
    np.testing.assert_array_equal(again.targets[:, 0], 1e9 + np.arange(5.0))


def test_stamps_of_two_columns_stay_two(tmp_path):
    path = tmp_path / "table.csv"
    rows = [f"{1990 + i // 12},{i % 12 + 1},{i}" for i in range(30)]
    path.write_text("\n".join(["year,month,y", *rows, ""]))
    (series,) = to_series(path)
    text = predictions_csv([forecast(series.times.after(2))])
    assert text.splitlines()[:2] == ["year,month,y,y_lower_90,y_upper_90", "1992,7,0,-1.5,1.5"]
