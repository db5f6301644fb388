"""What `surrogate.json` holds: a surrogate on disk, from which nothing is executed.

The folder of a surrogate:

- `surrogate.json`: the system and all settings, versions, the command.
- `weights.safetensors`: the weights of the network. `history.jsonl`: one line per epoch.
- `checkpoint/`: as in a forecasting run. `report.html`: the report.

The trajectories are not stored: they are drawn again from the seed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from throughtime.recurrence.own_cell import OwnCell

from .run_folder import SURROGATE

FORMAT = 1

Interval = tuple[float, float]


class SurrogateSettings(BaseModel):
    """The settings of a `Surrogate`, as JSON holds them."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    system: str
    parameters: dict[str, float]
    ranges: dict[str, Interval]
    dt: float | None
    trajectories: int
    steps: int
    validation: float
    cell: str | OwnCell
    hidden: int
    depth: int
    dense: tuple[int, ...]
    window: int
    forcing: str
    method: str
    rate: float | None
    clip: float | None
    schedule: str
    epochs: int
    batch_size: int
    dtype: str
    seed: int


class EvaluationOptions(BaseModel):
    """How the command evaluates a surrogate after training.

    Attributes
    ----------
    unseen
        The number of trajectories that it has not seen in training.
    unseen_steps
        Their length in steps.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    unseen: Annotated[int, Field(ge=1)]
    unseen_steps: Annotated[int, Field(ge=1)]


class SurrogateFile(BaseModel):
    """The content of `surrogate.json`.

    Attributes
    ----------
    format
        The version of the file format.
    settings
        The settings of the surrogate.
    digests
        SHA-256 of the other files, by name.
    options
        How the command evaluates the surrogate.
    scalers
        The scalers of targets and inputs, for using the weights elsewhere.
    command
        The command line that repeats the run.
    versions
        Of Python and the packages, by name.
    stopped, best_epochs
        As in `Fitted`, once training has finished.
    angles
        The radians of a scaled unit of each variable, 0 for what is not read as an angle; empty
        if none is, as in runs of earlier versions.
    own_cell
        What a cell of one's own is beside its weights.
    """

    model_config = ConfigDict(extra="forbid")

    format: Annotated[int, Field(ge=1)]
    settings: SurrogateSettings
    digests: dict[str, str]
    options: EvaluationOptions
    scalers: dict[Literal["targets", "inputs"], dict[str, list[float]]]
    command: str
    versions: dict[str, str]
    stopped: str | None = None
    best_epochs: tuple[int, ...] = ()
    angles: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = ()
    own_cell: dict[str, Any] = {}


def is_surrogate(folder: Path) -> bool:
    """Whether a folder holds a surrogate, finished or not."""
    return (folder / SURROGATE).is_file()
