"""The bundled data: four measured series to learn on."""

import difflib
import importlib.resources
from pathlib import Path

from throughtime.errors import InputError

from .series import Series

NAMES = ("co2", "elnino", "laser", "sunspots")


def load_dataset(name: str, fill: str | None = None) -> Series:
    """A bundled series.

    Parameters
    ----------
    name
        One of `NAMES`.
    fill
        `"linear"` or `"forward"`; `"co2"` needs it, for its 59 missing weeks.

    Returns
    -------
    Series
        A `Series` with one target and no inputs.

    Raises
    ------
    InputError
        If the name is unknown, or values are missing and not filled.
    """
    from .tables import to_series  # here, so that Polars loads only when a table is read

    return to_series(path(name), fill=fill)[0]


def describe(name: str) -> str:
    """What a bundled series is, its rows, source and licence, in one line.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    for line in _file("PROVENANCE.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if cells[0] == f"`{_known(name)}.csv`":
            _, what, rows, source = cells
            return f"{what[0].upper()}{what[1:]}. {rows} rows. {source}."
    raise AssertionError(f"PROVENANCE.md does not list {name}")


def path(name: str) -> Path:
    """The CSV file of a bundled series.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    return _file(f"{_known(name)}.csv")


def _file(name: str) -> Path:
    return Path(str(importlib.resources.files("throughtime.data") / "bundled" / name))


def _known(name: str) -> str:
    if name in NAMES:
        return name
    close = difflib.get_close_matches(name.lower(), NAMES, n=1)
    remedy = f"Did you mean `{close[0]}`?" if close else "Pass one of these names."
    raise InputError(f"a bundled series must be one of {', '.join(NAMES)}", name, remedy)
