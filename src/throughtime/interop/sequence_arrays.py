"""Sequences of any lengths as one padded array."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from throughtime.errors import InputError

SHAPES = "Pass (sequence, time), (sequence, time, feature), or a list of arrays."


class PaddedSequences(NamedTuple):
    """Sequences side by side, the shorter ones padded by zeros.

    Attributes
    ----------
    values
        `(sequence, time, feature)`.
    lengths
        Steps of each.
    columns
        Columns of the table that they were, or features of a step.
    """

    values: Float[np.ndarray, "sequence time feature"]
    lengths: Int[np.ndarray, " sequence"]
    columns: int

    def take(self, rows: Int[np.ndarray, " row"]) -> "PaddedSequences":
        """Some of the sequences."""
        return PaddedSequences(self.values[rows], self.lengths[rows], self.columns)

    def steps(self) -> list[Float[np.ndarray, "time feature"]]:
        """Each sequence without its padding."""
        return [one[:n] for one, n in zip(self.values, self.lengths, strict=True)]

    def check_targets(self, targets: np.ndarray, axes: int) -> None:
        """Refuse targets that are not one for each sequence, on at most so many axes.

        Raises
        ------
        InputError
            For targets of another shape, or missing ones.
        """
        if targets.dtype == object and targets.ndim == 0:
            rule = "an estimator requires y to be passed, but the target y is None"
            raise InputError(rule, "no `y`", "Pass a target for each sequence.")
        if not 1 <= targets.ndim <= axes or len(targets) != len(self.values):
            rule = f"`y` must have a row for each of the {len(self.values)} sequences"
            raise InputError(rule, f"shape {targets.shape}", "Pass as many targets.")
        if targets.dtype.kind == "f" and not np.isfinite(targets).all():
            rule = "the targets of sequences must be finite numbers"
            raise InputError(rule, "NaN or infinity", "Leave out these sequences.")
        if targets.dtype == object and any(map(_is_absent, targets.flat)):
            rule = "each sequence must have a target"
            raise InputError(rule, "None or NaN", "Leave out these sequences.")


def _is_absent(value: Any) -> bool:
    """Whether a target is None or NaN."""
    return value is None or (isinstance(value, float) and value != value)


def as_targets(y: Any) -> np.ndarray:
    """Targets as an array.

    Raises
    ------
    InputError
        If they have different lengths.
    """
    try:
        return np.asarray(y)
    except ValueError:
        rule = "`y` must be an array: as many targets for each sequence"
        raise InputError(rule, f"a ragged `{type(y).__name__}`", "Pass such targets.") from None


def padded_sequences(X: Any, features: int | None = None) -> PaddedSequences:
    """Read sequences: a table or array, a data frame, or a list of arrays.

    Parameters
    ----------
    X
        As for `SequenceClassifier.fit`.
    features
        How many a step must have; any number by default.

    Raises
    ------
    InputError
        For other shapes, missing values, and sequences without a step.
    """
    if hasattr(X, "toarray"):
        rule = "sequences must be dense arrays"
        raise InputError(rule, "a sparse matrix", "Pass `X.toarray()`.")
    whole = hasattr(X, "__array__")
    rows = np.asarray(X) if whole else X
    if whole:
        _check_whole(rows)
    try:
        each = [np.asarray(one, np.float64) for one in rows]
    except (TypeError, ValueError):
        rule = "sequences must be arrays of numbers"
        raise InputError(rule, f"a {type(X).__name__}", SHAPES) from None
    if not each or any(one.ndim not in (1, 2) or not len(one) for one in each):
        shape = next((one.shape for one in each if one.ndim not in (1, 2) or not len(one)), ())
        rule = "sequences must have a step or more, and one feature or several"
        raise InputError(rule, f"shape {shape}" if each else "none", SHAPES)
    table = whole and each[0].ndim == 1
    each = [one[:, None] if one.ndim == 1 else one for one in each]
    widths = {one.shape[1] for one in each}
    wanted = features or min(widths)
    if widths != {wanted}:
        rule = f"each step of a sequence must have {wanted} feature{'s' * (wanted > 1)}"
        got = ", ".join(map(str, sorted(widths)))
        raise InputError(rule, got, "Pass sequences with the same features.")
    if not all(np.isfinite(one).all() for one in each):
        rule = "sequences must hold finite numbers"
        raise InputError(rule, "NaN or infinity", "Fill the gaps, or cut the sequences there.")
    lengths = np.array([len(one) for one in each], np.int32)
    values = np.zeros((len(each), int(lengths.max()), wanted))
    for row, one in zip(values, each, strict=True):
        row[: len(one)] = one
    return PaddedSequences(values, lengths, values.shape[1] if table else wanted)


def _check_whole(array: np.ndarray) -> None:
    """Refuse an array of complex numbers, and one of numbers with a single axis."""
    if np.iscomplexobj(array):
        rule = "Complex data not supported: sequences must hold real numbers"
        raise InputError(rule, array.dtype, "Pass real and imaginary parts as two features.")
    if array.ndim == 1 and array.dtype != object:
        rule = "sequences must have an axis for sequences and one for time"
        remedy = "Reshape your data: `X[None]` is one sequence, `X[:, None]` many of one step."
        raise InputError(rule, f"shape {array.shape}", remedy)
