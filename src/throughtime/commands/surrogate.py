"""The command `throughtime surrogate`: an equation to a trained network."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughtime.errors import InputError, at_least_one

from .exit_status import resumable
from .options import Json, Quiet, command_line

if TYPE_CHECKING:
    from throughtime.dynamics.surrogate import Surrogate

system_option = partial(typer.Option, rich_help_panel="The system")
network_option = partial(typer.Option, rich_help_panel="Network and training")

Ranges = Annotated[
    list[str] | None,
    system_option("--range", help="Of a start or a parameter: `x=-2:2`; may be repeated."),
]
Values = Annotated[
    list[str] | None,
    system_option("--set", help="A parameter of the system: `stiffness=2`; may be repeated."),
]


System = Annotated[str | None, typer.Argument(help="A name, or equations; without it, a list.")]
Step = Annotated[float | None, system_option(help="Time step; by default the system's own.")]
Count = Annotated[int, system_option(help="To learn from.")]
Steps = Annotated[int, system_option(help="Of each of them.")]
Cell = Annotated[str, network_option(help="`rnn`, `gru` or `lstm`.")]
Hidden = Annotated[int, network_option(help="Hidden units.")]
Depth = Annotated[int, network_option(help="Cells stacked.")]
Window = Annotated[int, network_option(help="Steps that are trained over at once.")]
Forcing = Annotated[
    str,
    network_option(
        help="Teacher forcing: `full`, `scheduled`, `sparse:5`, `generalised:0.1`, `free`."
    ),
]
Method = Annotated[str, network_option(help="As for `forecast`.")]
Rate = Annotated[
    float | None, network_option(help="Learning rate; 3e-3 for Adam, else the method's own.")
]
Epochs = Annotated[int, network_option(help="Epochs.")]
Batch = Annotated[int, network_option(help="Windows an update.")]
Type = Annotated[str, network_option(help="`float32` or `float64`.")]
Seed = Annotated[int, network_option(help="Of trajectories, weights and shuffling.")]
Unseen = Annotated[int, typer.Option(help="Unseen trajectories that it is judged on.")]
UnseenSteps = Annotated[int, typer.Option(help="Steps of each of these.")]
Out = Annotated[
    Path | None, typer.Option(help="Folder of the run; by default a new one in `runs/`.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run.")]


def surrogate(
    system: System = None,
    ranges: Ranges = None,
    values: Values = None,
    dt: Step = None,
    trajectories: Count = 200,
    steps: Steps = 200,
    cell: Cell = "gru",
    hidden: Hidden = 64,
    depth: Depth = 1,
    window: Window = 20,
    forcing: Forcing = "full",
    method: Method = "adam",
    rate: Rate = None,
    epochs: Epochs = 300,
    batch_size: Batch = 64,
    dtype: Type = "float32",
    seed: Seed = 0,
    unseen: Unseen = 100,
    unseen_steps: UnseenSteps = 1000,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn a differential equation or a map: a network that solves it, closed-loop.

    Equations are text: `throughtime surrogate "x' = v; v' = F - 0.2*v - x; F = cos(1.2*t)"`.

    Example: `throughtime surrogate oscillator --range damping=0.1:0.5 --dt 0.5`
    """
    if system is None:
        _list(as_json)
        return
    from throughtime.dynamics.surrogate import Surrogate

    from .surrogate_run import begin

    model = Surrogate(
        system,
        parameters={name: _number(text, "--set") for name, text in _pairs(values, "--set")},
        ranges={name: _range(text) for name, text in _pairs(ranges, "--range")},
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
    asked = {"unseen": unseen, "unseen_steps": unseen_steps}
    for name, value in asked.items():
        at_least_one(name, value)
    folder = out or _folder(system)
    begin(model, folder, asked, overwrite=overwrite, command=command_line())
    with resumable(folder):
        complete(folder, as_json, quiet)


def _folder(system: str) -> Path:
    """A new one, named after the system."""
    from throughtime.runs import run_folder

    return run_folder.free(
        Path("runs") / f"surrogate-{'equations' if '=' in system else system}"
    )


def complete(folder: Path, as_json: bool, quiet: bool) -> None:
    """Train a surrogate to its end, judge it, and print what came of it."""
    from throughtime.reports.surrogate_report import write_surrogate
    from throughtime.runs import surrogate_record

    from . import surrogate_run
    from .progress import show_progress

    epochs = surrogate_record.epochs(folder)
    with show_progress(epochs, quiet) as display:
        model, found = surrogate_run.complete(folder, display.show)
    asked = found.options.unseen, found.options.unseen_steps
    judged, driven = model.judge(*asked), model.judge_driven(*asked)
    sentences = judged.sentences()
    if driven is not None:
        sentences.append(driven.under_another())
    report = folder / "report.html"
    write_surrogate(report, model, judged, sentences, command=found.command)
    if as_json:
        told = {"run": str(folder), "stopped": found.stopped, **judged.to_json()}
        told["under_another_drive"] = None if driven is None else driven.to_json()
        typer.echo(json.dumps(told))
        return
    typer.echo(_text(model, sentences))
    typer.echo(f"Report:   {report}")


def _text(model: "Surrogate", sentences: list[str]) -> str:
    """For a person: the system, the training, the error."""
    system, last = model.system_, model.history_[-1]
    driven = f", driven by {', '.join(system.inputs)}" if system.inputs else ""
    return "\n".join(
        [
            f"System:   {system.name}, {system.about}{driven}; steps of {model.dt_:g}",
            f"Training: {model.fitted_.stopped}, {last.seconds:.1f} s",
            "",
            *sentences,
        ]
    )


def _list(as_json: bool) -> None:
    """The systems that have a name."""
    from throughtime.dynamics.systems import SYSTEMS

    if as_json:
        typer.echo(json.dumps({name: one.about for name, one in SYSTEMS.items()}))
        return
    for name, one in SYSTEMS.items():
        typer.echo(f"{name:<22} {one.about}")


def _pairs(texts: list[str] | None, option: str) -> list[tuple[str, str]]:
    """`name=value` of every text."""
    found = []
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            rule = f"`{option}` must be a name, `=` and a value"
            example = "x=-2:2" if option == "--range" else "stiffness=2"
            raise InputError(rule, f"`{text}`", f"Write it as `{option} {example}`.")
        if name.strip() in dict(found):
            rule = f"`{option}` must name each once"
            raise InputError(rule, f"`{name.strip()}` twice", "Leave out one.")
        found.append((name.strip(), value.strip()))
    return found


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        rule = f"`{option}` must give numbers"
        raise InputError(rule, f"`{text}`", "Write one as `0.5` or `1e-3`.") from None


def _range(text: str) -> tuple[float, float]:
    least, colon, largest = text.partition(":")
    if not colon:
        rule = "a range must go from a number to another"
        raise InputError(rule, f"`{text}`", "Write it as `0.1:0.5`.")
    return _number(least, "--range"), _number(largest, "--range")
