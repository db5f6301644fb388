"""The report of a surrogate: one HTML file that works offline, with its verdict first."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support import atomic
from throughtime._support.versions import package_versions
from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.surrogate_checks import GRADIENT_ONLY
from throughtime.dynamics.surrogate_evaluation import SurrogateEvaluation
from throughtime.recurrence.network import count_parameters

from . import dynamics_figures, general_figures
from .page import DrawFigure, PictureMaker, Table, render

MAX_STEPS = 300
"""Steps of a trajectory that are drawn, at most."""


def write_surrogate(
    path: Path,
    model: Surrogate,
    found: SurrogateEvaluation,
    sentences: list[str],
    *,
    command: str,
) -> None:
    """Write the report of a surrogate.

    Parameters
    ----------
    path
        Path of the file.
    model
        The fitted surrogate.
    found
        The result of `model.evaluate`: closed-loop solutions of unseen trajectories.
    sentences
        The verdict.
    command
        Command that repeats the run.
    """
    system, fitted = model.system_, model.fitted_
    page = render(
        "surrogate.html",
        title=f"A surrogate of {system.name}",
        about=system.about,
        command=command,
        versions=package_versions(),
        sentences=sentences,
        **draw_surrogate(PictureMaker(), model, found),
        errors=_errors(_by_method(found)),
        tried=_tried(model),
        trained=f"Training ended after {fitted.history[-1].seconds:.1f} s: {fitted.stopped}.",
        ranges=_ranges(model),
        settings=_settings(model),
    )
    atomic.write(path, page)


def draw_surrogate(
    picture: DrawFigure, model: Surrogate, found: SurrogateEvaluation
) -> dict[str, list[Any]]:
    """Every figure of the report as `picture` makes it, by section."""
    system, fitted = model.system_, model.fitted_
    order = np.argsort(found.errors)
    middle, worst = int(order[len(order) // 2]), int(order[-1])
    first = system.variables[0]
    trajectories = [
        picture(
            label,
            dynamics_figures.time_series,
            _over_time(found, which),
            label,
            ("time", first),
        )
        for label, which in (("Median error", middle), ("Largest error", worst))
    ]
    portraits = []
    if len(system.variables) > 1:
        x, y = (0, 2) if len(system.variables) == 3 else (0, 1)
        curves = {
            name: (states[middle, :, x], states[middle, :, y])
            for name, states in (("truth", found.unseen.states), ("network", found.solution))
        }
        axes = system.variables[x], system.variables[y]
        portraits = [picture("", dynamics_figures.phase_portrait, curves, axes)]
    return {
        "trajectories": trajectories,
        "portraits": portraits,
        "spread": [picture("", dynamics_figures.error_distribution, _by_method(found))],
        "training": []
        if model.regressed
        else [picture("", general_figures.training_losses, fitted.history, fitted.best_epochs)],
    }


def _by_method(found: SurrogateEvaluation) -> dict[str, np.ndarray]:
    """The errors of the network and of what else takes the same steps."""
    return {"network": found.errors, "linear map": found.linear, **found.schemes}


def _over_time(
    found: SurrogateEvaluation, which: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The first variable of one trajectory over time: the truth and the network."""
    times = found.dt * np.arange(min(MAX_STEPS, found.steps) + 1)
    rows = slice(len(times))
    return {
        "truth": (times, found.unseen.states[which, rows, 0]),
        "network": (times, found.solution[which, rows, 0]),
    }


def _errors(errors: dict[str, np.ndarray]) -> Table:
    """Quantiles of the errors of each method."""

    def text(value: float) -> str:
        return f"{value:.3g}" if value < 1000 else "diverged"

    def ninth_tenth(errors: np.ndarray) -> float:
        """The 90 % quantile, one of the errors: between infinite ones nothing interpolates."""
        return np.sort(errors)[int(np.ceil(0.9 * len(errors))) - 1]

    rows = [
        [name, text(np.median(e)), text(ninth_tenth(e)), text(e.max())]
        for name, e in errors.items()
    ]
    return Table("", ["NRMSE", "median", "90 % quantile", "largest"], rows)


def _tried(model: Surrogate) -> Table | None:
    """What a regression tried: the scales of its features, and how well each did."""
    if not model.regressed:
        return None
    rows = []
    for row in model.history_:
        kept = "kept" if row.epoch in model.fitted_.best_epochs else ""
        numbers = row.quantities["input_scale"], row.quantities["penalty"]
        errors = np.sqrt(row.loss), row.validation_loss
        rows.append([*(f"{value:.2g}" for value in (*numbers, *errors)), kept])
    columns = ["scale of the features", "penalty", "error of a step", "error of free runs", ""]
    return Table("", columns, rows)


def _ranges(model: Surrogate) -> Table:
    """The starts and parameters that the surrogate was trained on."""
    system, rows = model.system_, []
    starts = dict(zip(system.variables, system.start, strict=True))
    for name, value in {**starts, **system.parameters}.items():
        known = model.ranges_.get(name)
        span = f"{value:g}" if known is None else f"{known[0]:.4g} to {known[1]:.4g}"
        rows.append([name, "start" if name in starts else "parameter", span])
    return Table("", ["Name", "kind", "value or range"], rows)


def _settings(model: Surrogate) -> dict[str, str]:
    """The settings of the surrogate as text."""
    shown_elsewhere = "system", "ranges", "parameters", "dt"
    shown_elsewhere += (*GRADIENT_ONLY,) if model.regressed else ()
    names = [f.name for f in fields(model) if f.name not in shown_elsewhere]
    settings = {name: getattr(model, name) for name in names}
    settings |= {"cell": model.cell_, "hidden": model.hidden_, "dtype": model.dtype_}
    text = {name: str(value) for name, value in settings.items() if value not in ((), None)}
    return {
        "time step": f"{model.dt_:g}",
        "trained weights": f"{count_parameters(model.trained()):,}",
        **text,
    }
