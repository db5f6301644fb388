"""A run on disk: a folder of JSON and safetensors, from which nothing is executed.

- `run.json`: settings, columns, scalers, versions, fingerprints, the command.
- `series.safetensors`: the data, so that the folder is enough to resume and to forecast.
- `weights.safetensors`: the trained ensemble. `history.jsonl`: a line for each epoch.
- `checkpoint/state.safetensors`: the last state of a training, its optimiser's too.
- `checkpoint/last_good.safetensors`: the weights before a training diverged.

Every file is replaced at once or not at all, and carries a digest that is checked on
reading.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import PyTree
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from safetensors.numpy import save

from throughtime._support import atomic
from throughtime._support.integrity import checked, damaged, digest, read_json, write_json
from throughtime.data.series import Series, Times
from throughtime.errors import InputError
from throughtime.recurrence.network import Architecture
from throughtime.training.checkpoint import (
    flatten,
    history_lines,
    history_rows,
    tensors,
)
from throughtime.training.settings import check_settings
from throughtime.training.train import Row

from .run_folder import SURROGATE, versions

FORMAT = 1
Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class TimesInfo(BaseModel):
    """The time axis of a series, as `Times.to_json` gives it."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    start: Int64 | float | str
    step: Annotated[Int64 | float, Field(gt=0)]
    length: Annotated[int, Field(ge=0, lt=2**63)]
    column: str | None
    unit: Literal["number", "microsecond", "month"]
    day: Annotated[int, Field(ge=1, le=31)]

    def times(self) -> Times:
        """The axis. **Raises:** `ValueError` if the start does not fit the unit."""
        number = self.unit == "number"
        if isinstance(self.start, str) == number or not (number or isinstance(self.step, int)):
            raise ValueError("a date needs a unit of time, and whole steps")
        return Times.from_json(self.model_dump())


class SeriesInfo(BaseModel):
    """A series without its values."""

    model_config = ConfigDict(extra="forbid")

    name: str
    target_names: tuple[str, ...]
    input_names: tuple[str, ...]
    times: TimesInfo
    filled: int
    id: str | None
    fingerprint: str


