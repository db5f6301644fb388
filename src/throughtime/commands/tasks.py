"""The command `throughtime tasks`: a long-range task, learned in one of the four ways."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Json, Quiet

if TYPE_CHECKING:
    from throughtime.tasks.learn import Check, Solved
    from throughtime.tasks.long_range import Task
    from throughtime.tasks.recipes import Way

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
"""What each task asks for, by its name; here, as a list of them needs no JAX."""


NUMBERS = ("method", "rate", "recurrent", "clip", "mu", "schedule", "curriculum", "batch_size")
"""What is told of a way as JSON, if it has it."""


def tasks(
    name: Annotated[str | None, typer.Argument(help="Which one; without it, a list.")] = None,
    way: Annotated[str, typer.Option(help="`lstm`, `hf`, `esn` or `momentum`.")] = "lstm",
    length: Annotated[int, typer.Option(help="T, in steps.")] = 30,
    seed: Annotated[int, typer.Option(help="Of weights and sequences.")] = 0,
    hidden: Annotated[
        int | None, typer.Option(help="Hidden units; by default the way's own.")
    ] = None,
    updates: Annotated[
        int | None, typer.Option(help="Updates at most; by default the way's own.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Sequences an update; by default the way's own.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            help="Learning rate, of the readout if it has its own; by default the way's."
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn a long-range task in one of the four ways, and count what it gets wrong.

    Training ends when less than 1 % of 1,000 validation sequences are wrong, twice in a row;
    then 2,560 test sequences are judged.

    Example: `throughtime tasks adding --way lstm --length 50`
    """
    if name is None:
        lines = "\n".join(f"{known:<20} {about}" for known, about in ABOUTS.items())
        typer.echo(json.dumps(ABOUTS) if as_json else lines)
        return
    from throughtime.tasks.long_range import task as task_named
    from throughtime.tasks.recipes import way as way_named

    task = task_named(name, length)
    chosen = way_named(way, rate=rate, batch_size=batch_size, updates=updates).on(task)
    units = chosen.hidden if hidden is None else hidden
    asked = {"task": name, "length": length, "way": way, "hidden": units, "seed": seed}
    if not as_json:
        typer.echo(f"Task:  {name}, {ABOUTS[name]}; length {length}")
        typer.echo(
            f"Way:   {way}, {chosen.about} ({chosen.source}); {units} units, seed {seed}"
        )
    solved = _solve(task, chosen, units, seed, quiet)
    if as_json:
        typer.echo(json.dumps(asked | to_json(chosen, solved)))
    else:
        typer.echo(text(solved))


def _solve(task: "Task", way: "Way", hidden: int, seed: int, quiet: bool) -> "Solved":
    """Learn it under a progress bar; an interruption ends the process in one line."""
    from throughtime.tasks.learn import learn_task, stages
    from throughtime.tasks.recipes import Trained
    from throughtime.training.train import Row

    from .checkpointed_run import Signals
    from .progress import show_progress

    clock = time.perf_counter()
    if not isinstance(way, Trained):  # there is no epoch whose end a signal could wait for
        return learn_task(task, way, seed=seed, hidden=hidden)
    checks = sum(stage.checks for stage in stages(task, way))
    with Signals() as signals, show_progress(checks, quiet) as display:

        def watch(history: list[Row], seen: "list[Check]") -> bool:
            display.show(history)
            if signals.seen is None:
                return False
            raise SystemExit(_stopped(signals.seen, seen[-1], time.perf_counter() - clock))

        return learn_task(task, way, seed=seed, hidden=hidden, on_check=watch)


def _stopped(signal: int, check: "Check", seconds: float) -> int:
    """Say how far it came; the status to exit with."""
    wrong, of = check.mistakes.wrong, check.mistakes.sequences
    line = f"Stopped after {check.updates} updates and {seconds:.1f} s"
    typer.echo(f"throughtime: {line}: {wrong} of {of} sequences wrong.", err=True)
    return 128 + signal


def text(solved: "Solved") -> str:
    """For a person: what is wrong, the loss beside its baseline, the cost, a verdict."""
    found, share = solved.mistakes, solved.loss / solved.baseline
    lines = [
        f"Wrong: {found.wrong} of {found.sequences} test sequences ({found.share:.2%}),"
        f" {found.answers:.4g} wrong answers a sequence",
        f"Loss:  {solved.loss:.4g} (the best guess without the inputs: {solved.baseline:.4g})",
        f"Cost:  {solved.updates} updates, {solved.sequences} sequences,"
        f" {solved.seconds:.1f} s; {solved.stopped}",
    ]
    if solved.solved:
        verdict = "Solved: less than 1 % of the sequences are wrong."
    elif share < 0.9:
        verdict = f"Not solved, but something is learned: the loss is {share:.2g} of the guess."
    else:
        verdict = "Not solved: no better than a guess that does not look at the inputs."
    return "\n".join([*lines, verdict])


def to_json(way: "Way", solved: "Solved") -> dict[str, Any]:
    """For a machine: the same, with the way's numbers and all checks."""
    numbers = {
        label: getattr(way, label)
        for label in NUMBERS
        if getattr(way, label, None) not in (None, ())
    }
    return {
        **numbers,
        "source": way.source,
        "solved": solved.solved,
        "wrong": solved.mistakes.wrong,
        "of": solved.mistakes.sequences,
        "answers": solved.mistakes.answers,
        "loss": solved.loss,
        "baseline": solved.baseline,
        "updates": solved.updates,
        "sequences": solved.sequences,
        "seconds": solved.seconds,
        "stopped": solved.stopped,
        "history": [
            {**check._asdict(), "mistakes": check.mistakes._asdict()}
            for check in solved.history
        ],
    }
