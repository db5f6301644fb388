r"""Search for a closed-loop model: settings are judged by free runs over held-out data.

From each of several starts in the held-out part a model reads the true past, then runs free.
It is judged by its valid time: the number of steps until the error first exceeds a share of the
standard deviation, averaged over the starts and over shares from .02 to .4 that are well
above the noise. One factorisation of the regression gives the readouts of every penalty, whose
free runs go in one batch; a run that has left the truth is not continued.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Real

from throughtime._support.seeds import generator

from .closed_loop import Features, Pair, Settings, free_runs, places
from .closed_loop_data import SHARES, Denoised, HeldOut, SearchData
from .closed_loop_model import WASHOUT, ClosedLoopModel, driven_rows, readouts, regression
from .closed_loop_proposals import first_settings, nearby
from .noise_filter import NoiseFilter
from .ridge import Readout
from .series_traits import Traits

RIDGES = 10.0 ** np.arange(-12.0, 0.0, 2)
"""The penalties that are tried, on the mean over rows; those between them for the best."""

TUNED = 3
"""Of the best settings, those that are tried with more penalties and more units."""

LONG, BOUNDED_OF = 4000, 10
"""Steps of a free run that must stay where the data are, and how many models may be asked."""

FORCINGS = (1.0, 0.6, 0.35, 0.2)
"""The shares of noisy data in what is fed back that are tried."""

SMALL, LARGE = 200, (400, 800)
"""Units of a reservoir during the search, and of those that the best are tried with."""


class Trial(NamedTuple):
    """Settings, and the mean valid time that they reached, in steps."""

    settings: Settings
    valid: float


class SearchResult(NamedTuple):
    """What a search has found.

    Attributes
    ----------
    model
        The best model, fitted to all data.
    trials
        Every trial, in order.
    valid_times
        The valid time of the best settings from each start, in steps, at an error of .4.
    judged
        The best settings fitted to the training part alone: the model whose valid times these
        are.
    """

    model: ClosedLoopModel
    trials: list[Trial]
    valid_times: Real[np.ndarray, " start"]
    judged: ClosedLoopModel


def closed_loop_search(
    data: SearchData,
    traits: Traits,
    trials: int,
    seed: int = 0,
    on_trial: Callable[[list[Trial]], None] | None = None,
) -> SearchResult:
    """Find the settings of the longest valid time, and fit them to all data.

    Parameters
    ----------
    data
        The trajectories.
    traits
        What kind of series they are; see `series_traits.py`.
    trials
        Settings to try before the best are enlarged.
    seed
        Of the proposals and of the reservoirs.
    on_trial
        Called after each trial with all trials so far.
    """
    rng, done = generator(seed), []
    tell = on_trial or (lambda done: None)
    known = None
    if data.denoised:
        known = _map_of_the_noise_filter(data, data.denoised)
        if known and data.denoised.filter.explains:
            tell(known.trials)
            return known
        traits = replace(traits, noise=0.0, smoothing=0)

    def attempt(settings: Settings, ridges: np.ndarray = RIDGES) -> None:
        done.append(_trial(settings, data, ridges))
        tell(done)

    variables, inputs = data.trajectories[0].y.shape[1], data.trajectories[0].x.shape[1]
    longest = data.longest_span
    for settings in first_settings(traits, variables, inputs, SMALL, seed):
        if settings.span <= longest:
            attempt(settings)
    while len(done) < trials:
        attempt(_new_settings(done, rng, traits, variables + inputs, longest))
    for trial in sorted(done, key=lambda trial: -trial.valid)[:TUNED]:
        ridges = trial.settings.ridge * 10.0 ** np.arange(-2, 3)
        for settings in _enlarged(trial.settings):
            attempt(settings, ridges)
    ordered = sorted(done, key=lambda trial: -trial.valid)
    best, model = _first_bounded(ordered, data)
    forcing = _best_forcing(best, data) if traits.noise else 1.0
    judged = fit(best.settings, data, data.training()).with_forcing(forcing)
    valid = valid_times(judged, data)
    if known and known.valid_times.mean() >= valid.mean():
        return known._replace(trials=done + known.trials)
    return SearchResult(model.with_forcing(forcing), done, valid, judged)


def _map_of_the_noise_filter(data: SearchData, denoised: Denoised) -> SearchResult | None:
    """The map that was estimated with noisy trajectories, unless its free runs go astray.

    Where it explains all but the noise, no other is looked for.
    """

    def model(of: NoiseFilter, past: Pair) -> ClosedLoopModel:
        return ClosedLoopModel(data.mean, data.scale, of.features, of.readout, past, of)

    judged = model(denoised.training_filter, denoised.training[-1])
    found, valid = model(denoised.filter, denoised.everything[-1]), valid_times(judged, data)
    if not valid.mean() > 0 or not _is_bounded(found, data):
        return None
    return SearchResult(found, [Trial(found.settings, float(valid.mean()))], valid, judged)


def _new_settings(
    done: list[Trial], rng: np.random.Generator, traits: Traits, columns: int, longest: int
) -> Settings:
    """Settings near one of the best that were not tried yet, if such are found."""
    tried = {replace(trial.settings, ridge=0.0) for trial in done}
    ordered = sorted(done, key=lambda trial: -trial.valid)
    child = ordered[0].settings
    for attempt in range(40):
        best = ordered[: 4 + attempt // 4]
        parent = best[int(rng.integers(len(best)))].settings
        near = nearby(parent, rng, traits, columns)
        child = near if near.span <= longest else child
        if replace(child, ridge=0.0) not in tried:
            break
    return child


def fit(settings: Settings, data: SearchData, trajectories: list[Pair]) -> ClosedLoopModel:
    """The model of these settings for some of the data."""
    y, x = data.trajectories[0].y, data.trajectories[0].x
    features = Features(settings, settings.draw(y.shape[1], x.shape[1]))
    path = regression(features, trajectories, _washout(trajectories)).path()
    V, c = readouts(path, [settings.ridge])
    last = trajectories[-1]
    readout, filter = Readout(V[0], c[0]), data.denoised and data.denoised.filter
    return ClosedLoopModel(data.mean, data.scale, features, readout, last, filter)


def valid_times(model: ClosedLoopModel, data: SearchData) -> Real[np.ndarray, " start"]:
    """The valid time from each start, in steps, at an error of .4 standard deviations."""
    found = []
    for one in data.trajectories:
        if len(one.starts):
            if one.pasts is None:
                place = model.warmed_up(one.y, one.x, one.starts)
            else:
                place = one.places(model.features)
            found.append(_errors(model.features, model.readout, place, one, data.horizon))
    return _valid(np.concatenate(found, axis=1), SHARES[-1])


def _trial(settings: Settings, data: SearchData, ridges: np.ndarray) -> Trial:
    """The best of the penalties, and its valid time."""
    y, x = data.trajectories[0].y, data.trajectories[0].x
    features = Features(settings, settings.draw(y.shape[1], x.shape[1]))
    training = data.training()
    path = regression(features, training, _washout(training)).path()
    if not (np.isfinite(path.squares).all() and np.isfinite(path.basis).all()):
        return Trial(settings, 0.0)
    V, c = readouts(path, ridges)
    total, count = np.zeros(len(ridges)), 0
    for one in data.trajectories:
        if not len(one.starts):
            continue
        place = one.places(features)
        many, runs = len(one.starts), np.repeat(np.arange(len(ridges)), len(one.starts))
        place = type(place)(*(np.concatenate([part] * len(ridges)) for part in place))
        errors = _errors(features, Readout(V[runs], c[runs]), place, one, data.horizon)
        valid = np.mean([_valid(errors, share) for share in data.shares], axis=0)
        total += valid.reshape(len(ridges), many).sum(axis=1)
        count += many
    best = int(total.argmax()) if total.any() else int(np.argmax(ridges))  # none foretells
    return Trial(replace(settings, ridge=float(ridges[best])), float(total[best] / count))


def _errors(features, readout, place, one: HeldOut, horizon: int) -> np.ndarray:
    """The error of each step of each run, `(time, runs)`; infinite where it was given up."""
    runs = len(place.y)
    rows = np.tile(one.starts, runs // len(one.starts)) + np.arange(horizon)[:, None]
    V, c = readout
    if V.ndim == 2:
        V, c = np.broadcast_to(V, (runs, *V.shape)), np.broadcast_to(c, (runs, *c.shape))
    truth = one.truth[rows]
    found = free_runs(features, V, c, place, one.x[rows], truth, SHARES[-1])
    with np.errstate(over="ignore", invalid="ignore"):
        errors = np.sqrt(np.square(found - truth).mean(axis=-1))
    return np.where(np.isfinite(errors), errors, np.inf)


def _valid(errors: np.ndarray, share: float) -> np.ndarray:
    return np.logical_and.accumulate(errors <= share, axis=0).sum(axis=0)


def _washout(trajectories: Iterable[Pair]) -> int:
    return min(WASHOUT, min(len(y) for y, _ in trajectories) // 5)


def _enlarged(settings: Settings) -> list[Settings]:
    """The settings with a larger reservoir, if they have one."""
    return [replace(settings, units=n) for n in LARGE] if settings.units else [settings]


def _first_bounded(ordered: list[Trial], data: SearchData) -> tuple[Trial, ClosedLoopModel]:
    """The best trial whose long free runs stay where the data are, fitted to all data.

    If none does, the best trial.
    """
    models = []
    for trial in ordered[:BOUNDED_OF]:
        models.append(fit(trial.settings, data, data.everything()))
        if _is_bounded(models[-1], data):
            return trial, models[-1]
    return ordered[0], models[0]


def _is_bounded(model: ClosedLoopModel, data: SearchData) -> bool:
    """Whether long free runs from several places stay where the data are.

    Without inputs they must also go on moving. With them a run goes on as long as its inputs
    do: begun again they would jump.
    """
    longest = max((y for y, _ in data.everything()), key=len)
    one = next(one for one in data.trajectories if len(one.starts))
    rows, steps = one.starts[:: max(len(one.starts) // 3, 1)], LONG
    if one.x.shape[1]:
        one = max(data.trajectories, key=lambda one: len(one.y))
        rows, steps = driven_rows(model.settings, len(one.y), len(rows), LONG)
    size, spread = np.abs(longest).max(axis=0), longest.std(axis=0)
    place = places(model.features, one.y, one.x, rows)
    V, c = (np.broadcast_to(p, (len(rows), *p.shape)) for p in model.readout)
    inputs = np.empty((steps, len(rows), 0))
    if one.x.shape[1]:
        inputs = one.x[rows + np.arange(steps)[:, None]]
    run = free_runs(model.features, V, c, place, inputs)
    if not (np.isfinite(run).all() and (np.abs(run) <= 1.5 * size + 0.5).all()):
        return False
    if one.x.shape[1]:
        return True
    return bool((run[LONG // 2 :].std(axis=(0, 1)) > 0.3 * spread).all())


def _best_forcing(trial: Trial, data: SearchData) -> float:
    """The share of noisy data in what is fed back that gives the longest valid time."""
    model = fit(trial.settings, data, data.training())
    scores = {f: valid_times(model.with_forcing(f), data).mean() for f in FORCINGS}
    return max(scores, key=lambda forcing: scores[forcing])
