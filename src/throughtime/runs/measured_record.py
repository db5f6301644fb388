"""What `measured.json` holds: a model of measured trajectories, from which nothing is executed.

The folder of such a run:

- `measured.json`: the names, the step, what was found and tried, versions, the command.
- `weights.safetensors`: the reservoir, the readout, the scale and the end of the data; for
  noisy data the map that smooths a past.
- `report.html`: the report.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from throughtime._support.integrity import read_json

from .run_folder import MEASURED
from .series_record import SeriesInfo

FORMAT = 1


class TriedSettings(BaseModel):
    """The settings of a closed-loop model; see `reservoir/closed_loop.py`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    units: Annotated[int, Field(ge=0)]
    radius: float
    leak: float
    input_scale: float
    bias_scale: float
    delays: Annotated[int, Field(ge=1)]
    spacing: Annotated[int, Field(ge=1)]
    order: Annotated[int, Field(ge=1)]
    residual: bool
    smoothing: int
    ridge: float
    forcing: float
    seed: int


class FoundTraits(BaseModel):
    """What the data are; see `reservoir/series_traits.py`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    kind: Literal["flow", "map"]
    noise: float
    smoothing: int
    correlation: int
    delay: int
    dimension: int


class FoundFilter(BaseModel):
    """What takes the noise from a past; see `reservoir/noise_filter.py`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    settings: TriedSettings
    width: Annotated[int, Field(ge=0)]


class FoundBaselines(BaseModel):
    """The model beside plain ones; see `reservoir/closed_loop_baselines.py`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    one_step: dict[Literal["model", "mean", "autoregression"], float]
    valid_times: dict[Literal["model", "mean", "autoregression"], float]
    steps: Annotated[int, Field(ge=1)]
    beats_mean: bool
    beats_linear: bool


class MeasuredFile(BaseModel):
    """The content of `measured.json`.

    Attributes
    ----------
    format
        The version of the file format.
    variables, inputs
        The names of the columns.
    dt
        The time of a step.
    settings, traits
        What was found.
    trials
        What was tried, and the mean valid time of each in steps.
    valid_times, horizon
        The valid time from each start, and the longest that it can be.
    baselines
        The model beside the mean and a linear autoregression; none in earlier files.
    filter
        What takes the noise from a past, if there is any.
    digests
        SHA-256 of the weights.
    command, versions
        As in other runs.
    seed
        Of the search.
    columns
        The columns `id` and `time` of its table, where they were named.
    table, future
        What the last trajectory's table is beside its values, and the inputs (step, input) that
        it has after its end; none in earlier files.
    """

    model_config = ConfigDict(extra="forbid")

    format: Annotated[int, Field(ge=1)]
    variables: tuple[str, ...]
    inputs: tuple[str, ...]
    dt: float
    settings: TriedSettings
    traits: FoundTraits
    trials: list[tuple[TriedSettings, float]]
    valid_times: list[float]
    horizon: float
    baselines: FoundBaselines | None = None
    filter: FoundFilter | None = None
    digests: dict[str, str]
    command: str
    versions: dict[str, str]
    seed: int
    columns: dict[str, str] = {}
    table: SeriesInfo | None = None
    future: list[list[float]] | None = None

    @field_validator("table")
    @classmethod
    def _fit(cls, table: SeriesInfo | None) -> SeriesInfo | None:
        """A start and a step that make an axis."""
        if table is not None:
            table.times.times()
        return table


def is_measured(folder: Path) -> bool:
    """Whether a folder holds a model of measured trajectories."""
    return (folder / MEASURED).is_file()


def read_record(folder: Path) -> MeasuredFile:
    """The content of `measured.json`: of its table it has the names of the columns.

    Raises
    ------
    InputError
        If it was changed.
    """
    return read_json(folder / MEASURED, MeasuredFile, FORMAT)
