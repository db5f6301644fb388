"""The command line: parse, call, print.

Results go to stdout and progress to stderr. The exit status is 0 on success, 2 on a
mistake that the user can mend, and 128 and the signal's number after an interruption. (What
ends a process is in `__main__`.)
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from .compare_command import compare
from .diagnose_command import diagnose
from .ending import resumable
from .errors import InputError
from .options import Data, Fill, Id, Inputs, Json, Quiet, Target, Time, command_line, series_of
from .surrogate_command import complete as complete_surrogate
from .surrogate_command import surrogate
from .tasks_command import tasks

app = typer.Typer(
    name="throughtime",
    help="Learn the dynamics of sequences with recurrent networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

network_option = partial(typer.Option, rich_help_panel="Network")
shape_option = partial(typer.Option, rich_help_panel="Windows and parts of the series")
training_option = partial(typer.Option, rich_help_panel="Training")

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run.")]
Steps = Annotated[int, typer.Option(help="Steps to forecast, and longest lead time judged.")]
Future = Annotated[
    Path | None, typer.Option(help="Table with the `--inputs` of the steps ahead.")
]
Run = Annotated[Path, typer.Argument(help="The folder of a run.")]


@app.command()
def forecast(
    data: Data = "sunspots",
    target: Target = None,
    inputs: Inputs = None,
    time: Time = None,
    id: Id = None,
    fill: Fill = None,
    future: Future = None,
    steps: Steps = 10,
    cell: Annotated[str, network_option(help="`rnn`, `gru`, `lstm` or `esn`.")] = "gru",
    hidden: Annotated[int, network_option(help="Hidden units.")] = 32,
    depth: Annotated[int, network_option(help="Cells stacked.")] = 1,
    radius: Annotated[float, network_option(help="Of an `esn`: its spectral radius.")] = 0.9,
    leak: Annotated[float, network_option(help="Of an `esn`: 1 is a unit without leak.")] = 1.0,
    input_scale: Annotated[float, network_option(help="Of an `esn`: of input weights.")] = 1.0,
    window: Annotated[int, shape_option(help="Steps seen before a forecast.")] = 40,
    washout: Annotated[
        int, shape_option(help="First steps of a window that are not trained on.")
    ] = 10,
    horizon: Annotated[
        int, shape_option(help="Steps forecast at once; 1 feeds predictions back.")
    ] = 1,
    ensemble: Annotated[int, network_option(help="Networks that are averaged.")] = 5,
    residual: Annotated[
        bool, network_option(help="Learn the change from the last value.")
    ] = False,
    centred: Annotated[
        bool, network_option(help="Measure each window from its first value.")
    ] = True,
    truncated: Annotated[
        bool, shape_option(help="Train along the whole series, gradient cut every window.")
    ] = False,
    method: Annotated[
        str,
        training_option(
            help="`adam`, `rmsprop`, `sgd`, `momentum`, `nesterov`, `cm`, `nag` "
            "or `hessian_free`."
        ),
    ] = "adam",
    rate: Annotated[
        float | None, training_option(help="Learning rate; by default the method's own.")
    ] = None,
    clip: Annotated[float, training_option(help="Largest norm of a gradient.")] = 1.0,
    forcing: Annotated[
        str,
        training_option(
            help="What is read while it learns: `full`, `scheduled`, `sparse:20`, "
            "`generalised:0.1` or `free`."
        ),
    ] = "full",
    schedule: Annotated[
        str, training_option(help="Of the rate: `constant`, `cosine` or `plateau`.")
    ] = "constant",
    epochs: Annotated[int, training_option(help="Epochs at most.")] = 100,
    batch_size: Annotated[int, training_option(help="Windows an update.")] = 32,
    patience: Annotated[
        int, training_option(help="Stop after so many epochs without a better one.")
    ] = 20,
    flow_every: Annotated[
        int | None, training_option(help="Record the gradient flow after so many epochs.")
    ] = None,
    level: Annotated[float, shape_option(help="Coverage of the intervals.")] = 0.9,
    test: Annotated[float, shape_option(help="Share held out for testing.")] = 0.2,
    validation: Annotated[
        float, shape_option(help="Share of the rest held out for validation.")
    ] = 0.2,
    dtype: Annotated[str, network_option(help="`float32` or `float64`.")] = "float32",
    seed: Annotated[int, training_option(help="Of weights and shuffling.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; by default a new one in `runs/`.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a network on a series and forecast it, beside the baselines.

    Without DATA, the bundled sunspots.

    Example: `throughtime forecast data.csv --target temperature --steps 24`
    """
    from . import job, run
    from .forecast import Forecaster

    model = Forecaster(
        cell=cell,
        hidden=hidden,
        depth=depth,
        radius=radius,
        leak=leak,
        input_scale=input_scale,
        window=window,
        washout=washout,
        horizon=horizon,
        ensemble=ensemble,
        residual=residual,
        centred=centred,
        truncated=truncated,
        method=method,
        rate=rate,
        clip=clip,
        forcing=forcing,
        schedule=schedule,
        epochs=epochs,
        batch_size=batch_size,
        patience=patience,
        level=level,
        test=test,
        validation=validation,
        dtype=dtype,
        seed=seed,
    )
    series = series_of(data, target, inputs, time, id, fill)
    folder = out or run.free(Path("runs") / Path(data).stem)
    job.begin(
        model,
        series,
        folder,
        steps=steps,
        future=future,
        flow_every=flow_every,
        overwrite=overwrite,
        command=command_line(),
    )
    _complete(folder, as_json, quiet)


