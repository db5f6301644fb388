"""The work behind the commands: from data to a finished run folder, and on from a half one."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import atomic, run
from .checkpoint import Checkpoints, read_checkpoint
from .errors import InputError
from .forecast import Forecaster
from .outcome import Outcome, predictions_csv
from .series import Series
from .tables import future_inputs
from .train import Row


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
    overwrite: bool = False,
    command: str = "",
) -> None:
    """Check all that can be checked before training, then make the run's folder.

    **Raises:** `InputError`; nothing is written then.
    """
    model.prepare(series)
    model.parts_.check_steps(steps)
    ahead = [future_inputs(future, one, steps).tolist() for one in series if one.input_names]
    options = {"steps": steps, "inputs": ahead}
    run.claim(folder, overwrite)
    run.write(folder, model.record(options=options, command=command))


def complete(folder: Path, show: Callable[[list[Row]], None], report: bool = True) -> Outcome:
    """Train a run to its end, from its last checkpoint if there is one, and write its results.

    **Raises:** `Interrupted` at SIGINT or SIGTERM, `Diverged`, `InputError` for a bad run.
    """
    record = run.read(folder)
    if "steps" not in record.options:
        rule = "a run to resume must be one that `throughtime forecast` began"
        raise InputError(rule, f"`{folder}`, saved from Python", "Use `throughtime predict`.")
    model = Forecaster.from_record(record, folder)
    if record.params is None:
        _train(model, folder, show)
        run.write(folder, model.record(options=record.options, command=record.command))
    return _results(model, folder, record, report)


def _train(model: Forecaster, folder: Path, show: Callable[[list[Row]], None]) -> None:
    start = read_checkpoint(folder, model.first_state())
    with Signals() as signals:

        def watch(state: Any, history: list[Row]) -> bool:
            show(history)
            return signals.seen is not None

        model.train(start=start, on_epoch=Checkpoints(folder, watch))
        if signals.seen is not None:
            raise Interrupted(signals.seen, folder, model.history_[-1].epoch)


def _results(model: Forecaster, folder: Path, record: run.Record, report: bool) -> Outcome:
    steps = record.options["steps"]
    predictor, ahead = model.predictor(steps), record.options["inputs"]
    held_out = model.test > 0
    backtest = model.backtest(steps=steps) if held_out else None
    if ahead:
        pairs = zip(record.series, map(np.array, ahead), strict=True)
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
