"""Every remedy for stamps and gaps, followed to the letter, gets on in one round."""

import re

import numpy as np
import pandas as pd
import pytest
from stamped_tables import days

from throughtime.data.loading import to_series
from throughtime.errors import InputError

OPTION = re.compile(r"`(\w+)=([^`]+)`")
RAISE = re.compile(r"Raise it to (\d+)")


def follow(error, options):
    """The options with the first one that the remedy names."""
    if found := RAISE.search(error.remedy):
        return options | {"fill_limit": int(found[1])}
    if "Leave the option out" in error.remedy:
        return {name: value for name, value in options.items() if name != "dayfirst"}
    if close := re.search(r"Pass one such as `([\w/]+)`", error.remedy):
        return options | {"time_zone": close[1]}
    name, value = OPTION.search(error.remedy).groups()
    return options | {name: {"True": True, "False": False}.get(value, value.strip('"'))}


def gap(stamps, *gone):
    return [stamp for i, stamp in enumerate(stamps) if i not in gone]


def hours(day):
    index = pd.date_range(day, periods=60, freq="h", tz="Europe/Oslo")
    return index.strftime("%Y-%m-%d %H:%M").tolist()


SHAMPOO = [f"{year}-{month:02d}" for year in (1, 2, 3) for month in range(1, 13)]
TABLES = {
    "a missing day": (gap(days(), 20), {}),
    "missing hours": (gap(days(60, "h", form="%Y-%m-%d %H:%M"), 20, 21, 22), {}),
    "missing months": (gap(days(60, "MS", form="%b %Y"), 5, 6), {}),
    "a missing year": (gap(range(1947, 1963), 4), {}),
    "missing business days": (gap(days(30, "B"), *range(3, 12)), {}),
    "many missing days": (gap(days(200), *range(10, 150)), {}),
    "irregular": ([f"2021-01-{day:02d}" for day in (1, 2, 5, 6, 11, 23)], {}),
    "day and month": ([f"{day:02d}/02/2021" for day in range(1, 13)], {}),
    "wrong order": (days(form="%m/%d/%Y"), {"dayfirst": True}),
    "two-digit years": ([f"01-02-{year:02d}" for year in range(1, 13)], {}),
    "clocks go back": (hours("2021-10-30"), {}),
    "clocks go forward": (hours("2021-03-27"), {}),
    "a zone with a typo": (hours("2021-10-30"), {"time_zone": "Europe/Olso"}),
    "the wrong zone": ([f"2021-03-28 {h:02d}:00" for h in range(24)], {"time_zone": "CET"}),
    "a repeated stamp": ([*days(20), days(20)[-1]], {}),
    "a day that is none": ([*days(3), "2021-02-30", *days(9)[3:]], {}),
    "years without a century": (SHAMPOO, {}),
    "days without a year": ([f"{day}-Jan" for day in range(1, 20)], {}),
    "beyond year 9999": ([f"9999-12-31T2{h}:00:00-23:00" for h in range(4)], {}),
    "a number with a typo": ([*range(20), "x20", *range(21, 30)], {}),
    "a wide span": (["-1.5e308", "0", "1.45e308", "1.5e308"], {}),
    "a gap beyond the limit": (gap(days(), 7, 8, 9), {"fill": "linear", "fill_limit": 1}),
    "no season": (gap(range(40), 7), {"fill": "seasonal"}),
    "an unknown fill": (gap(days(), 7), {"fill": "spline"}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_remedy_works(tmp_path, name):
    stamps, options = TABLES[name]
    path = tmp_path / "table.csv"
    rows = [f"{stamp},{100 + i % 7}" for i, stamp in enumerate(stamps)]
    path.write_text("\n".join(["date,y", *rows, ""]))
    with pytest.raises(InputError) as caught:
        to_series(path, **options)
    message = str(caught.value)
    assert ("\n" not in message and "--" in message) or "Leave" in message
    if "time_zone" in message and name == "clocks go back":
        options = options | {"time_zone": "Europe/Oslo"}
    else:
        options = follow(caught.value, options)
    (series,) = to_series(path, **options)
    assert len(series) >= len(stamps) and np.isfinite(series.targets).all()


@pytest.mark.parametrize(
    "values",
    [
        [1, "", 3, 4, 5, 6],
        [1, 2, 3, 4, 5, ""],
        ["", 2, 3, 4, 5, 6],
        ["", 2, "", 4, 5, ""],
    ],
)
@pytest.mark.parametrize("stamps", [days(6), gap(days(7), 3)])
def test_missing_values_and_rows_take_one_round(tmp_path, values, stamps):
    """One option mends gaps within, at the ends, and in the stamps."""
    path = tmp_path / "table.csv"
    rows = [f"{stamp},{value}" for stamp, value in zip(stamps, values, strict=True)]
    path.write_text("\n".join(["date,y", *rows, ""]))
    with pytest.raises(InputError) as caught:
        to_series(path)
    (series,) = to_series(path, **follow(caught.value, {}))
    assert np.isfinite(series.targets).all()
