"""What several commands share: options, the series they name, and the command line given."""

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from throughtime.data.series import Series

data_option = partial(typer.Option, rich_help_panel="Data")

Data = Annotated[str, typer.Argument(help="CSV or Parquet file, or a bundled series by name.")]
Target = Annotated[str | None, data_option(help="Column(s) to forecast: `a,b`.")]
Inputs = Annotated[str | None, data_option(help="Column(s) known ahead of time: `u,v`.")]
Time = Annotated[str | None, data_option(help="Time column.")]
Id = Annotated[str | None, data_option(help="Column that names the series.")]
Fill = Annotated[str | None, data_option(help="Fill missing values: `linear` or `forward`.")]
Future = Annotated[
    Path | None, typer.Option(help="Table with the `--inputs` of the steps ahead.")
]
Steps = Annotated[int, typer.Option(help="Steps to forecast, and longest lead time judged.")]
Run = Annotated[Path, typer.Argument(help="The folder of a run.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def names(text: str | None) -> list[str] | None:
    """Names in one text, `a,b`."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def series_of(
    data: str,
    target: str | None,
    inputs: str | None,
    time: str | None,
    id: str | None,
    fill: str | None,
) -> "list[Series]":
    """The series that the options of these names ask for.

    Raises
    ------
    InputError
        As `to_series`.
    """
    from throughtime.data import datasets
    from throughtime.data.tables import to_series

    bundled = data in datasets.NAMES and not Path(data).exists()
    return to_series(
        datasets.path(data) if bundled else data,
        target=names(target),
        inputs=names(inputs) or (),
        time=time,
        id=id,
        fill=fill,
    )


def command_line() -> str:
    """The command line that was given, to be given again."""
    return shlex.join(["throughtime", *sys.argv[1:]])
