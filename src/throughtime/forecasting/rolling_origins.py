"""The origins of a backtest: what is known at each, and what is to come."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from throughtime.data.series import Series
from throughtime.errors import InputError

TESTED = 20_000
"""Origins of a backtest in one series: of more, so many are taken, evenly spread."""

Forecasts = Float[np.ndarray, "origin steps target"]


@dataclass(frozen=True, eq=False)
class RollingOrigins:
    """The origins of a series' forecasts, with what is known and what is to come at each.

    Attributes
    ----------
    contexts
        Values up to each origin.
    past
        Inputs of the past up to each origin.
    inputs
        Inputs of the context and of the steps ahead.
    truth
        Values after each origin. NaN beyond the end of the evaluated part, where a value was
        filled in, and after an origin whose own value was filled in: an interpolated value
        depends on the values that follow it.
    rows
        How many rows of the series are known at each origin.
    """

    contexts: Float[np.ndarray, "origin context target"]
    past: Float[np.ndarray, "origin context past"]
    inputs: Float[np.ndarray, "origin span input"]
    truth: Forecasts
    rows: Int[np.ndarray, " origin"]

    @classmethod
    def between(
        cls,
        series: Series,
        first: int,
        end: int,
        context: int,
        steps: int,
        complete: bool,
        most: int | None = None,
    ) -> "RollingOrigins":
        """Every origin whose first step ahead lies in rows `[first, end)` of a series.

        An origin needs `context` rows before it and, if `complete`, all of its `steps` before
        `end`. The context may begin before `first`: those rows are known by then. Of more
        than `most`, so many are taken, evenly spread.
        """
        last = end - steps if complete else end - 1
        starts = np.arange(max(first, context), last + 1)  # the row of the first step ahead
        if most is not None and len(starts) > most:
            starts = starts[np.linspace(0, len(starts) - 1, most).round().astype(int)]
        before = starts[:, None] + np.arange(-context, 0)
        after = starts[:, None] + np.arange(steps)
        rows = np.minimum(after, len(series) - 1)
        measured = np.expand_dims(after < end, -1)
        if series.filled_at is not None:
            at_origin = series.filled_at[starts - 1, None].any(axis=-1, keepdims=True)
            measured = measured & ~series.filled_at[rows] & ~at_origin
        truth = np.where(measured, series.targets[rows], np.nan)
        inputs = series.inputs[np.concatenate([before, rows], axis=1)]
        past = series.past_inputs[before]
        return cls(series.targets[before], past, inputs, truth, starts)

    @property
    def measured(self) -> Float[np.ndarray, "origin context measured"]:
        """All that is known up to each origin: values, and inputs of the past."""
        return np.concatenate([self.contexts, self.past], axis=2)

    def __len__(self) -> int:
        return len(self.contexts)

    @property
    def evaluated_count(self) -> int:
        """Number of origins after which at least one value was measured."""
        return evaluated_count(self.truth)


def check_truth(truth: Forecasts) -> None:
    """Check that values were measured at every lead time.

    Raises
    ------
    InputError
        If there is a lead time at which every value was filled in.
    """
    unknown = np.isnan(truth).all(axis=0).any(axis=-1)
    if unknown.any():
        rule = "a backtest needs measured values at each lead time"
        got = f"only filled ones at lead time {unknown.argmax() + 1}"
        raise InputError(rule, got, "Lower `steps`, or test on data with fewer gaps.")


def evaluated_count(truth: Forecasts) -> int:
    """Number of origins after which at least one value is known."""
    return int((~np.isnan(truth)).any(axis=(1, 2)).sum())
