"""The report of a run: one HTML file that needs no network, with its verdict first."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support import atomic
from throughtime._support.precision import precision
from throughtime.data.series import Series
from throughtime.data.time_axis import Times
from throughtime.errors import InputError
from throughtime.forecasting import verdict
from throughtime.forecasting.backtest import Backtest
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.predict import Forecast
from throughtime.forecasting.verdict import method, number
from throughtime.recurrence.network import unused

from . import forecast_figures
from .page import Album, Picture, Table, render

SHOWN = 4  # curves (a target of a series) that get figures of their own
LONGEST = 1000  # rows of a table, at most
TRAINING = ("method", "loss", "forcing", "epochs", "batch_size", "patience")
"""The settings of a training by gradient that have no effect on an echo state network."""


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
    """Write the report of a fitted model as one HTML file.

    The file is replaced as a whole: if anything fails the old one stays.

    Parameters
    ----------
    path
        Of the file; its folder must exist.
    model
        Fitted.
    backtest
        What `model.backtest` returned; None if nothing was held out.
    forecasts
        What `model.predict` returned, as a list; it may be empty.
    title
        Of the page.
    command
        What repeats the run.
    versions
        By name.

    Raises
    ------
    InputError
        If the model is not fitted or the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        rule = "the folder of a report must exist"
        raise InputError(rule, str(path.parent), "Create it, or choose another path.")
    if not hasattr(model, "fitted_"):
        rule = "a report needs a fitted model"
        raise InputError(rule, "one that is not", "Call `fit` first.")
    page = render(
        "report.html",
        title=title,
        command=command,
        versions=versions,
        sentences=verdict.sentences(backtest),
        notes=verdict.notes(model, backtest, forecasts),
        key=verdict.key_figures(model, backtest),
        targets=verdict.target_rows(backtest),
        data=_data(model),
        errors=[] if backtest is None else error_tables(backtest),
        values=[_value_table(forecast) for forecast in forecasts[:SHOWN]],
        hidden=_hidden(model, backtest),
        backtest=backtest,
        level=f"{100 * model.level:g}",
        stopped=model.fitted_.stopped,
        best=_best_epochs(model),
        network=_summary(model),
        ensemble=model.ensemble,
        settings=settings_table(model),
        pictures=_pictures(model, backtest, forecasts),
    )
    atomic.write(path, page)


def error_tables(backtest: Backtest) -> list[Table]:
    """RMSE of each method, the mean over lead times and at a few of them, and the mean MAE."""
    steps, names = backtest.steps, [method(name, backtest) for name in backtest.rmse]
    leads = [k for k in backtest.leads() if k <= 0.8 * steps or k == steps]
    head = ["RMSE at lead time", "all", *map(str, leads), "MAE, all"]
    rmse = np.stack(list(backtest.rmse.values()))  # (method, steps, target)
    mae = np.stack(list(backtest.mae.values()))
    at_leads = rmse[:, np.array(leads) - 1]
    values = np.concatenate(
        [rmse.mean(axis=1, keepdims=True), at_leads, mae.mean(axis=1, keepdims=True)], axis=1
    )
    lowest = np.where(np.isfinite(values), values, np.inf).min(axis=0)
    tables = []
    for i, target in enumerate(backtest.targets):
        lines = zip(names, values[..., i], strict=True)
        rows = [[name, *map(number, line)] for name, line in lines]
        best = np.argwhere(values[..., i] == lowest[:, i]).tolist()
        tables.append(Table(target, head, rows, frozenset((r, c + 1) for r, c in best)))
    return tables


def _value_table(forecast: Forecast) -> Table:
    """The steps of a forecast with their intervals."""
    several = len(forecast.targets) > 1
    head = [forecast.times.column or "time"]
    for name in forecast.targets:
        head += [f"{name} {part}" if several else part for part in ("mean", "lower", "upper")]
    steps = len(forecast.mean)
    columns = np.stack([forecast.mean, forecast.lower, forecast.upper], axis=2)
    lines = zip(forecast.times.labels(), columns.reshape(steps, -1), strict=True)
    rows = [[label, *(number(cell, 5) for cell in line)] for label, line in lines]
    return Table(forecast.name, head, rows[:LONGEST], cut=max(0, steps - LONGEST))


def _data(model: Forecaster) -> list[dict[str, str]]:
    """What the first few series are."""
    described = []
    for one, split in list(zip(model.parts_.series, model.parts_.splits, strict=True))[:SHOWN]:
        first, last = *one.times[:1].labels(), *one.times[len(one) - 1 :].labels()
        parts = split.train, split.validation - split.train, split.total - split.validation
        described.append(
            {
                "Series": one.name,
                "Targets": ", ".join(one.target_names),
                "Inputs": ", ".join(one.input_names) or "none",
                "Rows": f"{len(one):,}",
                "Training, validation, test": ", ".join(f"{n:,}" for n in parts),
                "Time": f"{one.times.column or 'counted steps'}, {first} to {last}",
                "Time step": one.times.describe(),
                "Filled values": f"{one.filled:,}",
                "Fingerprint (SHA-256)": one.fingerprint(),
            }
        )
    return described


