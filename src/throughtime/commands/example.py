"""The command `throughtime example`: one of the lecture's own programs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from throughtime.errors import InputError

from .options import Json, Quiet


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
    from throughtime.lecture import programs

    from .progress import show_progress

    if name is None:
        abouts = {known: program.about for known, program in programs.EXAMPLES.items()}
        lines = "\n".join(f"{known:<12} {about}" for known, about in abouts.items())
        typer.echo(json.dumps(abouts) if as_json else lines)
        return
    program = programs.example(name)
    if seed < 0:
        raise InputError("`seed` must be at least 0", seed, "Raise `seed`.")
    folder = _folder(out or Path("runs") / f"example-{name}")
    with show_progress(program.epochs, quiet) as display:
        result = program.run(folder, seed, display.show)
    if as_json:
        typer.echo(json.dumps(result.figures))
        return
    typer.echo(result.summary)
    for said, value in result.figures.items():
        typer.echo(f"{said:<44} {value:.6g}")
    for picture in result.pictures:
        typer.echo(f"Picture: {picture}")


def _folder(folder: Path) -> Path:
    """The folder, made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        rule = "the output folder must be writable"
        got = f"`{folder}` ({error.strerror})"
        raise InputError(rule, got, "Pass another `--out`.") from None
    return folder
