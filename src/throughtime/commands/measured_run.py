"""A run of `throughtime surrogate` on a table: read, search, save, report."""

import json
from pathlib import Path

import typer

from throughtime.errors import InputError

from .options import command_line, load_series, run_name, tell_reading

SUFFIXES = {".csv", ".tsv", ".txt", ".dat", ".parquet", ".xlsx", ".xls", ".json", ".gz", ".zip"}
"""The ends of names of files with tables."""


def names_table(text: str) -> bool:
    """Whether the argument of `surrogate` is a table rather than a system or equations."""
    if len(text) > 255 or "\n" in text:  # equations
        return False
    path = Path(text)
    return text == "-" or path.suffix.lower() in SUFFIXES or path.is_file()


def continue_run(run: Path, steps: int, data: Path | None, fill: str | None) -> str:
    """A free run from the end of the data of a run, or of newer data, as CSV."""
    from throughtime.dynamics.saved_surrogate import load_surrogate

    model = load_surrogate(run)
    found, past = model.measured_, None
    if found.input_names:
        rule = "a run with inputs is continued in Python, where its inputs are given"
        remedy = "Use `tt.load_surrogate(folder).predict(steps, inputs=...)`."
        raise InputError(rule, ", ".join(found.input_names), remedy)
    if data is not None:
        names = ",".join(found.variables)
        past = load_series(str(data), names, None, None, None, fill)[-1].targets
    ahead = model.predict(steps, past)
    lines = [",".join(("step", *found.variables))]
    for i, row in enumerate(ahead, 1):
        lines.append(",".join([str(i), *(repr(float(v)) for v in row)]))
    return "\n".join(lines) + "\n"


def explain_run(run: Path, as_json: bool) -> None:
    """Say again how well the model of a run does, by a new free run."""
    from throughtime.dynamics.saved_measured import read_measured

    found, _, _ = read_measured(run)
    invariants = found.invariants()
    if as_json:
        typer.echo(json.dumps({"run": str(run), **found.to_json(invariants)}))
        return
    typer.echo("\n".join(found.sentences(invariants)))


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
    from throughtime.runs.run_lock import writing

    columns = columns | {"target": columns["target"] or EVERY}
    series = load_series(data, **columns)  # pyright: ignore[reportArgumentType]
    tell_reading(series)
    times = series[0].times
    if dt is None:
        dt = float(times.step) if times.unit == "number" else 1.0
    folder = out or run_folder.first_free_folder(Path("runs") / f"surrogate-{run_name(data)}")
    run_folder.prepare_folder(folder, overwrite)
    with writing(folder):
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
        saved_measured.write_measured(folder, found, seed, command_line())
        invariants = found.invariants()
        sentences = found.sentences(invariants)
        report = folder / "report.html"
        write_measured(report, found, invariants, sentences, command=command_line())
    if as_json:
        typer.echo(json.dumps({"run": str(folder), **found.to_json(invariants)}))
        return
    typer.echo("\n".join(sentences))
    typer.echo(f"Report:   {report}")
