"""The stamps of one series in order of time, by the clock that they may be counted by."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64, Shaped

from .stamp_form import StampForm
from .stamp_messages import repeated
from .stamp_readings import Reading
from .step_inference import in_microseconds
from .time_zones import fixed_zone, to_utc

Rows = Int64[np.ndarray, " _"]
SameRow = Callable[[int, int], bool]


@dataclass(frozen=True, eq=False)
class OrderedStamps:
    """Stamps of some rows, in order of time and none twice."""

    values: Shaped[np.ndarray, " time"]
    rows: Rows
    remarks: tuple[str, ...]
    zone: str | None = None
    local: bool = False


def clocks_of(reading: Reading, column: str, rows: Rows) -> list[Callable[[], OrderedStamps]]:
    """The stamps by the clocks that they may be counted by: of the zone, for days; of UTC."""
    numbers = rows + 1
    if reading.stamps.dtype.kind != "M":
        values = in_microseconds(reading.stamps, column, numbers)
        return [lambda: OrderedStamps(values, rows, ())]
    walls = in_microseconds(reading.stamps, column, numbers)
    if reading.form is not None and _is_time_of_day(reading.form):
        walls = _over_midnight(walls)
    if reading.offsets is None and reading.zone is None:
        return [lambda: OrderedStamps(walls, rows, ())]
    if reading.offsets is None:
        zone = str(reading.zone)

        def local() -> OrderedStamps:
            return OrderedStamps(to_utc(walls, zone, column, numbers), rows, (), zone)

        return [lambda: OrderedStamps(walls, rows, (), zone, local=True), local]
    utc = in_microseconds(reading.utc(), column, numbers)
    constant = len(np.unique(reading.offsets)) == 1
    zone = reading.zone or (fixed_zone(int(reading.offsets[0])) if constant else None)
    clocks = [lambda: OrderedStamps(utc, rows, (), zone or "UTC")]
    if zone != "UTC":
        clocks.insert(0, lambda: OrderedStamps(walls, rows, (), zone, local=True))
    return clocks


def _is_time_of_day(form: StampForm) -> bool:
    tokens = set(form.pattern.replace("%-", "%").split("%")[1:])
    return all(token[:1] in "HIMSpP" or token[1:2] == "f" for token in tokens)


def _over_midnight(walls: Shaped[np.ndarray, " time"]) -> Shaped[np.ndarray, " time"]:
    """Times of day that go on after midnight, whether they stand oldest or newest first."""
    change = np.sign(np.diff(walls.astype(np.int64)))
    order = slice(None, None, -1 if (change < 0).sum() > (change > 0).sum() else 1)
    falls = np.diff(walls[order].astype(np.int64)) < 0
    days = np.concatenate([[0], np.cumsum(falls)])
    return (walls[order] + days.astype("m8[D]"))[order]


def in_order(
    stamps: OrderedStamps, column: str, same_row: SameRow, reading: Reading
) -> OrderedStamps:
    """Stamps sorted, without exact copies of rows."""
    values, rows, remarks = stamps.values, stamps.rows, list(stamps.remarks)
    zero = values[:1] - values[:1]
    if (np.diff(values) < zero).any():
        order = np.argsort(values, kind="stable")
        values, rows = values[order], rows[order]
        remarks.append(f"rows sorted by `{column}`")
    again = np.concatenate([[False], np.diff(values) == zero])
    if again.any():
        for i in np.flatnonzero(again):
            if not same_row(int(rows[i - 1]), int(rows[i])):
                text = reading.text(int(rows[i]))
                clock = values.dtype.kind == "M" and not stamps.zone and _has_clock(values)
                pair = (int(rows[i - 1]) + 1, int(rows[i]) + 1)
                raise repeated(column, text, pair, clock)
        count = int(again.sum())
        remarks.append(f"{count} exact cop{'y' if count == 1 else 'ies'} of a row dropped")
        values, rows = values[~again], rows[~again]
    return replace(stamps, values=values, rows=rows, remarks=tuple(remarks))


def _has_clock(values: Shaped[np.ndarray, " time"]) -> bool:
    return bool((values != values.astype("M8[D]")).any())
