"""The command `throughtime surrogate`: from an equation to a trained network."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughtime.errors import InputError, check_positive_integer

from .exit_status import resumable
from .named_values import number, pairs, span
from .options import (
    BatchSize,
    Depth,
    Epochs,
    Fill,
    Forcing,
    Id,
    Inputs,
    Json,
    Method,
    Out,
    Overwrite,
    Quiet,
    Seed,
    Target,
    Time,
    command_line,
    given,
    network_option,
    refuse_options,
    training_option,
)

if TYPE_CHECKING:
    from throughtime.dynamics.surrogate import Surrogate

system_option = partial(typer.Option, rich_help_panel="System and trajectories")


SHOWN = {"--json", "--quiet"}

OF_TABLE = {"--dt", "--seed", "--out", "--overwrite", *SHOWN}
OF_TABLE |= {"--target", "--inputs", "--time", "--id", "--fill"}
"""The options that have an effect where a table is learned."""

OF_GRADIENTS = {"--depth", "--window", "--forcing", "--method", "--rate", "--epochs"}
OF_GRADIENTS |= {"--batch-size"}
"""The options of a training by gradients."""


def surrogate(
    system: Annotated[
        str | None,
        typer.Argument(
            help="Name of a system, equations, or a file with a table of measured trajectories;"
            " without it, systems are listed."
        ),
    ] = None,
    ranges: Annotated[
        list[str] | None,
        system_option(
            "--range",
            help="Range of a start or a parameter, such as `x=-2:2`, or its value, such as"
            " `x=1`; may be repeated.",
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        system_option(
            "--set", help="Value of a parameter, such as `stiffness=2`; may be repeated."
        ),
    ] = None,
    dt: Annotated[
        float | None,
        system_option(
            help="Time step; by default the system's own, shorter for many fast variables."
        ),
    ] = None,
    trajectories: Annotated[
        int, system_option(help="Number of trajectories to learn from.")
    ] = 200,
    steps: Annotated[int, system_option(help="Number of steps of each trajectory.")] = 200,
    cell: Annotated[
        str | None,
        network_option(
            help="`esn`, random features of the state whose readout is found by regression; or"
            " `rnn`, `gru` or `lstm`, trained by gradients. By default `esn`, and `gru` if an"
            " option of its training is given."
        ),
    ] = None,
    hidden: Annotated[
        int | None,
        network_option(
            help="Units of each layer; by default 500 of an `esn`, 1000 for more than four"
            " variables; else 64."
        ),
    ] = None,
    depth: Depth = 1,
    window: Annotated[int, training_option(help="Number of steps of a training window.")] = 20,
    forcing: Forcing = "full",
    method: Method = "adam",
    rate: Annotated[
        float | None,
        training_option(help="Learning rate; by default 3e-3 for Adam, else the method's own."),
    ] = None,
    epochs: Epochs = 300,
    batch_size: BatchSize = 64,
    dtype: Annotated[
        str | None,
        network_option(
            help="Floating-point type; by default `float64` for an `esn`, else `float32`."
        ),
    ] = None,
    seed: Seed = 0,
    unseen: Annotated[
        int, typer.Option(help="Number of unseen trajectories to evaluate it on.")
    ] = 100,
    unseen_steps: Annotated[
        int, typer.Option(help="Number of steps of each unseen trajectory.")
    ] = 1000,
    target: Target = None,
    inputs: Inputs = None,
    time: Time = None,
    id: Id = None,
    fill: Fill = None,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn a differential equation, a map, or measured trajectories, to run in closed loop.

    Equations are text: `throughtime surrogate "x'' = F - 0.2 x' - x; F = cos(1.2 t)"`.

    Of a table the settings are searched: `throughtime surrogate data.csv --target x,y`.

    Example: `throughtime surrogate oscillator --range damping=0.1:0.5 --dt 0.5`
    """
    if system is None:
        purpose, remedy = "what is learned", "Name a system or a table first, or leave it out."
        refuse_options(SHOWN, purpose, "nothing to learn", remedy)
        _print_systems(as_json)
        return
    from .measured_run import learn_table, names_table

    columns = {"target": target, "inputs": inputs, "time": time, "id": id, "fill": fill}
    if names_table(system):
        purpose, remedy = "a system or equations", "Leave it out: the settings are searched."
        refuse_options(OF_TABLE, purpose, f"the table `{system}`", remedy)
        flags = {"overwrite": overwrite, "as_json": as_json, "quiet": quiet}
        learn_table(system, columns, dt, seed, out, **flags)
        return
    _refuse_columns(columns)
    from throughtime.dynamics.equations import is_text
    from throughtime.dynamics.surrogate import Surrogate
    from throughtime.runs import run_folder

    from .surrogate_run import begin

    if cell is None and given(OF_GRADIENTS):
        cell = "gru"
    model = Surrogate(
        system,
        parameters={name: number(text, "--set") for name, text in pairs(values, "--set")},
        ranges={name: span(text, "--range") for name, text in pairs(ranges, "--range")},
        dt=dt,
        trajectories=trajectories,
        steps=steps,
        cell=cell,
        hidden=hidden,
        depth=depth,
        window=window,
        forcing=forcing,
        method=method,
        rate=rate,
        epochs=epochs,
        schedule="constant" if method == "hessian_free" else "cosine",
        batch_size=batch_size,
        dtype=dtype,
        seed=seed,
    )
    evaluation = {"unseen": unseen, "unseen_steps": unseen_steps}
    for name, value in evaluation.items():
        check_positive_integer(name, value)
    title = "equations" if is_text(system) else system
    folder = out or run_folder.first_free_folder(Path("runs") / f"surrogate-{title}")
    begin(model, folder, evaluation, overwrite=overwrite, command=command_line())
    train_and_print(folder, as_json, quiet, model)


