"""The command `throughtime compare`: the four ways and the baselines on one series."""

import json
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughtime.errors import InputError

from .exit_status import telling_what_is_kept
from .options import (
    Data,
    DayFirst,
    Decimal,
    Ensemble,
    Fill,
    FillLimit,
    Hidden,
    Id,
    Inputs,
    Json,
    Missing,
    NoTime,
    Out,
    Quiet,
    Seed,
    Steps,
    Target,
    Time,
    TimeZone,
    Window,
    command_line,
    load_series,
    names,
    run_name,
    tell_reading,
)

if TYPE_CHECKING:
    from throughtime.tasks.comparison import Comparison
    from throughtime.training.history import Row


def compare(
    data: Data = "sunspots",
    target: Target = None,
    inputs: Inputs = None,
    time: Time = None,
    no_time: NoTime = False,
    dayfirst: DayFirst = None,
    time_zone: TimeZone = None,
    id: Id = None,
    fill: Fill = None,
    fill_limit: FillLimit = None,
    decimal: Decimal = None,
    missing: Missing = None,
    ways: Annotated[
        str, typer.Option(help="Ways to compare, out of `lstm`, `hf`, `esn`, `momentum`.")
    ] = "lstm,hf,esn,momentum",
    seconds: Annotated[float, typer.Option(help="Training time of each way.")] = 20.0,
    steps: Steps = 10,
    window: Window = 40,
    hidden: Hidden = 32,
    ensemble: Ensemble = 1,
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a network in each of the four ways, for the same time, and compare the forecasts.

    Example: `throughtime compare data.csv --target temperature --seconds 60`
    """
    from throughtime.reports.comparison_report import write_comparison
    from throughtime.runs import run_folder
    from throughtime.tasks import compare as comparing

    if not 0 < seconds < float("inf"):
        raise InputError("`--seconds` must be positive", seconds, "Pass 20.")
    series = load_series(
        data,
        target,
        inputs,
        time,
        id,
        fill,
        no_time=no_time,
        fill_limit=fill_limit,
        dayfirst=dayfirst,
        time_zone=time_zone,
        decimal=decimal,
        missing=missing,
    )
    folder = out or run_folder.first_free_folder(Path("runs") / f"compare-{run_name(data)}")
    if run_folder.is_occupied(folder):
        rule = "the output folder must be new or empty"
        raise InputError(rule, f"`{folder}`", "Pass another `--out`.")

    tell_reading(series)
    with keeping(folder):
        comparison = comparing.compare(
            series,
            names(ways) or [],
            folder,
            seconds=seconds,
            steps=steps,
            settings={"window": window, "hidden": hidden, "ensemble": ensemble, "seed": seed},
            show=(lambda *_: None) if quiet else _print_progress,
        )
    title = f"Four ways to forecast {series[0].name}"
    write_comparison(folder / "report.html", comparison, title=title, command=command_line())
    if as_json:
        typer.echo(json.dumps(comparison.to_json()))
        return
    typer.echo(_text(comparison))
    typer.echo(f"Report: {folder / 'report.html'}")


def keeping(folder: Path) -> AbstractContextManager[None]:
    """A context in which an interruption is told with what it leaves."""

    def kept() -> str:
        runs = ", ".join(f"`{path.parent}`" for path in sorted(folder.glob("*/run.json")))
        if not runs:
            return ""
        return f"What was trained is kept as runs: {runs}. Compare again in another folder."

    return telling_what_is_kept(kept)


def _text(comparison: "Comparison") -> str:
    """The errors, what each way cost, and the verdict, to read."""
    backtest, lines = comparison.backtest, []
    for i, name in enumerate(backtest.targets):
        lines.append(f"{name}, {backtest.origins} forecasts of the held-out part")
        lines += [backtest.table(i), ""]
    for row in comparison.cost():
        lines.append(f"{row[0]:<28} {row[2]:>6} s, {row[4]:>9} trained weights, {row[5]}")
    return "\n".join([*lines, "", *comparison.sentences()])


def _print_progress(way: str, history: "list[Row]") -> None:
    """Print the validation loss to stderr at every power of ten of the epochs."""
    row = history[-1]
    if row.epoch in (1, 10, 100, 1000, 10_000):
        unit = "setting" if way == "esn" else "epoch"
        line = f"{way}: {unit} {row.epoch}, validation {row.validation_loss:.4g}"
        print(line, file=sys.stderr)
