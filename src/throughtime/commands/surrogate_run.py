"""A surrogate's run, from the equations to a trained network."""

from collections.abc import Callable
from pathlib import Path

from throughtime.dynamics import saved_surrogate
from throughtime.dynamics.surrogate import Surrogate
from throughtime.runs import run_folder
from throughtime.runs.run_lock import writing
from throughtime.runs.surrogate_record import SurrogateFile
from throughtime.training.history import Row

from .checkpointed_training import train_with_checkpoints


def begin(
    model: Surrogate,
    folder: Path,
    options: dict[str, int],
    *,
    overwrite: bool = False,
    command: str = "",
) -> None:
    """Check everything that can be checked before training, then make the run's folder.

    Parameters
    ----------
    model
        The settings of the run.
    folder
        The folder to make.
    options
        The number of trajectories to evaluate it on (`unseen`) and their length in steps
        (`unseen_steps`).
    overwrite
        Whether an earlier run in the folder is replaced.
    command
        The command line that repeats the run.

    Raises
    ------
    InputError
        If anything is refused; nothing is written then.
    """
    run_folder.check_place(folder, overwrite)
    model.prepare()
    if not model.regressed:
        model.first_state()
    saved_surrogate.surrogate_settings(model)
    run_folder.prepare_folder(folder, overwrite)
    saved_surrogate.write(folder, model, options, command)


def complete(
    folder: Path, show: Callable[[list[Row]], None], prepared: Surrogate | None = None
) -> tuple[Surrogate, SurrogateFile]:
    """Train a surrogate to its end, from its last checkpoint if there is one, and save it.

    Parameters
    ----------
    folder
        The folder of the run.
    show
        Called with the training history after each epoch.
    prepared
        The surrogate as `begin` prepared it; without it, its trajectories are sampled again.

    Returns
    -------
    model : Surrogate
        The trained surrogate.
    record : SurrogateFile
        The content of its `surrogate.json`.

    Raises
    ------
    Interrupted
        At SIGINT or SIGTERM, once the current epoch is done.
    Diverged
        If the loss is no longer finite.
    InputError
        If the folder holds no surrogate, a damaged one, or one that another process is writing.
    """
    with writing(folder):
        model, record = saved_surrogate.read(folder, prepared=prepared)
        if record.stopped is None:
            if model.regressed:  # in seconds, so that nothing is kept on the way
                model.train(on_epoch=lambda _, history: show(history))
            else:
                train_with_checkpoints(model, folder, show)
            options = record.options.model_dump()
            record = saved_surrogate.write(folder, model, options, record.command)
        return model, record
