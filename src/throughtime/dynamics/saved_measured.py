"""Models of measured trajectories on disk, read back without running code from it."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sparse
from safetensors import SafetensorError
from safetensors.numpy import load, save

from throughtime._support import atomic
from throughtime._support.integrity import (
    damaged_file,
    digest,
    json_text,
    read_json,
    read_verified,
)
from throughtime._support.versions import package_versions
from throughtime.data.series import Series
from throughtime.errors import InputError
from throughtime.recurrence.reservoir_weights import Reservoir
from throughtime.reservoir.closed_loop import Features, Settings
from throughtime.reservoir.closed_loop_baselines import Baselines
from throughtime.reservoir.closed_loop_model import ClosedLoopModel
from throughtime.reservoir.closed_loop_search import Trial
from throughtime.reservoir.noise_filter import NoiseFilter
from throughtime.reservoir.ridge import Readout
from throughtime.reservoir.series_traits import Traits
from throughtime.reservoir.trajectory_smoothing import Noise
from throughtime.runs import run_folder
from throughtime.runs.measured_record import FORMAT, FoundFilter, MeasuredFile
from throughtime.runs.run_folder import MEASURED
from throughtime.runs.series_record import series_info

from .measured_surrogate import MeasuredSurrogate

WEIGHTS = "weights.safetensors"


class Origin(NamedTuple):
    """Where a model comes from that the command line made.

    Attributes
    ----------
    command
        The command line.
    columns
        The columns `id` and `time` of its table, where they were named.
    last
        The last trajectory.
    """

    command: str
    columns: dict[str, str]
    last: Series | None = None


def write_measured(
    folder: Path, model: MeasuredSurrogate, seed: int, origin: Origin | None = None
) -> None:
    """Write a model to an existing folder."""
    origin = origin or Origin("", {})
    last = origin.last
    future = None if last is None or last.future is None else last.future.tolist()
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
        baselines=model.baselines and asdict(model.baselines),  # pyright: ignore[reportArgumentType]
        filter=_filter_record(model.model),  # pyright: ignore[reportArgumentType]
        digests={WEIGHTS: digest(weights)},
        command=origin.command,
        versions=package_versions(),
        seed=seed,
        columns=origin.columns,
        table=None if last is None else series_info(last),
        future=future,
    )
    text = json_text(record.model_dump(mode="json"))
    atomic.write_together(folder, {WEIGHTS: weights, MEASURED: text}, MEASURED)


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
    sizes = len(record.variables), len(record.inputs)
    try:
        arrays = load(content)
        model = _model(settings, arrays, *sizes)
        if record.filter:
            model = replace(model, filter=_filter(record.filter, arrays, *sizes))
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
        record.baselines and Baselines(**record.baselines.model_dump()),
    )
    return found, record.seed, record.command


def _filter_record(model: ClosedLoopModel) -> dict | None:
    """What the record keeps of the filter."""
    known = model.filter
    return known and {"settings": asdict(known.features.settings), "width": known.width}


def _arrays(model: ClosedLoopModel) -> dict[str, np.ndarray]:
    """The model as plain arrays by name."""
    y, x = model.past
    found = {"mean": model.mean, "scale": model.scale, "past.y": y, "past.x": x}
    found |= _map_arrays(model.features, model.readout)
    known = model.filter
    if known:
        parts = _map_arrays(known.features, known.readout)
        parts |= {"sigma": known.noise.sigma, "q": known.noise.q}
        found |= {f"filter.{name}": part for name, part in parts.items()}
    return found


def _map_arrays(features: Features, readout: Readout) -> dict[str, np.ndarray]:
    """A reservoir and a readout by name."""
    found, r = {"V": readout.V, "c": readout.c}, features.reservoir
    if r is not None:
        W = sparse.csr_array(r.W)
        found |= {"W.data": W.data, "W.indices": W.indices, "W.indptr": W.indptr}
        found |= {"U": r.U, "F": r.F, "b": r.b}
    return found


def _model(
    settings: Settings, of: dict[str, np.ndarray], variables: int, inputs: int
) -> ClosedLoopModel:
    """The model of arrays from `_arrays`, without its filter.

    Raises
    ------
    ValueError
        If the shapes of the arrays do not fit each other; nor does `_filter` or `_map` then.
    """
    columns, time = variables + inputs, len(of["past.y"])
    _check_shapes(of, {"mean": (columns,), "scale": (columns,)})
    _check_shapes(of, {"past.y": (time, variables), "past.x": (time, inputs)})
    if not variables or time < settings.span:
        raise ValueError("there is too little past")
    features, readout = _map(settings, of, variables, inputs)
    return ClosedLoopModel(
        of["mean"], of["scale"], features, readout, (of["past.y"], of["past.x"])
    )


def _filter(
    record: FoundFilter, of: dict[str, np.ndarray], variables: int, inputs: int
) -> NoiseFilter:
    """The filter of arrays from `_arrays`."""
    own = {name.removeprefix("filter."): part for name, part in of.items()
           if name.startswith("filter.")}  # fmt: skip
    settings = Settings(**record.settings.model_dump())
    features, readout = _map(settings, own, variables, inputs)
    _check_shapes(own, {"sigma": (variables,), "q": (variables,)})
    return NoiseFilter(features, readout, Noise(own["sigma"], own["q"]), record.width)


def _map(
    settings: Settings, of: dict[str, np.ndarray], variables: int, inputs: int
) -> tuple[Features, Readout]:
    """A reservoir and a readout of arrays from `_map_arrays`."""
    n, reservoir = settings.units, None
    _check_shapes(of, {"V": (variables, of["V"].shape[-1]), "c": (variables,)})
    products = of["V"].shape[1] - n
    if _monomials(settings.delays * variables + inputs, settings.order, products) != products:
        raise ValueError("`V` does not have a column for each feature")
    if n:
        _check_shapes(of, {"U": (n, inputs), "F": (n, variables), "b": (n,)})
        _check_shapes(of, {"W.data": of["W.indices"].shape})
        W = sparse.csr_array((of["W.data"], of["W.indices"], of["W.indptr"]), shape=(n, n))
        W.check_format(full_check=True)  # a product would read beyond its memory
        reservoir = Reservoir(W, of["U"], of["F"], of["b"], settings.leak)
    return Features(settings, reservoir), Readout(of["V"], of["c"])


def _check_shapes(of: dict[str, np.ndarray], wanted: dict[str, tuple[int, ...]]) -> None:
    """Refuse, by a ValueError, arrays of other shapes, or of other numbers than float64."""
    for name, shape in wanted.items():
        if of[name].shape != shape or of[name].dtype != np.float64:
            raise ValueError(f"`{name}` is {of[name].dtype} of shape {of[name].shape}")


def _monomials(columns: int, order: int, most: int) -> int:
    """How many monomials of degrees 1 to `order` there are, or a number above `most`."""
    count, degree = 1, 0
    while degree < order and count <= most + 1:
        degree += 1
        count = count * (columns + degree) // degree
    return count - 1
