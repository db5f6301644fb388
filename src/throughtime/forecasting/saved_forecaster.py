"""What a run stores of a forecaster, and how a forecaster is restored from it."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import equinox as eqx

from throughtime._support.integrity import damaged_file
from throughtime._support.precision import precision
from throughtime.data.scaler import Scaler
from throughtime.errors import InputError
from throughtime.recurrence.own_cell import CellSource, OwnCell, cell_to_read, check_same_cell
from throughtime.runs import forecast_record, run_folder
from throughtime.runs.forecast_record import ForecastRecord
from throughtime.runs.run_folder import MODELS
from throughtime.training.checkpoint import from_named_tensors
from throughtime.training.result import Fitted

from . import kept_models
from .reservoir_settings import COMPLETED
from .splits import SplitData

if TYPE_CHECKING:
    from .forecaster import Forecaster

ORIGIN = "options", "command", "versions"
"""Fields of a record that a forecaster keeps when it is loaded from a run and saved again."""


def to_record(model: "Forecaster", **more: Any) -> ForecastRecord:
    """The record of a forecaster, with its weights if it is fitted.

    Parameters
    ----------
    model
        The forecaster, with its data prepared.
    **more
        Other fields of the record; by default those of the run that the forecaster was loaded
        from.
    """
    more = getattr(model, "origin_", {}) | more
    fitted = getattr(model, "fitted_", None)
    if fitted is not None:
        more |= {
            "params": eqx.filter(fitted.network, eqx.is_inexact_array),
            "history": fitted.history,
            "stopped": fitted.stopped,
            "best_epochs": fitted.best_epochs,
            "models": models_file(model),
        }
    data = model.data_
    targets = [scaler.to_json() for scaler in data.scalers]
    scalers = {
        "targets": targets if len(targets) > 1 else targets[0],
        "inputs": data.input_scaler.to_json(),
    }
    if len(data.past_scaler.mean):
        scalers["past"] = data.past_scaler.to_json()
    found: tuple[str, ...] = ()
    if model.settings_["cell"] == "esn":
        found = tuple(name for name in COMPLETED if getattr(model, name) is None)
    settings, parts = model.settings_, {"scalers": scalers, "found": found}
    return ForecastRecord(settings, model.architecture_, data.series, **parts, **more)


def save(model: "Forecaster", folder: Path, overwrite: bool) -> None:
    """Write a run; see `Forecaster.save`. An earlier one stays until this one is complete."""
    write = partial(forecast_record.write, record=to_record(model))
    run_folder.replace_run(folder, write, overwrite)


def models_file(model: "Forecaster") -> bytes | None:
    """The content of a file with what was fitted to forecast; None before that."""
    # The residuals of baselines are not: a forecast does not need them.
    residuals = {key: one for key, one in model.residuals_.items() if key[0] == "network"}
    kept = {"models": model.models_, "residuals": residuals}
    return kept_models.to_file(kept) if any(kept.values()) else None


def read(folder: Path, cell: CellSource | None = None) -> ForecastRecord:
    """The record of a run that was trained to its end, with the cell that it is read with.

    Raises
    ------
    InputError
        If it is not a run, not trained to its end, or needs a cell of one's own and there is
        none, or the other way round.
    """
    record = forecast_record.read(folder)
    if record.params is None:
        rule = "a run must be trained to its end before it forecasts"
        remedy = f"Resume it with `throughtime resume {quote(str(folder))}`."
        raise InputError(rule, f"`{folder}`, which is not", remedy)
    cell_read = cell_to_read(record.settings["cell"], cell)
    return replace(record, settings={**record.settings, "cell": cell_read})


def restore(model: "Forecaster", record: ForecastRecord, folder: Path) -> None:
    """Give a prepared forecaster the weights and the history of a record.

    Raises
    ------
    InputError
        If the record does not fit the forecaster's settings.
    """
    ours, stored = model.architecture_.to_json(), record.architecture.to_json()
    if isinstance(model.architecture_.cell, OwnCell) and isinstance(stored["cell"], dict):
        check_same_cell(str(model.architecture_.cell), ours["cell"], stored["cell"])
        stored["cell"] = ours["cell"]
    if ours != stored:
        rule = "its architecture is not that of its settings"
        raise damaged_file(folder / "run.json", rule)
    model.data_ = _restored_scalers(model.data_, record, folder)
    for name in set(record.found) & set(COMPLETED):
        setattr(model, name, None)  # a new fit searches again, as the first one did
    if record.params is None:
        return
    weights = folder / "weights.safetensors"
    if sum(v.size for v in record.params.values()) < model.fewest_weights():
        raise damaged_file(weights, "it holds too few weights")
    with precision(model.dtype):
        like, static = eqx.partition(model.untrained(), eqx.is_inexact_array)
        network = eqx.combine(from_named_tensors(like, record.params, weights), static)
    stopped = record.stopped or ""
    model.fitted_ = Fitted(network, record.history, record.best_epochs, stopped)
    model.origin_ = {name: getattr(record, name) for name in ORIGIN}
    if record.models is not None:
        kept = kept_models.from_file(folder / MODELS, record.models)
        model.models_.update(kept.get("models", {}))
        model.residuals_.update(kept.get("residuals", {}))


def _restored_scalers(data: SplitData, record: ForecastRecord, folder: Path) -> SplitData:
    """The data, scaled as the networks saw them.

    That is not by their training part after an update, and by one scaler of all series in an
    old run.
    """
    stored = record.scalers.get("targets")
    if stored is None:
        return data
    each = stored if isinstance(stored, list) else [stored] * len(data.series)
    try:
        scalers = [Scaler.from_json(one) for one in each]
        inputs, past = Scaler.from_json(record.scalers["inputs"]), data.past_scaler
        if len(past.mean):
            past = Scaler.from_json(record.scalers["past"])
    except (KeyError, TypeError, ValueError):
        scalers, inputs, past = [], data.input_scaler, data.past_scaler
    shapes = [one.mean.shape for one in (*scalers, inputs, past)]
    own = *data.scalers, data.input_scaler, data.past_scaler
    if shapes != [one.mean.shape for one in own]:
        raise damaged_file(folder / "run.json", "its `scalers` do not fit its series")
    return replace(data, scalers=scalers, input_scaler=inputs, past_scaler=past)
