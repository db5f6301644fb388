"""The history of a training: a row for each epoch of each network, and as lines of JSON."""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from throughtime._support.result_view import ResultView, current_axes

from .epoch import EpochSummary
from .objective import Method


class Row(NamedTuple):
    """One epoch of one network.

    Attributes
    ----------
    member
        The index of the network in its ensemble, from 0.
    epoch
        The number of the epoch, from 1.
    loss
        The mean loss over the epoch's batches, each before its update.
    validation_loss
        The validation loss after the epoch's last update; NaN without validation data.
    gradient_norm
        The largest norm of a gradient in the epoch.
    factor
        The factor of the schedule on the rate.
    seconds
        Seconds since the training started.
    rate
        The rate of this network in this epoch, with the factor; NaN if its method has none.
    quantities
        Further quantities of the method by name, after the epoch's last update.
    """

    member: int
    epoch: int
    loss: float
    validation_loss: float
    gradient_norm: float
    factor: float
    seconds: float
    rate: float = math.nan
    quantities: dict[str, float] = {}  # noqa: RUF012 (never written to)


class History(list[Row], ResultView):
    """The rows of a training in order: a list, with a table and a picture."""

    def __repr__(self) -> str:
        if not self:
            return "History(no epochs)"
        members, epochs = 1 + max(row.member for row in self), max(row.epoch for row in self)
        text = f"{epochs} epoch{'s' * (epochs > 1)}"
        if members > 1:
            text += f" of {members} networks"
        text += f": last loss {self[-1].loss:.4g}"
        losses = [row.validation_loss for row in self if not math.isnan(row.validation_loss)]
        return (
            f"History({text}{f', lowest validation loss {min(losses):.4g}' if losses else ''})"
        )

    def columns(self) -> dict[str, Any]:
        """The fields of a row, then the quantities of the method; NaN where there is none."""
        fields = [name for name in Row._fields if name != "quantities"]
        named = dict.fromkeys(name for row in self for name in row.quantities)
        quantities = {
            name: [row.quantities.get(name, math.nan) for row in self] for name in named
        }
        return {name: [getattr(row, name) for row in self] for name in fields} | quantities

    def plot(self, axes: Any = None) -> Any:
        """Draw the loss and the validation loss by epoch: their means, and each member faintly.

        Parameters
        ----------
        axes
            Matplotlib's axes; by default the current ones.

        Returns
        -------
        Axes
            The axes, for what is to be added.
        """
        axes = current_axes(axes)
        epochs, members = (np.array([getattr(r, k) for r in self]) for k in ("epoch", "member"))
        for name in ("loss", "validation_loss"):
            values = np.array([getattr(row, name) for row in self])
            if not np.isfinite(values).any():
                continue
            numbers = np.unique(epochs)
            means = [values[epochs == number].mean() for number in numbers]
            (line,) = axes.plot(numbers, means, label=name.replace("_", " "), zorder=3)
            for member in np.unique(members) if members.any() else ():
                own = members == member
                axes.plot(epochs[own], values[own], color=line.get_color(), alpha=0.3, lw=0.8)
        axes.set(xlabel="epoch", ylabel="loss", yscale="log")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="best", fontsize="small")
        return axes


def epoch_rows(
    method: Method, number: int, summary: EpochSummary, finished: np.ndarray, seconds: float
) -> list[Row]:
    """The rows of an epoch, for each member that was not `finished` before it."""
    return [
        Row(
            member,
            number,
            float(summary.loss[member]),
            float(summary.validation_loss[member]),
            float(summary.gradient_norm[member]),
            float(summary.factor[member]),
            seconds,
            member_rate(method, member) * float(summary.factor[member]),
            {name: float(values[member]) for name, values in summary.quantities.items()},
        )
        for member in np.flatnonzero(~finished).tolist()
    ]


def member_rate(method: Method, member: int) -> float:
    """The rate of a member before any factor; NaN if its method has none."""
    rate = getattr(method, "rate", None)
    rate = rate[member] if isinstance(rate, tuple) else rate
    return float(rate) if isinstance(rate, int | float) else math.nan


def history_lines(history: list[Row]) -> str:
    """A history as JSON, one object a line; NaN, which JSON does not have, as null."""
    return "".join(json.dumps(_json_object(row)) + "\n" for row in history)


def history_rows(path: Path, lines: str) -> list[Row]:
    """The inverse of `history_lines`; `path` is the file that the lines come from.

    Raises
    ------
    InputError
        If the lines are not rows of a history.
    """
    from throughtime._support.integrity import damaged_file  # here: it loads Pydantic

    try:
        return [_row(json.loads(line)) for line in lines.splitlines()]
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise damaged_file(path, "its history is not one JSON object a line") from None


def _row(json_object: dict[str, Any]) -> Row:
    fields = _null_to_nan(json_object)
    if "quantities" in fields:
        fields["quantities"] = _null_to_nan(fields["quantities"])
    return _row_form().validate_python(fields, strict=True)


@cache
def _row_form() -> Any:
    from pydantic import TypeAdapter  # here: a training alone reads no history

    return TypeAdapter(Row)


def _json_object(row: Row) -> dict[str, Any]:
    """A row as a JSON object, with `quantities` only if there are any."""
    fields = row._asdict()
    quantities = _nan_to_null(fields.pop("quantities"))
    return _nan_to_null(fields) | ({"quantities": quantities} if quantities else {})


def _null_to_nan(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in numbers.items()}


def _nan_to_null(numbers: dict[str, int | float]) -> dict[str, int | float | None]:
    return {name: n if math.isfinite(n) else None for name, n in numbers.items()}
