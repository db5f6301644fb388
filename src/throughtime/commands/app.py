"""The command line: the list of its commands.

Results go to stdout and progress to stderr. The exit status is 0 on success, 2 on a mistake
that the user can correct, 1 on an error of the system, and 128 plus the number of the signal
after an interruption (`program` ends the process).
"""

from importlib.metadata import version
from typing import Annotated

import typer

from .compare import compare
from .completion import answer_the_first_tab
from .diagnose import diagnose
from .example import example
from .figures import figures
from .forecast import forecast
from .gradients import gradients
from .info import info
from .play import play
from .predict import predict
from .resume import resume
from .runs import open_report, runs
from .search import search
from .surrogate import surrogate
from .tasks import tasks
from .update import update

app = typer.Typer(
    name="throughtime",
    help="Learn the dynamics of sequences with recurrent networks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool) -> bool:
    """Print the version and end, if it is asked for."""
    if wanted:
        typer.echo(f"throughtime {version('throughtime')}")
        raise typer.Exit
    return wanted


@app.callback()
def options(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="The version."),
    ] = False,
) -> None:
    """Learn the dynamics of sequences with recurrent networks."""


for command in (
    forecast,
    predict,
    update,
    resume,
    example,
    play,
    search,
    compare,
    surrogate,
    diagnose,
    gradients,
    figures,
    tasks,
    runs,
    open_report,
    info,
):
    app.command(command.__name__.removesuffix("_report"))(command)

answer_the_first_tab()
