"""The four ways to learn a recurrent network, and the baselines, on one series.

Each way has the same parts of the series and the same seconds to train; the validation part
says which of its weights are kept. The test part is forecast once, when all are trained.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from . import atomic
from .backtest import Backtest
from .errors import InputError, nearest
from .forecast import Forecaster
from .run import versions
from .series import Series
from .train import Row
from .verdict import method, number

WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm": ("LSTM", {"cell": "lstm", "method": "adam", "rate": 3e-3}),
    "hf": (
        "Hessian-free",
        {"cell": "rnn", "init": "sparse", "method": "hessian_free", "batch_size": 1000},
    ),
    "esn": ("echo state network", {"cell": "esn", "hidden": 300}),
    "momentum": (
        "initialisation and momentum",
        {"cell": "rnn", "init": "echo-state", "method": "nag", "rate": 1e-3},
    ),
}
"""Of each way its name in words, and the settings of its `Forecaster`."""

EPOCHS = 100_000  # the seconds, or the patience, end a training first

Show = Callable[[str, list[Row]], None]


@dataclass(frozen=True, eq=False)
class Entry:
    """One way, trained.

    - `way`: a key of `WAYS`. `model`: fitted. `backtest`: of it alone.
    - `seconds`: of its training, compilation included. `weights`: how many were learned.
    """

    way: str
    model: Forecaster
    backtest: Backtest
    seconds: float
    weights: int

    @property
    def name(self) -> str:
        """In words."""
        return WAYS[self.way][0]

    @property
    def stopped(self) -> str:
        """Why training ended."""
        reason = self.model.fitted_.stopped
        return "the seconds were over" if reason.startswith("stopped after") else reason


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came of it.

    - `entries`: one for each way. `budget`: the seconds that each had.
    - `backtest`: that of the best way, with the errors of all ways, by their names, and of the
      baselines.
    """

    entries: tuple[Entry, ...]
    budget: float | int
    backtest: Backtest

    @property
    def best(self) -> Entry:
        """The way with the lowest error; see `score`."""
        return min(self.entries, key=lambda entry: score(self.backtest, entry.name))

    def sentences(self) -> list[str]:
        """The verdict: which forecasts best, and what the ways cost."""
        ranked = sorted(self.backtest.rmse, key=lambda name: score(self.backtest, name))
        first, second = (method(name, self.backtest) for name in ranked[:2])
        steps = self.backtest.steps
        over = "one step ahead" if steps == 1 else f"averaged over lead times 1 to {steps}"
        errors = [number(float(self.backtest.rmse[name].mean())) for name in ranked[:2]]
        told = f"{_upper(first)} forecasts best: its RMSE, {over}, is {errors[0]}; that of "
        told = [f"{told}{second}, the next best, is {errors[1]}."]
        if ranked[0] not in {entry.name for entry in self.entries}:
            told.append("None of the four ways beats this baseline here.")
        costs = sorted(self.entries, key=lambda entry: entry.seconds)
        least, most = costs[0], costs[-1]
        if len(costs) > 1:
            told.append(
                f"Quickest to train: {least.name}, {least.seconds:.3g} s; "
                f"slowest: {most.name}, {most.seconds:.3g} s."
            )
        return told

    def cost(self) -> list[list[str]]:
        """A row for each way: its error, seconds, epochs, weights, and why training ended."""
        return [
            [
                _upper(entry.name),
                number(float(entry.backtest.rmse["network"].mean())),
                f"{entry.seconds:.3g}",
                f"{entry.model.history_[-1].epoch:,}",
                f"{entry.weights:,}",
                entry.stopped,
            ]
            for entry in self.entries
        ]

    def to_json(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "best": self.best.way,
            "verdict": self.sentences(),
            "budget_s": self.budget,
            "backtest": self.backtest.to_json(),
            "ways": {
                entry.way: {
                    "name": entry.name,
                    "seconds": entry.seconds,
                    "weights": entry.weights,
                    "epochs": entry.model.history_[-1].epoch,
                    "stopped": entry.stopped,
                    "settings": entry.model.settings_,
                }
                for entry in self.entries
            },
            "versions": versions(),
        }


