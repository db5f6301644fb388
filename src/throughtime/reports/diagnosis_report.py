"""The report of a diagnosis: one HTML file that needs no network, its verdict first."""

from pathlib import Path

import numpy as np

from throughtime._support import atomic
from throughtime.dynamics import flow_record
from throughtime.dynamics.diagnose import Diagnosis, common_delay, embedded
from throughtime.dynamics.gradient_flow import LOST
from throughtime.runs.run_folder import versions

from . import dynamics_figures
from .dynamics_figures import Curve
from .page import Album, Table, render

SHOWN = 300
"""Steps of a free run that are drawn."""

ROWS = 20
"""Fixed points that are told, at most."""


def write_diagnosis(path: Path, found: Diagnosis, folder: Path, *, command: str) -> None:
    """Write the report of a diagnosis.

    Parameters
    ----------
    path
        Of the file.
    folder
        Of the run, which may hold a record of its gradient flow.
    command
        What repeats it.
    """
    album, flow = Album(), found.flow
    heat = []
    if (folder / flow_record.NAME).exists():
        epochs, signals = flow_record.read(folder)
        heat = [album("", dynamics_figures.gradient_heat, epochs, signals)]
    gradients, singular = [], []
    if flow is not None:
        each = {f"singular value {i + 1}": flow.singular[:, i] for i in _spread(flow.singular)}
        gradients = [album("", dynamics_figures.gradient_signal, {"": flow.signal}, LOST)]
        singular = [album("", dynamics_figures.singular_values, flow.lags, each)]
    page = render(
        "diagnosis.html",
        title=f"Diagnosis of {found.subject.name}",
        command=command,
        versions=versions(),
        sentences=found.sentences(),
        gradients=gradients,
        heat=heat,
        singular=singular,
        **(_dynamics(album, found) if found.behaviour is not None else {"free": None}),
    )
    atomic.write(path, page)


def _dynamics(album: Album, found: Diagnosis) -> dict:
    what, behaviour = found.subject, found.behaviour
    assert behaviour is not None
    later = found.later
    names, times = what.names, what.time * np.arange(SHOWN)
    truth = what.truth[what.end or 0 :]
    told_free = "The system, and the network reading its own outputs, from different starts."
    if what.end is not None:
        told_free = "The series after what was learned from, and the network from there on."
        truth = truth if len(truth) > 1 else what.truth  # (nothing was held out)
    count = min(SHOWN, len(found.free), len(truth))
    free = [
        album(
            names[i] if len(names) > 1 else "",
            dynamics_figures.against,
            {
                "series": (times[:count], truth[:count, i]),
                "network, left alone": (times[:count], found.free[:count, i]),
            },
            names[i],
            (what.unit, names[i]),
        )
        for i in range(min(len(names), 3))
    ]
    curves, labels, told = _portrait(found, later)
    marked: dict[str, Curve] = {}
    if found.points and len(names) > 1:
        x, y = _axes(len(names))
        at = np.stack([what.scaler.inverse(point.seen)[0] for point in found.points])
        stable = np.array([point.stable for point in found.points])
        for kind, rows in (("stable", stable), ("unstable", ~stable)):
            marked[f"{kind} fixed points"] = at[rows, x], at[rows, y]
    spectrum = behaviour.spectrum
    return {
        "free": free,
        "free_told": told_free,
        "portraits": [album("", dynamics_figures.portrait, curves, labels, marked)],
        "portraits_told": told,
        "returns": _returns(album, found, later),
        "powers": [
            album("", dynamics_figures.power, _powers(found, later), f"1 / {what.unit}")
        ],
        "exponents": [
            album(
                "",
                dynamics_figures.exponents,
                spectrum.times,
                spectrum.running,
                what.known,
                f" per {what.unit}",
            )
        ],
        "spectrum": _spectrum(found),
        "points": _points(found),
    }


