"""The report of a diagnosis: one HTML file that works offline, with its verdict first."""

from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support import atomic
from throughtime._support.versions import package_versions
from throughtime.dynamics import flow_record
from throughtime.dynamics.diagnosis import Diagnosis
from throughtime.dynamics.fixed_points import eigenvalue_text
from throughtime.dynamics.gradient_flow import VANISHING
from throughtime.dynamics.poincare import Section
from throughtime.dynamics.state_space import common_delay, embedding

from . import dynamics_figures, scan_figures
from .dynamics_figures import Curve
from .page import DrawFigure, PictureMaker, Table, render

MAX_STEPS = 300
"""Steps of a free run that are drawn, at most."""

MAX_POINTS = 20
"""Fixed points in the table, at most."""

NETWORK = "network, free run"
"""Label of the network that reads its own outputs."""

TRUTH = "truth"
"""Label of the series, or of the system that was learned."""


def write_diagnosis(path: Path, found: Diagnosis, folder: Path, *, command: str) -> None:
    """Write the report of a diagnosis.

    Parameters
    ----------
    path
        Path of the file.
    found
        The diagnosis.
    folder
        Folder of the run, which may hold a record of its gradient flow.
    command
        Command that repeats the diagnosis.
    """
    page = render(
        "diagnosis.html",
        title=f"Diagnosis of {found.model.name}",
        command=command,
        versions=package_versions(),
        sentences=found.sentences(),
        **draw_diagnosis(PictureMaker(), found, folder),
    )
    atomic.write(path, page)


def draw_diagnosis(picture: DrawFigure, found: Diagnosis, folder: Path) -> dict[str, Any]:
    """Every figure of the report as `picture` makes it, and the captions and tables beside."""
    flow = found.flow
    heat = []
    if (folder / flow_record.NAME).exists():
        epochs, signals = flow_record.read(folder)
        heat = [picture("", dynamics_figures.gradient_heat_map, epochs, signals)]
    gradients, singular = [], []
    if flow is not None:
        each = {
            f"singular value {i + 1}": flow.singular_values[:, i]
            for i in _largest_median_smallest(flow.singular_values)
        }
        gradients = [
            picture("", dynamics_figures.gradient_by_lag, {"": flow.signal}, VANISHING)
        ]
        singular = [picture("", dynamics_figures.singular_values, flow.lags, each)]
    dynamics = _dynamics(picture, found) if found.behaviour is not None else {"free": None}
    return {"gradients": gradients, "heat": heat, "singular": singular, **dynamics}


def _dynamics(picture: DrawFigure, found: Diagnosis) -> dict:
    """What the template shows of the free run."""
    model, behaviour, attractor = found.model, found.behaviour, found.attractor
    assert behaviour is not None
    names, times = model.variables, model.dt * np.arange(MAX_STEPS)
    truth = model.truth[model.end or 0 :]
    free_caption = "The system, and the network reading its own outputs, from different starts."
    if model.end is not None:
        free_caption = "The test part of the series, and the network's free run beside it."
        truth = truth if len(truth) > 1 else model.truth  # nothing was held out
    count = min(MAX_STEPS, len(found.free_run), len(truth))
    free = [
        picture(
            names[i] if len(names) > 1 else "",
            dynamics_figures.time_series,
            {
                TRUTH: (times[:count], truth[:count, i]),
                NETWORK: (times[:count], found.free_run[:count, i]),
            },
            names[i],
            ("step" if model.unit == "step" else "time", names[i]),
        )
        for i in range(min(len(names), 3))
    ]
    curves, labels, portraits_caption = _portrait(found, attractor)
    marked: dict[str, Curve] = {}
    if found.fixed_points and len(names) > 1:
        x, y = _axes(len(names))
        at = np.stack([found.position(point) for point in found.fixed_points])
        stable = np.array([point.stable for point in found.fixed_points])
        for kind, rows in (("stable", stable), ("unstable", ~stable)):
            marked[f"{kind} fixed points"] = at[rows, x], at[rows, y]
    spectrum = behaviour.spectrum
    return {
        "free": free,
        "free_caption": free_caption,
        "portraits": [picture("", dynamics_figures.phase_portrait, curves, labels, marked)],
        "portraits_caption": portraits_caption,
        "returns": _returns(picture, found, attractor),
        **draw_sections(picture, found.sections()),
        "powers": [
            picture(
                "",
                dynamics_figures.power_spectrum,
                _powers(found, attractor),
                f"per {model.unit}",
            )
        ],
        "exponents": [
            picture(
                "",
                dynamics_figures.lyapunov_exponents,
                spectrum.times,
                spectrum.running,
                model.exponents,
                f" per {model.unit}",
            )
        ],
        "spectrum": _spectrum(found),
        "points": _points(found),
    }


