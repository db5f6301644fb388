"""The command `throughtime forecast`: a series to a network, a forecast and a report."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .options import (
    Data,
    Fill,
    Future,
    Id,
    Inputs,
    Json,
    Overwrite,
    Quiet,
    Steps,
    Target,
    Time,
    command_line,
    series_of,
)
from .resume import complete

network_option = partial(typer.Option, rich_help_panel="Network")
shape_option = partial(typer.Option, rich_help_panel="Windows and parts of the series")
training_option = partial(typer.Option, rich_help_panel="Training")


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
    from throughtime.forecasting.forecaster import Forecaster
    from throughtime.runs import run_folder

    from . import forecast_run

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
    folder = out or run_folder.free(Path("runs") / Path(data).stem)
    forecast_run.begin(
        model,
        series,
        folder,
        steps=steps,
        future=future,
        flow_every=flow_every,
        overwrite=overwrite,
        command=command_line(),
    )
    complete(folder, as_json, quiet)
