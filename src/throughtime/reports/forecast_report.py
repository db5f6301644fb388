"""The report of a forecast: one HTML file that works offline, with its verdict first."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support import atomic
from throughtime._support.precision import precision
from throughtime.data.series import Series
from throughtime.errors import InputError
from throughtime.forecasting import verdict
from throughtime.forecasting.backtest import Backtest
from throughtime.forecasting.composition import composition
from throughtime.forecasting.forecast import Forecast
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.architecture import unused_settings
from throughtime.stamps.time_axis import Times

from . import error_figures, forecast_figures, general_figures
from .forecast_tables import error_tables, score_tables, series_table, value_table
from .page import DrawFigure, PictureMaker, render

MAX_CURVES = 4
"""Curves (a target of a series) that have figures of their own."""

GRADIENT_TRAINING_SETTINGS = ("method", "loss", "forcing", "epochs", "batch_size", "patience")
"""Settings of a training by gradient, which have no effect on an echo state network."""

LEFT_OPEN = {
    "rate": "the method's own",
    **dict.fromkeys(("season", "transform", "lower"), "as the series shows"),
}
"""What None means of a setting that is then chosen; of any other it means none."""


def write_report(
    path: str | Path,
    model: Forecaster,
    backtest: Backtest | None,
    forecasts: list[Forecast],
    *,
    title: str,
    command: str,
    versions: dict[str, str],
) -> None:
    """Write the report of a fitted forecaster as one HTML file.

    The file is replaced as a whole: if anything fails, the old one stays.

    Parameters
    ----------
    path
        Path of the file; its folder must exist.
    model
        The fitted forecaster.
    backtest
        The result of `model.backtest`; None if nothing was held out.
    forecasts
        The results of `model.predict` as a list, which may be empty.
    title
        Title of the page.
    command
        Command that repeats the run.
    versions
        Versions of the packages, by name.

    Raises
    ------
    InputError
        If the forecaster is not fitted or the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        rule = "the folder of a report must exist"
        raise InputError(rule, str(path.parent), "Create it, or choose another path.")
    if not hasattr(model, "fitted_"):
        rule = "a report needs a fitted model"
        raise InputError(rule, "one that is not", "Call `fit` first.")
    page = render(
        "forecast.html",
        title=title,
        command=command,
        versions=versions,
        sentences=verdict.sentences(backtest),
        notes=verdict.notes(model, backtest, forecasts),
        key_figures=verdict.key_figures(model, backtest),
        targets=verdict.target_rows(backtest),
        data=_describe_series(model),
        count=len(model.data_.series),
        errors=[] if backtest is None else error_tables(backtest),
        scores=[] if backtest is None else score_tables(backtest),
        by_series=None if backtest is None else series_table(backtest),
        values=[value_table(forecast) for forecast in forecasts[:MAX_CURVES]],
        omitted=_omitted_curves(model, backtest),
        backtest=backtest,
        made_of=composition(model, len(forecasts[0].mean)) if forecasts else [],
        level=f"{100 * model.level:g}",
        stopped=model.fitted_.stopped,
        best_epochs=_best_epochs(model),
        network=_summary(model),
        ensemble=model.ensemble,
        settings=settings_table(model),
        pictures=draw_forecast(PictureMaker(), model, backtest, forecasts),
    )
    atomic.write(path, page)


def _describe_series(model: Forecaster) -> list[dict[str, str]]:
    """A description of the first few series."""
    descriptions, data = [], model.data_
    for one, split in list(zip(data.series, data.splits, strict=True))[:MAX_CURVES]:
        first, last = *one.times[:1].labels(), *one.times[len(one) - 1 :].labels()
        parts = split.train, split.validation - split.train, split.total - split.validation
        descriptions.append(
            {
                "Series": one.name,
                "Targets": ", ".join(one.target_names),
                "Inputs": one.columns.describe(),
                "Rows": f"{len(one):,}",
                "Training, validation, test": ", ".join(f"{n:,}" for n in parts),
                "Time": f"{one.times.column or 'numbered steps'}, {first} to {last}",
                "Time step": one.times.describe(),
                "Read as": ", ".join(one.remarks) or "written",
                "Filled values": f"{one.filled:,}",
                "Fingerprint (SHA-256)": one.fingerprint(),
            }
        )
    return descriptions


def _omitted_curves(model: Forecaster, backtest: Backtest | None) -> str:
    """What the figures leave out, in a sentence."""
    series, targets = len(model.data_.series), len(model.data_.series[0].target_names)
    evaluated, total = (series, series) if backtest is None else backtest.series_counts
    over = "all series" if evaluated == total else f"{evaluated} of {total} series"
    if series * targets <= MAX_CURVES:
        if series == 1:
            return ""
        return f"There are {series} series; errors are computed over {over}."
    of_targets = f"{targets} targets" if targets > 1 else "one target"
    each = f"{series} series of {of_targets} each" if series > 1 else of_targets
    return (
        f"There are {each}; figures show the first {MAX_CURVES} of these curves, and errors "
        f"are computed over {over}."
    )


def _summary(model: Forecaster) -> str:
    with precision(model.dtype):
        return model.architecture_.build(0).summary()


def _best_epochs(model: Forecaster) -> str:
    """The epochs whose weights were kept, as text."""
    epochs = model.fitted_.best_epochs
    if len(set(epochs)) == 1:
        return f"epoch {epochs[0]}"
    return f"epochs {', '.join(map(str, epochs[:-1]))} and {epochs[-1]}, network by network"


