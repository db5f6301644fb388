"""What `run.json` holds: a forecasting run on disk, from which nothing is executed.

The folder of a run:

- `run.json`: settings, columns, scalers, versions, fingerprints, the command.
- `series.safetensors`: the data, so that the folder is enough to resume and to forecast.
- `weights.safetensors`: the trained ensemble. `history.jsonl`: one line per epoch.
- `models.safetensors`: the core and its weights, once a forecast was made; it may be missing.
- `checkpoint/state.safetensors`: the last state of a training, with that of its optimiser.
- `checkpoint/last_good.safetensors`: the weights before a training diverged.

Every file is written completely or not at all, and has a digest that is checked on reading.
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
from throughtime._support.integrity import (
    damaged_file,
    digest,
    json_text,
    read_json,
    read_verified,
    write_json,
)
from throughtime._support.versions import package_versions
from throughtime.data.input_columns import InputColumns
from throughtime.data.series import Series
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.own_cell import OwnCell
from throughtime.tables.reading_options import ReadingOptions
from throughtime.training.checkpoint import load_tensors, named_tensors
from throughtime.training.history import Row, history_lines, history_rows
from throughtime.training.settings import check_settings

from .run_folder import MODELS, check_kind
from .times_record import TimesInfo

FORMAT = 1


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
    remarks: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    decimal: Literal[".", ","] | None = None
    missing: tuple[str, ...] = ()
    past_names: tuple[str, ...] = ()
    columns: InputColumns | None = None


class CommandOptions(BaseModel):
    """What the command line asked for; empty in a run that was saved from Python.

    Attributes
    ----------
    steps
        The number of steps to forecast.
    inputs
        The inputs at these steps, for each series that has inputs: (series, step, input).
    flow_every
        The number of epochs after which the gradient flow is recorded again.
    statistical
        Whether statistical baselines were asked for.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    steps: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    inputs: list[list[list[float]]] = []
    flow_every: Annotated[int, Field(ge=1)] | None = None
    statistical: bool = False


class RunFile(BaseModel):
    """The content of `run.json`.

    Attributes
    ----------
    format
        The version of the folder's format.
    settings
        The settings of the forecaster.
    architecture
        The architecture of its network.
    series
        The data, without their values.
    scalers
        The scalers of targets and inputs, for using the weights elsewhere.
    digests
        SHA-256 of the other files, by name.
    options
        What the command line asked for.
    command
        The command line that repeats the run.
    versions
        Of Python and the packages, by name.
    found
        Names of the settings that were searched, not given; a new fit searches again.
    stopped, best_epochs
        As in `Fitted`, once training has finished.
    """

    model_config = ConfigDict(extra="forbid")

    format: Annotated[int, Field(ge=1)]
    settings: dict[str, Any]
    architecture: dict[str, Any]
    series: Annotated[list[SeriesInfo], Field(min_length=1)]
    scalers: dict[str, Any]
    digests: dict[str, str]
    options: CommandOptions
    command: str
    versions: dict[str, str]
    found: tuple[str, ...] = ()
    stopped: str | None = None
    best_epochs: tuple[int, ...] = ()


@dataclass(frozen=True)
class ForecastRecord:
    """A forecasting run in memory.

    Attributes
    ----------
    settings, architecture, series
        The settings of the forecaster, its network, and the data that it was trained on.
    params
        The weights, or None while training goes on.
    history, stopped, best_epochs
        As in `Fitted`.
    scalers, options, command, found
        As in `RunFile`.
    versions
        The versions of Python and the packages that made the run.
    models
        The content of the file of fitted models; None for none.
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
    found: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=package_versions)
    models: bytes | None = None


def write(folder: Path, record: ForecastRecord) -> list[str]:
    """Write a run, all of it or nothing, and return the names of its files."""
    files: dict[str, bytes] = {"series.safetensors": save(_series_tensors(record.series))}
    if record.params is not None:
        files["weights.safetensors"] = save(named_tensors(record.params))
        files["history.jsonl"] = history_lines(record.history).encode()
    if record.models is not None:
        files[MODELS] = record.models
    run = RunFile(
        format=FORMAT,
        settings=_plain_settings(record.settings),
        architecture=record.architecture.to_json(),
        series=[_series_info(series) for series in record.series],
        scalers=record.scalers,
        digests={name: digest(content) for name, content in files.items()},
        options=CommandOptions(**record.options),
        command=record.command,
        versions=record.versions,
        **({"found": record.found} if record.found else {}),
        stopped=record.stopped,
        best_epochs=record.best_epochs,
    )
    text = json_text(run.model_dump(mode="json", exclude_unset=True))
    atomic.write_together(folder, {**files, "run.json": text}, "run.json")
    return [*files, "run.json"]


def add_models(folder: Path, content: bytes) -> None:
    """Write the fitted models of a run that holds none yet."""
    plain = _read_run_file(folder).model_dump(mode="json", exclude_unset=True)
    atomic.write(folder / MODELS, content)
    plain["digests"][MODELS] = digest(content)
    write_json(folder / "run.json", plain)


def _plain_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings as JSON holds them: of a cell of one's own, its name."""
    cell = settings["cell"]
    return settings | {"cell": cell.to_json() if isinstance(cell, OwnCell) else cell}


