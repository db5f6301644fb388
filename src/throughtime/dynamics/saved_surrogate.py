"""Surrogates on disk: written to a folder and read back, without running code from it."""

from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
from safetensors.numpy import save

from throughtime._support import atomic
from throughtime._support.integrity import (
    damaged_file,
    digest,
    json_text,
    read_json,
    read_verified,
)
from throughtime._support.precision import precision
from throughtime._support.versions import package_versions
from throughtime.data.scaler import Scaler
from throughtime.errors import InputError
from throughtime.recurrence.own_cell import CellSource, cell_to_read, check_same_cell
from throughtime.runs import run_folder
from throughtime.runs.measured_record import is_measured
from throughtime.runs.run_folder import SURROGATE
from throughtime.runs.surrogate_record import (
    FORMAT,
    EvaluationOptions,
    SurrogateFile,
    SurrogateSettings,
)
from throughtime.training.checkpoint import from_named_tensors, load_tensors, named_tensors
from throughtime.training.history import history_lines, history_rows
from throughtime.training.result import Fitted

from .flow_map_regression import SCALES
from .measured_surrogate import MeasuredSurrogate
from .saved_measured import WEIGHTS, read_measured, write_measured
from .surrogate import Surrogate

UNUSED = "cells.0.W"
"""The weights that units without memory do not have: zeros, one for each pair of units."""


def save_surrogate(model: Surrogate, folder: str | Path, *, overwrite: bool = False) -> None:
    """Write a fitted surrogate to a folder; `load_surrogate` reads it.

    Parameters
    ----------
    model
        A fitted surrogate of a named system, of equations as text, or of trajectories.
    folder
        A new or empty folder.
    overwrite
        Whether an earlier run in the folder may be replaced.

    Raises
    ------
    InputError
        If the surrogate is not fitted, the folder is in use or not writable, or the system is
        a Python function.
    """
    measured: MeasuredSurrogate | None = getattr(model, "measured_", None)
    if measured is None:
        model.trained()
        surrogate_settings(model)

    def write_all(folder: Path) -> tuple[str, ...]:
        if measured is not None:
            write_measured(folder, measured, model.seed)
            return run_folder.MEASURED, WEIGHTS
        record = write(folder, model, {"unseen": 100, "unseen_steps": 1000})
        return SURROGATE, *record.digests

    run_folder.replace_run(Path(folder), write_all, overwrite)


def load_surrogate(folder: str | Path, *, cell: CellSource | None = None) -> Surrogate:
    """Read a surrogate that `save_surrogate` or the command wrote. No code in it is run.

    Parameters
    ----------
    folder
        The folder.
    cell
        The cell of your own that it was trained with, if it was.

    Raises
    ------
    InputError
        If the folder holds no surrogate, its training is not finished, a file was changed, or
        for another cell than the one it was trained with.
    """
    return load(folder, cell)[0]


def load(folder: str | Path, cell: CellSource | None = None) -> tuple[Surrogate, str]:
    """A surrogate whose training is finished, and the command that made it.

    Raises
    ------
    InputError
        As `load_surrogate`.
    """
    if is_measured(Path(folder)):
        measured, seed, command = read_measured(Path(folder))
        found = Surrogate(seed=seed)
        found.measured_ = measured
        return found, command
    model, record = read(Path(folder), cell)
    if record.stopped is None:
        rule = "a surrogate must be trained to its end before it solves"
        raise InputError(rule, f"`{folder}`, which is not", "Use `throughtime resume`.")
    return model, record.command


def write(
    folder: Path, model: Surrogate, options: dict[str, int], command: str = ""
) -> SurrogateFile:
    """Write a surrogate; if it is not fitted yet, what is needed to train it.

    Parameters
    ----------
    folder
        An existing folder.
    model
        A prepared or fitted surrogate.
    options
        How the command evaluates it: see `EvaluationOptions`.
    command
        The command line that made it.

    Returns
    -------
    SurrogateFile
        The contents of `surrogate.json`.
    """
    fitted: Fitted | None = getattr(model, "fitted_", None)
    files: dict[str, bytes] = {}
    if fitted is not None:
        params = eqx.filter(fitted.network, eqx.is_inexact_array)
        tensors = named_tensors(params)
        if model.regressed:
            del tensors[UNUSED]
        files["weights.safetensors"] = save(tensors)
        files["history.jsonl"] = history_lines(fitted.history).encode()
    record = SurrogateFile(
        format=FORMAT,
        settings=surrogate_settings(model),
        digests={name: digest(content) for name, content in files.items()},
        options=EvaluationOptions(**options),
        scalers={
            "targets": model.scaler_.to_json(),
            "inputs": model.input_scaler_.to_json(),
        },
        command=command,
        versions=package_versions(),
        stopped=None if fitted is None else fitted.stopped,
        best_epochs=() if fitted is None else fitted.best_epochs,
        angles=model.architecture_.angles,
        own_cell=model.architecture_.describe_own_cell(),
    )
    plain = record.model_dump(mode="json")
    for name in ("own_cell", "angles"):
        if not plain[name]:
            del plain[name]
    atomic.write_together(folder, {**files, SURROGATE: json_text(plain)}, SURROGATE)
    return record


