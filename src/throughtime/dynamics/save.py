"""`save`: any model to a folder."""

from pathlib import Path

from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.network import Network
from throughtime.runs.saved_network import save_network
from throughtime.training.result import Fitted

from .saved_surrogate import save_surrogate
from .surrogate import Surrogate


def save(
    model: Forecaster | Surrogate | Network | Fitted,
    folder: str | Path,
    *,
    overwrite: bool = False,
) -> None:
    """Write a model to a folder, from which it is read without running code.

    Parameters
    ----------
    model
        A fitted `Forecaster` (read by `load`), a fitted `Surrogate` (`load_surrogate`), or a
        network or what `train` returns (`load_network`).
    folder
        A new or empty folder.
    overwrite
        Whether an earlier run in the folder may be replaced.

    Raises
    ------
    InputError
        If it is none of these, not fitted, or the folder is in use or cannot be written.
    """
    if isinstance(model, Forecaster):
        model.save(folder, overwrite=overwrite)
    elif isinstance(model, Surrogate):
        save_surrogate(model, folder, overwrite=overwrite)
    elif isinstance(model, Network | Fitted):
        network = model.network if isinstance(model, Fitted) else model
        save_network(network, folder, overwrite=overwrite)
    else:
        rule = "what is saved must be a forecaster, a surrogate or a network"
        remedy = "Pass one of these, or what `train` returned."
        raise InputError(rule, f"a value of type `{type(model).__name__}`", remedy)
