"""A series: what was measured, when, and which part of it may be learned from.

`Times` is a regular time axis, `Series` the values on it, `Split` the boundaries between
training, validation and test, `Scaler` the change of units, `fill` the treatment of
missing values. Nothing here reads a table: see `tables.py`.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Shaped

from .errors import InputError

DAY = 86_400_000_000  # microseconds
DURATIONS = {
    "week": 7 * DAY,
    "day": DAY,
    "hour": DAY // 24,
    "minute": DAY // 1440,
    "second": 1_000_000,
    "millisecond": 1000,
    "microsecond": 1,
}
FILLS = ("linear", "forward")
Unit = Literal["number", "microsecond", "month"]


@dataclass(frozen=True)
class Times:
    """A regular time axis: stamp `i` is `start + i * step`.

    **Fields:**

    - `start`: the first stamp, a number or a `datetime64[us]`.
    - `step`: the distance of two stamps, in `unit`.
    - `length`: how many stamps there are.
    - `column`: the name of the column they come from, or None if steps were counted.
    - `unit`: `"number"` for plain numbers, `"microsecond"` for a fixed duration,
      `"month"` for the calendar, where a quarter is 3 and a year 12.
    - `day`: calendar only: the day of the month, cut to the month's last one. So 31
      is the end of every month.
    """

    start: int | float | np.datetime64
    step: int | float
    length: int
    column: str | None = None
    unit: Unit = "number"
    day: int = 1

    @classmethod
    def count(cls, n: int) -> "Times":
        """The steps 0, 1, ... `n - 1` of a series without a time column."""
        return cls(0, 1, n)

    @classmethod
    def from_stamps(
        cls,
        stamps: Shaped[np.ndarray, " time"],
        column: str,
        rows: Sequence[int] | None = None,
    ) -> "Times":
        """Find the regular axis that stamps lie on.

        **Arguments:**

        - `stamps`: (time,) integers, floats or `datetime64`. Floats may be off by
          rounding: 1e-6 of a step.
        - `column`: the name of their column, for `column` and for errors.
        - `rows`: (time,) the number of each stamp's row in the table, for errors; counted
          from 1 if not given.

        **Returns:** `Times` with the stamps as its `values()`.

        **Raises:** `InputError` that names the row if a stamp is missing, repeated, out
        of order or off the step, or if there are fewer than two stamps.
        """
        numbers = np.arange(1, len(stamps) + 1) if rows is None else np.asarray(rows)
        _check_stamps(stamps, column, numbers)
        if stamps.dtype.kind == "M":
            moments = _microseconds(stamps, column, numbers)
            fit = _fit_steps(moments, "microsecond")
            month = _fit_months(moments)
            # On a tie the calendar wins: 1 July and 1 August are a month apart, not 31 days.
            if month.times.step > 0 and month.wrong.sum() <= fit.wrong.sum():
                fit = month
            stamps = moments
        else:
            fit = _fit_steps(stamps.astype(np.int64) if stamps.dtype.kind in "iu" else stamps)
        times = dataclasses.replace(fit.times, length=len(stamps), column=column)
        if fit.wrong.any():
            _refuse(stamps, column, numbers, int(fit.wrong.argmax()), times)
        return times

    def values(self) -> Shaped[np.ndarray, " time"]:
        """The stamps: (time,) int64, float64 or `datetime64[us]`."""
        return self._at(np.arange(self.length))

    def labels(self) -> list[str]:
        """The stamps as text: numbers, ISO dates, or ISO times if the step needs them."""
        values = self.values()
        if self.unit == "number":
            return [_number(v) for v in _tidy(values, self.step).tolist()]
        whole = self.unit == "month" or self.step % DAY == 0
        if whole and self.start == self.start.astype("M8[D]"):  # pyright: ignore
            return np.datetime_as_string(values, "D").tolist()
        seconds = (values == values.astype("M8[s]")).all()
        return np.datetime_as_string(values, "s" if seconds else "us").tolist()

    def after(self, n: int) -> "Times":
        """The `n` stamps that follow the last one."""
        return dataclasses.replace(self, start=self._start(self.length), length=n)

    def __getitem__(self, part: slice) -> "Times":
        """The stamps of a contiguous slice."""
        first, last = _bounds(part, self.length)
        return dataclasses.replace(self, start=self._start(first), length=last - first)

    def __len__(self) -> int:
        return self.length

    def describe(self) -> str:
        """The step in words: `"1 month"`, `"1 week"`, `"90 seconds"`, `"0.5"`."""
        if self.unit == "number":
            return f"{self.step:.12g}"
        units = {"year": 12, "month": 1} if self.unit == "month" else DURATIONS
        word, size = next((w, s) for w, s in units.items() if self.step % s == 0)
        if self.unit == "month" and self.step == 3:
            word, size = "quarter", 3
        count = int(self.step // size)
        return f"{count} {word}{'' if count == 1 else 's'}"

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` reads back exactly."""
        plain = dataclasses.asdict(self)
        return plain | {"start": self.start if self.unit == "number" else str(self.start)}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> "Times":
        """The `Times` that `to_json` wrote."""
        fields = dict(plain)
        if plain["unit"] != "number":
            fields["start"] = np.datetime64(plain["start"], "us")
        return cls(**fields)

    def _at(self, index: Int64[np.ndarray, " time"]) -> Shaped[np.ndarray, " time"]:
        start: Any = self.start
        if self.unit == "number":
            return start + self.step * index
        if self.unit == "microsecond":
            return start + (self.step * index).astype("m8[us]")
        months = start.astype("M8[M]") + self.step * index
        days = np.minimum(self.day, _days_in(months)) - 1
        clock = start - start.astype("M8[D]")
        return months.astype("M8[us]") + days.astype("m8[D]") + clock

    def _start(self, i: int) -> int | float | np.datetime64:
        value = self._at(np.array([i]))[0]
        return value if self.unit != "number" else value.item()


