"""`search`: settings of a forecaster's networks, found by trials on the rows before the test.

Trials never see the test part. It judges the winner once, beside the settings that the search
began with.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from throughtime.data.datasets import named_dataset
from throughtime.data.loading import to_series
from throughtime.data.series import Series
from throughtime.data.split import Split
from throughtime.errors import InputError, check_positive_integer
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.short_series import settings_for
from throughtime.training.settings import check_combination, check_settings

from .journal import Journal
from .judging import Judged, fit_and_judge, judge
from .proposals import Proposals, check_optuna
from .result import SearchResult
from .space import Space, Values
from .trial import ENSEMBLE, Trial, alike, before_test, median_bars, run_trial
from .workers import Workers, workers

Show = Callable[[Trial, Trial | None], None]
"""What a search calls after each trial, with that one and the best so far."""


LOST = ("failed", None, (), 0.0, "its worker was lost four times")
"""What came of a trial that no worker finished."""


def search(
    data: Any,
    model: Forecaster | None = None,
    *,
    trials: int = 50,
    steps: int = 10,
    space: dict[str, Values] | None = None,
    seed: int = 0,
    seeds: int = 3,
    folder: str | Path | None = None,
    on: str | None = None,
    target: str | Sequence[str] | None = None,
    inputs: Sequence[str] = (),
    show: Show | None = None,
    command: str = "",
    **reading: Any,
) -> SearchResult:
    """Search the settings of a forecaster's networks by trials, and judge the winner.

    Settings are proposed by Optuna. A trial is judged by the error of its networks alone at
    the end of the rows before the test part, and stopped early by the median rule; see
    `Trial`. The number of epochs needs no search: early stopping chooses it.

    Parameters
    ----------
    data
        The series, as for `Forecaster.fit`.
    model
        The forecaster that the search begins with, `Forecaster()` by default. What is not
        searched stays as it is there.
    trials
        Number of trials in all, with those that the folder holds.
    steps
        The longest lead time of a forecast, for trials and for the test.
    space
        A range `(low, high)`, or a list of choices, for each setting that is searched; by
        default the cell, its units, depth, window and rate, `residual`, and the settings of a
        reservoir.
    seed
        Seed of the proposals. In one process the same seed gives the same trials, interrupted
        or not; on several workers it also depends on which trial ends first.
    seeds
        Seeds of the weights for which winner and start are judged on the test part.
    folder
        Where the trials are kept. The same search in the same folder goes on.
    on
        `ray`: trials are spread over the workers of a Ray cluster, the one that `RAY_ADDRESS`
        names, or one that is started on this machine. The trial of a worker that is lost is
        run again.
    target, inputs, reading
        Roles of the columns and how to read them, as for `Forecaster.fit`.
    show
        Called after each trial with that one and the best so far.
    command
        The command line that goes on with the search, kept in the folder.

    Returns
    -------
    SearchResult
        The trials, the winner, fitted, and its errors on the test part.

    Raises
    ------
    InputError
        For settings, a space or data that cannot be used, another search in the folder, and if
        no trial finishes.

    Examples
    --------
    >>> found = search("sunspots", trials=30)                   # doctest: +SKIP
    >>> found.sentences()[0]                                    # doctest: +SKIP
    >>> found.model.predict(10)                                 # doctest: +SKIP
    """
    check_optuna()
    for name, number in (("trials", trials), ("steps", steps), ("seeds", seeds)):
        check_positive_integer(name, number)
    series = to_series(named_dataset(data), target=target, inputs=inputs, **reading)
    base = _base(model or Forecaster(), series, folder)
    whole = Forecaster(**base).prepare(series).data_  # refuses what cannot be forecast
    whole.check_steps(whole.tested_steps(steps))
    seen = before_test(series, base["test"], base["validation"])
    rows = max(
        Split.by_time(len(one), base["validation"], base["validation"], short=True).train
        for one in seen
    )
    tried = Space.of(base, space, rows)
    about = {
        "data": [one.fingerprint() for one in series],
        "settings": base,
        "space": tried.values,
        "steps": steps,
        "seed": seed,
    }
    crew = workers(on)
    journal = Journal(None if folder is None else Path(folder), about, command)
    proposals = Proposals(tried, seed, journal.trials)
    try:
        _run(trials, crew, journal, proposals, seen, steps, show)
        best = _best(journal.trials)
        chosen = tried.settings(best.settings)
        settings = {"winner": chosen}
        if not alike(best.settings, tried.first()):
            settings["start"] = base
        fitted, judged = _judge(crew, series, settings, steps, seeds)
        importance = proposals.importance()
        journal.end(importance)
    finally:
        crew.cancel()
        journal.close()
    found = journal.trials, best, tried.first(), fitted, judged
    return SearchResult(*found, importance, proposals.study)


def _base(model: Forecaster, series: list[Series], folder: Any) -> dict[str, Any]:
    """The settings to begin with: checked, with a window that fits, in plain values."""
    settings = check_settings(model.get_params())
    check_combination(model.get_params(), Forecaster().get_params())
    if folder is not None and not isinstance(model.cell, str):
        rule = "a search that is kept in a folder needs a cell with a name"
        raise InputError(rule, "a cell of your own", "Leave out `folder`.")
    settings = settings_for(series, settings, Forecaster.window)
    return settings.model_dump() | {"cell": model.cell}


def _run(
    count: int,
    crew: Workers,
    journal: Journal,
    proposals: Proposals,
    seen: list[Series],
    steps: int,
    show: Show | None,
) -> None:
    """Run trials until there are so many, as many at once as there are workers."""
    shared, asked = crew.share(seen), {}
    while len(journal.trials) < count:
        while len(asked) < crew.size and len(journal.trials) + len(asked) < count:
            ticket, chosen = proposals.ask()
            asked[ticket] = chosen
            settings = proposals.space.settings(chosen)
            bars = median_bars(_comparable(journal.trials, settings, proposals.space))
            most = settings["ensemble"] if "ensemble" in chosen else ENSEMBLE
            crew.submit(ticket, run_trial, shared, settings, steps, bars, most)
        ticket, outcome = crew.next()
        found: Any = outcome or LOST
        trial = Trial(len(journal.trials) + 1, asked.pop(ticket), *found)
        journal.add(trial)
        proposals.tell(ticket, trial)
        if show is not None:
            finished = [one for one in journal.trials if one.error is not None]
            show(trial, min(finished, key=_error, default=None))


def _comparable(trials: list[Trial], settings: dict[str, Any], space: Space) -> list[Trial]:
    """The trials whose losses mean the same; none for a reservoir, which has no epochs."""
    if settings["cell"] == "esn":
        return []
    names = "horizon", "truncated"
    own = [(trial, space.settings(trial.settings)) for trial in trials]
    return [
        trial
        for trial, other in own
        if other["cell"] != "esn" and all(other[name] == settings[name] for name in names)
    ]


def _error(trial: Trial) -> float:
    return float("inf") if trial.error is None else trial.error


def _best(trials: list[Trial]) -> Trial:
    """The trial of the lowest error.

    Raises
    ------
    InputError
        If none has finished.
    """
    best = min(trials, key=_error)
    if best.error is None:
        why = next((trial.why for trial in trials if trial.why), "all were stopped early")
        rule = "a search must have a trial that finishes"
        remedy = f"The first reason was: {why} Vary other settings, or pass more data."
        raise InputError(rule, f"none of {len(trials)}", remedy)
    return best


def _judge(
    crew: Workers,
    series: list[Series],
    settings: dict[str, dict[str, Any]],
    steps: int,
    seeds: int,
) -> tuple[Forecaster, list[Judged]]:
    """The winner, fitted, and the errors of all settings on the test part for each seed."""
    shared = crew.share(series)
    calls = [
        (name, own | {"seed": own["seed"] + more})
        for name, own in settings.items()
        for more in range(seeds)
    ]
    for number, (name, own) in enumerate(calls[1:]):
        crew.submit(number, judge, name, shared, own, steps)
    fitted, first = fit_and_judge("winner", series, calls[0][1], steps)
    found = dict(crew.next() for _ in calls[1:])
    lost = [number for number, one in found.items() if one is None]
    for number in lost:  # (its worker was lost again and again: this process does it)
        name, own = calls[1 + number]
        found[number] = judge(name, series, own, steps)
    return fitted, [first, *(found[number] for number in sorted(found))]
