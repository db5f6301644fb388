"""What is read of a comparison on disk: the errors of each method, to draw them again."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ValidationError

from throughtime._support.integrity import damaged_file, read_file_bytes
from throughtime.runs.run_folder import COMPARISON


@dataclass(frozen=True, eq=False)
class SavedErrors:
    """The errors of a comparison, named as in a `Backtest`.

    Attributes
    ----------
    rmse
        Root mean squared error of each method at each lead time; infinite if it diverged.
    targets
        Names of the targets.
    period
        Period of seasonal persistence in steps; None without a season.
    """

    rmse: dict[str, Float[np.ndarray, "_ _"]]
    targets: tuple[str, ...]
    period: int | None

    @property
    def steps(self) -> int:
        """The longest lead time."""
        return len(next(iter(self.rmse.values())))


class _Way(BaseModel):
    name: str


class _Errors(BaseModel):
    rmse: dict[str, list[list[float | None]]]
    targets: tuple[str, ...]
    period: int | None


class _File(BaseModel):
    """The part of `comparison.json` that is read."""

    ways: dict[str, _Way]
    backtest: _Errors


def is_comparison(folder: Path) -> bool:
    """Whether a folder holds a comparison."""
    return (folder / COMPARISON).is_file()


def read_errors(folder: Path) -> tuple[SavedErrors, list[str]]:
    """The errors of all methods of a comparison, and the names of the ways among them.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    path = folder / COMPARISON
    try:
        found = _File.model_validate_json(read_file_bytes(path))
    except ValidationError:
        raise damaged_file(path, "it is not what `throughtime compare` writes") from None
    own, count = found.backtest, len(found.backtest.targets)
    rmse = {
        name: np.array([[np.inf if v is None else v for v in row] for row in rows])
        for name, rows in own.rmse.items()
    }
    shapes = {errors.shape for errors in rmse.values()}
    if len(shapes) != 1 or shapes.pop()[1:] != (count,):
        raise damaged_file(path, "its errors do not fit its targets")
    return SavedErrors(rmse, own.targets, own.period), [way.name for way in found.ways.values()]
