"""The report of a surrogate: one HTML file that needs no network, its verdict first."""

from dataclasses import fields
from pathlib import Path

import numpy as np

from throughtime._support import atomic
from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.surrogate_evaluation import Judged
from throughtime.recurrence.network import count
from throughtime.runs.run_folder import versions

from . import dynamics_figures, forecast_figures
from .page import Album, Table, render

SHOWN = 300
"""Steps of a trajectory that are drawn."""


def write_surrogate(
    path: Path, model: Surrogate, found: Judged, sentences: list[str], *, command: str
) -> None:
    """Write the report of a surrogate.

    Parameters
    ----------
    path
        Of the file.
    found
        What `model.judge` returned.
    sentences
        The verdict.
    command
        What repeats it.
    """
    album, system = Album(), model.system_
    order = np.argsort(found.errors)
    middle, worst = int(order[len(order) // 2]), int(order[-1])
    errors = {"network": found.errors, "linear map": found.linear, **found.schemes}
    first = system.variables[0]
    over = [
        album(label, dynamics_figures.against, _over(found, which), label, ("time", first))
        for label, which in (("Median error", middle), ("Largest error", worst))
    ]
    portraits = []
    if len(system.variables) > 1:
        x, y = (0, 2) if len(system.variables) == 3 else (0, 1)
        curves = {
            name: (states[middle, :, x], states[middle, :, y])
            for name, states in (("truth", found.unseen.states), ("network", found.solved))
        }
        labels = system.variables[x], system.variables[y]
        portraits = [album("", dynamics_figures.portrait, curves, labels)]
    fitted = model.fitted_
    page = render(
        "surrogate.html",
        title=f"A surrogate of {system.name}",
        about=system.about,
        command=command,
        versions=versions(),
        sentences=sentences,
        over=over,
        portraits=portraits,
        spread=[album("", dynamics_figures.spread_of_errors, errors)],
        errors=_errors(errors),
        training=[album("", forecast_figures.training, fitted.history, fitted.best_epochs)],
        trained=f"{fitted.stopped}, {fitted.history[-1].seconds:.1f} s.",
        ranges=_ranges(model),
        settings=_settings(model),
    )
    atomic.write(path, page)


def _over(found: Judged, which: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    times = found.dt * np.arange(min(SHOWN, found.steps) + 1)
    kept = slice(len(times))
    return {
        "truth": (times, found.unseen.states[which, kept, 0]),
        "network": (times, found.solved[which, kept, 0]),
    }


def _errors(errors: dict[str, np.ndarray]) -> Table:
    def told(value: float) -> str:
        return f"{value:.3g}" if value < 1000 else "lost"

    rows = [
        [name, told(np.median(e)), told(np.quantile(e, 0.9)), told(e.max())]
        for name, e in errors.items()
    ]
    return Table("", ["NRMSE", "median", "90 %", "worst"], rows)


def _ranges(model: Surrogate) -> Table:
    system, rows = model.system_, []
    starts = dict(zip(system.variables, system.start, strict=True))
    for name, value in {**starts, **system.parameters}.items():
        known = model.ranges_.get(name)
        span = f"{value:g}" if known is None else f"{known[0]:.4g} to {known[1]:.4g}"
        rows.append([name, "start" if name in starts else "parameter", span])
    return Table("", ["Name", "is a", "value"], rows)


def _settings(model: Surrogate) -> dict[str, str]:
    left_out = "system", "ranges", "parameters", "dt"
    told = {f.name: getattr(model, f.name) for f in fields(model) if f.name not in left_out}
    text = {name: str(value) for name, value in told.items() if value not in ((), None)}
    return {
        "time step": f"{model.dt_:g}",
        "trained weights": f"{count(model.trained()):,}",
        **text,
    }
