"""The command `throughtime play`: a recurrent network in the browser."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def play(
    out: Annotated[Path, typer.Option(help="File of the page.")] = Path("playground.html"),
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Whether the page is opened.")
    ] = True,
) -> None:
    """Write a page with a small recurrent network to play with, and open it.

    Example: `throughtime play`
    """
    import webbrowser

    from throughtime.lecture.playground import write_playground

    write_playground(out)
    typer.echo(out)
    if browser and not webbrowser.open(out.resolve().as_uri()):
        print("No browser was found: open the file by hand.", file=sys.stderr)
