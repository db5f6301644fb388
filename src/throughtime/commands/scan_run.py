"""`throughtime diagnose --scan`: what a system, or a learned one, does along a parameter."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from throughtime.errors import InputError

from .named_values import number, pairs, span
from .options import command_line

if TYPE_CHECKING:
    from throughtime.dynamics.scan_result import Scan


@dataclass(frozen=True)
class ScanOptions:
    """The options of a scan, as they were given."""

    scan: str
    values: int
    settings: list[str] | None
    variable: str | None
    dt: float | None
    follow: bool
    out: Path | None


def scan_and_print(subject: str, options: ScanOptions, as_json: bool) -> None:
    """Scan a system or a run, write the files, and print what was found."""
    import numpy as np  # here: the list of commands must come at once

    from throughtime.reports.scan_report import write_scan
    from throughtime.runs import run_folder

    from .example import make_folder

    ((parameter, text),) = pairs([options.scan], "--scan")
    ends = span(text, "--scan")
    if not all(map(math.isfinite, ends)):
        rule = "`--scan` must go from one finite number to another"
        raise InputError(rule, f"`{text}`", "Write it as `--scan rho=0:30`.")
    if options.values < 2 or ends[0] == ends[1]:
        rule = "a scan needs two values or more"
        got = f"`--values {options.values}`" if options.values < 2 else f"`{text}`"
        raise InputError(rule, got, "Write it as `--scan rho=0:30 --values 200`.")
    values = np.linspace(*ends, options.values)
    is_run = Path(subject).is_dir() and "=" not in subject
    scans = (_of_run if is_run else _of_system)(subject, parameter, values, options)
    folder = options.out or (
        Path(subject)
        if is_run
        else run_folder.first_free_folder(Path("runs") / f"scan-{scans[0].name}")
    )
    page = write_scan(make_folder(folder), scans, command=command_line())
    if as_json:
        each = {scan.name: to_json(scan) for scan in scans}
        typer.echo(json.dumps({"folder": str(folder), "parameter": parameter, "scans": each}))
        return
    for scan in scans:
        typer.echo("\n".join(scan.sentences()))
    typer.echo(f"Report: {page}")


def _of_system(subject, parameter, values, options: ScanOptions) -> "list[Scan]":
    """The scan of a named system or of equations."""
    from throughtime.dynamics.scan import scan
    from throughtime.dynamics.scan_families import system_of

    system = system_of(subject, parameter, float(values[0]))
    settings = {n: number(v, "--set") for n, v in pairs(options.settings, "--set")}
    if parameter in settings:
        rule = "the parameter of a scan cannot also have one value"
        raise InputError(rule, f"`--set {parameter}`", "Leave out that `--set`.")
    return [_scan(scan, system.with_parameters(**settings), parameter, values, options)]


def _of_run(subject, parameter, values, options: ScanOptions) -> "list[Scan]":
    """The scans of a learned system and of its network."""
    from throughtime.dynamics import saved_surrogate
    from throughtime.dynamics.scan import scan
    from throughtime.runs import surrogate_record

    run = Path(subject)
    if not surrogate_record.is_surrogate(run):
        rule = "a scan needs a system: its name, its equations, or a surrogate's run"
        raise InputError(rule, f"`{run}`", "Leave out `--scan` to diagnose this run.")
    for option, value in (("set", options.settings), ("dt", options.dt)):
        if value is not None:
            rule = f"`--{option}` is for a system, not for a run"
            raise InputError(rule, f"`{run}`", f"Leave out `--{option}`.")
    model = saved_surrogate.load(run)[0]
    subjects = model, model.system_
    network, system = (_scan(scan, one, parameter, values, options) for one in subjects)
    return [system, network]


def _scan(scan, subject, parameter, values, options: ScanOptions) -> "Scan":
    given = {"variable": options.variable, "dt": options.dt, "follow": options.follow}
    return scan(subject, parameter, values, **given)


def to_json(scan: "Scan") -> dict:
    """A scan for JSON: null where a number is not finite."""
    columns = {}
    for name, column in scan.columns().items():
        columns[name] = [
            None if isinstance(v, float) and not math.isfinite(v) else v for v in column
        ]
    return {"remark": scan.remark, **columns, "values": [one.tolist() for one in scan.points]}
