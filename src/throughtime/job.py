"""The work behind the commands: from data to a finished run folder, and on from a half one."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np

from . import atomic, run
from .checkpoint import CHECKPOINT, Checkpoints, damaged, read_checkpoint, write_last_good
from .errors import InputError, at_least_one
from .flow_record import FlowRecord
from .forecast import Forecaster
from .outcome import Outcome, predictions_csv
from .precision import precision
from .series import Series
from .tables import future_inputs
from .train import Diverged, Row


class Interrupted(Exception):
    """A signal ended the training; the run can be resumed.

    - `signal`: its number. `folder`: of the run. `epoch`: the last one done.
    """

    def __init__(self, number: int, folder: Path, epoch: int):
        super().__init__(f"signal {number} after epoch {epoch}")
        self.signal, self.folder, self.epoch = number, folder, epoch


def begin(
    model: Forecaster,
    series: list[Series],
    folder: Path,
    *,
    steps: int,
    future: Any = None,
    flow_every: int | None = None,
    overwrite: bool = False,
    command: str = "",
) -> None:
    """Check all that can be checked before training, then make the run's folder.

    **Raises:** `InputError`; nothing is written then.
    """
    model.prepare(series)
    model.parts_.check_steps(steps)
    known = [future_inputs(future, one, steps) for one in series]
    ahead = [values.tolist() for values in known if values.size]
    model.first_state()
    options = {"steps": steps, "inputs": ahead}
    if flow_every is not None:
        _check_flow(model, flow_every)
        options["flow_every"] = flow_every
    run.claim(folder, overwrite)
    run.write(folder, model.record(options=options, command=command))


def complete(folder: Path, show: Callable[[list[Row]], None], report: bool = True) -> Outcome:
    """Train a run to its end, from its last checkpoint if there is one, and write its results.

    **Raises:** `Interrupted` at SIGINT or SIGTERM, `Diverged`, `InputError` for a bad run.
    """
    record = run.read(folder)
    if record.options.get("steps") is None:
        rule = "a run to resume must be one that `throughtime forecast` began"
        raise InputError(rule, f"`{folder}`, saved from Python", "Use `throughtime predict`.")
    model = Forecaster.from_record(record, folder)
    model.parts_.check_steps(record.options["steps"])
    ahead = _ahead(record, folder)
    if record.params is None:
        train_kept(model, folder, show, record.options.get("flow_every"))
        run.write(folder, model.record(options=record.options, command=record.command))
    return _results(model, folder, record, ahead, report)


def _check_flow(model: Forecaster, every: int) -> None:
    """Refuse a record of the gradient flow of what has no epochs, or none of them."""
    at_least_one("flow_every", every)
    if model.window < 2:
        rule = "a gradient flows back through two steps or more"
        raise InputError(rule, f"`window` {model.window}", "Raise `--window`.")
    if model.cell == "esn":
        rule = "only what is trained by gradients has a gradient flow to record"
        raise InputError(rule, "an `esn`", "Leave out `--flow-every`.")


def _ahead(record: run.Record, folder: Path) -> list[np.ndarray]:
    """The inputs of the steps ahead, an array (step, input) for each series with inputs."""
    steps, inputs = record.options["steps"], record.options.get("inputs", [])
    shapes = [(steps, len(one.input_names)) for one in record.series if one.input_names]
    try:
        ahead = [np.array(one, np.float64) for one in inputs]
    except ValueError:  # rows of different lengths
        ahead = None
    if ahead is None or [one.shape for one in ahead] != shapes:
        raise damaged(folder / "run.json", "its inputs are not those of its series and steps")
    return ahead


def train_kept(
    model: Any, folder: Path, show: Callable[[list[Row]], None], flow_every: int | None = None
) -> None:
    """Train a model from the last checkpoint in its folder, keeping others as it goes.

    **Arguments:** `flow_every`: epochs after which the gradient flow is recorded, if it is.

    **Raises:** `Interrupted` at SIGINT or SIGTERM, `Diverged`, `InputError`.
    """
    path = folder / CHECKPOINT
    if path.exists() and path.stat().st_size < model.fewest_weights():
        raise damaged(path, "it holds too few weights")
    with precision(model.dtype):
        start = read_checkpoint(folder, model.first_state())
    with Signals() as signals:

        def watch(state: Any, history: list[Row]) -> bool:
            show(history)
            return signals.seen is not None

        keep: Any = Checkpoints(folder, watch)
        if flow_every is not None:
            with precision(model.dtype):
                data, network = model.training_data(), model.untrained()
            keep = FlowRecord(network, data, model.loss, flow_every, then=keep, folder=folder)
        try:
            model.train(start=start, on_epoch=keep)
        except Diverged as error:
            raise _kept(error, folder) from None
        if signals.seen is not None:
            raise Interrupted(signals.seen, folder, model.history_[-1].epoch)


def _kept(error: Diverged, folder: Path) -> Diverged:
    """The error of a training that diverged, once its last good weights are in a file."""
    if error.fitted is None:
        return error
    path = write_last_good(folder, eqx.filter(error.fitted.network, eqx.is_inexact_array))
    named = Diverged(error.rule, error.got, f"{error.remedy} They are in `{path}`.")
    named.fitted = error.fitted
    return named


def _results(
    model: Forecaster, folder: Path, record: run.Record, ahead: list[np.ndarray], report: bool
) -> Outcome:
    steps = record.options["steps"]
    predictor = model.predictor(steps)
    held_out = model.test > 0
    backtest = model.backtest(steps=steps) if held_out else None
    if ahead:
        pairs = zip(record.series, ahead, strict=True)
        forecasts = [predictor.forecast([one], steps, known)[0] for one, known in pairs]
    else:
        forecasts = predictor.forecast(None, steps)
    atomic.write(folder / "forecast.csv", predictions_csv(forecasts))
    if report:
        from .report import write_report  # here: Matplotlib and Jinja2 take a while to load

        write_report(
            folder / "report.html",
            model,
            backtest,
            forecasts,
            title=f"Forecast of {forecasts[0].name}",
            command=record.command,
            versions=record.versions,
        )
    return Outcome(folder, model, backtest, forecasts)


class Signals:
    """Notes SIGINT and SIGTERM so that an epoch can end; a second one interrupts at once."""

    def __init__(self):
        self.seen: int | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self.before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: Any) -> None:
        if self.seen is not None:
            raise KeyboardInterrupt
        self.seen = number
