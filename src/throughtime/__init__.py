"""throughtime learns the dynamics of sequences with recurrent networks.

>>> import throughtime as tt
>>> model = tt.Forecaster(window=40).fit("measured.csv")    # doctest: +SKIP
>>> model.predict(10).mean                                  # doctest: +SKIP

Names are loaded when they are first used: importing the package starts no device and sets
no flag of JAX.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backtest import Backtest
    from .batches import Batch, Sequences, Streams, Windows
    from .behaviour import behaviour
    from .cells import GRU, LSTM, RNN, Cell, EchoState, LSTMState
    from .datasets import load as load_dataset
    from .diagnose import diagnose
    from .echo_state import EchoStateNetwork
    from .equations import equations
    from .errors import InputError
    from .fixed_points import fixed_points
    from .forecast import Forecaster, load
    from .gradient_flow import gradient_flow
    from .hessian_free import hessian_free
    from .initialise import Initialisation
    from .losses import Loss
    from .methods import method
    from .network import Architecture, Dense, Network, Readout
    from .next_generation import NextGeneration
    from .objective import Method
    from .predict import Forecast
    from .regulariser import Regularised
    from .reservoir import ReservoirDesign
    from .rollout import rollout
    from .series import Scaler, Series, Split
    from .simulate import simulate
    from .solve import solve
    from .surrogate import Surrogate
    from .surrogate_run import load_surrogate, save_surrogate
    from .systems import System, system
    from .tables import to_series
    from .tasks import Task, task
    from .times import Times
    from .train import Diverged, Fitted, evaluate, train
    from .unroll import unroll
    from .ways import way

_HOMES = {
    "GRU": "cells",
    "LSTM": "cells",
    "RNN": "cells",
    "Architecture": "network",
    "Backtest": "backtest",
    "Batch": "batches",
    "Cell": "cells",
    "Dense": "network",
    "Diverged": "train",
    "EchoState": "cells",
    "EchoStateNetwork": "echo_state",
    "Fitted": "train",
    "Forecast": "predict",
    "Forecaster": "forecast",
    "Initialisation": "initialise",
    "InputError": "errors",
    "LSTMState": "cells",
    "Loss": "losses",
    "Method": "objective",
    "Network": "network",
    "NextGeneration": "next_generation",
    "Readout": "network",
    "Regularised": "regulariser",
    "ReservoirDesign": "reservoir",
    "Scaler": "series",
    "Sequences": "batches",
    "Series": "series",
    "Split": "series",
    "Streams": "batches",
    "Surrogate": "surrogate",
    "System": "systems",
    "Task": "tasks",
    "Times": "times",
    "Windows": "batches",
    "behaviour": "behaviour",
    "diagnose": "diagnose",
    "equations": "equations",
    "evaluate": "train",
    "fixed_points": "fixed_points",
    "gradient_flow": "gradient_flow",
    "hessian_free": "hessian_free",
    "load": "forecast",
    "load_dataset": "datasets",
    "load_surrogate": "surrogate_run",
    "method": "methods",
    "rollout": "rollout",
    "save_surrogate": "surrogate_run",
    "simulate": "simulate",
    "solve": "solve",
    "system": "systems",
    "task": "tasks",
    "to_series": "tables",
    "train": "train",
    "unroll": "unroll",
    "way": "ways",
}

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Architecture",
    "Backtest",
    "Batch",
    "Cell",
    "Dense",
    "Diverged",
    "EchoState",
    "EchoStateNetwork",
    "Fitted",
    "Forecast",
    "Forecaster",
    "Initialisation",
    "InputError",
    "LSTMState",
    "Loss",
    "Method",
    "Network",
    "NextGeneration",
    "Readout",
    "Regularised",
    "ReservoirDesign",
    "Scaler",
    "Sequences",
    "Series",
    "Split",
    "Streams",
    "Surrogate",
    "System",
    "Task",
    "Times",
    "Windows",
    "behaviour",
    "diagnose",
    "equations",
    "evaluate",
    "fixed_points",
    "gradient_flow",
    "hessian_free",
    "load",
    "load_dataset",
    "load_surrogate",
    "method",
    "rollout",
    "save_surrogate",
    "simulate",
    "solve",
    "system",
    "task",
    "to_series",
    "train",
    "unroll",
    "way",
]


class _Package(ModuleType):
    """Keeps `throughtime.train` the function, also once the module of that name is loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # here: it takes a while to load

        return version("throughtime")
    if name not in _HOMES:
        raise AttributeError(f"module 'throughtime' has no attribute {name!r}")
    module = import_module(f".{_HOMES[name]}", __name__)
    return getattr(module, "load" if name == "load_dataset" else name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
