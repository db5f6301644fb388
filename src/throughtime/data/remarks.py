"""What a reader of tables understood beyond what was written, in plain words.

Each remark is a short clause without a full stop: "day first", "rows sorted by `date`",
"2 exact copies dropped". `Table.remarks` holds those on the file, `Series.remarks` these and
those on the series' own rows. The command line says them in one line, and they stand in
`run.json` and in the report.
"""

from collections.abc import Sequence

from .series import Series

MOST_NAMES = 3


def read_as(series: Sequence[Series]) -> str:
    """All remarks on some series that were read together, in one line; empty without any.

    A remark that does not hold for all of them names the series that it is about.

    Examples
    --------
    >>> import numpy as np, throughtime as tt
    >>> from dataclasses import replace
    >>> (one,) = tt.to_series(np.arange(3.0))
    >>> read_as([replace(one, remarks=("day first", "rows sorted"))])
    'read as: day first, rows sorted'
    """
    owners: dict[str, list[str]] = {}
    for one in series:
        for remark in dict.fromkeys(one.remarks):
            owners.setdefault(remark, []).append(one.name)
    clauses = [
        remark if len(names) == len(series) else f"{remark} ({_some(names)})"
        for remark, names in owners.items()
    ]
    return f"read as: {', '.join(clauses)}" if clauses else ""


def _some(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names[:MOST_NAMES]]
    rest = len(names) - MOST_NAMES
    return "in " + ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
