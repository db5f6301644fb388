"""The four ways to learn a recurrent network, and the baselines, on one series.

Each way has the same parts of the series and the same seconds to train; the validation part
says which of its weights are kept. An echo state network is fitted at once, so it has the
seconds to try other settings, of which the validation part says the best. The test part is
forecast once, when all are trained.
"""

import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support import atomic
from throughtime._support.seeds import generator
from throughtime.data.series import Series
from throughtime.errors import InputError, nearest
from throughtime.forecasting.backtest import Backtest
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.verdict import method, number
from throughtime.recurrence.network import count, unused
from throughtime.runs.run_folder import versions
from throughtime.training.train import Diverged, Fitted, Row

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

SEARCH = 7
"""The stream of a seed that settings are drawn from."""

LEAKS, RADII, SCALES = (1.0, 0.5, 0.2), (0.3, 1.2), (0.1, 2.0)
"""Of the echo state networks that are tried: leaks, and the ends of radius and input scale.

A few leaks: for each of them its program is compiled.
"""

Show = Callable[[str, list[Row]], None]


@dataclass(frozen=True, eq=False)
class Entry:
    """One way, trained.

    Attributes
    ----------
    way
        A key of `WAYS`.
    model
        Fitted.
    backtest
        Of it alone.
    seconds
        Of its training, compilation included.
    weights
        How many were learned.
    tried
        Settings, of which the model has the best.
    diverged
        The error of a training that left no weights that were validated, else None. Then the
        model is not fitted, and its errors are infinite.
    """

    way: str
    model: Forecaster
    backtest: Backtest
    seconds: float
    weights: int
    tried: int = 1
    diverged: Diverged | None = None

    @property
    def name(self) -> str:
        """In words."""
        return WAYS[self.way][0]

    @property
    def stopped(self) -> str:
        """Why training ended."""
        if self.diverged is not None:
            return f"diverged: {self.diverged.got}"
        if self.tried > 1:
            return f"the best of {self.tried} settings"
        reason = self.model.fitted_.stopped
        return "the seconds were over" if reason.startswith("stopped after") else reason

    @property
    def epochs(self) -> int:
        """How many were done."""
        return self.model.history_[-1].epoch if self.diverged is None else 0


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came of it.

    Attributes
    ----------
    entries
        One for each way.
    budget
        The seconds that each had.
    backtest
        That of the best way, with the errors of all ways, by their names, and of the baselines.
    """

    entries: tuple[Entry, ...]
    budget: float | int
    backtest: Backtest

    @property
    def best(self) -> Entry | None:
        """The way with the lowest error, see `score`; None if all have diverged."""
        sound = [entry for entry in self.entries if entry.diverged is None]
        return min(sound, key=lambda entry: score(self.backtest, entry.name), default=None)

    def sentences(self) -> list[str]:
        """The verdict: which forecasts best, and what the ways cost."""
        ranked = sorted(self.backtest.rmse, key=lambda name: score(self.backtest, name))
        first, second = (method(name, self.backtest) for name in ranked[:2])
        steps = self.backtest.steps
        over = "one step ahead" if steps == 1 else f"averaged over lead times 1 to {steps}"
        over += " and over the targets" if len(self.backtest.targets) > 1 else ""
        best = f"{_upper(first)} forecasts best: its RMSE, {over}, is {self._error(ranked[0])}"
        if np.isfinite(score(self.backtest, ranked[1])):
            best += f"; that of {second}, the next best, is {self._error(ranked[1])}"
        told = [f"{best}."]
        if ranked[0] not in {entry.name for entry in self.entries}:
            told.append("None of the four ways beats this baseline here.")
        lost = [entry.name for entry in self.entries if entry.diverged is not None]
        if lost:
            told.append(f"Diverged, and therefore last: {', '.join(lost)}.")
        timed = [e for e in self.entries if e.diverged is None and e.tried == 1]
        if len(timed) > 1:  # (a search takes all the seconds that there are)
            least, *_, most = sorted(timed, key=lambda entry: entry.seconds)
            told.append(
                f"Quickest to train: {least.name}, {least.seconds:.3g} s; "
                f"slowest: {most.name}, {most.seconds:.3g} s."
            )
        return told

    def _error(self, name: str) -> str:
        """What methods are ranked by: of one target the RMSE, of several the score."""
        if len(self.backtest.targets) == 1:
            return number(float(self.backtest.rmse[name].mean()))
        relative = score(self.backtest, name)
        return number(relative, 3) + (" of persistence" if np.isfinite(relative) else "")

    def cost(self) -> list[list[str]]:
        """A row for each way: its error, seconds, epochs, weights, and why training ended."""
        return [
            [
                _upper(entry.name),
                self._error(entry.name),
                f"{entry.seconds:.3g}",
                f"{entry.epochs:,}",
                f"{entry.weights:,}",
                entry.stopped,
            ]
            for entry in self.entries
        ]

    def to_json(self) -> dict[str, Any]:
        """For a machine; None in place of what is not finite."""
        return {
            "best": self.best and self.best.way,
            "verdict": self.sentences(),
            "budget_s": self.budget,
            "backtest": self.backtest.to_json(),
            "ways": {
                entry.way: {
                    "name": entry.name,
                    "seconds": entry.seconds,
                    "weights": entry.weights,
                    "epochs": entry.epochs,
                    "tried": entry.tried,
                    "stopped": entry.stopped,
                    "diverged": entry.diverged is not None,
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

    Parameters
    ----------
    series
        As `to_series` reads them.
    ways
        Keys of `WAYS`.
    folder
        Each way is saved in a folder of its name within; `comparison.json` beside.
    seconds
        For the training of each, from its first line to its last; the epoch that is under way
        then is the last one.
    steps
        The longest lead time.
    settings
        Of the `Forecaster`s, unless the way has its own, or takes none.
    show
        Called with the way and its history after each epoch, or each setting tried.

    Raises
    ------
    InputError
        Before any training where that can be known.

    Notes
    -----
    A way that diverges goes on with the weights before, if they were validated; without any
    it is listed with infinite errors, and not saved.
    """
    models = [_model(way, settings).prepare(series) for way in checked(ways)]
    for model in models:
        model.parts_.check_steps(steps)
        if not model.test:
            raise InputError("a comparison needs a test part", "`test` 0", "Raise `test`.")
    entries = []
    for way, model in zip(ways, models, strict=True):
        tried, shown = 1, partial(show, way)
        start = time.perf_counter()
        if model.cell == "esn":
            error = None
            model, tried = _search(model, series, seconds, settings, shown)
        else:
            error = _train(model, seconds, shown)
        took = time.perf_counter() - start
        if error is None:
            model.save(folder / way)
        backtest, weights = model.backtest(steps=steps), count(model.network_)
        entry = Entry(way, model, backtest, took, weights, tried, error)
        entries.append(entry if error is None else _lost(entry))
    found = Comparison(tuple(entries), seconds, _together(entries))
    folder.mkdir(parents=True, exist_ok=True)  # (there is none if no way was saved)
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
    own = WAYS[way][1]
    taken = {name: v for name, v in settings.items() if name not in unused(own["cell"])}
    trained: dict[str, Any] = {} if own["cell"] == "esn" else {"epochs": EPOCHS}
    return Forecaster(**trained | taken | own)


