"""A surrogate's run, from equations to a trained network: begun, trained to its end, kept."""

from collections.abc import Callable
from pathlib import Path

from throughtime.dynamics.saved_surrogate import _read, _settings, write
from throughtime.dynamics.surrogate import Surrogate
from throughtime.runs import run_folder
from throughtime.runs.surrogate_record import SurrogateFile
from throughtime.training.train import Row

from .checkpointed_run import train_kept


def begin(
    model: Surrogate,
    folder: Path,
    options: dict[str, int],
    *,
    overwrite: bool = False,
    command: str = "",
) -> None:
    """Check all that can be checked before training, then make the folder.

    Parameters
    ----------
    options
        On how many trajectories of how many steps it is judged.

    Raises
    ------
    InputError
        Nothing is written then.
    """
    model.prepare()
    model.first_state()
    _settings(model)
    run_folder.claim(folder, overwrite)
    write(folder, model, options, command)


def complete(
    folder: Path, show: Callable[[list[Row]], None]
) -> tuple[Surrogate, SurrogateFile]:
    """Train a surrogate to its end, from its last checkpoint if there is one, and keep it.

    Returns
    -------
    tuple[Surrogate, SurrogateFile]
        It, and what its folder says of it.

    Raises
    ------
    Interrupted
        At SIGINT or SIGTERM.
    Diverged, InputError
    """
    model, found = _read(folder)
    if found.stopped is None:
        train_kept(model, folder, show)
        found = write(folder, model, found.options.model_dump(), found.command)
    return model, found