class Options(BaseModel):
    """What the command line was asked for; nothing in a run that was saved from Python.

    Attributes
    ----------
    steps
        To forecast.
    inputs
        Of these steps, for each series that has inputs.
    flow_every
        Epochs after which the gradient flow is recorded.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    steps: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    inputs: list[list[list[float]]] = []
    flow_every: Annotated[int, Field(ge=1)] | None = None


class RunFile(BaseModel):
    """What `run.json` holds.

    Attributes
    ----------
    format
        Of the folder.
    settings
        Of the forecaster.
    architecture
        Of its network.
    series
        Of the data.
    scalers
        Of targets and inputs, to use the weights elsewhere.
    digests
        Sha256 of the other files.
    options
        Of the command.
    command
        That repeats it.
    versions
        Of Python and the packages.
    stopped, best_epochs
        Of a finished training.
    """

    model_config = ConfigDict(extra="forbid")

    format: Annotated[int, Field(ge=1)]
    settings: dict[str, Any]
    architecture: dict[str, Any]
    series: Annotated[list[SeriesInfo], Field(min_length=1)]
    scalers: dict[str, Any]
    digests: dict[str, str]
    options: Options
    command: str
    versions: dict[str, str]
    stopped: str | None = None
    best_epochs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Record:
    """A run in memory.

    Attributes
    ----------
    settings, architecture, series
        What was trained, on what.
    params
        The weights, or None while it trains.
    history, stopped, best_epochs
        As in `Fitted`.
    scalers, options, command
        As in `RunFile`.
    versions
        Of what wrote it.
    """

    settings: dict[str, Any]
    architecture: Architecture
    series: list[Series]
    params: PyTree = None
    history: list[Row] = field(default_factory=list)
    stopped: str | None = None
    best_epochs: tuple[int, ...] = ()
    scalers: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    versions: dict[str, str] = field(default_factory=lambda: versions())


def write(folder: Path, record: Record) -> None:
    """Write a run; without `params`, what is needed to resume it."""
    files: dict[str, bytes] = {"series.safetensors": save(_values(record.series))}
    if record.params is not None:
        files["weights.safetensors"] = save(flatten(record.params))
        files["history.jsonl"] = history_lines(record.history).encode()
    run = RunFile(
        format=FORMAT,
        settings=record.settings,
        architecture=record.architecture.to_json(),
        series=[_info(series) for series in record.series],
        scalers=record.scalers,
        digests={name: digest(content) for name, content in files.items()},
        options=Options(**record.options),
        command=record.command,
        versions=record.versions,
        stopped=record.stopped,
        best_epochs=record.best_epochs,
    )
    plain = run.model_dump(mode="json", exclude_unset=True)
    for name, content in files.items():
        atomic.write(folder / name, content)
    write_json(folder / "run.json", plain)


def read(folder: str | Path) -> Record:
    """Read a run. Nothing in it is executed.

    Raises
    ------
    InputError
        If it is not a run, of a newer format, incomplete or changed.
    """
    folder = Path(folder)
    run = _run_file(folder)
    check_settings(run.settings)
    series = _series(folder, run, _tensors(folder, "series.safetensors", run.digests))
    architecture = _architecture(folder, run)
    params, history = None, []  # while it trains, they are in the checkpoint
    if "weights.safetensors" in run.digests:
        params = _tensors(folder, "weights.safetensors", run.digests)
        history = _history(folder, run.digests)
    return Record(
        settings=run.settings,
        architecture=architecture,
        series=series,
        params=params,
        history=history,
        stopped=run.stopped,
        best_epochs=run.best_epochs,
        scalers=run.scalers,
        options=run.options.model_dump(exclude_unset=True),
        command=run.command,
        versions=run.versions,
    )


def _run_file(folder: Path) -> RunFile:
    path = folder / "run.json"
    if not path.is_file():
        if (folder / SURROGATE).is_file():
            rule = "a forecast's run must be given"
            remedy = "Read it by `throughtime.load_surrogate`, or by `throughtime diagnose`."
            raise InputError(rule, f"`{folder}`, a surrogate", remedy)
        rule = "a run is a folder with a `run.json`"
        raise InputError(
            rule, f"`{folder}`", "Pass the folder that `throughtime forecast` named."
        )
    return read_json(path, RunFile, FORMAT)


def _architecture(folder: Path, run: RunFile) -> Architecture:
    try:
        found = TypeAdapter(Architecture).validate_python(run.architecture)
    except ValidationError:
        found = None
    if found is None or found.to_json() != run.architecture:
        raise damaged(folder / "run.json", "its architecture is not one")
    return found


def _tensors(folder: Path, name: str, digests: dict[str, str]) -> dict[str, np.ndarray]:
    return tensors(folder / name, checked(folder / name, digests))


def _history(folder: Path, digests: dict[str, str]) -> list[Row]:
    lines = checked(folder / "history.jsonl", digests).decode(errors="replace")
    rows = history_rows(folder / "history.jsonl", lines)
    if not rows:
        raise damaged(folder / "history.jsonl", "it is empty")
    return rows


def _values(series: Iterable[Series]) -> dict[str, np.ndarray]:
    values = {}
    for i, one in enumerate(series):
        values[f"{i}.targets"] = np.ascontiguousarray(one.targets)
        values[f"{i}.inputs"] = np.ascontiguousarray(one.inputs)
        if one.filled_at is not None:
            values[f"{i}.filled"] = np.ascontiguousarray(one.filled_at, np.uint8)
    return values


def _series(folder: Path, run: RunFile, values: dict[str, np.ndarray]) -> list[Series]:
    try:
        return [
            Series(
                values[f"{i}.targets"].astype(np.float64),
                info.target_names,
                values[f"{i}.inputs"].astype(np.float64),
                info.input_names,
                info.times.times(),
                info.name,
                info.filled,
                info.id,
                None if (filled := values.get(f"{i}.filled")) is None else filled == 1,
            )
            for i, info in enumerate(run.series)
        ]
    except (KeyError, TypeError, ValueError):
        raise damaged(folder / "run.json", "its series are not those of the data") from None


def _info(series: Series) -> SeriesInfo:
    return SeriesInfo(
        name=series.name,
        target_names=series.target_names,
        input_names=series.input_names,
        times=TimesInfo(**series.times.to_json()),
        filled=series.filled,
        id=series.id,
        fingerprint=series.fingerprint(),
    )