def _hidden(model: Forecaster, backtest: Backtest | None) -> str:
    """How much is not shown, in a sentence."""
    series, targets = len(model.parts_.series), len(model.parts_.series[0].target_names)
    judged, tested = (series, series) if backtest is None else backtest.series
    over = "all series" if judged == tested else f"{judged} of {tested} series"
    if series * targets <= SHOWN:
        return "" if series == 1 else f"There are {series} series; errors are over {over}."
    return (
        f"There are {series} series of {targets} targets; figures show the first {SHOWN} "
        f"of these curves, the errors are over {over}."
    )


def _summary(model: Forecaster) -> str:
    with precision(model.dtype):
        return model.architecture_.build(0).summary()


def _best_epochs(model: Forecaster) -> str:
    *most, last = map(str, model.fitted_.best_epochs)
    return f"epochs {', '.join(most)} and {last}" if most else f"epoch {last}"


def settings_table(model: Forecaster) -> dict[str, str]:
    """Every setting that its network follows as text, and where it does otherwise, that too."""
    left_out = {*unused(model.cell), *(TRAINING if model.cell == "esn" else ())}
    if model.truncated:
        left_out.discard("batch_size")  # as many streams are read side by side
    params = model.get_params().items()
    settings = {name: _setting(value) for name, value in params if name not in left_out}
    for name in ("residual", "centred"):
        asked, built = settings[name], _setting(bool(getattr(model.architecture_, name)))
        if asked != built:
            settings[name] = f"{built} (asked: {asked})"
    return settings


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _pictures(
    model: Forecaster, backtest: Backtest | None, forecasts: list[Forecast]
) -> dict[str, list[Picture]]:
    """Every figure of the report, by section."""
    album, parts = Album(), model.parts_
    series, names = parts.series, parts.series[0].target_names

    def label(name: str, target: int) -> str:
        if len(series) > 1:
            return f"{name}: {names[target]}"
        return names[target] if len(names) > 1 else ""

    def first(things: list) -> list[tuple[Any, int]]:
        return list(itertools.product(things, range(len(names))))[:SHOWN]

    pictures = {
        "split": [
            album(label(one.name, t), forecast_figures.series_split, one, split, t)
            for (one, split), t in first(list(zip(series, parts.splits, strict=True)))
        ],
        "beyond": [
            album(label(f.name, t), forecast_figures.beyond, f, _continued(f, series), t)
            for f, t in first(forecasts)
        ],
        "training": [
            album("", forecast_figures.training, model.history_, model.fitted_.best_epochs)
        ],
    }
    if backtest is None:
        return pictures
    tested, origins = _tested(model, backtest)
    end = len(tested) - backtest.steps
    ahead = tested.times[end + 1 - (origins.stop - origins.start) : end + 1]
    whole = np.flatnonzero(np.isfinite(backtest.truth[origins]).all(axis=(1, 2)))
    last = origins.start + int(whole[-1]) if len(whole) else origins.stop - 1
    end -= origins.stop - 1 - last
    targets = [(t, label(tested.name, t)) for _, t in first([tested])]
    return pictures | {
        "truth": [
            album(text, forecast_figures.against_truth, backtest, tested[:end], t, last)
            for t, text in targets
            if end > 0
        ],
        "one": [
            album(text, forecast_figures.one_step, backtest, ahead, t, origins)
            for t, text in targets
        ],
        "lead": [album(names[t], forecast_figures.lead_times, backtest, t) for t, _ in targets],
        "coverage": [
            album(names[t] if len(names) > 1 else "", forecast_figures.coverage, backtest, t)
            for t, _ in targets
            if np.isfinite(backtest.margins[:, t]).any()
        ],
    }


def _continued(forecast: Forecast, series: list[Series]) -> Series | None:
    """The series that a forecast goes on from, if it is a fitted one."""
    for one in series:
        if one.name == forecast.name and one.times.after(1).start == forecast.times.start:
            return one
    return None


def _tested(model: Forecaster, backtest: Backtest) -> tuple[Series, slice]:
    """The series whose end was forecast, and the origins that are of it.

    That is the first fitted one if the backtest was of its test part, and otherwise what
    the truth of the backtest itself holds, with its steps counted.
    """
    parts, steps, truth = model.parts_, backtest.steps, backtest.truth
    known, split = parts.series[0], parts.splits[0]
    first = max(split.validation, parts.context, parts.period() or 0)
    n = split.total - steps + 1 - first
    if (
        0 < n <= len(truth)
        and not _differ(known.targets[first : first + n], truth[:n, 0]).any()
    ):
        return known[: split.total], slice(0, n)
    breaks = np.flatnonzero(_differ(truth[1:, :-1], truth[:-1, 1:]).any(axis=(1, 2))) + 1
    origins = slice(int(breaks[-1]) if len(breaks) else 0, len(truth))  # of the last series
    values = np.concatenate([truth[origins, 0], truth[-1, 1:]])
    for column in values.T:  # what was filled is drawn as a line
        gaps, known_at = np.isnan(column), np.flatnonzero(~np.isnan(column))
        column[gaps] = np.interp(np.flatnonzero(gaps), known_at, column[known_at])
    none, counted = np.empty((len(values), 0)), Times.count(len(values))
    return Series(values, backtest.targets, none, (), counted, "tested data"), origins


def _differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where both are known and not equal."""
    return (one != other) & ~np.isnan(one) & ~np.isnan(other)
