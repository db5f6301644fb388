"""The command `throughtime tasks`: a long-range task, learned in one of the four ways."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Json, Quiet, Seed
from .signals import DeferredSignals

if TYPE_CHECKING:
    from throughtime.tasks.criterion import Check
    from throughtime.tasks.definition import Task
    from throughtime.tasks.learn import TaskResult
    from throughtime.tasks.way import Way

ABOUTS = {
    "adding": "the sum of two marked values",
    "adding_mean": "half the sum of two marked values",
    "adding_halves": "the sum of two values, one marked in each half",
    "multiplication": "the product of two marked values",
    "xor": "whether two marked bits differ",
    "temporal_order": "the order of two symbols among distractors",
    "temporal_order_3": "the order of three symbols among distractors",
    "random_permutation": "the first of many symbols",
    "memorisation_5bit": "5 symbols of 2, in order, after a delay",
    "memorisation_20bit": "10 symbols of 5, in order, after a delay",
    "copy": "10 symbols of 8, in order, after a delay",
}
"""What each task asks for; written here, as listing the tasks must not import JAX."""

WAY_SETTINGS = (
    "method",
    "rate",
    "recurrent",
    "clip",
    "mu",
    "schedule",
    "curriculum",
    "batch_size",
)
"""The settings of a way that are printed as JSON, where it has them."""


def tasks(
    name: Annotated[
        str | None, typer.Argument(help="Name of the task; without it, tasks are listed.")
    ] = None,
    way: Annotated[
        str, typer.Option(help="Way to learn it: `lstm`, `hf`, `esn` or `momentum`.")
    ] = "lstm",
    length: Annotated[int, typer.Option(help="Length T of the sequences, in steps.")] = 30,
    seed: Seed = 0,
    hidden: Annotated[
        int | None, typer.Option(help="Number of hidden units; by default the way's own.")
    ] = None,
    updates: Annotated[
        int | None, typer.Option(help="Largest number of updates; by default the way's own.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Number of sequences in each update; by default the way's own."),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            help="Learning rate, or the readout's where that differs; by default the way's own."
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn a long-range task in one of the four ways, and count the errors.

    Training ends when, twice in a row, less than 1 % of 1,000 validation sequences are wrong;
    the errors are those on 2,560 test sequences.

    Example: `throughtime tasks adding --way lstm --length 50`
    """
    if name is None:
        lines = "\n".join(f"{key:<20} {about}" for key, about in ABOUTS.items())
        typer.echo(json.dumps(ABOUTS) if as_json else lines)
        return
    from throughtime.tasks.long_range import task as task_named
    from throughtime.tasks.recipes import way as way_named

    task = task_named(name, length)
    chosen = way_named(way, rate=rate, batch_size=batch_size, updates=updates)
    chosen = chosen.for_task(task)
    units = chosen.hidden if hidden is None else hidden
    settings = {"task": name, "length": length, "way": way, "hidden": units, "seed": seed}
    if not as_json:
        typer.echo(f"Task:  {name}, {ABOUTS[name]}; length {length}")
        typer.echo(
            f"Way:   {way}, {chosen.about} ({chosen.source}); {units} units, seed {seed}"
        )
    result = _learn(task, chosen, units, seed, quiet)
    if as_json:
        typer.echo(json.dumps(settings | to_json(chosen, result)))
    else:
        typer.echo(text(result))


def _learn(task: "Task", way: "Way", hidden: int, seed: int, quiet: bool) -> "TaskResult":
    """Learn a task under a progress bar; an interruption ends the process with one line."""
    from throughtime.tasks.learn import learn_task, stages
    from throughtime.tasks.way import TrainedWay
    from throughtime.training.history import Row
    from throughtime.training.progress import show_progress

    clock = time.perf_counter()
    if not isinstance(way, TrainedWay):  # it has no epoch that a signal could wait for
        return learn_task(task, way, seed=seed, hidden=hidden)
    checks = sum(stage.checks for stage in stages(task, way))
    with DeferredSignals() as signals, show_progress(checks, quiet) as display:

        def watch(history: list[Row], checks_done: "list[Check]") -> bool:
            display.show(history)
            if signals.received is None:
                return False
            raise SystemExit(
                _stopped(signals.received, checks_done[-1], time.perf_counter() - clock)
            )

        return learn_task(task, way, seed=seed, hidden=hidden, on_check=watch)


def _stopped(signal: int, check: "Check", seconds: float) -> int:
    """Print how far the training got, and return the exit status."""
    wrong, of = check.mistakes.wrong, check.mistakes.sequences
    line = f"Stopped after {check.updates} updates and {seconds:.1f} s"
    typer.echo(f"throughtime: {line}: {wrong} of {of} sequences wrong.", err=True)
    return 128 + signal


def text(result: "TaskResult") -> str:
    """The errors, the loss beside its baseline, the cost and a verdict, to read."""
    found, share = result.mistakes, result.loss / result.baseline
    lines = [
        f"Wrong: {found.wrong} of {found.sequences} test sequences ({100 * found.share:.2f} %),"
        f" {found.answers:.4g} wrong answers a sequence",
        f"Loss:  {result.loss:.4g} (the best guess without the inputs: {result.baseline:.4g})",
        f"Cost:  {result.updates} updates, {result.sequences} sequences,"
        f" {result.seconds:.1f} s; {result.stopped}",
    ]
    if result.solved:
        verdict = "Solved: less than 1 % of the sequences are wrong."
    elif share < 0.9:
        verdict = f"Not solved, but something is learned: the loss is {share:.2g} of the guess."
    else:
        verdict = "Not solved: no better than a guess that does not look at the inputs."
    return "\n".join([*lines, verdict])


def to_json(way: "Way", result: "TaskResult") -> dict[str, Any]:
    """The same for JSON, with the settings of the way and every check."""
    settings = {
        label: getattr(way, label)
        for label in WAY_SETTINGS
        if getattr(way, label, None) not in (None, ())
    }
    return {
        **settings,
        "source": way.source,
        "solved": result.solved,
        "wrong": result.mistakes.wrong,
        "of": result.mistakes.sequences,
        "answers": result.mistakes.answers,
        "loss": result.loss,
        "baseline": result.baseline,
        "updates": result.updates,
        "sequences": result.sequences,
        "seconds": result.seconds,
        "stopped": result.stopped,
        "history": [
            {**check._asdict(), "mistakes": check.mistakes._asdict()}
            for check in result.history
        ],
    }
