"""What a record keeps of a series beside its values: its names, its time axis, its columns."""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from throughtime.data.input_columns import InputColumns
from throughtime.data.series import Series
from throughtime.stamps.calendars import MONDAY_TO_FRIDAY
from throughtime.stamps.time_axis import Times
from throughtime.stamps.time_units import Unit
from throughtime.tables.reading_options import ReadingOptions

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class FormInfo(BaseModel):
    """How stamps are written, as in `StampForm`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    pattern: str
    names: list[str] = []
    zone_word: str = ""


class TimesInfo(BaseModel):
    """The time axis of a series, as `Times.to_json` gives it."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    start: Int64 | float | str
    step: Annotated[Int64 | float, Field(gt=0)]
    length: Annotated[int, Field(ge=0, lt=2**63)]
    column: str | None
    unit: Unit
    day: Annotated[int, Field(ge=1, le=31)]
    second_day: Annotated[int, Field(ge=0, le=31)] = 0
    week: Annotated[str, Field(pattern="^[01]{7}$")] = MONDAY_TO_FRIDAY
    skipped: list[Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]] = []
    form: FormInfo | None = None
    zone: str | None = None
    local: bool = False

    def times(self) -> Times:
        """The time axis.

        Raises
        ------
        ValueError
            If the start or the step does not fit the unit.
        """
        number = self.unit == "number"
        if isinstance(self.start, str) == number or not (number or isinstance(self.step, int)):
            raise ValueError("a date needs a unit of time, and whole steps")
        if "1" not in self.week or (self.unit == "half month") != (self.second_day > 0):
            raise ValueError("a calendar needs days that count")
        times = Times.from_json(self.model_dump())
        if self.zone is not None:
            from throughtime.stamps.time_zones import check_zone  # here: it loads Polars

            check_zone(self.zone)
        try:
            times.after(1).labels()
        except LookupError:
            raise ValueError("a form needs known tokens, and twelve names of months") from None
        return times


class SeriesInfo(BaseModel):
    """A series without its values."""

    model_config = ConfigDict(extra="forbid")

    name: str
    target_names: tuple[str, ...]
    input_names: tuple[str, ...]
    times: TimesInfo
    filled: int
    id: str | None
    fingerprint: str
    remarks: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    decimal: Literal[".", ","] | None = None
    missing: tuple[str, ...] = ()
    past_names: tuple[str, ...] = ()
    columns: InputColumns | None = None

    def series(
        self,
        targets: np.ndarray,
        inputs: np.ndarray,
        *,
        filled: np.ndarray | None = None,
        future: np.ndarray | None = None,
        past: np.ndarray | None = None,
    ) -> Series:
        """The series of these values; see `Series`.

        Raises
        ------
        InputError, ValueError
            If the values do not fit.
        """
        more: dict[str, Any] = {} if past is None else {"past_inputs": past}
        if self.columns is not None:
            more["columns"] = self.columns
        return Series(
            targets.astype(np.float64),
            self.target_names,
            inputs.astype(np.float64),
            self.input_names,
            self.times.times(),
            self.name,
            self.filled,
            self.id,
            None if filled is None else filled == 1,
            self.remarks,
            future,
            self.units,
            ReadingOptions(self.decimal, self.missing),
            past_names=self.past_names,
            **more,
        )


def series_info(series: Series) -> SeriesInfo:
    """What a record keeps of a series."""
    more: dict[str, Any] = {}
    if series.columns.all != series.input_names:
        more = {"columns": series.columns}
        more |= {"past_names": series.past_names} if series.past_names else {}
    return SeriesInfo(
        name=series.name,
        target_names=series.target_names,
        input_names=series.input_names,
        times=TimesInfo(**series.times.to_json()),
        filled=series.filled,
        id=series.id,
        fingerprint=series.fingerprint(),
        remarks=series.remarks,
        units=series.units,
        decimal=series.reading.decimal,
        missing=series.reading.missing,
        **more,
    )
