"""The runs in a folder: what each is, and whether it is finished."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from throughtime.errors import InputError

from .run_folder import COMPARISON, HOLDERS, KINDS, MEASURED, NETWORK, SEARCH, SURROGATE

REPORTS = ("report.html", "diagnosis.html")
"""The pages of a run, the one that is opened first."""

NAMES = {
    SURROGATE: "surrogate",
    MEASURED: "trajectories",
    NETWORK: "network",
    COMPARISON: "comparison",
    SEARCH: "search",
}
"""The kinds of runs by the file that tells them; others are forecasts."""

WAYS = frozenset(("lstm", "hf", "esn", "momentum"))
"""The subfolders of a comparison, which are there before `comparison.json` is."""


@dataclass(frozen=True)
class RunEntry:
    """A run in a list.

    Attributes
    ----------
    folder
        Its folder.
    kind
        `forecast`, `surrogate` (of equations), `trajectories` (a surrogate of measured ones),
        `network`, `comparison` or `search`.
    about
        Its series, or its system; of a search the command that goes on with it.
    state
        Why its training ended; that it is not finished, or damaged.
    changed
        When it was last written to, to the second.
    report
        Its page, None if it has none.
    """

    folder: str
    kind: str
    about: str
    state: str
    changed: str
    report: str | None

    def to_json(self) -> dict[str, str | None]:
        """The entry as a plain dictionary."""
        return asdict(self)


def list_runs(folder: Path) -> list[RunEntry]:
    """The runs in a folder, the one that was changed last at the end.

    Parameters
    ----------
    folder
        A folder of runs, or a run itself.

    Raises
    ------
    InputError
        If it is no folder, or has no run.
    """
    if not folder.is_dir():
        rule = "runs are listed in a folder that exists"
        raise InputError(rule, f"`{folder}`", "Pass the folder that holds your runs.")
    found = [(path, _kind_file(path)) for path in (folder, *sorted(folder.iterdir()))]
    entries = [_entry(path, file) for path, file in found if file is not None]
    others = [path for path, file in found[1:] if file is None]
    entries += [one for path in others for one in _interrupted(path)]
    if not entries:
        rule = "a folder of runs must hold one"
        remedy = "Pass another folder, or make a run with `throughtime forecast`."
        raise InputError(rule, f"`{folder}`, which holds none", remedy)
    return sorted(entries, key=lambda entry: entry.changed)


def _interrupted(folder: Path) -> list[RunEntry]:
    """The comparison that a folder would hold, had it not been interrupted; [] for another."""
    ways = [one for one in folder.glob("*/run.json") if one.parent.name in WAYS]
    if not ways:
        return []
    last = _entry(folder, max(ways, key=lambda one: one.stat().st_mtime))
    given = {"folder": str(folder), "kind": "comparison", "state": "not finished"}
    return [replace(last, **given, report=None)]


def report_of(run: Path) -> Path | None:
    """The page of a run; None if it has none."""
    return next((run / name for name in REPORTS if (run / name).is_file()), None)


def _kind_file(folder: Path) -> Path | None:
    """The file that tells of which kind a run is; None if this is none."""
    names = (*KINDS, *HOLDERS)
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _entry(folder: Path, file: Path) -> RunEntry:
    kind = NAMES.get(file.name, "forecast")
    report = report_of(folder)
    # The file of a search is written at its start, those beside it as it goes on.
    written = [one for one in folder.iterdir() if one.is_file()] if kind == "search" else [file]
    changed = max(one.stat().st_mtime for one in written)
    stamp = datetime.fromtimestamp(changed).isoformat(" ", "seconds")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        about, state = _contents(kind, content, report is not None)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        about, state = "", f"damaged: `{file.name}`"
    return RunEntry(str(folder), kind, about, state, stamp, report and str(report))


def _contents(kind: str, content: dict[str, Any], reported: bool) -> tuple[str, str]:
    """What a run is about, and why its training ended."""
    if kind == "network":
        return "", "saved"
    if kind == "trajectories":
        return ", ".join(content["variables"]), "finished"
    if kind in ("comparison", "search"):
        state = "finished" if reported else "not finished"
        if kind == "comparison":
            return ", ".join(content["backtest"]["targets"]), state
        return content["command"].partition(" --out ")[0], state
    state = content.get("stopped") or "not finished"
    if kind == "surrogate":
        return str(content["settings"]["system"]), state
    series = content["series"]
    targets = ", ".join(series[0]["target_names"])
    about = series[0]["name"] if len(series) == 1 else f"{len(series)} series"
    return about if about == targets else f"{about}: {targets}", state
