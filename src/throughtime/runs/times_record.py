"""What the files of runs hold of a time axis."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from throughtime.stamps.calendars import MONDAY_TO_FRIDAY
from throughtime.stamps.time_axis import Times
from throughtime.stamps.time_units import Unit

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
