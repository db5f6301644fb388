"""Models of measured trajectories on disk, read back without running code from it."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from safetensors import SafetensorError
from safetensors.numpy import load, save

from throughtime._support import atomic
from throughtime._support.integrity import (
    damaged_file,
    digest,
    read_json,
    read_verified,
    write_json,
)
from throughtime._support.versions import package_versions
from throughtime.errors import InputError
from throughtime.recurrence.reservoir_weights import Reservoir
from throughtime.reservoir.closed_loop import Features, Settings
from throughtime.reservoir.closed_loop_model import ClosedLoopModel
from throughtime.reservoir.closed_loop_search import Trial
from throughtime.reservoir.ridge import Readout
from throughtime.reservoir.series_traits import Traits
from throughtime.runs import run_folder
from throughtime.runs.measured_record import FORMAT, MeasuredFile
from throughtime.runs.run_folder import MEASURED

from .measured_surrogate import MeasuredSurrogate

WEIGHTS = "weights.safetensors"


def write_measured(
    folder: Path,
    model: MeasuredSurrogate,
    seed: int,
    command: str = "",
    columns: dict[str, str] | None = None,
) -> None:
    """Write a model to an existing folder; `columns` are those that its table has beside."""
    weights = save({k: np.ascontiguousarray(v) for k, v in _arrays(model.model).items()})
    record = MeasuredFile(
        format=FORMAT,
        variables=model.variables,
        inputs=model.input_names,
        dt=model.dt,
        settings=asdict(model.model.settings),  # pyright: ignore[reportArgumentType]
        traits=asdict(model.traits),  # pyright: ignore[reportArgumentType]
        trials=[(asdict(t.settings), t.valid) for t in model.trials],  # pyright: ignore
        valid_times=model.valid_times.tolist(),
        horizon=model.horizon,
        digests={WEIGHTS: digest(weights)},
        command=command,
        versions=package_versions(),
        seed=seed,
        columns=columns or {},
    )
    atomic.write(folder / WEIGHTS, weights)
    write_json(folder / MEASURED, record.model_dump(mode="json"))


def read_measured(folder: Path) -> tuple[MeasuredSurrogate, int, str]:
    """A model, the seed of its search, and the command that made it.

    Raises
    ------
    InputError
        If the folder holds none, or a file was changed.
    """
    run_folder.check_kind(folder, MEASURED)
    record = read_json(folder / MEASURED, MeasuredFile, FORMAT)
    content = read_verified(folder / WEIGHTS, record.digests)
    settings = Settings(**record.settings.model_dump())
    try:
        model = _model(settings, load(content))
    except (SafetensorError, KeyError, ValueError, InputError):
        raise damaged_file(folder / WEIGHTS, "its arrays do not fit") from None
    found = MeasuredSurrogate(
        record.variables,
        record.inputs,
        record.dt,
        model,
        Traits(**record.traits.model_dump()),
        tuple(Trial(Settings(**one.model_dump()), valid) for one, valid in record.trials),
        np.array(record.valid_times),
        record.horizon,
    )
    return found, record.seed, record.command


def _arrays(model: ClosedLoopModel) -> dict[str, np.ndarray]:
    """The model as plain arrays by name."""
    y, x = model.past
    found = {"mean": model.mean, "scale": model.scale, "past.y": y, "past.x": x}
    found |= {"V": model.readout.V, "c": model.readout.c}
    r = model.features.reservoir
    if r is not None:
        W = sparse.csr_array(r.W)
        found |= {"W.data": W.data, "W.indices": W.indices, "W.indptr": W.indptr}
        found |= {"U": r.U, "F": r.F, "b": r.b}
    return found


def _model(settings: Settings, of: dict[str, np.ndarray]) -> ClosedLoopModel:
    """The model of arrays from `_arrays`."""
    reservoir = None
    if settings.units:
        n = settings.units
        W = sparse.csr_array((of["W.data"], of["W.indices"], of["W.indptr"]), shape=(n, n))
        reservoir = Reservoir(W, of["U"], of["F"], of["b"], settings.leak)
    readout, past = Readout(of["V"], of["c"]), (of["past.y"], of["past.x"])
    features = Features(settings, reservoir)
    return ClosedLoopModel(of["mean"], of["scale"], features, readout, past)