def compare(
    series: list[Series],
    ways: Sequence[str],
    folder: Path,
    *,
    seconds: float | int,
    steps: int,
    settings: dict[str, Any],
    show: Show,
) -> Comparison:
    """Train each way for so many seconds, keep it as a run in the folder, and judge all.

    **Arguments:**

    - `series`: as `to_series` reads them. `ways`: keys of `WAYS`.
    - `folder`: each way is saved in a folder of its name within; `comparison.json` beside.
    - `seconds`: for the training of each, from its first line to its last; the epoch that is
      under way then is the last one. `steps`: the longest lead time.
    - `settings`: of the `Forecaster`s, unless the way has its own.
    - `show`: called with the way and its history after each epoch.

    **Raises:** `InputError`; before any training where that can be known.
    """
    models = [_model(way, settings).prepare(series) for way in checked(ways)]
    for model in models:
        model.parts_.check_steps(steps)
        if not model.test:
            raise InputError("a comparison needs a test part", "`test` 0", "Raise `test`.")
    entries = []
    for way, model in zip(ways, models, strict=True):
        took = _train(model, seconds, lambda history, way=way: show(way, history))
        model.save(folder / way)
        backtest = model.backtest(steps=steps)
        entries.append(Entry(way, model, backtest, took, _learned(model)))
    found = Comparison(tuple(entries), seconds, _together(entries))
    plain = json.dumps(found.to_json(), indent=2, allow_nan=False)
    atomic.write(folder / "comparison.json", plain + "\n")
    return found


def checked(ways: Sequence[str]) -> Sequence[str]:
    """The ways. **Raises:** `InputError` for one that is not known, or named twice."""
    for way in ways:
        if way not in WAYS:
            raise InputError("a way must be a known one", f"`{way}`", nearest(way, WAYS))
    if len(set(ways)) < len(ways) or not ways:
        rule = "ways must be named, each once"
        raise InputError(rule, ", ".join(ways) or "none", f"Pass some of {', '.join(WAYS)}.")
    return ways


def score(backtest: Backtest, name: str) -> float:
    """The RMSE of a method over that of persistence, averaged over lead times and targets."""
    scale = backtest.rmse["persistence"].mean(axis=0)
    error = backtest.rmse[name].mean(axis=0)
    ratio = float(np.mean(error / np.where(scale > 0, scale, 1)))
    return ratio if np.isfinite(ratio) else np.inf


def _model(way: str, settings: dict[str, Any]) -> Forecaster:
    asked: dict[str, Any] = {"epochs": EPOCHS, **settings, **WAYS[way][1]}
    return Forecaster(**asked)


def _train(model: Forecaster, seconds: float | int, show: Callable[[list[Row]], None]) -> float:
    """Train until the seconds are over; how many it took."""
    start = time.perf_counter()

    def over(_: Any, history: list[Row]) -> bool:
        show(history)
        return time.perf_counter() - start > seconds

    model.train(on_epoch=over)
    return time.perf_counter() - start


def _learned(model: Forecaster) -> int:
    network = model.network_.readout if model.cell == "esn" else model.network_
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)))


def _together(entries: Sequence[Entry]) -> Backtest:
    """The errors of all ways, by their names, and of the baselines, in one backtest."""
    first = entries[0].backtest

    def merged(field: str) -> dict[str, np.ndarray]:
        own = {entry.name: getattr(entry.backtest, field)["network"] for entry in entries}
        others = {k: v for k, v in getattr(first, field).items() if k != "network"}
        return own | others

    rmse = merged("rmse")
    whole = dataclasses.replace(
        first, rmse=rmse, mae=merged("mae"), forecasts=merged("forecasts")
    )
    best = min(entries, key=lambda entry: score(whole, entry.name)).backtest
    return dataclasses.replace(whole, margins=best.margins, coverage=best.coverage)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