@app.command()
def predict(
    run: Run,
    steps: Annotated[int, typer.Option(help="Steps to forecast.")] = 10,
    data: Annotated[
        Path | None, typer.Option(help="A newer stretch of the series to continue.")
    ] = None,
    future: Future = None,
    out: Annotated[Path | None, typer.Option(help="Write the CSV there.")] = None,
    as_json: Json = False,
) -> None:
    """Forecast with a trained run, as CSV.

    Example: `throughtime predict runs/sunspots --steps 20`
    """
    from . import atomic, job
    from .forecast import Forecaster

    model = Forecaster.load(run)
    forecasts = model.predict(steps, data, inputs=future)
    forecasts = forecasts if isinstance(forecasts, list) else [forecasts]
    text = job.predictions_csv(forecasts)
    if as_json:
        text = json.dumps([one.to_json() for one in forecasts]) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    try:
        atomic.write(out, text)
    except OSError as error:
        rule = "the output file must be writable"
        raise InputError(rule, f"`{out}` ({error.strerror})", "Pass another `--out`.") from None


@app.command()
def resume(run: Run, as_json: Json = False, quiet: Quiet = False) -> None:
    """Go on with a training that was interrupted, to the same bits.

    Example: `throughtime resume runs/sunspots`
    """
    _complete(run, as_json, quiet)


@app.command()
def example(
    name: Annotated[str | None, typer.Argument(help="Which one; without it, a list.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures.")] = None,
    seed: Annotated[int, typer.Option(help="Of data, weights and shuffling.")] = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run one of the lecture's own programs.

    Example: `throughtime example sine`
    """
    from . import examples

    if name is None:
        abouts = {known: program.about for known, program in examples.EXAMPLES.items()}
        lines = "\n".join(f"{known:<12} {about}" for known, about in abouts.items())
        typer.echo(json.dumps(abouts) if as_json else lines)
        return
    program = examples.example(name)
    if seed < 0:
        raise InputError("`seed` must be at least 0", seed, "Raise `seed`.")
    folder = _folder(out or Path("runs") / f"example-{name}")
    with _watcher(program.epochs, quiet) as watcher:
        result = program.run(folder, seed, watcher.show)
    if as_json:
        typer.echo(json.dumps(result.figures))
        return
    typer.echo(result.summary)
    for said, value in result.figures.items():
        typer.echo(f"{said:<44} {value:.6g}")
    for picture in result.pictures:
        typer.echo(f"Picture: {picture}")


app.command()(compare)
app.command()(surrogate)
app.command()(diagnose)
app.command()(tasks)


@app.command()
def info(as_json: Json = False) -> None:
    """Versions, devices and native kernels.

    Example: `throughtime info --json`
    """
    from dataclasses import asdict

    import jax

    from . import native
    from .run import versions

    devices = [f"{d.platform}:{d.id} {d.device_kind}" for d in jax.devices()]
    kernels = native.status()
    if as_json:
        plain = asdict(kernels) | {"path": kernels.path and str(kernels.path)}
        found = {"versions": versions(), "platform": jax.default_backend(), "devices": devices}
        typer.echo(json.dumps(found | {"kernels": plain}))
        return
    for package, number in versions().items():
        typer.echo(f"{package:<12} {number}")
    typer.echo(f"{'platform':<12} {jax.default_backend()}")
    typer.echo(f"{'devices':<12} {', '.join(devices)}")
    typer.echo(f"{'kernels':<12} {kernels.text()}")


def _complete(folder: Path, as_json: bool, quiet: bool) -> None:
    """Train a run to its end and print what came of it."""
    from . import job, run, surrogate_run

    with resumable(folder):
        if surrogate_run.is_surrogate(folder):
            complete_surrogate(folder, as_json, quiet)
            return
        epochs = run.read(folder).settings["epochs"]
        with _watcher(epochs, quiet) as watcher:
            outcome = job.complete(folder, watcher.show)
    if as_json:
        typer.echo(json.dumps(outcome.to_json()))
    else:
        typer.echo(outcome.text())


def _watcher(epochs: int, quiet: bool) -> Any:
    from rich.console import Console

    from .progress import watcher

    return watcher(Console(stderr=True), epochs, quiet)


def _folder(folder: Path) -> Path:
    """The folder, made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        rule = "the output folder must be writable"
        got = f"`{folder}` ({error.strerror})"
        raise InputError(rule, got, "Pass another `--out`.") from None
    return folder
