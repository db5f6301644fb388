"""A run of `throughtime surrogate` on a table: read, search, save, report."""

import json
from pathlib import Path

import typer

from .options import command_line, load_series, refuse_options, run_name, tell_reading

SUFFIXES = {".csv", ".tsv", ".txt", ".dat", ".parquet", ".xlsx", ".xls", ".json", ".gz", ".zip"}
"""The ends of names of files with tables."""


def names_table(text: str) -> bool:
    """Whether the argument of `surrogate` is a table rather than a system or equations."""
    if len(text) > 255 or "\n" in text:  # equations
        return False
    path = Path(text)
    return text == "-" or path.suffix.lower() in SUFFIXES or path.is_file()


def explain_run(run: Path, as_json: bool) -> None:
    """Say what the data of a run do, and how well its model does, by a new free run."""
    from throughtime.dynamics.largest_exponent import LEAST
    from throughtime.dynamics.saved_measured import read_measured
    from throughtime.dynamics.series_behaviour import series_behaviour

    refuse_options({"--json"}, "another run", "a model of trajectories", "Leave it out.")
    found, _, _ = read_measured(run)
    invariants, first = found.invariants(), found.data()[:, 0]
    judged = series_behaviour(first, found.dt) if len(first) >= LEAST else None
    if as_json:
        data = None if judged is None else {"behaviour": judged.kind, "why": judged.why}
        content = {"run": str(run), "data": data, **found.to_json(invariants)}
        typer.echo(json.dumps(content))
        return
    if judged is not None:
        typer.echo(judged.sentence(found.variables[0]))
    typer.echo("\n".join(found.sentences(invariants)))
    if (run / "report.html").exists():
        typer.echo(f"Report: {run / 'report.html'}")


def learn_table(
    data: str,
    columns: dict[str, str | None],
    dt: float | None,
    seed: int,
    out: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Learn the trajectories of a table, and print how well.

    Parameters
    ----------
    data
        The table.
    columns
        The options `target`, `inputs`, `time`, `id` and `fill`; by default every column of
        numbers is a variable.
    dt
        The time of a step; by default that of the table's time axis, if it counts numbers.
    seed, out, overwrite, as_json, quiet
        The options of these names.
    """
    from throughtime.data.column_roles import EVERY
    from throughtime.dynamics import saved_measured
    from throughtime.dynamics.surrogate import Surrogate
    from throughtime.reports.measured_report import write_measured
    from throughtime.runs import run_folder

    columns = columns | {"target": columns["target"] or EVERY}
    series = load_series(data, **columns)  # pyright: ignore[reportArgumentType]
    tell_reading(series)
    times = series[0].times
    if dt is None:
        dt = float(times.step) if times.unit == "number" else 1.0
    folder = out or run_folder.first_free_folder(Path("runs") / f"surrogate-{run_name(data)}")
    run_folder.check_place(folder, overwrite)
    if not quiet:
        typer.echo("Searching for a model ...", err=True)
    driven = series[0].input_names
    model = Surrogate(seed=seed).fit(
        [one.targets for one in series],
        inputs=[one.inputs for one in series] if driven else None,
        dt=dt,
        names=(series[0].target_names, driven),
    )
    found = model.measured_
    invariants = found.invariants()
    sentences = found.sentences(invariants)
    report = folder / "report.html"

    def write(folder: Path) -> tuple[str, ...]:
        named = {name: of for name in ("id", "time") if (of := columns[name])}
        of = saved_measured.Origin(command_line(), named, series[-1])
        saved_measured.write_measured(folder, found, seed, of)
        write_measured(report, found, invariants, sentences, command=command_line())
        return run_folder.MEASURED, saved_measured.WEIGHTS, report.name

    run_folder.replace_run(folder, write, overwrite)
    if as_json:
        typer.echo(json.dumps({"run": str(folder), **found.to_json(invariants)}))
        return
    typer.echo("\n".join(sentences))
    typer.echo(f"Report:   {report}")
