"""Forecasts as a CSV file that this program, pandas and spreadsheets read.

Stamps are written as their table has them. Numbers have as many digits as tell them apart: a
series near a billion that moves by 3 keeps its units. A text that a spreadsheet would run as a
formula begins with an apostrophe, as spreadsheets write such a text themselves.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence

import numpy as np

from throughtime.forecasting.forecast import Forecast
from throughtime.stamps.time_axis import Times

DIGITS = 8
"""Significant digits of the changes of a forecast and of its intervals."""
EXACT = 17
"""Significant digits with which every number of double precision reads back."""
SHORT = 6
"""Significant digits on a terminal."""
FORMULA = re.compile(r"^[=+\-@\t\r]")
NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


def predictions_csv(forecasts: list[Forecast]) -> str:
    """Forecasts as CSV: the time, then mean, lower and upper bound of each target.

    Of several series, the first column has their names, under the name that it has in their
    table. The columns of the bounds have the level in their names: `y_lower_90` and
    `y_upper_90`. A bound that is not known is an empty field.
    """
    several, first, rows = len(forecasts) > 1, forecasts[0], []
    names = [name for names in first.column_names() for name in names]
    head = [*([_id(first)] if several else []), *stamp_columns(first.times), *names]
    for one in forecasts:
        columns = [part for j in range(len(one.targets)) for part in _columns(one, j)]
        for stamp, *row in zip(one.times.written(), *columns, strict=True):
            cells = [*([one.name] if several else []), *stamp.split("\t")]
            rows.append([*map(harmless, cells), *row])
    return as_csv(head, rows)


def paths_csv(forecasts: list[Forecast], paths: int) -> str:
    """Sample paths as CSV: a row for each path and step, with a column for each target."""
    several, first, rows = len(forecasts) > 1, forecasts[0], []
    stamps = stamp_columns(first.times)
    head = [*([_id(first)] if several else []), "path", *stamps, *first.targets]
    for one in forecasts:
        stamps, samples = one.times.written(), one.sample(paths)  # (path, step, target)
        digits = [significant_digits(samples[..., j]) for j in range(len(one.targets))]
        for i, path in enumerate(samples, 1):
            for stamp, row in zip(stamps, path.tolist(), strict=True):
                cells = [*([one.name] if several else []), str(i), *stamp.split("\t")]
                values = [f"{v:.{d}g}" for v, d in zip(row, digits, strict=True)]
                rows.append([*map(harmless, cells), *values])
    return as_csv(head, rows)


def as_csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Names of columns, made harmless, and rows of texts as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([harmless(name) for name in head])
    writer.writerows(rows)
    return text.getvalue()


def written(values: np.ndarray, exact: bool) -> list[list[str]]:
    """The rows as text, with all digits or with six of what tells the rows apart."""
    if exact:
        return [[repr(float(value)) for value in row] for row in values]
    digits = [significant_digits(column, SHORT) for column in values.T]
    return [[f"{v:.{d}g}" for v, d in zip(row, digits, strict=True)] for row in values.tolist()]


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    Examples
    --------
    >>> harmless("=1+1"), harmless("-5"), harmless("flow")
    ("'=1+1", '-5', 'flow')
    """
    return f"'{text}" if FORMULA.match(text) and not NUMBER.match(text) else text


def _id(forecast: Forecast) -> str:
    """The name of the column that tells series apart, as the table has it."""
    past = forecast.past
    return "series" if past is None or past.id is None else past.id


def stamp_columns(times: Times) -> list[str]:
    """The names of the columns of the stamps: more than one if the table has them so."""
    name = times.column or "step"
    several = times.form is not None and "\t" in times.form.pattern
    return name.split(",") if several else [name]


def _columns(forecast: Forecast, target: int) -> list[list[str]]:
    """Mean, lower and upper bound of a target as text."""
    parts = [part[:, target] for part in (forecast.mean, forecast.lower, forecast.upper)]
    digits = significant_digits(np.concatenate(parts))
    return [
        [f"{v:.{digits}g}" if math.isfinite(v) else "" for v in part.tolist()] for part in parts
    ]


def significant_digits(values: np.ndarray, digits: int = DIGITS) -> int:
    """The digits that tell values apart to so many digits of their differences."""
    known = values[np.isfinite(values)]
    if not len(known):
        return digits
    spread, size = float(np.ptp(known / 2)) * 2, float(np.abs(known).max())
    if not spread > 0 or not np.isfinite(spread):
        return digits if not spread > 0 and size < 1e8 else EXACT
    more = math.ceil(math.log10(size) - math.log10(spread))
    return min(max(digits, digits + more), EXACT)
