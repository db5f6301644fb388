"""A surrogate on disk: a folder of JSON and safetensors, from which nothing is executed.

- `surrogate.json`: the system and all settings, versions, the command.
- `weights.safetensors`: of the network. `history.jsonl`: a line for each epoch.
- `checkpoint/`: as of a forecast's run. `report.html`: the report.

The trajectories, and the scalers, are not stored: they are drawn from the seed again.
"""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal

import equinox as eqx
from pydantic import BaseModel, ConfigDict, Field
from safetensors.numpy import save

from . import atomic, run
from .checkpoint import flatten, history_lines, history_rows, tensors, unflatten
from .digests import checked, digest, read_json, write_json
from .errors import InputError
from .job import train_kept
from .precision import precision
from .run import SURROGATE
from .series import Scaler
from .surrogate import Surrogate
from .train import Fitted, Row

FORMAT = 1

Pair = tuple[float, float]


class Settings(BaseModel):
    """The settings of a `Surrogate`, as JSON has them."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    system: str
    parameters: dict[str, float]
    ranges: dict[str, Pair]
    dt: float | None
    trajectories: int
    steps: int
    validation: float
    cell: str
    hidden: int
    depth: int
    dense: tuple[int, ...]
    window: int
    forcing: str
    method: str
    rate: float | None
    clip: float | None
    schedule: str
    epochs: int
    batch_size: int
    dtype: str
    seed: int


class Options(BaseModel):
    """On how many trajectories, `unseen`, of how many steps the command judges it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    unseen: Annotated[int, Field(ge=1)]
    unseen_steps: Annotated[int, Field(ge=1)]


class SurrogateFile(BaseModel):
    """What `surrogate.json` holds; `digests` of the other files, `options` of the command."""

    model_config = ConfigDict(extra="forbid")

    format: Annotated[int, Field(ge=1)]
    settings: Settings
    digests: dict[str, str]
    options: Options
    scalers: dict[Literal["targets", "inputs"], dict[str, list[float]]]
    command: str
    versions: dict[str, str]
    stopped: str | None = None
    best_epochs: tuple[int, ...] = ()


def is_surrogate(folder: Path) -> bool:
    """Whether a folder holds a surrogate, finished or not."""
    return (folder / SURROGATE).is_file()


def begin(
    model: Surrogate,
    folder: Path,
    options: dict[str, int],
    *,
    overwrite: bool = False,
    command: str = "",
) -> None:
    """Check all that can be checked before training, then make the folder.

    **Arguments:** `options`: on how many trajectories of how many steps it is judged.

    **Raises:** `InputError`; nothing is written then.
    """
    model.prepare()
    model.first_state()
    _settings(model)
    run.claim(folder, overwrite)
    write(folder, model, options, command)


def save_surrogate(model: Surrogate, folder: str | Path, *, overwrite: bool = False) -> None:
    """Write a fitted surrogate to a folder, from which `load_surrogate` reads it.

    **Raises:** `InputError` if it is not fitted, if the folder is in use or cannot be written,
    or for a system that is a function of one's own.
    """
    model.trained()
    _settings(model)
    folder = run.claim(Path(folder), overwrite)
    write(folder, model, {"unseen": 100, "unseen_steps": 1000})


def load_surrogate(folder: str | Path) -> Surrogate:
    """Read a surrogate that was saved, here or by the command. Nothing is executed.

    **Raises:** `InputError` as `load`.
    """
    return load(folder)[0]


def epochs(folder: Path) -> int:
    """How many epochs a surrogate is trained for, at most."""
    return read_json(folder / SURROGATE, SurrogateFile, FORMAT).settings.epochs


def complete(
    folder: Path, show: Callable[[list[Row]], None]
) -> tuple[Surrogate, SurrogateFile]:
    """Train a surrogate to its end, from its last checkpoint if there is one, and keep it.

    **Returns:** it, and what its folder says of it.

    **Raises:** `Interrupted` at SIGINT or SIGTERM, `Diverged`, `InputError`.
    """
    model, found = _read(folder)
    if found.stopped is None:
        train_kept(model, folder, show)
        found = write(folder, model, found.options.model_dump(), found.command)
    return model, found


def write(
    folder: Path, model: Surrogate, options: dict[str, int], command: str = ""
) -> SurrogateFile:
    """Write a surrogate; one that is not fitted, what is needed to resume it."""
    fitted: Fitted | None = getattr(model, "fitted_", None)
    files: dict[str, bytes] = {}
    if fitted is not None:
        params = eqx.filter(fitted.network, eqx.is_inexact_array)
        files["weights.safetensors"] = save(flatten(params))
        files["history.jsonl"] = history_lines(fitted.history).encode()
    held = SurrogateFile(
        format=FORMAT,
        settings=_settings(model),
        digests={name: digest(content) for name, content in files.items()},
        options=Options(**options),
        scalers={
            "targets": model.scaler_.to_json(),
            "inputs": model.input_scaler_.to_json(),
        },
        command=command,
        versions=run.versions(),
        stopped=None if fitted is None else fitted.stopped,
        best_epochs=() if fitted is None else fitted.best_epochs,
    )
    for name, content in files.items():
        atomic.write(folder / name, content)
    write_json(folder / SURROGATE, held.model_dump(mode="json"))
    return held


def load(folder: str | Path) -> tuple[Surrogate, str]:
    """A surrogate that was trained to its end, and the command that made it.

    **Raises:** `InputError` if the folder is none, not finished, or not as it was written.
    """
    model, found = _read(Path(folder))
    if found.stopped is None:
        rule = "a surrogate must be trained to its end before it solves"
        raise InputError(rule, f"`{folder}`, which is not", "Use `throughtime resume`.")
    return model, found.command


def _read(folder: Path) -> tuple[Surrogate, SurrogateFile]:
    path = folder / SURROGATE
    found = read_json(path, SurrogateFile, FORMAT)
    weights, content, lines = folder / "weights.safetensors", b"", ""
    if found.stopped is not None:  # (before what takes longer)
        content = checked(weights, found.digests)
        lines = checked(folder / "history.jsonl", found.digests).decode(errors="replace")
    model = Surrogate(**found.settings.model_dump()).prepare()
    if found.stopped is not None:
        with precision(model.dtype):
            like, static = eqx.partition(model.untrained(), eqx.is_inexact_array)
            params = unflatten(like, tensors(weights, content), weights)
        history = history_rows(folder / "history.jsonl", lines)
        network = eqx.combine(params, static)
        model.fitted_ = Fitted(network, history, found.best_epochs, found.stopped)
        model.scaler_ = Scaler.from_json(
            found.scalers["targets"]
        )  # (those it was trained with)
        model.input_scaler_ = Scaler.from_json(found.scalers["inputs"])
    return model, found


def _settings(model: Surrogate) -> Settings:
    if not isinstance(model.system, str):
        rule = "a surrogate that is kept must be of a system by name, or of equations as text"
        raise InputError(rule, "a system of your own function", "Write its equations as text.")
    return Settings(**{f.name: getattr(model, f.name) for f in fields(model)})
