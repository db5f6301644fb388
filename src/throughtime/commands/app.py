"""The command line: every command, by its name.

Results go to stdout and progress to stderr. The exit status is 0 on success, 2 on a
mistake that the user can mend, and 128 and the signal's number after an interruption. (What
ends a process is in `__main__`.)
"""

import typer

from .compare import compare
from .diagnose import diagnose
from .example import example
from .forecast import forecast
from .info import info
from .predict import predict
from .resume import resume
from .surrogate import surrogate
from .tasks import tasks

app = typer.Typer(
    name="throughtime",
    help="Learn the dynamics of sequences with recurrent networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    forecast,
    predict,
    resume,
    example,
    compare,
    surrogate,
    diagnose,
    tasks,
    info,
):
    app.command()(command)