def _train(
    model: Forecaster, seconds: float | int, show: Callable[[list[Row]], None]
) -> Diverged | None:
    """Train until the seconds are over; the error if nothing is left."""
    start = time.perf_counter()

    def over(_: Any, history: list[Row]) -> bool:
        show(history)
        return time.perf_counter() - start > seconds

    try:
        model.train(on_epoch=over)
    except Diverged as error:
        if error.fitted is None:
            raise
        model.fitted_ = _before(error.fitted)
        return None if _validated(error.fitted) else error


def _search(
    model: Forecaster,
    series: list[Series],
    seconds: float | int,
    asked: dict[str, Any],
    show: Callable[[list[Row]], None],
) -> tuple[Forecaster, int]:
    """Fit echo state networks of other settings until the seconds are over.

    What is `asked` for stays as it is. Judged is one step ahead. The margins of a forecast are
    of the same validation part that chose, so they are a little too narrow.

    Returns
    -------
    tuple[Forecaster, int]
        The one of the lowest validation loss, and how many were tried: the model's own settings
        alone, if there is no validation part.
    """
    start, rng = time.perf_counter(), generator(model.seed, SEARCH)
    best, history = model.train(), [_judged(model, 1, 0.0)]
    lowest, tried = np.nan_to_num(history[-1].validation_loss, nan=np.inf), 1
    show(history)
    while model.validation and time.perf_counter() - start < seconds:
        drawn: dict[str, Any] = {
            "leak": float(rng.choice(LEAKS)),
            "radius": float(rng.uniform(*RADII)),
            "input_scale": float(np.exp(rng.uniform(*np.log(SCALES)))),
        }
        settings = model.get_params() | {k: v for k, v in drawn.items() if k not in asked}
        other = Forecaster(**settings).prepare(series)
        tried += 1
        try:
            other.train()
        except InputError:  # its regression is singular, or its states are not finite
            continue
        history.append(_judged(other, tried, time.perf_counter() - start))
        show(history)
        if history[-1].validation_loss < lowest:
            best, lowest = other, history[-1].validation_loss
    return best, tried


def _judged(model: Forecaster, tried: int, seconds: float) -> Row:
    """What was fitted as one row, its losses averaged over the ensemble."""
    losses = np.mean([(row.loss, row.validation_loss) for row in model.history_], axis=0)
    loss, judged = losses.tolist()
    return model.history_[-1]._replace(
        epoch=tried, loss=loss, validation_loss=judged, seconds=seconds
    )


def _validated(fitted: Fitted) -> bool:
    """Whether an epoch came to its end, and its weights were judged."""
    return bool(fitted.history) and math.isfinite(fitted.history[-1].validation_loss)


def _before(fitted: Fitted) -> Fitted:
    """The weights before a training diverged, with words that say so."""
    done = fitted.history[-1].epoch if fitted.history else 0
    epochs = "1 epoch" if done == 1 else f"{done:,} epochs"
    stopped = f"diverged after {epochs}, the weights before are kept"
    return dataclasses.replace(fitted, stopped=stopped)


def _lost(entry: Entry) -> Entry:
    """One whose weights are worth nothing; its backtest is there for the baselines in it."""
    del entry.model.fitted_
    found = entry.backtest

    def worst(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return values | {"network": np.full_like(values["network"], np.inf)}

    unknown = np.full_like(found.margins, np.nan)
    backtest = dataclasses.replace(
        found,
        rmse=worst(found.rmse),
        mae=worst(found.mae),
        forecasts=worst(found.forecasts),
        margins=unknown,
        coverage=unknown,
    )
    return dataclasses.replace(entry, backtest=backtest)


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
