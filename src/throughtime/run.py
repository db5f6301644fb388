"""A run on disk: a folder of JSON and safetensors, from which nothing is executed.

- `run.json`: settings, columns, scalers, versions, fingerprints, the command.
- `series.safetensors`: the data, so that the folder is enough to resume and to forecast.
- `weights.safetensors`: the trained ensemble. `history.jsonl`: a line for each epoch.
- `checkpoint/state.safetensors`: the last state of a training, its optimiser's too.

Every file is replaced at once or not at all, and carries a digest that is checked on
reading.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
from jaxtyping import PyTree
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from safetensors.numpy import save

from . import atomic
from .checkpoint import CHECKPOINT, damaged, flatten, history_lines, history_rows, tensors
from .errors import InputError
from .network import Architecture
from .series import Series, Times
from .train import Row

FORMAT = 1
FILES = ("run.json", "series.safetensors", "weights.safetensors", "history.jsonl")
RESULTS = ("forecast.csv", "report.html")


class SeriesInfo(BaseModel):
    """A series without its values."""

    name: str
    target_names: tuple[str, ...]
    input_names: tuple[str, ...]
    times: dict[str, Any]
    filled: int
    fingerprint: str


class RunFile(BaseModel):
    """What `run.json` holds.

    - `format`: of the folder. `settings`: of the forecaster. `architecture`: of its network.
    - `series`: of the data. `scalers`: of targets and inputs, to use the weights elsewhere.
    - `digests`: sha256 of the other files.
    - `options`: of the command, such as how many steps to forecast. `command`: that repeats it.
    - `versions`: of Python and the packages. `stopped`, `best_epochs`: of a finished training.
    """

    model_config = ConfigDict(extra="forbid")

    format: int
    settings: dict[str, Any]
    architecture: dict[str, Any]
    series: list[SeriesInfo]
    scalers: dict[str, Any]
    digests: dict[str, str]
    options: dict[str, Any]
    command: str
    versions: dict[str, str]
    stopped: str | None = None
    best_epochs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Record:
    """A run in memory.

    - `settings`, `architecture`, `series`: what was trained, on what.
    - `params`: the weights, or None while it trains. `history`, `stopped`, `best_epochs`:
      as in `Fitted`.
    - `scalers`, `options`, `command`: as in `RunFile`. `versions`: of what wrote it.
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


