"""Stamps in the forms that tables have: what is written is read, and written again."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given, settings
from written_stamps import FORMS, axes, check

from throughtime.data.loading import to_series
from throughtime.errors import InputError


def table(texts, name="date"):
    """A CSV of stamps and values, `date,y`; a tab makes two columns, `date,time,y`."""
    several = "\t" in texts[0]
    head = "date,time,y" if several else f"{name},y"
    rows = [f"{_cell(t, several)},{100 + 7 * i % 11}.5" for i, t in enumerate(texts)]
    return "\n".join([head, *rows, ""])


def _cell(text, several):
    return text.replace("\t", ",") if several else f'"{text}"' if "," in text else text


def read(texts, tmp_path, name="date", **options):
    path = tmp_path / "table.csv"
    path.write_text(table(texts, name), encoding="utf-8")
    (series,) = to_series(path, **options)
    return series


def read_asking(texts, tmp_path, write):
    """The series; if the order of day and month is asked for, with the answer."""
    try:
        return read(texts, tmp_path)
    except InputError as error:
        assert "--dayfirst" in error.remedy, error
        dayfirst = write(dt.datetime(2021, 1, 2)).find("2") < 2
        return read(texts, tmp_path, dayfirst=dayfirst)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stamps")


@settings(max_examples=75)  # each form has a test of its own below
@given(axes())
def test_what_is_written_is_read_and_written_again(folder, axis):
    form, write, moments = axis
    texts = [write(t) for t in moments]
    series = read_asking(texts, folder, write)
    check(series, form, moments, texts)
    step = moments[-1] - moments[-2]
    if form in FORMS["days"]:
        assert series.times.after(1).written() == [write(moments[-1] + step)]


EXAMPLES = [(kind, form) for kind in FORMS for form in FORMS[kind]]


@pytest.mark.parametrize(("kind", "form"), EXAMPLES)
def test_each_form(folder, kind, form):
    step = {"days": "D", "clocks": "h", "months": "MS", "quarters": "QS", "weeks": "W-MON"}
    moments = pd.date_range("2019-12-30", periods=60, freq=step[kind]).to_pydatetime().tolist()
    texts = [FORMS[kind][form](t) for t in moments]
    series = read_asking(texts, folder, FORMS[kind][form])
    check(series, form, moments, texts)
    words = {"days": "1 day", "clocks": "1 hour", "months": "1 month", "quarters": "1 quarter"}
    assert series.times.describe() == words.get(kind, "1 week")
