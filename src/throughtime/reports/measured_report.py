"""The report of a model of measured trajectories: one HTML file, with its verdict first."""

from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support import atomic
from throughtime._support.versions import package_versions
from throughtime.dynamics.measured_surrogate import Invariants, MeasuredSurrogate
from throughtime.dynamics.state_space import embedding
from throughtime.reservoir.closed_loop_baselines import LINEAR, MEAN, MODEL

from . import dynamics_figures
from .page import DrawFigure, PictureMaker, Table, render

MAX_STEPS = 500
"""Steps that are drawn over time, at most."""

MAX_VARIABLES = 3
"""Variables that are drawn over time, at most."""

BEST = 20
"""Trials in the table."""


def write_measured(
    path: Path,
    model: MeasuredSurrogate,
    found: Invariants,
    sentences: list[str],
    *,
    command: str,
) -> None:
    """Write the report of a model.

    Parameters
    ----------
    path
        Path of the file.
    model
        The model.
    found
        Its free run and invariants.
    sentences
        The verdict.
    command
        Command that repeats the run.
    """
    atomic.write(
        path,
        render(
            "measured.html",
            title="A model of measured trajectories",
            command=command,
            versions=package_versions(),
            sentences=sentences,
            **draw_measured(PictureMaker(), model, found),
            free_run_is=_free_run_is(model),
            beside=_beside(model),
            smoothed=2 * model.traits.smoothing + 1 if model.traits.noise else 0,
            valid=_valid_times(model),
            invariants=_invariants(found),
            tried=_tried(model),
            settings={k: str(v) for k, v in vars(model.model.settings).items()},
        ),
    )


def draw_measured(
    picture: DrawFigure, model: MeasuredSurrogate, found: Invariants
) -> dict[str, list[Any]]:
    """Every figure of the report as `picture` makes it, by section."""
    data, run = model.data(), found.free_run
    named = "data without their noise" if model.model.filter else "data"
    portraits = []
    if found.bounded:
        a, b = embedding(data[found.begin % len(data) :]), embedding(run)
        x, y = (0, 2) if a.shape[1] == 3 else (0, 1)
        names = model.variables if data.shape[1] > 1 else (model.variables[0], "a delay ago")
        curves = {named: (a[:, x], a[:, y]), "free run": (b[:, x], b[:, y])}
        portraits = [picture("", dynamics_figures.phase_portrait, curves, (names[x], names[y]))]
    return {"free_run": _over_time(picture, model, found, named), "portraits": portraits}


def _over_time(
    picture: DrawFigure, model: MeasuredSurrogate, found: Invariants, named: str
) -> list[Any]:
    """Data and free run over time: one after the other, with inputs both at once."""
    data, run = model.data(), found.free_run
    steps = min(MAX_STEPS, len(data), len(run))
    times = model.dt * np.arange(steps)
    before, end = data[-steps:], "time from the end of the data"
    known, title = times - times[-1] - model.dt, "The end of the data and the free run"
    if model.input_names:
        before, end = data[found.begin :][:steps], "time"
        known = times = times + found.begin * model.dt
        title = "The data and the free run, driven by the same inputs"
    pages = []
    for i, name in enumerate(model.variables[:MAX_VARIABLES]):
        curves = {named: (known, before[:, i]), "free run": (times, run[:steps, i])}
        heading = name if len(model.variables) > 1 else ""
        labels = end, name
        pages.append(picture(heading, dynamics_figures.time_series, curves, title, labels))
    return pages


def _free_run_is(model: MeasuredSurrogate) -> str:
    """The caption of the free run over time."""
    if model.input_names:
        return (
            "The data, and the free run from near their beginning, driven by the same inputs"
            " for as long as there are any."
        )
    return "The end of the data, and the free run that goes on from there."


def _beside(model: MeasuredSurrogate) -> Table | None:
    """The model beside plain forecasts of the same held-out data."""
    if model.baselines is None:
        return None
    names = {MODEL: "the model", MEAN: "mean", LINEAR: "linear autoregression"}
    errors, valid = model.baselines.one_step, model.baselines.valid_times
    rows = [
        [text, f"{errors[name]:.3g}", f"{valid[name] * model.dt:.4g}"]
        for name, text in names.items()
    ]
    return Table("", ["Forecast", "error one step ahead", "valid time, median"], rows)


def _valid_times(model: MeasuredSurrogate) -> Table:
    """The valid time from each start."""
    rows = [[str(i + 1), f"{valid:.4g}"] for i, valid in enumerate(model.valid_times)]
    return Table("", ["Start", "valid time"], rows)


def _invariants(found: Invariants) -> Table:
    """The invariants of the free run, beside those of two halves of the data."""

    def text(value: float) -> str:
        return f"{value:.3g}" if np.isfinite(value) else "not estimated"

    exponent = text(found.exponent)
    if np.isfinite(found.error):
        exponent += f" ± {found.error:.3g}"
    rows = [
        ["state-space divergence", text(found.divergence), text(found.own_divergence)],
        ["spectrum distance", text(found.spectrum), text(found.own_spectrum)],
        ["largest exponent", exponent, "not estimated"],
        ["spread against all data", text(found.spread), "1"],
        ["stays with the data", _stays(found), "yes"],
    ]
    return Table("", ["Invariant", "free run", "halves of the data"], rows)


def _stays(found: Invariants) -> str:
    """Whether the free run stays where the data are and moves as much."""
    if found.bounded and not found.alike:
        return "no: it moves less" if found.spread < 1 else "no: it moves more"
    return "yes" if found.bounded else "no"


def _tried(model: MeasuredSurrogate) -> Table:
    """The best of what was tried."""
    ordered = sorted(model.trials, key=lambda trial: -trial.valid)
    rows = [
        [
            str(t.settings.units or "none"),
            f"{t.settings.radius:.2g}" if t.settings.units else "",
            f"{t.settings.leak:.2g}" if t.settings.units else "",
            f"{t.settings.input_scale:.2g}" if t.settings.units else "",
            str(t.settings.order),
            f"{t.settings.delays} x {t.settings.spacing}",
            f"{t.settings.ridge:.0e}",
            f"{t.valid * model.dt:.4g}",
        ]
        for t in ordered[:BEST]
    ]
    head = ["units", "radius", "leak", "input scale", "order", "delays", "penalty"]
    head.append("mean valid time")
    return Table("", head, rows, omitted=max(len(ordered) - BEST, 0))
