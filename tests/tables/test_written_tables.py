"""A table written in any form, alone and in combination, gives the same series."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from written_stamps import axes, check
from written_tables import Form, NumberForm, forms

from throughtime.data.loading import to_series
from throughtime.errors import InputError

VALUES = [round(12_345.678 * np.sin(i) + i, 3) for i in range(40)]


def read(form, folder, values=VALUES, **options):
    path = folder / f"lab.csv{form.packing}"
    path.write_bytes(form.write(values))
    (series,) = to_series(path, **options)
    return series


@pytest.mark.parametrize(
    ("form", "remark"),
    [
        (Form(separator=";"), "semicolons"),
        (Form(separator="\t"), "tabs"),
        (Form(separator="|"), "bars"),
        (Form(separator=" "), "spaces"),
        (Form(NumberForm(","), ";"), "decimal commas"),
        (Form(NumberForm(",", ".")), "thousands by points"),
        (Form(NumberForm(".", ",")), "thousands by commas"),
        (Form(NumberForm(".", " ")), "thousands by spaces"),
        (Form(NumberForm(".", "'")), "thousands by apostrophes"),
        (Form(NumberForm(before="$")), "`flow` in $"),
        (Form(NumberForm(after=" %")), "`flow` in %"),
        (Form(NumberForm(minus="(")), "brackets as minus"),
        (Form(title=True), "1 line of title skipped"),
        (Form(units=True), "1 row of units skipped"),
        (Form(note=True), "the last line is no data and was skipped"),
        (Form(row_names=True), None),
        (Form(encoding="utf-16"), "UTF-16"),
        (Form(NumberForm(after="°C"), encoding="latin-1"), "Latin-1"),
        (Form(blanks=True), None),
        (Form(comment=True), None),
        (Form(trailing=True), None),
        (Form(packing=".gz"), None),
    ],
)
def test_each_form_is_read_and_told(tmp_path, form, remark):
    series = read(form, tmp_path)
    np.testing.assert_array_equal(series.targets[:, 0], VALUES)
    assert series.times.labels()[0] == "2021-01-29" and series.name == "lab"
    assert series.target_names == ("flow",)
    assert remark is None or remark in series.remarks


@pytest.mark.parametrize("form", ["%d.%m.%Y, %H.%M", "%d.%m.%Y, %H:%M", "%Y-%m-%d, %H:%M"])
def test_a_comma_before_the_clock_separates_no_columns(tmp_path, form):
    times = [dt.datetime(2021, 1, 29) + i * dt.timedelta(minutes=10) for i in range(10)]
    rows = [f"{t.strftime(form)};{i - 0.5}" for i, t in enumerate(times)]
    (tmp_path / "lab.csv").write_text("date;flow\n" + "\n".join(rows) + "\n")
    (series,) = to_series(tmp_path / "lab.csv")
    np.testing.assert_array_equal(series.targets[:, 0], np.arange(10) - 0.5)
    assert series.target_names == ("flow",) and series.times.column == "date"


def test_plain_tables_bring_no_remark(tmp_path):
    assert read(Form(), tmp_path).remarks == ()


@settings(max_examples=60)
@given(forms, st.lists(st.integers(-(10**8), 10**8), min_size=12, max_size=20))
@example(Form(NumberForm(",", ".", "€ ", minus="("), ";", title=True, note=True), [])
def test_any_combination_of_forms_gives_the_same_series(tmp_path_factory, form, thousandths):
    values = [n / 1000 for n in thousandths] or VALUES
    values[0] = -1_234.56  # shows how the decimals are marked
    if form.numbers.exponent:
        values = [float(f"{v:.6e}") for v in values]
    series = read(form, tmp_path_factory.mktemp("form"), values)
    np.testing.assert_array_equal(series.targets[:, 0], values)
    assert series.times.labels()[0] == "2021-01-29" and series.target_names == ("flow",)


@settings(max_examples=100)
@given(forms, axes())
def test_any_stamps_in_any_table_give_the_same_series(tmp_path_factory, form, axis):
    """Stamps, numbers and dialects at random together."""
    stamp_form, write, moments = axis
    stamps = [write(t) for t in moments]
    assume("\t" not in stamps[0])
    # A blank before a quote is no quoting: such a table is refused.
    assume(not (form.spaced and form.separator in stamps[0]))
    values = [-1_234.56, *(VALUES * 2)][: len(stamps)]
    if form.numbers.exponent:
        values = [float(f"{v:.6e}") for v in values]
    path = tmp_path_factory.mktemp("both") / f"lab.csv{form.packing}"
    path.write_bytes(form.write(values, stamps))
    try:
        (series,) = to_series(path)
    except InputError as error:  # the order of day and month is asked for: answer it
        assert "--dayfirst" in error.remedy, error
        dayfirst = write(dt.datetime(2021, 1, 2)).find("2") < 2
        (series,) = to_series(path, dayfirst=dayfirst)
    np.testing.assert_array_equal(series.targets[:, 0], values)
    check(series, stamp_form, moments, stamps)


@settings(max_examples=30)
@given(
    forms,
    st.sampled_from([*"na NA n/a #N/A NaN null None ? - -- . * <NA> Missing".split(), ""]),
    st.sets(st.integers(1, 38), max_size=10),
)
def test_every_code_for_missing_is_read_in_every_form(tmp_path_factory, form, code, at):
    form.missing = code
    values = [None if i in at else v for i, v in enumerate(VALUES)]
    series = read(form, tmp_path_factory.mktemp("gaps"), values, fill="linear")
    assert series.filled == len(at)
    kept = [i for i in range(len(VALUES)) if i not in at]
    expected = [float(f"{VALUES[i]:.6e}") if form.numbers.exponent else VALUES[i] for i in kept]
    np.testing.assert_array_equal(series.targets[kept, 0], expected)


def test_a_table_without_a_header_names_its_columns(tmp_path):
    for separator in ",; ":
        form = Form(separator=separator, header=False)
        series = read(form, tmp_path)
        np.testing.assert_array_equal(series.targets[:, 0], VALUES)
        assert series.target_names == ("column2",) and "no header" in series.remarks
