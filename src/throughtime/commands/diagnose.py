"""The command `throughtime diagnose`: why a network learned or not, and its dynamics."""

import json
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from throughtime.errors import InputError

from .measured_run import names_table
from .named_values import EXAMPLES
from .options import Json, Seed, command_line

if TYPE_CHECKING:
    from throughtime.dynamics.surrogate import Surrogate
    from throughtime.forecasting.forecaster import Forecaster


ADD = EXAMPLES["--scan"]

scan_option = partial(typer.Option, rich_help_panel="Bifurcation scan")


def diagnose(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="run",
            help="The folder of a run; with `--scan` also a system's name, or equations.",
        ),
    ],
    steps: Annotated[int, typer.Option(help="Number of steps of the free run.")] = 4096,
    scan: Annotated[
        str | None,
        scan_option(help="Parameter and range, `rho=0:30`: what is done at each value."),
    ] = None,
    values: Annotated[int, scan_option(help="Number of values.")] = 200,
    settings: Annotated[
        list[str] | None,
        scan_option("--set", help="Value of another parameter; may be repeated."),
    ] = None,
    variable: Annotated[
        str | None, scan_option(help="Variable that is drawn; the first by default.")
    ] = None,
    dt: Annotated[float | None, scan_option(help="Time step of a system.")] = None,
    follow: Annotated[
        bool, scan_option("--follow", help="Start each value where the one before ended.")
    ] = False,
    out: Annotated[
        Path | None, scan_option(help="Folder to write to; by default one in `runs/`.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Explain a trained network: its gradients, behaviour, exponents and fixed points.

    Writes `diagnosis.html` into the folder of the run. With `--scan` it finds instead what a
    system does at each value of a parameter, and beside it the network that has learned it:
    `throughtime diagnose "x[n+1] = r x[n] (1 - x[n])" --scan r=2.5:4`.

    Example: `throughtime diagnose runs/sunspots`
    """
    from throughtime.dynamics.diagnose import diagnose as diagnose_model
    from throughtime.reports.diagnosis_report import write_diagnosis
    from throughtime.runs import measured_record

    if seed < 0:
        raise InputError("`--seed` must be at least 0", seed, "Raise `--seed`.")
    if scan is not None:
        from .scan_run import ScanOptions, scan_and_print

        given = ScanOptions(scan, values, settings, variable, dt, follow, out)
        scan_and_print(subject, given, as_json)
        return
    for option, value in (("set", settings), ("variable", variable), ("dt", dt), ("out", out)):
        if value is not None or follow:
            name = "follow" if follow else option
            rule, remedy = f"`--{name}` is for a scan", f"Leave it out, or add `--scan {ADD}`."
            raise InputError(rule, "no `--scan`", remedy)
    run = Path(subject)
    if "=" in subject and not run.exists():
        rule, remedy = "a system is diagnosed along a parameter", f"Add `--scan {ADD}`."
        raise InputError(rule, "equations without `--scan`", remedy)
    if run.is_file() and names_table(subject):
        remedy = f"Learn it first: `throughtime surrogate {quote(subject)}`."
        raise InputError("what is diagnosed is the run of a model", f"`{subject}`", remedy)
    if measured_record.is_measured(run):
        from .measured_run import explain_run

        explain_run(run, as_json)
        return
    diagnosis = diagnose_model(trained(run), steps, seed)
    path = run / "diagnosis.html"
    write_diagnosis(path, diagnosis, run, command=command_line())
    if as_json:
        typer.echo(json.dumps({"run": str(run), **diagnosis.to_json()}))
        return
    typer.echo("\n".join(diagnosis.sentences()))
    typer.echo(f"Report: {path}")


def trained(run: Path) -> "Forecaster | Surrogate":
    """The model of a finished run, of either kind."""
    from throughtime.dynamics import saved_surrogate
    from throughtime.forecasting.forecaster import Forecaster
    from throughtime.runs import surrogate_record

    surrogate = surrogate_record.is_surrogate(run)
    return saved_surrogate.load(run)[0] if surrogate else Forecaster.load(run)
