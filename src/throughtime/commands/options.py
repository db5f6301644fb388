"""Options that several commands share, the series they name, and the command line as given.

An option that a single command has is declared in the signature of that command. `--help`
shows the options in panels: `data_option` puts one into the panel "Data", and so on; a plain
`typer.Option` goes into the last, unnamed one.
"""

import math
import shlex
import sys
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughtime.errors import InputError

if TYPE_CHECKING:
    from throughtime.data.series import Series

data_option = partial(typer.Option, rich_help_panel="Data")
models_option = partial(typer.Option, rich_help_panel="Models")
network_option = partial(typer.Option, rich_help_panel="Network")
window_option = partial(typer.Option, rich_help_panel="Windows and splits")
training_option = partial(typer.Option, rich_help_panel="Training")

Data = Annotated[
    str,
    typer.Argument(help="A file with a table, `-` for stdin, or the name of a bundled series."),
]
Run = Annotated[Path, typer.Argument(help="The folder of a run.")]

On = Annotated[str | None, models_option(help="Spread many series over the workers of `ray`.")]

Target = Annotated[
    str | None, data_option(help="Column to forecast; several separated by commas: `a,b`.")
]
Inputs = Annotated[
    str | None, data_option(help="Columns known ahead, numbers or words, such as `u,v`.")
]
PastInputs = Annotated[
    str | None, data_option(help="Columns that drive the target and are not known ahead.")
]
Static = Annotated[
    str | None,
    data_option(help="Columns that are constant in each series of a panel."),
]
Calendar = Annotated[
    str | None, data_option(help="Inputs from the calendar: `hour,weekday,month,holidays:DE`.")
]
Time = Annotated[
    str | None, data_option(help="The time column, or several that make a stamp: `year,month`.")
]
NoTime = Annotated[
    bool, data_option("--no-time", help="Count the rows as steps, whatever stamps they have.")
]
DayFirst = Annotated[
    bool | None,
    data_option(
        "--dayfirst/--monthfirst",
        help="Whether 1/2/2024 is 1 February; by default what gives a regular step.",
    ),
]
TimeZone = Annotated[
    str | None, data_option(help="Zone of local times without one: `Europe/Oslo`.")
]
Id = Annotated[str | None, data_option(help="Column that tells several series apart.")]
Fill = Annotated[
    str | None,
    data_option(help="How to fill missing values and rows: `linear`, `forward` or `seasonal`."),
]
FillLimit = Annotated[
    int | None, data_option(help="Longest gap that is filled, in steps; by default any.")
]
Decimal = Annotated[
    str | None, data_option(help="Decimal mark of the numbers: `.` or `,`; by default found.")
]
Missing = Annotated[
    str | None, data_option(help="Codes for a missing value, such as `-999` or `-999,BDL`.")
]
Future = Annotated[
    Path | None, data_option(help="Table with the `--inputs` of the steps to forecast.")
]

Hidden = Annotated[int, network_option(help="Number of hidden units in each layer.")]
Depth = Annotated[int, network_option(help="Number of recurrent layers.")]
Ensemble = Annotated[
    int, network_option(help="Number of networks whose forecasts are averaged.")
]
Dtype = Annotated[str, network_option(help="Floating-point type: `float32` or `float64`.")]

Window = Annotated[int, window_option(help="Number of steps the network reads as context.")]

Method = Annotated[
    str,
    training_option(
        help="Optimiser: `adam`, `rmsprop`, `sgd`, `momentum`, `nesterov`, `cm`, `nag` or "
        "`hessian_free`."
    ),
]
Forcing = Annotated[
    str,
    training_option(
        help="Teacher forcing: `full`, `scheduled`, `sparse:20`, `generalised:0.1` or `free`."
    ),
]
Epochs = Annotated[int, training_option(help="Largest number of epochs.")]
BatchSize = Annotated[int, training_option(help="Number of windows in each update.")]

