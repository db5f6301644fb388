"""The command `throughtime compare`: the four ways and the baselines on one series."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughtime.errors import InputError

from .options import (
    Data,
    Fill,
    Id,
    Inputs,
    Json,
    Quiet,
    Target,
    Time,
    command_line,
    names,
    series_of,
)  # fmt: skip

if TYPE_CHECKING:
    from throughtime.tasks.compare import Comparison
    from throughtime.training.train import Row


Ways = Annotated[str, typer.Option(help="Which of `lstm`, `hf`, `esn`, `momentum`.")]
Seconds = Annotated[float, typer.Option(help="For the training of each way.")]
Steps = Annotated[int, typer.Option(help="The longest lead time judged.")]
Window = Annotated[int, typer.Option(help="Steps seen before a forecast.")]
Hidden = Annotated[int, typer.Option(help="Hidden units of the trained networks.")]
Ensemble = Annotated[int, typer.Option(help="Networks of each way, averaged.")]
Seed = Annotated[int, typer.Option(help="Of weights and shuffling.")]
Out = Annotated[Path | None, typer.Option(help="A new folder; by default one in `runs/`.")]


def compare(
    data: Data = "sunspots",
    target: Target = None,
    inputs: Inputs = None,
    time: Time = None,
    id: Id = None,
    fill: Fill = None,
    ways: Ways = "lstm,hf,esn,momentum",
    seconds: Seconds = 20.0,
    steps: Steps = 10,
    window: Window = 40,
    hidden: Hidden = 32,
    ensemble: Ensemble = 1,
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train the four ways on a series, each for the same seconds, and judge them together.

    Example: `throughtime compare data.csv --target temperature --seconds 60`
    """
    from throughtime.reports.comparison_report import write_comparison
    from throughtime.runs import run_folder
    from throughtime.tasks import compare as comparing

    if not 0 < seconds < float("inf"):
        raise InputError("`--seconds` must be positive", seconds, "Pass 20.")
    series = series_of(data, target, inputs, time, id, fill)
    folder = out or run_folder.free(Path("runs") / f"compare-{Path(data).stem}")
    if run_folder.in_use(folder):
        rule = "the output folder must be new or empty"
        raise InputError(rule, f"`{folder}`", "Pass another `--out`.")

    found = comparing.compare(
        series,
        names(ways) or [],
        folder,
        seconds=seconds,
        steps=steps,
        settings={"window": window, "hidden": hidden, "ensemble": ensemble, "seed": seed},
        show=(lambda *_: None) if quiet else _shown,
    )
    title = f"Four ways to forecast {series[0].name}"
    write_comparison(folder / "report.html", found, title=title, command=command_line())
    if as_json:
        typer.echo(json.dumps(found.to_json()))
        return
    typer.echo(_text(found))
    typer.echo(f"Report: {folder / 'report.html'}")


def _text(found: "Comparison") -> str:
    """For a person: the errors, what each way cost, the verdict."""
    backtest, lines = found.backtest, []
    for i, name in enumerate(backtest.targets):
        lines.append(f"{name}, {backtest.origins} forecasts of the held-out part")
        lines += [backtest.table(i), ""]
    for row in found.cost():
        lines.append(f"{row[0]:<28} {row[2]:>6} s, {row[4]:>9} trained weights, {row[5]}")
    return "\n".join([*lines, "", *found.sentences()])


def _shown(way: str, history: "list[Row]") -> None:
    """A line to stderr now and then."""
    row = history[-1]
    if row.epoch in (1, 10, 100, 1000, 10_000):
        unit = "setting" if way == "esn" else "epoch"
        line = f"{way}: {unit} {row.epoch}, validation {row.validation_loss:.4g}"
        print(line, file=sys.stderr)
