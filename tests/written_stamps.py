"""Stamps written in the forms that tables have; Hypothesis strategies for these.

The writers are Python's own `strftime` and arithmetic, not those of the package.
"""

import datetime as dt

import numpy as np
from hypothesis import strategies as st

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
GERMAN = (
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
)


def by_strftime(text):
    """A writer by `strftime`, whose `%-d` has no leading zero on any system."""

    def write(t):
        bare = {"%-d": t.day, "%-m": t.month, "%-I": (t.hour - 1) % 12 + 1, "%-H": t.hour}
        filled = text
        for token, number in bare.items():
            filled = filled.replace(token, str(number))
        return t.strftime(filled)

    return write


DAYS = {
    name: by_strftime(name)
    for name in (
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%Y.%m.%d",
        "%Y%m%d",
        "%d/%m/%Y",
        "%-d/%-m/%Y",
        "%m/%d/%Y",
        "%-m/%-d/%Y",
        "%d.%m.%Y",
        "%-d.%-m.%Y",
        "%d-%m-%Y",
        "%d-%b-%Y",
        "%d-%b-%y",
        "%d %B %Y",
        "%d%b%Y",
        "%B %-d, %Y",
        "%b %d %Y",
        "%Y-%b-%d",
        "%a, %d %b %Y",
        "%A, %B %-d, %Y",
        "%Y-%j",
        "%G-W%V-%u",
        "%Y年%-m月%-d日",
    )
} | {
    "29-JAN-2021": lambda t: t.strftime("%d-%b-%Y").upper(),
    "29. Januar 2021": lambda t: f"{t.day}. {GERMAN[t.month - 1]} {t.year}",
    "1st January 2021": lambda t: f"{t.day}{ordinal(t.day)} {t:%B %Y}",
}
CLOCKS = {
    name: by_strftime(name)
    for name in (
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%d %H:%M UTC",
        "%Y-%m-%d %H:%M:%S+00:00",
        "%Y-%m-%d %H:%M:%S+0530",
        "%d/%m/%Y %H:%M",
        "%-m/%-d/%Y %-H:%M",
        "%m/%d/%Y %I:%M:%S %p",
        "%-m/%-d/%Y %-I:%M %p",
        "%d.%m.%Y %H:%M",
        "%d.%m.%Y, %H.%M",
        "%d-%b-%Y %H:%M:%S",
        "%d/%b/%Y:%H:%M:%S +0000",
        "%a, %d %b %Y %H:%M:%S GMT",
        "%Y%m%dT%H%M%SZ",
        "%Y%m%d%H%M",
        "%Y%m%d%H%M%S",
        "%Y-%m-%d\t%H:%M",
    )
}
MONTHLY = {
    "%Y-%m": by_strftime("%Y-%m"),
    "%Y/%m": by_strftime("%Y/%m"),
    "%Y%m": by_strftime("%Y%m"),
    "%YM%m": by_strftime("%YM%m"),
    "%m/%Y": by_strftime("%m/%Y"),
    "%-m/%Y": by_strftime("%-m/%Y"),
    "%b %Y": by_strftime("%b %Y"),
    "%B %Y": by_strftime("%B %Y"),
    "%b-%y": by_strftime("%b-%y"),
    "%Y %b": by_strftime("%Y %b"),
    "%Y:%m": by_strftime("%Y:%m"),
    "1991.583": lambda t: f"{t.year + (t.month - 1) / 12:.3f}",
    "1991.583333": lambda t: f"{t.year + (t.month - 1) / 12:.6f}",
    "1991.08": lambda t: f"{t.year}.{t.month:02d}",
}
QUARTERLY = {
    "1970 Q1": lambda t: f"{t.year} Q{(t.month + 2) // 3}",
    "1970-Q1": lambda t: f"{t.year}-Q{(t.month + 2) // 3}",
    "1970q1": lambda t: f"{t.year}q{(t.month + 2) // 3}",
    "1970K1": lambda t: f"{t.year}K{(t.month + 2) // 3}",
    "Q1 1970": lambda t: f"Q{(t.month + 2) // 3} {t.year}",
    "1Q1970": lambda t: f"{(t.month + 2) // 3}Q{t.year}",
    "1QFY1970": lambda t: f"{(t.month + 2) // 3}Q FY{t.year}",
    "1QFY70": lambda t: f"{(t.month + 2) // 3}QFY{t.year % 100:02d}",
    "1Q70": lambda t: f"{(t.month + 2) // 3}Q{t.year % 100:02d}",
    "1970:1": lambda t: f"{t.year}:{(t.month + 2) // 3}",
    "1970.25": lambda t: f"{t.year + (t.month - 1) / 12:.2f}",
}
WEEKLY = {
    "%G-W%V": by_strftime("%G-W%V"),
    "%GW%V": by_strftime("%GW%V"),
    "%GU%V": by_strftime("%GU%V"),
}


def ordinal(day):
    return "th" if 10 <= day <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


FORMS = {
    "days": DAYS,
    "clocks": CLOCKS,
    "months": MONTHLY,
    "quarters": QUARTERLY,
    "weeks": WEEKLY,
}


@st.composite
def axes(draw, kinds=("days", "clocks", "months", "quarters", "weeks")):
    """Moments that are regular, and a form that can tell them apart."""
    kind = draw(st.sampled_from(kinds))
    form, write = draw(st.sampled_from(sorted(FORMS[kind].items())))
    start = dt.datetime(1971, 1, 1) + dt.timedelta(days=draw(st.integers(0, 16_000)))
    if kind == "days":
        step = dt.timedelta(days=draw(st.sampled_from([1, 1, 2, 7, 10])))
        return form, write, [start + i * step for i in range(draw(st.integers(40, 60)))]
    if kind == "clocks":
        start += dt.timedelta(hours=draw(st.integers(0, 23)))
        step = dt.timedelta(minutes=draw(st.sampled_from([10, 30, 60, 180])))
        return form, write, [start + i * step for i in range(draw(st.integers(10, 60)))]
    if kind == "weeks":
        monday = start - dt.timedelta(days=start.weekday())
        return form, write, [monday + dt.timedelta(weeks=i) for i in range(60)]
    step = 3 if kind == "quarters" else draw(st.sampled_from([1, 1, 3, 6]))
    first = start.year * 12 + (start.month - 1) // step * step
    count = [first + step * i for i in range(draw(st.integers(13, 40)))]
    return form, write, [dt.datetime(c // 12, c % 12 + 1, 1) for c in count]


def check(series, form, moments, texts):
    """The stamps are those that were written, and are written as they were."""
    expected = np.array([np.datetime64(t, "us") for t in moments])
    if "+0530" in form:
        expected = expected - np.timedelta64(330, "m")
    np.testing.assert_array_equal(series.times.values(), expected)
    if form.startswith("1991.") or form == "1970.25":  # a float does not know its digits
        np.testing.assert_array_equal(
            np.array(series.times.written(), float), np.array(texts, float)
        )
    elif series.times.form is None and all(t.day == t.month for t in moments):
        pass  # 1/1 by day and by month: they go on in ISO
    else:
        assert series.times.written() == texts