def train_and_print(
    folder: Path, as_json: bool, quiet: bool, prepared: "Surrogate | None" = None
) -> None:
    """Train a surrogate to its end, evaluate it, and print the results."""
    from throughtime.dynamics import saved_surrogate
    from throughtime.reports.surrogate_report import write_surrogate
    from throughtime.runs import run_folder
    from throughtime.training.progress import show_progress

    from . import surrogate_run

    report = folder / "report.html"
    with resumable(folder):
        epochs = saved_surrogate.max_epochs(folder)
        with show_progress(epochs, quiet) as display:
            model, record = surrogate_run.complete(folder, display.show, prepared)
        unseen = record.options.unseen, record.options.unseen_steps
        evaluation, driven = model.evaluate(*unseen), model.evaluate_random_drive(*unseen)
        sentences = evaluation.sentences()
        if driven is not None:
            sentences.append(driven.random_drive_sentence())
        told = [*sentences, *evaluation.remarks()]
        write_surrogate(report, model, evaluation, told, command=record.command)
        run_folder.finish_writing(folder, run_folder.SURROGATE)
    if as_json:
        result = {"run": str(folder), "stopped": record.stopped, **evaluation.to_json()}
        result["remarks"] = evaluation.remarks()
        result["under_another_drive"] = None if driven is None else driven.to_json()
        typer.echo(json.dumps(result))
        return
    typer.echo(_text(model, evaluation.remarks(), sentences))
    typer.echo(f"Report:   {report}")


def _text(model: "Surrogate", remarks: list[str], sentences: list[str]) -> str:
    """The system, the training and the error, to read."""
    system, last = model.system_, model.history_[-1]
    driven = f", driven by {', '.join(system.inputs)}" if system.inputs else ""
    return "\n".join(
        [
            f"System:   {system.name}, {system.about}{driven}; steps of {model.dt_:g}",
            *(f"          {remark}" for remark in remarks),
            f"Training: {model.fitted_.stopped}, {last.seconds:.1f} s",
            "",
            *sentences,
        ]
    )


def _refuse_columns(columns: dict[str, str | None]) -> None:
    """Refuse options of a table where there is none."""
    for name, value in columns.items():
        if value is not None:
            rule = f"`--{name}` is for a table of measured trajectories"
            raise InputError(rule, "a system", "Leave it out, or name the file of the table.")


def _print_systems(as_json: bool) -> None:
    """Print the systems that are known by name."""
    from throughtime.dynamics.systems import SYSTEMS

    if as_json:
        typer.echo(json.dumps({name: one.about for name, one in SYSTEMS.items()}))
        return
    for name, one in SYSTEMS.items():
        typer.echo(f"{name:<22} {one.about}")
