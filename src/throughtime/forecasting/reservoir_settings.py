"""The settings that were not given: defaults, and those of an `esn` by a search in free run."""

import numpy as np

from throughtime._support.blas_threads import one_blas_thread
from throughtime.recurrence.echo_state_cell import BIAS_SCALE
from throughtime.training.settings import Settings

from .splits import SplitData

DEFAULTS = {"hidden": 32, "residual": False, "centred": True, "truncated": False}
"""What a setting is that was not given."""

SEARCHED = ("radius", "leak", "input_scale", "residual", "ridge", "centred")

COMPLETED = (*SEARCHED, "hidden", "truncated")
"""All settings of an `esn` that may be left out."""


def completed(settings: Settings, data: SplitData) -> Settings:
    """The settings with all that was not given; what was given stays.

    The radius, leak, input scale and penalty of an `esn` are searched, and so is how it reads
    the series: with its state carried along (`truncated`), or by windows, centred or not. One
    of several layers, one that forecasts more than a step at once, and one of a series of less
    than 30 rows has defaults.
    """
    found = {}
    if settings.cell == "esn":
        found = _of_reservoir(settings, data)
    missing = {name: value for name, value in {**DEFAULTS, **found}.items()
               if getattr(settings, name) is None}  # fmt: skip
    return settings.model_copy(update=missing)


def _of_reservoir(settings: Settings, data: SplitData) -> dict[str, object]:
    """What the series says of the settings of an `esn`."""
    # Imported here because SciPy takes a while to load.
    from throughtime.reservoir.forecast_judging import LEAST_ROWS, ForecastData
    from throughtime.reservoir.forecast_search import forecast_search
    from throughtime.reservoir.unset_settings import units_for

    washout = min(settings.washout, settings.window - 1)
    read = ForecastData(_scaled(data), settings.window, washout, settings.dtype)
    rows = [len(y) for y, _ in read.series]
    given = {name: getattr(settings, name) for name in SEARCHED}
    given |= {"carried": settings.truncated, "bias_scale": BIAS_SCALE}
    given |= {"units": settings.hidden}
    if settings.depth > 1 or settings.horizon > 1 or max(rows) < LEAST_ROWS:
        return {"centred": read.drifts()}
    if all(given[name] is not None for name in (*SEARCHED, "carried")):
        return {"hidden": units_for(rows)}
    with one_blas_thread():
        choice = forecast_search(read, units_for(rows), given, settings.seed)
    own, names = choice.settings, ("radius", "leak", "input_scale", "residual", "ridge")
    found: dict[str, object] = {name: getattr(own, name) for name in names}
    found |= {"centred": choice.centred, "truncated": choice.carried}
    return found | {"hidden": settings.hidden or own.units}


def _scaled(data: SplitData) -> list[tuple[np.ndarray, np.ndarray]]:
    """The series before their test parts as the networks read them, in float64."""
    from throughtime.reservoir.forecast_judging import MOST_ROWS, MOST_SERIES

    chosen = data.trained[:: -(-len(data.trained) // MOST_SERIES)]
    found = []
    for i in chosen:
        one, end = data.series[i], data.splits[i].validation
        part = one[max(0, end - MOST_ROWS) : end]
        measured = data.scaled(part.measured, data.scalers[i])
        found.append((measured.astype(float), data.input_scaler.transform(part.inputs)))
    return found
