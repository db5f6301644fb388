"""The report of a model of measured trajectories: one HTML file, with its verdict first."""

from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support import atomic
from throughtime._support.versions import package_versions
from throughtime.dynamics.measured_surrogate import Invariants, MeasuredSurrogate
from throughtime.dynamics.state_space import embedding

from . import dynamics_figures
from .page import DrawFigure, PictureMaker, Table, render

MAX_STEPS = 500
"""Steps that are drawn over time, at most."""

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
    steps = min(MAX_STEPS, len(data), len(run))
    times = model.dt * np.arange(steps)
    over_time = {
        "data": (times - times[-1] - model.dt, data[-steps:, 0]),
        "free run": (times, run[:steps, 0]),
    }
    title = "The end of the data and the free run"
    labels = "time from the end of the data", model.variables[0]
    free_run = [picture("", dynamics_figures.time_series, over_time, title, labels)]
    portraits = []
    if found.bounded:
        a, b = embedding(data), embedding(run)
        x, y = (0, 2) if a.shape[1] == 3 else (0, 1)
        names = model.variables if data.shape[1] > 1 else (model.variables[0], "a delay ago")
        curves = {"data": (a[:, x], a[:, y]), "free run": (b[:, x], b[:, y])}
        portraits = [picture("", dynamics_figures.phase_portrait, curves, (names[x], names[y]))]
    return {"free_run": free_run, "portraits": portraits}


def _valid_times(model: MeasuredSurrogate) -> Table:
    """The valid time from each start."""
    rows = [[str(i + 1), f"{valid:.4g}"] for i, valid in enumerate(model.valid_times)]
    return Table("", ["Start", "valid time"], rows)


def _invariants(found: Invariants) -> Table:
    """The invariants of the free run, beside those of two halves of the data."""

    def text(value: float) -> str:
        return f"{value:.3g}" if np.isfinite(value) else "none"

    rows = [
        ["state-space divergence", text(found.divergence), text(found.own_divergence)],
        ["spectrum distance", text(found.spectrum), text(found.own_spectrum)],
        ["largest exponent", f"{text(found.exponent)} ± {text(found.error)}", "not estimated"],
        ["stays with the data", "yes" if found.bounded else "no", "yes"],
    ]
    return Table("", ["Invariant", "free run", "halves of the data"], rows)


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
    head = ["units", "radius", "leak", "input scale", "order", "delays", "penalty", "valid"]
    return Table("", head, rows, omitted=max(len(ordered) - BEST, 0))
