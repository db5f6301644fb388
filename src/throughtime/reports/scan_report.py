"""The files of a bifurcation scan: a page, a picture, and its numbers as CSV."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from throughtime._support import atomic
from throughtime._support.versions import package_versions
from throughtime.dynamics.scan_result import Scan

from . import scan_figures
from .figure_files import in_formats
from .page import PictureMaker, Table, render

ROWS = 60
"""Rows of a table of stretches, at most."""


def write_scan(folder: Path, scans: Sequence[Scan], *, command: str) -> Path:
    """Write `scan.html`, its figure (`scan.svg`, `.pdf`, `.png`), `scan.csv` and `points.csv`.

    Parameters
    ----------
    folder
        The folder, which exists.
    scans
        The scan of a system, and perhaps that of its network.
    command
        Command that repeats it.

    Returns
    -------
    Path
        That of the page.
    """
    what = "Each iterate" if scans[0].is_map else "Each maximum"
    caption = f"{what} after the transient, and beneath it the largest Lyapunov exponent."
    page = render(
        "scan.html",
        title=f"Bifurcation scan of {scans[0].name}",
        command=command,
        versions=package_versions(),
        sentences=[scan.sentences()[0] for scan in scans],
        diagram=[PictureMaker()("", scan_figures.bifurcation, scans)],
        caption=caption,
        tables=[_stretches(scan) for scan in scans],
    )
    atomic.write(folder / "scan.html", page)
    for suffix, content in in_formats(scan_figures.bifurcation(scans)).items():
        atomic.write(folder / f"scan.{suffix}", content)
    atomic.write(folder / "scan.csv", _rows(scans))
    atomic.write(folder / "points.csv", _points(scans))
    return folder / "scan.html"


def _stretches(scan: Scan) -> Table:
    """Neighbouring values at which a system does the same."""
    found = scan.stretches()
    rows = [
        [
            f"{one.first:.6g}" if one.count == 1 else f"{one.first:.6g} to {one.last:.6g}",
            one.label,
            str(one.count),
            f"{one.least:.3g}",
            f"{one.largest:.3g}",
        ]
        for one in found[:ROWS]
    ]
    head = [scan.parameter, "behaviour", "values", "least exponent", "largest"]
    # (equations that were given as text have no other name)
    name = "What the equations do" if scan.name == "equations" else f"What {scan.name} does"
    return Table(name, head, rows, omitted=max(len(found) - ROWS, 0))


def _rows(scans: Sequence[Scan]) -> str:
    """A row for each value and scan, as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["of", *scans[0].columns()])
    for scan in scans:
        table.writerows([scan.name, *row] for row in zip(*scan.columns().values(), strict=True))
    return text.getvalue()


def _points(scans: Sequence[Scan]) -> str:
    """A row for each point of the diagrams, as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["of", scans[0].parameter, scans[0].variable])
    for scan in scans:
        table.writerows([scan.name, x, y] for x, y in zip(*scan.diagram(), strict=True))
    return text.getvalue()