def _portrait(
    found: Diagnosis, attractor: np.ndarray
) -> tuple[dict[str, Curve], tuple[str, str], str]:
    """The curves of a phase portrait, their labels, and a caption."""
    model, (name, *_) = found.model, found.model.variables
    if len(model.variables) > 1:
        x, y = _axes(len(model.variables))
        labels = model.variables[x], model.variables[y]
        caption = "One variable against another."
        if found.fixed_points:
            caption += " Dots are fixed points: green if stable, orange if unstable."
        pairs = model.truth[:, [x, y]], attractor[:, [x, y]]
    else:
        lag = common_delay(model.truth, attractor)
        labels = name, f"{name}, {lag} steps earlier"
        caption = "The series against its own earlier values (delay embedding)."
        pairs = embedding(model.truth, lag), embedding(attractor, lag)
    curves: dict[str, Curve] = {
        name: (pair[:, 0], pair[:, 1])
        for name, pair in zip((TRUTH, NETWORK), pairs, strict=True)
    }
    return curves, labels, caption


def draw_sections(
    picture: DrawFigure, sections: tuple[Section, Section] | None
) -> dict[str, Any]:
    """The Poincare sections of data and network in one figure, and its caption."""
    if sections is None:
        return {"sections": [], "sections_caption": ""}
    clouds = {
        name: one.drawn()[0] for name, one in zip((TRUTH, NETWORK), sections, strict=True)
    }
    first = sections[0]
    drawn = picture("", scan_figures.section, clouds, first.drawn()[1], first.plane)
    caption = f"Poincare section: each crossing of {first.plane} from below."
    if first.drawn()[1][1].endswith("crossing"):
        caption = f"Poincare section: each crossing of {first.plane} from below, and the next."
    periods = [one.period for one in sections]
    if any(periods):
        told = [f"after {n}" if n else "never" for n in periods]
        caption += f" The truth comes back {told[0]} crossings, the network {told[1]}."
    return {"sections": [drawn], "sections_caption": caption}


def _returns(picture: DrawFigure, found: Diagnosis, attractor: np.ndarray) -> list[Any]:
    """The return map of the last variable, if it has enough maxima."""
    pairs = {
        name: _maxima(values[:, -1])
        for name, values in ((TRUTH, found.model.truth), (NETWORK, attractor))
    }
    if min(len(before) for before, _ in pairs.values()) < 5:
        return []
    return [picture("", dynamics_figures.return_map, pairs, found.model.variables[-1])]


def _maxima(y: np.ndarray) -> Curve:
    """Each maximum and the next, from a parabola through the three points around it."""
    at = np.flatnonzero((y[1:-1] > y[:-2]) & (y[1:-1] >= y[2:])) + 1
    before, here, after = y[at - 1], y[at], y[at + 1]
    curvature = before - 2 * here + after
    curvature = np.where(curvature < 0, curvature, -np.inf)
    maxima = here - (after - before) ** 2 / (8 * curvature)
    return maxima[:-1], maxima[1:]


def _powers(found: Diagnosis, attractor: np.ndarray) -> dict[str, Curve]:
    """Power spectra of the first variable (Welch 1967)."""
    from scipy.signal import welch  # imported here because SciPy takes a while to load

    spectra = {}
    for name, values in ((TRUTH, found.model.truth), (NETWORK, attractor)):
        y = values[:, 0]
        y = (y - y.mean()) / (y.std() or 1.0)
        size = min(len(y), 512)
        frequency, power = welch(y, 1 / found.model.dt, nperseg=size)
        spectra[name] = frequency[1:], power[1:]
    return spectra


def _spectrum(found: Diagnosis) -> Table:
    """The Lyapunov exponents, beside those of the system where they are known."""
    assert found.behaviour is not None
    spectrum, known = found.behaviour.spectrum, list(found.model.exponents)
    rows = [
        [str(i + 1), f"{value:.4g}", f"{error:.1g}"]
        for i, (value, error) in enumerate(
            zip(spectrum.exponents, spectrum.errors, strict=True)
        )
    ]
    head = ["Exponent", f"per {found.model.unit}", "standard error"]
    if known:
        head.append("of the system")
        for i, row in enumerate(rows):
            row.append(f"{known[i]:.4g}" if i < len(known) else "")
    return Table("", head, rows)


def _points(found: Diagnosis) -> Table:
    """The fixed points, their stability and their leading eigenvalues."""
    names = found.model.variables
    rows = [
        [
            ", ".join(f"{v:.4g}" for v in found.position(point)[:4]),
            point.kind,
            ", ".join(eigenvalue_text(v) for v in point.eigenvalues[:3]),
        ]
        for point in (found.fixed_points or [])[:MAX_POINTS]
    ]
    head = [", ".join(names[:4]), "kind", "leading eigenvalues of a step"]
    return Table("", head, rows)


def _axes(variables: int) -> tuple[int, int]:
    """The indices of the two variables that are drawn."""
    return (0, 2) if variables == 3 else (0, 1)


def _largest_median_smallest(singular: np.ndarray) -> list[int]:
    """The indices of the largest, the median and the smallest singular value."""
    size = singular.shape[1]
    return sorted({0, size // 2, size - 1})