Steps = Annotated[
    int, typer.Option(help="Number of steps to forecast, and longest lead time evaluated.")
]
Seed = Annotated[int, typer.Option(help="Random seed: the same seed gives the same result.")]
Out = Annotated[
    Path | None, typer.Option(help="Folder of the run; by default a new one in `runs/`.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


def names(text: str | None) -> list[str] | None:
    """Split a comma-separated list, `a,b`, into its names."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def whole_numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    """Split a comma-separated list, `24,168`, into its whole numbers.

    Raises
    ------
    InputError
        If a part is not a whole number of at least 1.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        rule = f"`{option}` must be whole numbers of at least 1, separated by commas"
        raise InputError(rule, f"`{text}`", f"Pass it like this: `{option} 24,168`.")
    return tuple(int(part) for part in parts)


def bound(option: str, text: str | None) -> float | str | None:
    """A finite number, or `none`.

    Raises
    ------
    InputError
        If it is neither.
    """
    if text is None or text == "none":
        return text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        rule = f"`{option}` must be a finite number or `none`"
        raise InputError(rule, f"`{text}`", f"Pass it like this: `{option} 0`.")
    return value


def load_series(
    data: str,
    target: str | Sequence[str] | None,
    inputs: str | None,
    time: str | None,
    id: str | None,
    fill: str | None,
    *,
    no_time: bool = False,
    fill_limit: int | None = None,
    dayfirst: bool | None = None,
    time_zone: str | None = None,
    decimal: str | None = None,
    missing: str | None = None,
    past_inputs: str | None = None,
    static: str | None = None,
    calendar: str | None = None,
) -> "list[Series]":
    """Load the series that the options of the same names describe.

    Raises
    ------
    InputError
        If the data or an option is refused; see `to_series`.
    """
    from throughtime.data.datasets import named_dataset
    from throughtime.data.loading import to_series

    return to_series(
        named_dataset(data),
        target=target,
        inputs=inputs or (),
        time=_time(time, no_time),
        id=id,
        fill=fill,
        fill_limit=fill_limit,
        dayfirst=dayfirst,
        time_zone=time_zone,
        decimal=decimal,
        missing=names(missing) or (),
        past_inputs=past_inputs or (),
        static=static or (),
        calendar=names(calendar) or (),
    )


def tell_reading(series: "Sequence[Series]") -> None:
    """Say in one line on stderr what was understood of tables beyond what is written."""
    from throughtime.data.remarks import read_as

    if remarks := read_as(series):
        print(remarks, file=sys.stderr)


def tell(remarks: Iterable[str]) -> None:
    """Print what was understood of other tables in one line on stderr."""
    if told := list(dict.fromkeys(remarks)):
        print(f"read as: {', '.join(told)}", file=sys.stderr)


def _time(time: str | None, no_time: bool) -> str | bool | None:
    """The time columns, False to count steps, None for the ones that show."""
    if no_time and time is not None:
        rule = "`--time` and `--no-time` exclude each other"
        raise InputError(rule, f"both, and the column `{time}`", "Leave one of them out.")
    return False if no_time else time


def refuse_options(used: Collection[str], purpose: str, got: str, remedy: str) -> None:
    """Refuse an option of the command line that would have no effect.

    Parameters
    ----------
    used
        The options that have one.
    purpose, got, remedy
        What the others are for, what was given instead, and what to do.
    """
    for word in sys.argv[1:]:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in used:
            raise InputError(f"`{option}` is for {purpose}", got, remedy)


def given(options: Collection[str]) -> bool:
    """Whether one of these options stands in the command line."""
    return any(word.partition("=")[0] in options for word in sys.argv[1:])


def run_name(data: str) -> str:
    """The name of a run's folder: that of its file without endings."""
    return "stdin" if data == "-" else Path(data).name.split(".")[0] or Path(data).stem


def command_line() -> str:
    """The command line as it was given, quoted so that it can be run again."""
    return shlex.join(["throughtime", *sys.argv[1:]])
