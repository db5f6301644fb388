"""The command `throughtime example`: a program of the lecture."""

import json
from pathlib import Path
from typing import Annotated

import typer

from throughtime.errors import InputError

from .options import Json, Quiet, Seed


def example(
    name: Annotated[
        str | None, typer.Argument(help="Name of the program; without it, they are listed.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the pictures; by default one in `runs/`.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run one of the lecture's programs, or one that shows a claim of it.

    Example: `throughtime example sine`
    """
    from throughtime.lecture import programs
    from throughtime.training.progress import show_progress

    if name is None:
        abouts = {key: program.about for key, program in programs.PROGRAMS.items()}
        lines = "\n".join(f"{key:<14} {about}" for key, about in abouts.items())
        typer.echo(json.dumps(abouts) if as_json else lines)
        return
    program = programs.program(name)
    if seed < 0:
        raise InputError("`seed` must be at least 0", seed, "Raise `seed`.")
    folder = make_folder(out or Path("runs") / f"example-{name}")
    with show_progress(program.epochs, quiet) as display:
        result = program.run(folder, seed, display.show)
    if as_json:
        typer.echo(json.dumps(result.figures))
        return
    typer.echo(result.summary)
    for label, value in result.figures.items():
        typer.echo(f"{label:<48} {value:.6g}")
    for picture in result.pictures:
        typer.echo(f"Picture: {picture}")


def make_folder(folder: Path) -> Path:
    """Make a folder unless it exists."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        rule = "the output folder must be writable"
        got = f"`{folder}` ({error.strerror})"
        raise InputError(rule, got, "Pass another `--out`.") from None
    return folder
