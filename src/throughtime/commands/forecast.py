"""The command `throughtime forecast`: from a series to a forecast and a report."""

import json
from pathlib import Path
from typing import Annotated

import typer

from .exit_status import resumable
from .options import (
    BatchSize,
    Calendar,
    Data,
    DayFirst,
    Decimal,
    Depth,
    Dtype,
    Ensemble,
    Epochs,
    Fill,
    FillLimit,
    Forcing,
    Future,
    Id,
    Inputs,
    Json,
    Method,
    Missing,
    NoTime,
    On,
    Out,
    Overwrite,
    PastInputs,
    Quiet,
    Seed,
    Static,
    Steps,
    Target,
    Time,
    TimeZone,
    Window,
    bound,
    command_line,
    load_series,
    models_option,
    network_option,
    run_name,
    tell_reading,
    training_option,
    whole_numbers,
    window_option,
)


def forecast(
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
    steps: Steps = 10,
    plain: Annotated[
        bool, models_option("--plain", help="Forecast by the network alone, as in the lecture.")
    ] = False,
    season: Annotated[
        str | None,
        models_option(help="Season in steps, or several: `24,168`; 1 for none."),
    ] = None,
    transform: Annotated[
        str | None, models_option(help="Transform of the values: `none` or `log`.")
    ] = None,
    lower: Annotated[
        str | None,
        models_option(help="Bound that no forecast passes, such as `0`; or `none`."),
    ] = None,
    refit: Annotated[
        bool,
        models_option(help="Fit the core to all values before the forecast beyond the end."),
    ] = True,
    baselines: Annotated[
        bool,
        models_option("--baselines", help="Compare with AutoARIMA, AutoETS and AutoTheta too."),
    ] = False,
    cell: Annotated[
        str, network_option(help="Recurrent cell: `rnn`, `gru`, `lstm` or `esn`.")
    ] = "gru",
    hidden: Annotated[
        int | None,
        network_option(help="Number of hidden units in each layer; 32, more for an `esn`."),
    ] = None,
    depth: Depth = 1,
    activation: Annotated[
        str,
        network_option(
            help="Activation of an `rnn`: `tanh`, `relu`, `logistic` or `identity`."
        ),
    ] = "tanh",
    init: Annotated[
        str, network_option(help="Initialisation of the weights, such as `pytorch` or `keras`.")
    ] = "pytorch",
    radius: Annotated[
        float | None,
        network_option(help="Spectral radius of an echo state network (`esn`); else searched."),
    ] = None,
    leak: Annotated[
        float | None,
        network_option(help="Leak rate of an `esn`, 1 for no leak; else searched."),
    ] = None,
    input_scale: Annotated[
        float | None,
        network_option(help="Scale of an `esn`'s input weights; else searched."),
    ] = None,
    ridge: Annotated[
        float | None,
        network_option(help="Penalty on an `esn`'s readout; else searched."),
    ] = None,
    window: Window = 40,
    washout: Annotated[
        int, window_option(help="Initial steps of each window that are left out of the loss.")
    ] = 10,
    horizon: Annotated[
        int,
        window_option(help="Number of steps predicted at once; 1 feeds predictions back."),
    ] = 1,
    ensemble: Ensemble = 5,
    residual: Annotated[
        bool | None,
        network_option(help="Learn the change from the last value; an `esn` finds out."),
    ] = None,
    centred: Annotated[
        bool | None,
        network_option(
            help="Measure each window relative to its first value; default, but for an `esn`."
        ),
    ] = None,
    truncated: Annotated[
        bool | None,
        window_option(help="Train along the whole series; cut the gradient at each window."),
    ] = None,
    loss: Annotated[
        str, training_option(help="Loss that is minimised: `mse`, `mae` or `huber`.")
    ] = "mse",
    method: Method = "adam",
    rate: Annotated[
        float | None, training_option(help="Learning rate; by default the method's own.")
    ] = None,
    clip: Annotated[
        float, training_option(help="Largest norm of a gradient; longer ones are clipped.")
    ] = 1.0,
    forcing: Forcing = "full",
    schedule: Annotated[
        str,
        training_option(help="Learning-rate schedule: `constant`, `cosine` or `plateau`."),
    ] = "constant",
    epochs: Epochs = 100,
    batch_size: BatchSize = 32,
    patience: Annotated[
        int,
        training_option(help="Stop after this many epochs without a lower validation loss."),
    ] = 20,
    flow_every: Annotated[
        int | None,
        training_option(help="Record the gradient flow every this many epochs."),
    ] = None,
    level: Annotated[float, window_option(help="Coverage of the prediction intervals.")] = 0.9,
    test: Annotated[
        float, window_option(help="Fraction of the series held out for testing.")
    ] = 0.2,
    validation: Annotated[
        float,
        window_option(help="Fraction of the remaining series held out for validation."),
    ] = 0.2,
    dtype: Dtype = "float32",
    seed: Seed = 0,
    on: On = None,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forecast a series by a linear core, a recurrent prior and networks.

    Without DATA it forecasts the bundled sunspots.

    Example: `throughtime forecast data.csv --target temperature --steps 24`
    """
    from throughtime.forecasting.forecaster import Forecaster
    from throughtime.forecasting.processes import spread
    from throughtime.runs import run_folder

    from . import forecast_run

    model = Forecaster(
        core=None if plain else "linear",
        prior=None if plain else "recurrent",
        season=whole_numbers("--season", season),
        transform=transform,
        lower=bound("--lower", lower),
        refit=refit,
        cell=cell,
        hidden=hidden,
        depth=depth,
        activation=activation,
        init=init,
        radius=radius,
        leak=leak,
        input_scale=input_scale,
        ridge=ridge,
        window=window,
        washout=washout,
        horizon=horizon,
        ensemble=ensemble,
        residual=residual,
        centred=centred,
        truncated=truncated,
        loss=loss,
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
        past_inputs=past_inputs,
        static=static,
        calendar=calendar,
    )
    folder = out or run_folder.first_free_folder(Path("runs") / run_name(data))
    with spread(on):
        forecast_run.begin(
            model,
            series,
            folder,
            steps=steps,
            future=future,
            flow_every=flow_every,
            statistical=baselines,
            overwrite=overwrite,
            command=command_line(),
        )
        tell_reading(model.data_.series)
        train_and_print(folder, as_json, quiet, on)


def train_and_print(folder: Path, as_json: bool, quiet: bool, on: str | None = None) -> None:
    """Train a run to its end and print its results; `on` is what the work is spread over."""
    from throughtime.runs import forecast_record
    from throughtime.training.progress import show_progress

    from . import forecast_run

    with resumable(folder, on):
        epochs = forecast_record.read(folder).settings["epochs"]
        with show_progress(epochs, quiet) as display:
            summary = forecast_run.complete(folder, display.show)
    typer.echo(json.dumps(summary.to_json()) if as_json else summary.text())
