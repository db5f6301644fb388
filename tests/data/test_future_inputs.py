"""The known inputs of a forecast: which rows are taken, and mistakes."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import refuses

from throughtime.data.future_inputs import future_inputs as known_inputs
from throughtime.data.loading import to_series


def future_inputs(data, series, steps):
    return known_inputs(data, series, steps).values


@pytest.fixture
def driven():
    stamps = pl.date_range(dt.date(2020, 1, 1), dt.date(2020, 1, 10), "1d", eager=True)
    table = pl.DataFrame(
        {"date": stamps, "y": range(10), "u": range(10), "v": range(0, 100, 10)}
    )
    return table, to_series(table[:6], target="y", inputs=["v", "u"])[0]


def test_future_rows_are_found_by_their_stamps(driven):
    table, series = driven
    expected = [[60, 6], [70, 7], [80, 8]]
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=0)
    for source in (table, table[6:], table.to_pandas(), table.drop("y").lazy(), shuffled):
        assert future_inputs(source, series, 3).tolist() == expected
    assert future_inputs(table[6:].drop("date"), series, 3).tolist() == expected
    assert future_inputs(np.array(expected), series, 3).tolist() == expected
    assert future_inputs(np.array(expected), series, 2).tolist() == expected[:2]


def test_stamps_count_whatever_their_column_is_called(driven):
    table, series = driven
    renamed = table.rename({"date": "day"})
    assert known_inputs(renamed, series, 3) == (
        pytest.approx(np.array([[60, 6], [70, 7], [80, 8]])),
        (),
    )
    parts = table.select(
        "u",
        "v",
        year=pl.col("date").dt.year(),
        month=pl.col("date").dt.month(),
        day=pl.col("date").dt.day(),
    )
    assert future_inputs(parts, series, 2).tolist() == [[60, 6], [70, 7]]
    european = table.with_columns(pl.col("date").dt.strftime("%d/%m/%Y")).rename(
        {"date": "Datum"}
    )
    assert future_inputs(european, series, 2).tolist() == [[60, 6], [70, 7]]
    two = renamed.with_columns(entered=pl.col("day"))
    with refuses(
        "must be in one column; got `day`, `entered`. Call the one that counts `date`."
    ):
        future_inputs(two, series, 2)


def test_position_counts_only_without_stamps_and_is_told(driven):
    table, series = driven
    values, remarks = known_inputs(table[6:].drop("date"), series, 2)
    assert values.tolist() == [[60, 6], [70, 7]]
    assert remarks == ("future inputs without stamps by their position",)


def test_rows_at_the_end_without_a_target_are_the_future(driven):
    table, _ = driven
    last = pl.int_range(pl.len()) >= 7
    table = table.with_columns(y=pl.when(~last).then("y"))
    (series,) = to_series(table, target="y", inputs=["v", "u"])
    assert len(series) == 7 and series.future.tolist() == [[70, 7], [80, 8], [90, 9]]
    assert series.remarks == ("the last 3 rows as the inputs of the future",)
    assert future_inputs(None, series, 2).tolist() == [[70, 7], [80, 8]]
    assert series[2:].future is series.future and series[:5].future is None
    with refuses(
        "got 3 rows after the last value of the target. Forecast 3 steps, or pass a "
        "table with more (`--future` on the command line)."
    ):
        future_inputs(None, series, 4)
    (shuffled,) = to_series(
        table.sample(fraction=1.0, shuffle=True, seed=1), target="y", inputs=["v", "u"]
    )
    assert shuffled.future.tolist() == series.future.tolist()
    with refuses(
        "rows at the end without `y` are the future of known inputs; got 3 rows, and no inputs "
        'named. Pass `inputs="u"` (`--inputs` on the command line), or drop the rows.'
    ):
        to_series(table, target="y")
    gap = table.with_columns(u=pl.when(pl.col("u") != 8).then("u"))
    with refuses("a missing value in column `y`"):
        to_series(gap, target="y", inputs=["v", "u"])


def test_each_series_of_a_panel_has_its_own_future():
    y = [1.0, 2, 4, None, 5, 6, 7, 8]
    table = pd.DataFrame({"id": list("aaaabbbb"), "t": [*range(4), *range(4)], "y": y})
    a, b = to_series(table.assign(u=range(8)), target="y", inputs="u", time="t", id="id")
    assert a.future.tolist() == [[3]] and b.future is None and (len(a), len(b)) == (3, 4)


def test_future_numbers_are_found_despite_rounding():
    t = np.arange(40) * 0.1
    table = pd.DataFrame({"t": t, "y": t, "u": np.arange(40.0)})
    (series,) = to_series(table[:30], target="y", inputs=["u"])
    assert future_inputs(table, series, 10)[:, 0].tolist() == list(range(30, 40))


def test_each_series_of_a_table_finds_its_own_future():
    past = pd.DataFrame(
        {"id": list("aaabbb"), "t": [0, 1, 2] * 2, "y": range(6), "u": range(6)}
    )
    a, b = to_series(past, target="y", inputs=["u"], time="t", id="id")
    future = pd.DataFrame({"id": list("bbaa"), "t": [3, 4, 3, 4], "u": [10, 11, 20, 21]})
    assert future_inputs(future, a, 2)[:, 0].tolist() == [20, 21]
    assert future_inputs(future, b, 2)[:, 0].tolist() == [10, 11]
    shared = future[:2].drop(columns="id")
    assert future_inputs(shared, a, 2).tolist() == future_inputs(shared, b, 2).tolist()
    with refuses("a forecast of 2 steps needs `u`"):
        future_inputs(future[:2], a, 2)


def test_a_series_without_inputs_needs_no_table():
    (series,) = to_series(np.arange(5.0))
    assert future_inputs(None, series, 4).shape == (4, 0)


def test_future_mistakes(driven):
    table, series = driven
    need = "a forecast of 3 steps needs `v`, `u` for these steps"
    remedy = "Pass one with these columns (`--future` on the command line)."
    with refuses(f"{need}; got no table of future inputs. {remedy}"):
        future_inputs(None, series, 3)
    with refuses(f"{need}; got no column `u`. Pass a table with these columns."):
        future_inputs(table.drop("u"), series, 3)
    with refuses(f"{need}; got 1 column."):
        future_inputs(np.ones(3), series, 3)
    with refuses(f"{need}; got 2 rows. Pass more rows or lower `steps`."):
        future_inputs(np.ones((2, 2)), series, 3)
    with refuses(
        f"{need}, 2020-01-07 to 2020-01-09; got no row for 2020-01-08 in `date` (step 2). "
        "Add the row, or forecast fewer steps."
    ):
        future_inputs(table.filter(pl.col("date") != dt.date(2020, 1, 8)), series, 3)
    with refuses("got no row for 2020-01-11 in `date` (step 5)"):
        future_inputs(table, series, 5)
    with refuses(f"{need}; got no row for 2020-01-07 in `date`. Add the rows."):
        future_inputs(table.with_columns(date=pl.int_range(pl.len())), series, 3)
    gap = table.with_columns(v=pl.when(pl.col("u") != 8).then("v"))
    with refuses("a missing value in column `v`, row 9 (1 in all)"):
        future_inputs(gap, series, 3)
    assert future_inputs(gap, series, 2).tolist() == [[60, 6], [70, 7]]


def test_inputs_that_nothing_asks_for_are_refused():
    (series,) = to_series(np.arange(5.0))
    with refuses("got inputs for `series`, which was fitted without. Leave them out"):
        future_inputs(np.ones((4, 1)), series, 4)


def test_numbers_are_read_as_those_of_the_series_were(tmp_path):
    """Decimal mark and codes for missing values hold for the table of the future too."""
    past, ahead = tmp_path / "past.csv", tmp_path / "ahead.csv"
    lines = [f"{2000 + i},{i % 3},{i % 5 + 1}.340" for i in range(20)]
    past.write_text("\n".join(["year,y,u", *lines, ""]))
    ahead.write_text("year,u\n2020,1.340\n2021,2.900\n2022,-99\n")
    said = {"target": "y", "inputs": "u", "decimal": ",", "missing": [-99, "bdl"]}
    (series,) = to_series(past, **said)
    assert series.inputs[:2, 0].tolist() == [1340, 2340]
    assert future_inputs(ahead, series, 2)[:, 0].tolist() == [1340, 2900]
    with refuses("every value must be present; got a missing value in column `u`, row 3"):
        future_inputs(ahead, series, 3)
    ahead.write_text("year,u\n2020,1.340\n2021,bdl\n")
    with refuses("a missing value in column `u`, row 2"):
        future_inputs(ahead, series, 2)


def test_a_stamp_twice_with_other_inputs_is_refused(driven):
    table, series = driven
    again = pl.concat([table, table[7:8]])
    assert future_inputs(again, series, 3).tolist() == [[60, 6], [70, 7], [80, 8]]
    other = pl.concat([table, table[7:8].with_columns(u=pl.lit(99).cast(pl.Int64))])
    with refuses(
        "stamps of future inputs in `date` must not repeat; got 2020-01-08 in row 8 and with "
        "other values in row 11. Drop one of the rows."
    ):
        future_inputs(other, series, 3)
    assert future_inputs(other, series, 1).tolist() == [[60, 6]]


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        (["21.234", "22.345"], "Write decimals with a point, or fit with `decimal`"),
        (["21 C", "5 F"], "Write all values in one unit"),
        (["21", "1e400"], "Correct the value, or leave it empty."),
        (["21", "--5"], "Write the number with one sign."),
        (["21", "off"], 'if it stands for missing, fit with `missing="off"`'),
    ],
)
def test_each_question_has_its_own_remedy(driven, tmp_path, values, remedy):
    path = tmp_path / "ahead.csv"
    path.write_text("v;u\n" + "".join(f"{i};{value}\n" for i, value in enumerate(values)))
    with refuses(remedy):
        future_inputs(path, driven[1], 2)