def claim(folder: Path, overwrite: bool) -> Path:
    """Make a folder for a run; an earlier run there goes only if that was asked for.

    Files that are not a run's are never touched.

    **Raises:** `InputError` if the folder is in use or cannot be written.
    """
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        rule = "the output folder must be new or empty"
        raise InputError(rule, f"`{folder}`", "Pass `--overwrite`, or another `--out`.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*FILES, *RESULTS, CHECKPOINT):
            (folder / name).unlink(missing_ok=True)
        atomic.write(folder / "run.json", "{}")
        (folder / "run.json").unlink()
    except OSError as error:
        rule = "the output folder must be writable"
        got = f"`{folder}` ({error.strerror})"
        raise InputError(rule, got, "Pass another `--out`.") from None
    return folder


def write(folder: Path, record: Record) -> None:
    """Write a run; without `params`, what is needed to resume it."""
    files: dict[str, bytes] = {"series.safetensors": save(_values(record.series))}
    if record.params is not None:
        files["weights.safetensors"] = save(flatten(record.params))
    run = RunFile(
        format=FORMAT,
        settings=record.settings,
        architecture=record.architecture.to_json(),
        series=[_info(series) for series in record.series],
        scalers=record.scalers,
        digests={name: _digest(content) for name, content in files.items()},
        options=record.options,
        command=record.command,
        versions=record.versions,
        stopped=record.stopped,
        best_epochs=record.best_epochs,
    )
    for name, content in files.items():
        atomic.write(folder / name, content)
    atomic.write(folder / "history.jsonl", history_lines(record.history))
    plain = run.model_dump(mode="json")
    text = json.dumps({**plain, "digest": _digest(_canonical(plain))}, indent=2)
    atomic.write(folder / "run.json", text + "\n")


def read(folder: str | Path) -> Record:
    """Read a run. Nothing in it is executed.

    **Raises:** `InputError` if it is not a run, of a newer format, incomplete or changed.
    """
    folder = Path(folder)
    run = _run_file(folder)
    series = _series(run, _checked(folder, "series.safetensors", run.digests))
    architecture = _architecture(folder, run)
    params = None
    if "weights.safetensors" in run.digests:
        params = _checked(folder, "weights.safetensors", run.digests)
    return Record(
        run.settings,
        architecture,
        series,
        params,
        _history(folder),
        run.stopped,
        run.best_epochs,
        run.scalers,
        run.options,
        run.command,
        run.versions,
    )


def versions() -> dict[str, str]:
    """Of Python, this package and those that decide its numbers."""
    found = {"python": python_version()}
    for name in ("throughtime", "jax", "jaxlib", "equinox", "optax", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _run_file(folder: Path) -> RunFile:
    path = folder / "run.json"
    if not path.is_file():
        rule = "a run is a folder with a `run.json`"
        raise InputError(
            rule, f"`{folder}`", "Pass the folder that `throughtime forecast` named."
        )
    try:
        plain = json.loads(path.read_bytes())
    except ValueError:
        raise damaged(path, "it is not JSON") from None
    if not isinstance(plain, dict) or not isinstance(plain.get("format"), int):
        raise damaged(path, "it has no format number")
    if plain["format"] > FORMAT:
        rule = f"a run's format must be at most {FORMAT}"
        raise InputError(rule, plain["format"], "Install a newer version of throughtime.")
    digest = plain.pop("digest", None)
    if digest != _digest(_canonical(plain)):
        raise damaged(path, "its content does not match its digest")
    try:
        return RunFile(**plain)
    except ValidationError as error:
        raise damaged(path, f"`{error.errors()[0]['loc'][0]}` is not right") from None


def _architecture(folder: Path, run: RunFile) -> Architecture:
    try:
        return TypeAdapter(Architecture).validate_python(run.architecture)
    except ValidationError:
        raise damaged(folder / "run.json", "its architecture is not one") from None


def _checked(folder: Path, name: str, digests: dict[str, str]) -> dict[str, np.ndarray]:
    path = folder / name
    if not path.is_file():
        raise damaged(path, "the file is missing")
    content = path.read_bytes()
    if _digest(content) != digests.get(name):
        raise damaged(path, "its content does not match the digest in `run.json`")
    return tensors(path, content)


def _history(folder: Path) -> list[Row]:
    path = folder / "history.jsonl"
    try:
        return history_rows(path.read_text())
    except (OSError, ValueError, TypeError):
        raise damaged(path, "it is missing or not one JSON object a line") from None


def _values(series: Iterable[Series]) -> dict[str, np.ndarray]:
    values = {}
    for i, one in enumerate(series):
        values[f"{i}.targets"] = np.ascontiguousarray(one.targets)
        values[f"{i}.inputs"] = np.ascontiguousarray(one.inputs)
    return values


def _series(run: RunFile, values: dict[str, np.ndarray]) -> list[Series]:
    return [
        Series(
            values[f"{i}.targets"],
            info.target_names,
            values[f"{i}.inputs"],
            info.input_names,
            Times.from_json(info.times),
            info.name,
            info.filled,
        )
        for i, info in enumerate(run.series)
    ]


def _info(series: Series) -> SeriesInfo:
    return SeriesInfo(
        name=series.name,
        target_names=series.target_names,
        input_names=series.input_names,
        times=series.times.to_json(),
        filled=series.filled,
        fingerprint=series.fingerprint(),
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _canonical(plain: dict[str, Any]) -> bytes:
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