def read(folder: str | Path) -> ForecastRecord:
    """Read a run from its folder. Nothing in it is executed.

    Raises
    ------
    InputError
        If the folder is not a run, or the run has a newer format, is incomplete or was changed.
    """
    folder = Path(folder)
    run = _read_run_file(folder)
    check_settings(run.settings)
    series = _read_series(folder, run)
    architecture = _read_architecture(folder, run)
    params, history = None, []  # during training they are in the checkpoint
    if "weights.safetensors" in run.digests:
        params = _read_tensors(folder, "weights.safetensors", run.digests)
        history = _read_history(folder, run.digests)
    return ForecastRecord(
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
        found=run.found,
        models=read_verified(folder / MODELS, run.digests) if MODELS in run.digests else None,
    )


def _read_run_file(folder: Path) -> RunFile:
    path = folder / "run.json"
    check_kind(folder, path.name)
    return read_json(path, RunFile, FORMAT)


def _read_architecture(folder: Path, run: RunFile) -> Architecture:
    try:
        architecture = TypeAdapter(Architecture).validate_python(run.architecture)
    except ValidationError:
        architecture = None
    if architecture is None or architecture.to_json() != run.architecture:
        raise damaged_file(folder / "run.json", "its `architecture` is not valid")
    return architecture


def _read_tensors(folder: Path, name: str, digests: dict[str, str]) -> dict[str, np.ndarray]:
    return load_tensors(folder / name, read_verified(folder / name, digests))


def _read_history(folder: Path, digests: dict[str, str]) -> list[Row]:
    lines = read_verified(folder / "history.jsonl", digests).decode(errors="replace")
    rows = history_rows(folder / "history.jsonl", lines)
    if not rows:
        raise damaged_file(folder / "history.jsonl", "it is empty")
    return rows


def _series_tensors(series: Iterable[Series]) -> dict[str, np.ndarray]:
    values = {}
    for i, one in enumerate(series):
        values[f"{i}.targets"] = np.ascontiguousarray(one.targets)
        values[f"{i}.inputs"] = np.ascontiguousarray(one.inputs)
        if one.filled_at is not None:
            values[f"{i}.filled"] = np.ascontiguousarray(one.filled_at, np.uint8)
        if one.future is not None:
            values[f"{i}.future"] = np.ascontiguousarray(one.future)
        if one.past_names:
            values[f"{i}.past"] = np.ascontiguousarray(one.past_inputs)
    return values


def _read_series(folder: Path, run: RunFile) -> list[Series]:
    values = _read_tensors(folder, "series.safetensors", run.digests)
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
                info.remarks,
                values.get(f"{i}.future"),
                info.units,
                ReadingOptions(info.decimal, info.missing),
                **_other_inputs(info, values.get(f"{i}.past")),
            )
            for i, info in enumerate(run.series)
        ]
    except (KeyError, TypeError, ValueError):
        reason = "its series do not match `series.safetensors`"
        raise damaged_file(folder / "run.json", reason) from None


def _other_inputs(info: SeriesInfo, past: np.ndarray | None) -> dict[str, Any]:
    """What a series has that inputs known ahead, as their table has them, do not need."""
    more: dict[str, Any] = {} if past is None else {"past_inputs": past}
    if info.columns is not None:
        more["columns"] = info.columns
    return more | {"past_names": info.past_names}


def _series_info(series: Series) -> SeriesInfo:
    more: dict[str, Any] = {}
    if series.columns.all != series.input_names:
        more = {"columns": series.columns}
        more |= {"past_names": series.past_names} if series.past_names else {}
    return SeriesInfo(
        name=series.name,
        target_names=series.target_names,
        input_names=series.input_names,
        times=TimesInfo(**series.times.to_json()),
        filled=series.filled,
        id=series.id,
        fingerprint=series.fingerprint(),
        remarks=series.remarks,
        units=series.units,
        decimal=series.reading.decimal,
        missing=series.reading.missing,
        **more,
    )
