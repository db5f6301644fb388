"""The layout of a table: titles, names, units, data, notes."""

import pytest
from conftest import refuses

from throughtime.data.loading import to_series
from throughtime.tables.layout import Columns, count_notes, find_layout

ROWS = [["2021-01-29", "10.0"], ["2021-01-30", "11.857"], ["2021-01-31", "12.335"]]


def layout(*above, rows=ROWS, separator=","):
    rows = [*above, *rows]
    found = find_layout(rows, Columns.of(rows), separator)
    return found.names, found.first, found.remarks


@pytest.mark.parametrize(
    ("above", "names", "remarks"),
    [
        ([["date", "y"]], ["date", "y"], []),
        ([], ["column1", "column2"], ["no header"]),
        ([["", "y"]], ["index", "y"], []),
        ([[" date ", "'y'"]], ["date", "y"], []),
        ([["date", "y"], ["", "degC"]], ["date", "y"], ["1 row of units skipped"]),
        (
            [["Flow at the weir"], ["monthly, 2021", "a", "b"], ["date", "y"]],
            ["date", "y"],
            ["2 lines of title skipped"],
        ),
        ([["Flow at the weir", ""], ["date", "y"]], ["date", "y"], ["1 line of title skipped"]),
        ([["date", "CO2"]], ["date", "CO2"], []),
        ([["date", "2m"]], ["date", "2m"], []),
        ([["date", "1"]], ["date", "1"], []),
        ([["date", "y", "z"]], ["date", "y", "z"], []),
        ([["date", "y", ""]], ["date", "y"], []),
        ([["y", "y"]], ["y", "y_2"], ["`y_2` for another `y`"]),
        ([["date", ""]], ["date", "column 2"], ["`column 2` for one without a name"]),
    ],
)
def test_names_are_found_above_the_data(above, names, remarks):
    assert layout(*above) == (names, len(above), remarks)


def test_years_may_name_columns():
    rows = [["a", "1.5", "2.5", "3.5"], ["b", "4.0", "5.0", "6.0"]]
    assert layout(["site", "2001", "2002", "2003"], rows=rows)[1] == 1
    assert layout(rows=rows) == (["column1", "column2", "column3", "column4"], 0, ["no header"])


def test_row_names_of_r_have_no_name():
    named = [[str(i), *row] for i, row in enumerate(ROWS, 1)]
    assert layout(["date", "y"], rows=named) == (["row", "date", "y"], 1, ["row names"])
    # 1,10,5 below t,y may be row 1 with 10 and 5, or 1 and 10,5: it is refused later.
    assert layout(["t", "y"], rows=[["1", "10", "5"], ["2", "11", "8"]])[0][:2] == ["t", "y"]


def test_values_may_be_missing_from_the_beginning():
    rows = [["NA"], ["-"], ["1.5"], ["2.5"], ["3.5"]]
    assert layout(["y"], rows=rows) == (["y"], 1, [])


@pytest.mark.parametrize(
    ("below", "count"),
    [
        ([], 0),
        ([["Source: office"]], 1),
        ([["Source: office", "2021"]], 1),
        ([["Total", "34.192"]], 1),
        ([["", ""], ["preliminary values"], ["* estimated"]], 3),
        ([["soon", "3"]], 0),
        ([["2021-02-01", ""]], 0),
        ([["2021-02-01", "high"]], 0),
        ([["", "13"]], 0),
    ],
)
def test_notes_below_the_data(below, count):
    assert count_notes([*ROWS, *below], Columns.of(ROWS)) == count


def test_text_in_a_single_column_is_a_note_only_as_a_sentence():
    rows = [["1.5"], ["2.5"], ["3.5"]]
    assert count_notes([*rows, ["Source: office"]], Columns.of(rows)) == 1
    assert count_notes([*rows, ["high"]], Columns.of(rows)) == 0


@pytest.mark.parametrize(
    "word",
    "Total,Gesamt,Insgesamt,Grand total,Summe,Suma,Totale,Total général,Итого,合計".split(","),
)
def test_a_sum_below_is_no_row(tmp_path, word):
    path = tmp_path / "sums.csv"
    rows = [f"2021-01-{i + 1:02d},{i}" for i in range(9)]
    path.write_text("\n".join(["date,y", *rows, f"{word},36", ""]), encoding="utf-8")
    (series,) = to_series(path)
    assert series.targets[:, 0].tolist() == list(range(9))
    assert "the last line is no data and was skipped" in series.remarks


def test_ids_that_begin_as_comments_do_are_told(tmp_path):
    path = tmp_path / "ids.csv"
    for ids in (["#1", "#2"], ["#1", "A2"]):
        rows = [f"{id},2021-01-{i + 1:02d},{i}" for id in ids for i in range(9)]
        path.write_text("\n".join(["id,date,y", *rows, ""]))
        with refuses("lines that begin with `#` are comments; got"):
            to_series(path, id="id")
        path.write_text("\n".join(["id,date,y", *rows, ""]).replace("#", ""))
        assert len(to_series(path, id="id")) == 2  # what the remedy says
    path.write_text(
        "\n".join(["#,date,y", *(f"{i},2021-01-{i + 1:02d},{i}" for i in range(9))])
    )
    assert to_series(path, target="y")[0].times.labels()[0] == "2021-01-01"


@pytest.mark.parametrize("header", ["date flow\n", "date time flow\n", "# a station\n"])
def test_date_and_clock_with_the_blank_that_separates_columns(tmp_path, header):
    path = tmp_path / "logger.txt"
    rows = [f"2021-01-29 {i:02d}:00 {i * 1.5}" for i in range(12)]
    path.write_text(header + "\n".join([*rows, ""]))
    (series,) = to_series(path)
    assert series.times.describe() == "1 hour"
    assert series.targets[:, 0].tolist() == [i * 1.5 for i in range(12)]
