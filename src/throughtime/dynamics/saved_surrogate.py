"""A surrogate written to a folder, and read back. Nothing in the folder is executed."""

from dataclasses import fields
from pathlib import Path

import equinox as eqx
from safetensors.numpy import save

from throughtime._support import atomic
from throughtime._support.integrity import checked, digest, read_json, write_json
from throughtime._support.precision import precision
from throughtime.data.scaler import Scaler
from throughtime.errors import InputError
from throughtime.runs import run_folder
from throughtime.runs.run_folder import SURROGATE
from throughtime.runs.surrogate_record import FORMAT, Options, Settings, SurrogateFile
from throughtime.training.checkpoint import (
    flatten,
    history_lines,
    history_rows,
    tensors,
    unflatten,
)
from throughtime.training.train import Fitted

from .surrogate import Surrogate


def save_surrogate(model: Surrogate, folder: str | Path, *, overwrite: bool = False) -> None:
    """Write a fitted surrogate to a folder, from which `load_surrogate` reads it.

    Raises
    ------
    InputError
        If it is not fitted, if the folder is in use or cannot be written, or for a system that
        is a function of one's own.
    """
    model.trained()
    _settings(model)
    folder = run_folder.claim(Path(folder), overwrite)
    write(folder, model, {"unseen": 100, "unseen_steps": 1000})


def load_surrogate(folder: str | Path) -> Surrogate:
    """Read a surrogate that was saved, here or by the command. Nothing is executed.

    Raises
    ------
    InputError
        As `load`.
    """
    return load(folder)[0]


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
        versions=run_folder.versions(),
        stopped=None if fitted is None else fitted.stopped,
        best_epochs=() if fitted is None else fitted.best_epochs,
    )
    for name, content in files.items():
        atomic.write(folder / name, content)
    write_json(folder / SURROGATE, held.model_dump(mode="json"))
    return held


def load(folder: str | Path) -> tuple[Surrogate, str]:
    """A surrogate that was trained to its end, and the command that made it.

    Raises
    ------
    InputError
        If the folder is none, not finished, or not as it was written.
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