class _Fit(NamedTuple):
    """The likeliest axis, and which distances between neighbours do not agree with it."""

    times: Times
    wrong: Bool[np.ndarray, " gaps"]


def _fit_steps(stamps: Shaped[np.ndarray, " time"], unit: Unit = "number") -> _Fit:
    numbers = stamps.astype(np.int64) if unit == "microsecond" else stamps
    gaps = np.diff(numbers.astype(np.float64) if numbers.dtype.kind == "f" else numbers)
    step = _typical(gaps)
    if gaps.dtype.kind == "f":
        # Stamps are only as exact as their own type: float32 seconds, say.
        rounding = 2.0 * float(np.spacing(np.abs(numbers).max()))
        wrong = np.abs(gaps - step) > 1e-6 * step + rounding
        if not wrong.any():
            step = float(numbers[-1] - numbers[0]) / len(gaps)
    else:
        wrong = gaps != step
    start = stamps[0] if unit == "microsecond" else stamps[0].item()
    return _Fit(Times(start, step, len(stamps), unit=unit), wrong | (gaps <= 0))


def _fit_months(stamps: Shaped[np.ndarray, " time"]) -> _Fit:
    months, dates = stamps.astype("M8[M]"), stamps.astype("M8[D]")
    gaps = np.diff(months.astype(np.int64))
    days, length = (dates - months.astype("M8[D]")).astype(np.int64) + 1, _days_in(months)
    found, counts = np.unique(days, return_counts=True)
    common = int(found[counts.argmax()])
    # The last day of each month is a rule of its own: the 31st, 28th, 31st, 30th.
    day = max((31, common), key=lambda d: int((days == np.minimum(d, length)).sum()))
    clock = stamps - dates
    usual = np.sort(clock)[(len(clock) - 1) // 2]
    fits = (days == np.minimum(day, length)) & (clock == usual)
    step = _typical(gaps)
    wrong = (gaps != step) | (gaps <= 0) | ~fits[1:] | ~fits[:-1]
    return _Fit(Times(stamps[0], step, len(stamps), unit="month", day=day), wrong)


def _typical(gaps: Shaped[np.ndarray, " gaps"]) -> int | float:
    """The middle distance of neighbours, one that occurs; forward ones if there are any."""
    rising = gaps[gaps > 0]
    sizes = np.sort(rising if len(rising) else np.abs(gaps))
    return sizes[(len(sizes) - 1) // 2].item()


def _days_in(months: Shaped[np.ndarray, " time"]) -> Int64[np.ndarray, " time"]:
    return ((months + 1).astype("M8[D]") - months.astype("M8[D]")).astype(np.int64)


def _check_stamps(stamps: np.ndarray, column: str, rows: np.ndarray) -> None:
    if stamps.dtype.kind not in "iufM":
        raise InputError(
            f"the time column `{column}` must hold numbers or dates",
            f"values of type {stamps.dtype}",
            "Name another column as the time column.",
        )
    missing = np.isnat(stamps) if stamps.dtype.kind == "M" else ~np.isfinite(stamps)
    if missing.any():
        raise InputError(
            f"the time column `{column}` must have a stamp in each row",
            f"none in row {rows[missing.argmax()]} ({missing.sum()} missing in all)",
            "Write the stamp, or drop the row.",
        )
    if len(stamps) < 2:
        raise InputError(
            f"the time column `{column}` needs two rows to show its step",
            f"{len(stamps)}",
            "Pass a longer series.",
        )


def _microseconds(stamps: np.ndarray, column: str, rows: np.ndarray) -> np.ndarray:
    moments = stamps.astype("M8[us]")
    finer = moments != stamps
    if finer.any():
        i = int(finer.argmax())
        raise InputError(
            f"dates in `{column}` must be whole microseconds",
            f"{stamps[i]} in row {rows[i]}",
            "Write the time as a number, such as seconds since the start.",
        )
    return moments


def _refuse(stamps: np.ndarray, column: str, rows: np.ndarray, i: int, times: Times) -> None:
    """Say what is wrong between stamp `i` and the next one."""
    before, stamp = (_stamp(s) for s in stamps[i : i + 2])
    where = f"{stamp} in row {rows[i + 1]} after {before} in row {rows[i]}"
    usual = f"; the step expected is {times.describe()}" if times.step > 0 else ""
    several = "if the table holds several series, name the column that tells them apart as `id`"
    if stamps[i + 1] == stamps[i]:
        rule = f"stamps in `{column}` must not repeat"
        remedy = f"Drop one of the rows; {several}."
    elif stamps[i + 1] < stamps[i]:
        rule = f"stamps in `{column}` must be in order"
        remedy = f"Sort the rows by `{column}`; {several}."
    else:
        rule = f"stamps in `{column}` must have one step"
        remedy = (
            "Add a row for each missing stamp, with empty values, and pass `fill`; "
            f"or resample; or drop `{column}` to count steps instead."
        )
    raise InputError(rule, where + usual, remedy)


def _stamp(value: Any) -> str:
    if not isinstance(value, np.datetime64):
        return _number(value.item())
    day = value.astype("M8[D]")
    return str(day) if value == day else str(value).removesuffix(".000000")


def _number(value: int | float) -> str:
    return repr(value).removesuffix(".0")


def _tidy(values: np.ndarray, step: int | float) -> np.ndarray:
    """Floats without the last digits that counting in steps of 0.1 leaves behind."""
    if values.dtype.kind != "f" or not len(values):
        return values
    digits = max(6, 9 - int(np.floor(np.log10(step))))
    return np.round(values, digits) if digits < 300 else values


def _bounds(part: slice, length: int) -> tuple[int, int]:
    first, last, stride = part.indices(length)
    if stride != 1:
        raise InputError(
            "a series is cut in one piece",
            f"a slice with step {part.step}",
            "Slice without a step, or resample the table first.",
        )
    return first, max(first, last)


@dataclass(frozen=True, eq=False)
class Series:
    """One measured series, complete and on a regular time axis.

    **Fields:**

    - `targets`: (time, n_targets) what is forecast.
    - `target_names`: one name each.
    - `inputs`: (time, n_inputs) what drives it and is known ahead; n_inputs may be 0.
    - `input_names`: one name each.
    - `times`: the `Times` of the rows.
    - `name`: what to call it in a report.
    - `filled`: how many values were missing, and filled, in the table it was read from.

    **Raises:** `InputError` if lengths or names do not match, or a value is missing or
    infinite.
    """

    targets: Float64[np.ndarray, "time targets"]
    target_names: tuple[str, ...]
    inputs: Float64[np.ndarray, "time inputs"]
    input_names: tuple[str, ...]
    times: Times
    name: str = "series"
    filled: int = 0

    def __post_init__(self):
        found = (self.targets.shape, self.inputs.shape)
        n = len(self.times)
        if found != ((n, len(self.target_names)), (n, len(self.input_names))):
            raise InputError(
                "`targets` and `inputs` must have a row per stamp and a column per name",
                f"shapes {found[0]} and {found[1]} for {n} stamps, "
                f"{len(self.target_names)} and {len(self.input_names)} names",
                "Pass arrays of shape (time, names).",
            )
        check_values(self.targets, self.target_names)
        check_values(self.inputs, self.input_names)

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, part: slice) -> "Series":
        """The rows of a contiguous slice, with their stamps."""
        first, last = _bounds(part, len(self))
        return dataclasses.replace(
            self,
            targets=self.targets[first:last],
            inputs=self.inputs[first:last],
            times=self.times[first:last],
        )

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of column names, values and times, whatever its `name`."""
        words = [self.target_names, self.input_names, self.times.to_json()]
        digest = hashlib.sha256(json.dumps(words).encode())
        for values in (self.targets, self.inputs):
            digest.update(np.ascontiguousarray(values, "<f8").tobytes())
        return digest.hexdigest()


def check_values(
    values: Float[np.ndarray, "time columns"],
    names: Sequence[str],
    rows: Sequence[int] | None = None,
    missing: bool = False,
) -> None:
    """Refuse infinite values, and missing ones unless `missing` allows them.

    **Raises:** `InputError` that names the first such row and column. `rows` holds the
    number of each row in the table, counted from 1 if not given.
    """

    def where(bad: np.ndarray) -> str:
        i, j = np.argwhere(bad)[0]
        row = i + 1 if rows is None else rows[i]
        return f"in column `{names[j]}`, row {row} ({bad.sum()} in all)"

    if np.isinf(values).any():
        raise InputError(
            "values must be finite",
            f"infinity {where(np.isinf(values))}",
            "Correct the value, or leave it empty and fill it.",
        )
    if not missing and np.isnan(values).any():
        raise InputError(
            "every value must be present",
            f"a missing value {where(np.isnan(values))}",
            'Pass `fill="linear"` or `fill="forward"` (`--fill linear` on the command line), '
            "or drop the rows.",
        )


@dataclass(frozen=True)
class Split:
    """Boundaries in time: training is `[0, train)`, validation `[train, validation)`,
    test `[validation, total)`."""

    train: int
    validation: int
    total: int

    @classmethod
    def by_time(
        cls, length: int, validation: float | int = 0.2, test: float | int = 0.2
    ) -> "Split":
        """Cut the last part off for testing, then the last of the rest for validation.

        **Arguments:** `length`, the number of rows; `test`, the share of all rows;
        `validation`, the share of the rows that are left. The defaults give 64/16/20.

        **Raises:** `InputError` if a share is outside [0, 1) or a part would be empty.
        """
        for name, share in (("validation", validation), ("test", test)):
            if not 0 <= share < 1:
                raise InputError(
                    f"`{name}` must be a share of at least 0 and below 1",
                    share,
                    f"Pass `{name}=0.2` for a fifth.",
                )
        last = length - round(length * test)
        first = last - round(last * validation)
        parts = {"training": first, "validation": last - first, "test": length - last}
        asked = {"training": True, "validation": validation > 0, "test": test > 0}
        for name, size in parts.items():
            if size < 1 and asked[name]:
                raise InputError(
                    f"the {name} part must have at least one row",
                    f"{length} rows, validation={validation:g} and test={test:g}",
                    "Pass a longer series or other shares.",
                )
        return cls(first, last, length)


@dataclass(frozen=True, eq=False)
class Scaler:
    """To zero mean and unit variance and back, $z = (x - \\mu) / \\sigma$, per column."""

    mean: Float64[np.ndarray, " columns"]
    std: Float64[np.ndarray, " columns"]

    @classmethod
    def fit(
        cls,
        parts: Sequence[Float[np.ndarray, "_ columns"]],
        names: Sequence[str] | None = None,
    ) -> "Scaler":
        """Mean and standard deviation over the rows of all `parts`: training data only.

        **Arguments:** `parts`, arrays (time, columns); `names`, one per column, for errors.

        **Raises:** `InputError` if there is no row, or if a column is constant.
        """
        rows = np.concatenate(parts).astype(np.float64) if parts else np.empty((0, 0))
        if not len(rows):
            raise InputError(
                "a scaler needs at least one row", "none", "Pass the training part."
            )
        names = [f"column {i + 1}" for i in range(rows.shape[1])] if names is None else names
        mean = rows.mean(axis=0)
        spread = np.abs(rows - mean).max(axis=0)
        # Relative, because the mean of equal values is itself rounded.
        constant = spread <= 1e-14 * np.abs(mean)
        if constant.any():
            i = int(constant.argmax())
            raise InputError(
                "a column must vary in the training part",
                f"{rows[0, i]:g} in each row of `{names[i]}`",
                "Leave the column out, or train on a longer part.",
            )
        # Squares of the deviation over its largest neither overflow nor vanish.
        return cls(mean, spread * np.sqrt(np.mean(((rows - mean) / spread) ** 2, axis=0)))

    @classmethod
    def identity(cls, n: int) -> "Scaler":
        """The scaler of `n` columns that changes nothing."""
        return cls(np.zeros(n), np.ones(n))

    def transform(
        self, values: Float[np.ndarray, "*batch columns"]
    ) -> Float64[np.ndarray, "*batch columns"]:
        """To scaled units, same shape. **Raises:** `InputError` if columns do not match."""
        return (self._columns(values) - self.mean) / self.std

    def inverse(
        self, values: Float[np.ndarray, "*batch columns"]
    ) -> Float64[np.ndarray, "*batch columns"]:
        """Back to the data's units, same shape; as `transform`."""
        return self._columns(values) * self.std + self.mean

    def _columns(self, values: np.ndarray) -> np.ndarray:
        if values.shape[-1:] != self.mean.shape:
            raise InputError(
                f"the last axis must hold the {len(self.mean)} columns of the scaler",
                f"shape {values.shape}",
                "Pass the columns that it was fitted on.",
            )
        return values

    def to_json(self) -> dict[str, list[float]]:
        """A plain dict that `from_json` reads back exactly."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, plain: dict[str, list[float]]) -> "Scaler":
        """The `Scaler` that `to_json` wrote."""
        return cls(np.array(plain["mean"], np.float64), np.array(plain["std"], np.float64))


def fill(
    values: Float64[np.ndarray, "time *columns"],
    how: str,
    names: Sequence[str] | None = None,
    rows: Sequence[int] | None = None,
) -> Float64[np.ndarray, "time *columns"]:
    """Replace missing values (NaN) between present ones; present ones never change.

    **Arguments:**

    - `values`: (time, columns) or (time,).
    - `how`: `"linear"` draws a line between the neighbours in time, `"forward"` repeats
      the last value.
    - `names`, `rows`: one name per column and the number of each row, for errors.

    **Returns:** a new array of the same shape.

    **Raises:** `InputError` if `how` is unknown, or if a gap has no value at the side
    that it is filled from: nothing is invented.
    """
    if how not in FILLS:
        raise InputError(
            "`fill` must be `linear` or `forward`", how, "Change or leave out `fill`."
        )
    result = np.array(values, order="C")
    columns = result.reshape(len(result), -1)
    for j, missing in enumerate(np.isnan(columns).T):
        if not missing.any():
            continue
        present = np.flatnonzero(~missing)
        if missing.all() or missing[0] or (how == "linear" and missing[-1]):
            name = f"column {j + 1}" if names is None else names[j]
            _refuse_gap(missing, name, np.arange(1, len(result) + 1) if rows is None else rows)
        gaps = np.flatnonzero(missing)
        if how == "linear":
            columns[gaps, j] = np.interp(gaps, present, columns[present, j])
        else:
            columns[gaps, j] = columns[present[np.searchsorted(present, gaps) - 1], j]
    return result


def _refuse_gap(missing: np.ndarray, name: str, rows: Any) -> None:
    if missing.all():
        raise InputError(
            "a column to fill must have values", f"none in `{name}`", "Leave the column out."
        )
    if missing[0]:
        side, first, last = "first", 0, int((~missing).argmax()) - 1
    else:
        side, first, last = "last", len(missing) - int((~missing[::-1]).argmax()), -1
    raise InputError(
        f"a gap before the first value or after the last cannot be filled (the {side} here)",
        f"nothing in `{name}`, rows {rows[first]} to {rows[last]}",
        "Drop those rows.",
    )
