"""A surrogate on disk: a folder of JSON and safetensors, from which nothing is executed.

- `surrogate.json`: the system and all settings, versions, the command.
- `weights.safetensors`: of the network. `history.jsonl`: a line for each epoch.
- `checkpoint/`: as of a forecast's run. `report.html`: the report.

The trajectories, and the scalers, are not stored: they are drawn from the seed again.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from throughtime._support.integrity import read_json

from .run_folder import SURROGATE

FORMAT = 1

Pair = tuple[float, float]


class Settings(BaseModel):
    """The settings of a `Surrogate`, as JSON has them."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    system: str
    parameters: dict[str, float]
    ranges: dict[str, Pair]
    dt: float | None
    trajectories: int
    steps: int
    validation: float
    cell: str
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


class Options(BaseModel):
    """On how many trajectories, `unseen`, of how many steps the command judges it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    unseen: Annotated[int, Field(ge=1)]
    unseen_steps: Annotated[int, Field(ge=1)]


class SurrogateFile(BaseModel):
    """What `surrogate.json` holds; `digests` of the other files, `options` of the command."""

    model_config = ConfigDict(extra="forbid")

    format: Annotated[int, Field(ge=1)]
    settings: Settings
    digests: dict[str, str]
    options: Options
    scalers: dict[Literal["targets", "inputs"], dict[str, list[float]]]
    command: str
    versions: dict[str, str]
    stopped: str | None = None
    best_epochs: tuple[int, ...] = ()


def is_surrogate(folder: Path) -> bool:
    """Whether a folder holds a surrogate, finished or not."""
    return (folder / SURROGATE).is_file()


def epochs(folder: Path) -> int:
    """How many epochs a surrogate is trained for, at most."""
    return read_json(folder / SURROGATE, SurrogateFile, FORMAT).settings.epochs
