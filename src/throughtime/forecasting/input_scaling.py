"""The scalers of inputs, and what the training part must show of inputs of each kind."""

import numpy as np

from throughtime.data.calendar_features import calendar_names
from throughtime.data.input_columns import InputColumns
from throughtime.data.scaler import Scaler
from throughtime.data.series import Series
from throughtime.errors import InputError

UNHEARD = 1e30
"""The unit of a column of the calendar that did not move in training: a network reads 0."""


def fit_input_scalers(parts: list[Series]) -> tuple[Scaler, Scaler]:
    """The scalers of the inputs known ahead and of the past, fitted to training parts.

    Raises
    ------
    InputError
        If a column does not vary there, or a level does not occur.
    """
    first = parts[0]
    ahead = np.concatenate([one.inputs for one in parts])
    past = np.concatenate([one.past_inputs for one in parts])
    inputs = dict(zip(first.input_names, ahead.T, strict=True))
    inputs |= zip(first.past_names, past.T, strict=True)
    _check_levels(first.columns, inputs)
    _check_static(first.columns, inputs)
    rest = len(first.input_names) - len(calendar_names(first.columns.calendar))
    read = Scaler.fit([ahead[:, :rest]], first.input_names[:rest])
    calendar = Scaler.fit([ahead[:, rest:]], still=True)
    moved = np.ptp(ahead[:, rest:], axis=0) > 0
    mean = np.concatenate([read.mean, calendar.mean])
    std = np.concatenate([read.std, np.where(moved, calendar.std, UNHEARD)])
    return Scaler(mean, std), Scaler.fit([past], first.past_names)


def _check_levels(columns: InputColumns, inputs: dict[str, np.ndarray]) -> None:
    """Refuse a category of which the training parts do not show every level."""
    for name in {*columns.levels} - {*columns.static}:
        shown = {f: inputs[f] for f in columns.features(name) if f in inputs}
        still = next((f for f, values in shown.items() if not np.ptp(values)), None)
        if still is not None:
            where = "each" if shown[still].all() else "no"
            raise InputError(
                "the training part must show every level of an input, and more than one",
                f"`{still}` in {where} row of it",
                "Merge the level with another, or hold out less (`test`, `validation`).",
            )


def _check_static(columns: InputColumns, inputs: dict[str, np.ndarray]) -> None:
    """Refuse static inputs that tell no series apart."""
    for name in columns.static:
        if not any(np.ptp(inputs[f]) for f in columns.features(name)):
            raise InputError(
                "a static input must differ between series",
                f"one value of `{name}` in all",
                "Leave it out, or pass more series.",
            )