def read(
    folder: Path, cell: CellSource | None = None, *, prepared: Surrogate | None = None
) -> tuple[Surrogate, SurrogateFile]:
    """A surrogate, prepared or fitted, and the contents of its `surrogate.json`.

    With one of the same settings that is `prepared`, its trajectories are not sampled again.

    Raises
    ------
    InputError
        If the folder holds no surrogate, or a file was changed.
    """
    path = folder / SURROGATE
    run_folder.check_kind(folder, SURROGATE)
    record = read_json(path, SurrogateFile, FORMAT)
    cell_read = cell_to_read(record.settings.cell, cell)
    settings = {**record.settings.model_dump(), "cell": cell_read}
    if settings["dt"] is None:  # the system's own, which a later version may not choose
        settings["dt"] = Surrogate(**settings).own_system().dt
    weights, content, lines = folder / "weights.safetensors", b"", ""
    if record.stopped is not None:  # verified first: `prepare` below takes longer
        content = read_verified(weights, record.digests)
        lines = read_verified(folder / "history.jsonl", record.digests).decode(errors="replace")
    model = Surrogate(**settings)
    if prepared is None:
        model.prepare()
    else:  # what it found ends in an underscore
        found = vars(prepared).items()
        vars(model).update({name: of for name, of in found if name.endswith("_")})
    if record.own_cell:
        ours = model.architecture_.describe_own_cell()
        check_same_cell(str(cell_read), ours, record.own_cell)
    if record.stopped is not None:
        if len(record.angles) not in (0, len(model.system_.variables)):
            raise damaged_file(path, "its `angles` do not fit its system")
        if record.angles != model.architecture_.angles:  # (earlier versions had none)
            model.architecture_ = replace(model.architecture_, angles=record.angles)
        with precision(model.dtype_):
            like, static = eqx.partition(model.untrained(), eqx.is_inexact_array)
            tensors = load_tensors(weights, content)
            if model.regressed:  # (earlier versions wrote its zeros)
                tensors.setdefault(UNUSED, np.zeros_like(like.cells[0].W))
            params = from_named_tensors(like, tensors, weights)
        history = history_rows(folder / "history.jsonl", lines)
        network = eqx.combine(params, static)
        model.fitted_ = Fitted(network, history, record.best_epochs, record.stopped)
        # The scalers of the training, should `prepare` differ on another machine.
        model.scaler_ = _stored_scaler(model.scaler_, record, "targets", path)
        model.input_scaler_ = _stored_scaler(model.input_scaler_, record, "inputs", path)
    return model, record


def max_epochs(folder: Path) -> int:
    """The number of epochs of a run, or of scales that an `esn` tries, at most."""
    settings = read_json(folder / SURROGATE, SurrogateFile, FORMAT).settings
    return len(SCALES) if settings.cell == "esn" else settings.epochs


def _stored_scaler(own: Scaler, record: SurrogateFile, name: Any, path: Path) -> Scaler:
    """A scaler of a record, which must be of as many columns as the system's own."""
    try:
        found = Scaler.from_json(record.scalers[name])
        if found.mean.shape == found.std.shape == own.mean.shape:
            return found
    except (KeyError, TypeError, ValueError):
        pass
    raise damaged_file(path, "its `scalers` do not fit its system")


def surrogate_settings(model: Surrogate) -> SurrogateSettings:
    """The settings of a surrogate, as `surrogate.json` holds them.

    Raises
    ------
    InputError
        If the system is a Python function, which cannot be written.
    """
    if not isinstance(model.system, str):
        rule = "a surrogate that is saved must be of a system by name, or of equations as text"
        raise InputError(rule, "a system of your own function", "Write its equations as text.")
    settings = {f.name: getattr(model, f.name) for f in fields(model)}
    settings |= {"cell": model.cell_, "hidden": model.hidden_, "dtype": model.dtype_}
    settings |= {"dt": None if model.dt_ == model.system_.dt else model.dt_}
    settings["ranges"] = {
        name: bounds if isinstance(bounds, Iterable) else (bounds, bounds)
        for name, bounds in model.ranges.items()
    }
    return SurrogateSettings(**settings)