def _portrait(found: Diagnosis, later: np.ndarray):
    what, (name, *_) = found.subject, found.subject.names
    if len(what.names) > 1:
        x, y = _axes(len(what.names))
        labels = what.names[x], what.names[y]
        told = "Two variables against each other."
        if found.points:
            told += " Dots are fixed points, green where they are stable, orange where not."
        pairs = what.truth[:, [x, y]], later[:, [x, y]]
    else:
        lag = common_delay(what.truth, later)
        labels = name, f"{name}, {lag} steps before"
        told = "The series against itself a delay before."
        pairs = embedded(what.truth, lag), embedded(later, lag)
    curves: dict[str, Curve] = {
        name: (pair[:, 0], pair[:, 1])
        for name, pair in zip(("series", "network, left alone"), pairs, strict=True)
    }
    return curves, labels, told


def _returns(album: Album, found: Diagnosis, later: np.ndarray) -> list:
    """The return map of the last variable, if there are maxima enough."""
    pairs = {
        name: _maxima(values[:, -1])
        for name, values in (("series", found.subject.truth), ("network, left alone", later))
    }
    if min(len(before) for before, _ in pairs.values()) < 5:
        return []
    return [album("", dynamics_figures.return_map, pairs, found.subject.names[-1])]


def _maxima(y: np.ndarray) -> Curve:
    """Each maximum and the next, by a parabola through its three points."""
    at = np.flatnonzero((y[1:-1] > y[:-2]) & (y[1:-1] >= y[2:])) + 1
    before, here, after = y[at - 1], y[at], y[at + 1]
    bend = before - 2 * here + after
    bend = np.where(bend < 0, bend, -np.inf)
    tops = here - (after - before) ** 2 / (8 * bend)
    return tops[:-1], tops[1:]


def _powers(found: Diagnosis, later: np.ndarray) -> dict[str, Curve]:
    """Power spectra of the first variable (Welch 1967)."""
    from scipy.signal import welch  # here: SciPy takes a while to load

    told = {}
    for name, values in (("series", found.subject.truth), ("network, left alone", later)):
        y = values[:, 0]
        y = (y - y.mean()) / (y.std() or 1.0)
        size = min(len(y), 512)
        frequency, power = welch(y, 1 / found.subject.time, nperseg=size)
        told[name] = frequency[1:], power[1:]
    return told


def _spectrum(found: Diagnosis) -> Table:
    assert found.behaviour is not None
    spectrum, known = found.behaviour.spectrum, list(found.subject.known)
    rows = [
        [str(i + 1), f"{value:.4g}", f"{error:.1g}"]
        for i, (value, error) in enumerate(
            zip(spectrum.exponents, spectrum.errors, strict=True)
        )
    ]
    head = ["Exponent", f"per {found.subject.unit}", "standard error"]
    if known:
        head.append("of the system")
        for i, row in enumerate(rows):
            row.append(f"{known[i]:.4g}" if i < len(known) else "")
    return Table("", head, rows)


def _points(found: Diagnosis) -> Table:
    names = found.subject.names
    rows = [
        [
            ", ".join(f"{v:.4g}" for v in found.subject.scaler.inverse(point.seen)[0][:4]),
            "stable" if point.stable else "unstable",
            ", ".join(_complex(v) for v in point.eigenvalues[:3]),
        ]
        for point in (found.points or [])[:ROWS]
    ]
    head = [", ".join(names[:4]), "holds", "leading eigenvalues"]
    return Table("", head, rows)


def _complex(value: complex) -> str:
    if abs(value.imag) < 1e-9 * abs(value):
        return f"{value.real:.4g}"
    return f"{value.real:.4g} {'+' if value.imag > 0 else '-'} {abs(value.imag):.4g}i"


def _axes(variables: int) -> tuple[int, int]:
    """Which two variables are drawn."""
    return (0, 2) if variables == 3 else (0, 1)


def _spread(singular: np.ndarray) -> list[int]:
    """The largest singular value, the median one, the smallest."""
    size = singular.shape[1]
    return sorted({0, size // 2, size - 1})