def settings_table(model: Forecaster) -> dict[str, str]:
    """The settings that affect the forecast, as text.

    Where a network could not be built as it was set, both are given.
    """
    gradient_only = GRADIENT_TRAINING_SETTINGS if model.settings_["cell"] == "esn" else ()
    without_effect = {*unused_settings(model.cell), *gradient_only}
    if model.core is None and model.prior is None:
        without_effect |= {"season", "transform", "lower", "refit"}
    if model.settings_["truncated"]:
        without_effect.discard("batch_size")  # the number of streams read side by side
    found = model.settings_
    params = {k: found.get(k) if v is None else v for k, v in model.get_params().items()}
    params = (params | {"cell": found["cell"]}).items()
    settings = {
        k: LEFT_OPEN[k] if v is None and k in LEFT_OPEN else _format_setting(v)
        for k, v in params
        if k not in without_effect
    }
    for name in ("residual", "centred"):
        built = _format_setting(bool(getattr(model.architecture_, name)))
        if settings[name] != built:
            settings[name] = f"{built} (set to {settings[name]})"
    return settings


def _format_setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def draw_forecast(
    picture: DrawFigure,
    model: Forecaster,
    backtest: Backtest | None,
    forecasts: list[Forecast],
) -> dict[str, list[Any]]:
    """Every figure of the report as `picture` makes it, by section."""
    data = model.data_
    series, names = data.series, data.series[0].target_names

    def label(name: str, target: int) -> str:
        if len(series) > 1:
            return f"{name}: {names[target]}"
        return names[target] if len(names) > 1 else ""

    def curves(things: list) -> list[tuple[Any, int]]:
        return list(itertools.product(things, range(len(names))))[:MAX_CURVES]

    pictures = {
        "split": [
            picture(label(one.name, t), forecast_figures.series_split, one, split, t)
            for (one, split), t in curves(list(zip(series, data.splits, strict=True)))
        ],
        "beyond_data": [
            picture(
                label(f.name, t),
                forecast_figures.forecast_beyond_data,
                f,
                _continued_series(f, series),
                t,
            )
            for f, t in curves(forecasts)
        ],
        "training": [
            picture(
                "", general_figures.training_losses, model.history_, model.fitted_.best_epochs
            )
        ],
    }
    if backtest is not None:
        tested, origins = _tested_series(model, backtest)
        targets = [(t, label(tested.name, t)) for _, t in curves([tested])]
        pictures |= _backtest_pictures(picture, backtest, tested, origins, targets)
    return pictures


def _backtest_pictures(
    picture: DrawFigure,
    backtest: Backtest,
    tested: Series,
    origins: slice,
    targets: list[tuple[int, str]],
) -> dict[str, list[Any]]:
    """The figures of a backtest: `origins` are those of the series `tested`."""
    end = len(tested) - backtest.steps
    ahead = tested.times[end + 1 - (origins.stop - origins.start) : end + 1]
    complete = np.flatnonzero(np.isfinite(backtest.truth[origins]).all(axis=(1, 2)))
    last = origins.start + int(complete[-1]) if len(complete) else origins.stop - 1
    end -= origins.stop - 1 - last
    names = backtest.targets
    return {
        "truth": [
            picture(label, forecast_figures.forecast_and_truth, backtest, tested[:end], t, last)
            for t, label in targets
            if end > 0
        ],
        "one_step": [
            picture(label, forecast_figures.one_step_predictions, backtest, ahead, t, origins)
            for t, label in targets
        ],
        "lead_times": [
            picture(
                names[t] if len(targets) > 1 else "",
                error_figures.error_by_lead_time,
                backtest,
                t,
            )
            for t, _ in targets
        ],
        "coverage": [
            picture(
                names[t] if len(names) > 1 else "", error_figures.interval_coverage, backtest, t
            )
            for t, _ in targets
            if np.isfinite(backtest.coverage[:, t]).any()
        ],
    }


def _continued_series(forecast: Forecast, series: list[Series]) -> Series | None:
    """The fitted series that a forecast continues, None if it continues another one."""
    for one in series:
        if one.name == forecast.name and one.times.after(1).start == forecast.times.start:
            return one
    return None


def _tested_series(model: Forecaster, backtest: Backtest) -> tuple[Series, slice]:
    """The series whose end was forecast, and its origins in the backtest.

    This is the first fitted series if the backtest was of its test part. Otherwise it is made
    of the truth that the backtest holds, with its steps numbered.
    """
    data, steps, truth = model.data_, backtest.steps, backtest.truth
    known, split = data.series[0], data.splits[0]
    n = len(truth) if backtest.panel is None else int((backtest.panel.of_origin == 0).sum())
    first = split.total - steps + 1 - n
    if (
        n > 0
        and first >= split.validation
        and not _differ(known.targets[first : first + n], truth[:n, 0]).any()
    ):
        return known[: split.total], slice(0, n)
    breaks = np.flatnonzero(_differ(truth[1:, :-1], truth[:-1, 1:]).any(axis=(1, 2))) + 1
    origins = slice(int(breaks[-1]) if len(breaks) else 0, len(truth))  # of the last series
    values = np.concatenate([truth[origins, 0], truth[-1, 1:]])
    for column in values.T:  # filled values are drawn as a straight line
        gaps, known_at = np.isnan(column), np.flatnonzero(~np.isnan(column))
        column[gaps] = np.interp(np.flatnonzero(gaps), known_at, column[known_at])
    no_inputs, times = np.empty((len(values), 0)), Times.count(len(values))
    return Series(values, backtest.targets, no_inputs, (), times, "tested data"), origins


def _differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where both values are known and not equal."""
    return (one != other) & ~np.isnan(one) & ~np.isnan(other)
