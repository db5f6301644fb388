"""The command `throughtime search`: settings of the networks, found by trials."""

import json
import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exit_status import telling_what_is_kept
from .options import (
    BatchSize,
    Calendar,
    Data,
    DayFirst,
    Decimal,
    Ensemble,
    Epochs,
    Fill,
    FillLimit,
    Future,
    Id,
    Inputs,
    Json,
    Missing,
    NoTime,
    Out,
    PastInputs,
    Quiet,
    Seed,
    Static,
    Steps,
    Target,
    Time,
    TimeZone,
    Window,
    command_line,
    load_series,
    models_option,
    run_name,
    tell_reading,
)

if TYPE_CHECKING:
    from throughtime.tuning.trial import Trial


def search(
    data: Data = "sunspots",
    target: Target = None,
    inputs: Inputs = None,
    past_inputs: PastInputs = None,
    static: Static = None,
    calendar: Calendar = None,
    time: Time = None,
    no_time: NoTime = False,
    dayfirst: DayFirst = None,
    time_zone: TimeZone = None,
    id: Id = None,
    fill: Fill = None,
    fill_limit: FillLimit = None,
    decimal: Decimal = None,
    missing: Missing = None,
    future: Future = None,
    trials: Annotated[
        int, typer.Option(help="Number of trials, with those that the folder holds.")
    ] = 50,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting to search, with choices or a range: `hidden=16,32,64`, "
            "`rate=1e-4:1e-2`. Several times for several settings."
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Seeds for which winner and start are judged at the end.")
    ] = 3,
    steps: Steps = 10,
    plain: Annotated[
        bool, models_option("--plain", help="Forecast by the network alone, as in the lecture.")
    ] = False,
    window: Window = 40,
    ensemble: Ensemble = 5,
    epochs: Epochs = 100,
    batch_size: BatchSize = 32,
    seed: Seed = 0,
    on: Annotated[
        str | None, typer.Option(help="Spread the trials over the workers of `ray`.")
    ] = None,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search the settings of the networks by trials, and judge the winner on unseen rows.

    Called again with the same `--out`, it goes on with the trials that it has.

    Example: `throughtime search data.csv --target temperature --trials 50 --out runs/found`
    """
    from throughtime.forecasting.forecaster import Forecaster
    from throughtime.runs.run_folder import first_free_folder
    from throughtime.tuning.search import search as search_settings
    from throughtime.tuning.space import read_space

    from . import forecast_run

    options = {name: value for name, value in locals().items() if name in READING}
    model = Forecaster(
        core=None if plain else "linear",
        prior=None if plain else "recurrent",
        window=window,
        ensemble=ensemble,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
    )
    space = read_space(vary) if vary else None
    series = load_series(data, **options)
    forecast_run.check(model, series, steps, future)  # rather now than after the trials
    folder = out or first_free_folder(Path("runs") / f"search-{run_name(data)}")
    command = command_line() + ("" if out else f" --out {shlex.quote(str(folder))}")
    tell_reading(series)
    with telling_what_is_kept(lambda: _kept(folder, command)):
        found = search_settings(
            series,
            model,
            trials=trials,
            steps=steps,
            space=space,
            seed=seed,
            seeds=seeds,
            folder=folder,
            on=on,
            show=None if quiet else lambda trial, best: tell_trial(trial, best, trials),
            command=command,
        )
        use = forecast_command(data, options, future, found.model.get_params(), steps)
        _write(folder, found, series, steps, future, command, use, quiet)
    if as_json:
        typer.echo(json.dumps(_to_json(found, folder)))
        return
    typer.echo("\n".join(found.sentences()))
    typer.echo(f"\nUse it:  {use}")
    typer.echo(f"Run:     {folder / 'winner'}\nReport:  {folder / 'report.html'}")


READING = (
    "target", "inputs", "past_inputs", "static", "calendar", "time", "no_time", "dayfirst",
    "time_zone", "id", "fill", "fill_limit", "decimal", "missing",
)  # fmt: skip
"""The options that say how the data are read."""


def forecast_command(
    data: str, options: dict[str, Any], future: Any, settings: dict[str, Any], steps: int
) -> str:
    """The command line of a forecast with these settings."""
    from throughtime.forecasting.forecaster import Forecaster

    words = ["throughtime", "forecast", data]
    days = {True: "--dayfirst", False: "--monthfirst"}
    for name, value in (options | {"future": future}).items():
        if name == "dayfirst":
            words += [days[value]] if value is not None else []
        elif value not in (None, False):
            words += [_flag(name)] if value is True else [_flag(name), str(value)]
    if settings["core"] is None and settings["prior"] is None:
        words.append("--plain")
    for name, value in settings.items():
        if name in ("core", "prior", "dense") or value == getattr(Forecaster, name):
            continue
        if isinstance(value, bool):
            words.append(_flag(name) if value else f"--no-{_flag(name)[2:]}")
        elif value is not None:
            words += [_flag(name), f"{value:.10g}" if isinstance(value, float) else str(value)]
    return shlex.join([*words, *(["--steps", str(steps)] if steps != 10 else [])])


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _kept(folder: Path, command: str) -> str:
    """What an interrupted search leaves, and how to go on, in words."""
    from throughtime.tuning.journal import TRIALS

    path = folder / TRIALS
    count = path.read_bytes().count(b"\n") if path.exists() else 0
    return f"{count} trials are kept. Go on with: {command}"


def tell_trial(trial: "Trial", best: "Trial | None", count: int) -> None:
    """Print what came of a trial to stderr, in a line."""
    came = f"{trial.error:.3f}" if trial.error is not None else trial.why or "stopped early"
    lowest = "" if best is None else f" (lowest {best.error:.3f})"
    chosen = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in trial.settings.items()
    )
    line = f"trial {trial.number} of {count}: {came}{lowest}, {trial.seconds:.1f} s: {chosen}"
    print(line, file=sys.stderr)


def _write(folder, found, series, steps, future, command, use, quiet) -> None:
    """Write the winner's run and the report."""
    from throughtime.forecasting.forecaster import Forecaster
    from throughtime.reports.search_report import write_search

    from . import forecast_run

    run = folder / "winner"
    fresh = Forecaster(**found.model.get_params())
    forecast_run.begin(
        fresh, series, run, steps=steps, future=future, overwrite=run.exists(), command=use
    )
    forecast_run.keep(found.model, run)
    forecast_run.complete(run, lambda _: None)
    title = f"Settings to forecast {series[0].name}"
    write_search(
        folder / "report.html", found, title=title, command=command, use=use, run=str(run)
    )


def _to_json(found: Any, folder: Path) -> dict[str, Any]:
    """The result as plain values."""
    from dataclasses import asdict

    known = [loss if math.isfinite(loss) else None for loss in found.best.losses]
    return {
        "folder": str(folder),
        "best": asdict(found.best) | {"losses": known},
        "judged": [asdict(one) for one in found.judged],
        "importance": found.importance,
        "sentences": found.sentences(),
        "run": str(folder / "winner"),
    }
