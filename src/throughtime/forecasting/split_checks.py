"""How a series is split, and what it must be like to be split and learned from."""

import numpy as np

from throughtime.data.series import Series
from throughtime.data.split import Split
from throughtime.errors import InputError

LARGEST = 1e150
"""The largest size of a value: its square is a number."""


def split_of(series: Series, validation: float, test: float, short: bool, named: bool) -> Split:
    """The split of a series; an error of one of several names it."""
    try:
        return Split.by_time(len(series), validation, test, short=short)
    except InputError as error:
        if not named:
            raise
        got = f"{error.got} in `{series.name}`"
        raise InputError(error.rule, got, error.remedy) from None


def check_sizes(series: Series) -> None:
    """Refuse values whose squares are beyond double precision: no error could be measured."""
    columns = [*series.measured.T, *series.inputs.T]
    names = [*series.target_names, *series.past_names, *series.input_names]
    for name, values in zip(names, columns, strict=True):
        largest = float(np.abs(values).max())
        if largest > LARGEST:
            rule = (
                f"values must be at most {LARGEST:g} in size, for their squares to be numbers"
            )
            remedy = "Divide the column by a power of ten, such as 1e200."
            raise InputError(rule, f"{largest:g} in `{name}` of `{series.name}`", remedy)


def check_lengths(series: Series, split: Split, window: int, horizon: int) -> None:
    """Check that window and horizon fit into the training and validation part of a series."""
    if window + horizon > split.train:
        if window >= split.train:
            rule = "`window` must be shorter than the training series"
            got = f"{window} of {split.train} steps"
            raise InputError(rule, got, "Lower `window`, or pass a longer series.")
        rule = "`window` and `horizon` together must fit into the training series"
        got = f"{window} + {horizon} of {split.train} steps"
        raise InputError(rule, got, "Lower `horizon` or `window`.")
    part = split.validation - split.train
    if 0 < part < horizon:
        rule = "`horizon` must not be longer than the validation part"
        got = f"{horizon} of {part} steps"
        raise InputError(rule, got, "Lower `horizon`, or raise `validation`.")
