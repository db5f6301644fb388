"""The bundled data sets: four measured series to learn on."""

import importlib.resources
from pathlib import Path
from typing import Any

from throughtime.errors import InputError, closest_name

from .series import Series

NAMES = ("co2", "elnino", "laser", "sunspots")


def load_dataset(name: str, fill: str | None = None) -> Series:
    """Load a bundled series.

    Parameters
    ----------
    name
        `"co2"`, `"elnino"`, `"laser"` or `"sunspots"`.
    fill
        `"linear"`, `"forward"` or `"seasonal"` fills missing values; `"co2"` needs it for its
        59 missing weeks.

    Returns
    -------
    Series
        A series with one target and no inputs.

    Raises
    ------
    InputError
        If the name is unknown, or values are missing and not filled.
    """
    from .loading import to_series  # here, so that Polars loads only when a table is read

    return to_series(path(name), fill=fill)[0]


def named_dataset(data: Any) -> Any:
    """The path of a bundled series that is named, unless a file has that name; else `data`."""
    if isinstance(data, str) and data in NAMES and not Path(data).exists():
        return path(data)
    return data


def describe(name: str) -> str:
    """What a bundled series is, with its number of rows, source and licence, in one line.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    for line in _bundled_file("PROVENANCE.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if cells[0] == f"`{_check_name(name)}.csv`":
            _, what, rows, source = cells
            return f"{what[0].upper()}{what[1:]}. {rows} rows. {source}."
    raise AssertionError(f"PROVENANCE.md does not list {name}")


def path(name: str) -> Path:
    """The path of the CSV file of a bundled series.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    return _bundled_file(f"{_check_name(name)}.csv")


def _bundled_file(name: str) -> Path:
    return Path(str(importlib.resources.files("throughtime.data") / "bundled" / name))


def _check_name(name: str) -> str:
    if name in NAMES:
        return name
    close = closest_name(name, NAMES)
    remedy = f"Did you mean `{close}`?" if close else "Pass one of these names."
    raise InputError(f"a bundled series must be one of {', '.join(NAMES)}", name, remedy)
