r"""A closed-loop model beside plain ones: the mean, and a linear autoregression.

$$y_t = c + \sum_{i=1}^p A_i \, y_{t-i} + B x_t$$

is a model without a reservoir, of p delays and monomials of degree 1. Of the orders p the one
of least $n \ln \det \Sigma + k \ln n$ is taken (Schwarz 1978); $\Sigma$ is the covariance of
the errors in training and k the number of weights. Plain models read the data as measured.
"""

from dataclasses import dataclass, replace

import numpy as np

from .closed_loop import Features, Settings, advance
from .closed_loop_data import HeldOut, SearchData
from .closed_loop_model import ClosedLoopModel
from .closed_loop_search import fit, valid_times
from .noise_filter import NoiseFilter
from .ridge import Readout

MODEL, MEAN, LINEAR = "model", "mean", "autoregression"

ORDERS = (1, 2, 3, 5, 8, 13, 21)
"""Orders of the autoregression that are tried."""

READ, ROWS = 200, 60
"""Steps, or more for longer delays, before each of so many from which noise is taken."""

BEYOND = 3.0
"""One is better than another if the difference is so many of its standard errors."""


CLEAR = 0.01
"""Squares of a tenth of the errors are fewer beyond doubt."""


@dataclass(frozen=True)
class Baselines:
    """How the model and plain ones do on the held-out data, each fitted to the rest.

    Attributes
    ----------
    one_step
        By name of the model, the root mean square error one step ahead, in standard deviations
        of the training part.
    valid_times
        By name, the median over the starts of the valid time, in steps.
    steps
        The steps that were foretold one by one.
    beats_mean
        Whether the model foretells a step better than the mean, beyond chance.
    beats_linear
        Whether it foretells a step better than a line, or more steps, beyond chance.
    """

    one_step: dict[str, float]
    valid_times: dict[str, float]
    steps: int
    beats_mean: bool
    beats_linear: bool


def baselines(model: ClosedLoopModel, data: SearchData) -> Baselines:
    """The model of the training part beside the mean and a linear autoregression.

    Parameters
    ----------
    model
        Fitted to the training part alone.
    data
        The trajectories. A step counts from the first start on, and each of the same steps for
        every model.
    """
    held = [one._replace(pasts=None) for one in data.trajectories]
    plain = replace(data, trajectories=held, denoised=None)
    models = {MODEL: model, MEAN: _mean(data), LINEAR: _autoregression(plain)}
    filter = data.denoised and data.denoised.training_filter
    errors: dict[str, list[np.ndarray]] = {name: [] for name in models}
    for one in held:
        if not len(one.starts):
            continue
        rows = np.arange(int(one.starts[0]), len(one.y))
        if filter:
            rows = np.unique(np.linspace(rows[0], rows[-1], ROWS).astype(int))
        for name, of in models.items():
            found = _one_step(of, one, rows, filter if name == MODEL else None)
            errors[name].append(np.square(found - one.y[rows]).mean(axis=1))
    squares = {name: np.concatenate(parts) for name, parts in errors.items()}
    valid = {name: valid_times(of, plain) for name, of in models.items() if name != MODEL}
    valid[MODEL] = valid_times(model, data)
    sooner = _greater(squares[LINEAR], squares[MODEL])
    return Baselines(
        {name: float(np.sqrt(of.mean())) for name, of in squares.items()},
        {name: float(np.median(valid[name])) for name in models},
        len(squares[MODEL]),
        _clear(squares[MEAN], squares[MODEL]) or _greater(squares[MEAN], squares[MODEL]),
        sooner or _greater(valid[MODEL], valid[LINEAR]),
    )


def _mean(data: SearchData) -> ClosedLoopModel:
    """The mean of the training part: 0 in standard deviations."""
    one, features = data.trajectories[0], Features(Settings(residual=False), None)
    size = one.y.shape[1]
    readout = Readout(np.zeros((size, size + one.x.shape[1])), np.zeros(size))
    return ClosedLoopModel(data.mean, data.scale, features, readout, (one.y, one.x))


def _autoregression(data: SearchData) -> ClosedLoopModel:
    """The linear autoregression whose order Schwarz's criterion prefers."""
    longest, training = min(max(ORDERS), data.longest_span), data.training()
    best, least = None, np.inf
    for order in ORDERS:
        if best is not None and order > longest:
            break
        settings = Settings(delays=order, residual=False, ridge=1e-12)
        model, left = fit(settings, data, training), []
        for y, x in training:
            if len(y) > longest:
                predicted = model.features.along(y, x) @ model.readout.V.T + model.readout.c
                left.append((y[order:] - predicted)[longest - order :])
        errors = np.concatenate(left)
        covariance = np.atleast_2d(np.cov(errors.T)) + 1e-24 * np.eye(errors.shape[1])
        weights = model.readout.V.size + len(model.readout.c)
        score = len(errors) * np.linalg.slogdet(covariance)[1] + weights * np.log(len(errors))
        if best is None or score < least:
            best, least = model, score
    assert best is not None
    return best


def _one_step(
    model: ClosedLoopModel, one: HeldOut, rows: np.ndarray, filter: NoiseFilter | None
) -> np.ndarray:
    """What a model foretells of these rows from all before them."""
    V, c = (np.broadcast_to(part, (len(rows), *part.shape)) for part in model.readout)
    if filter is None:
        place = model.warmed_up(one.y, one.x, rows)
    else:
        many = max(READ, model.settings.span)
        begin = np.maximum(rows - many, 0)
        pasts = [(one.y[a:b], one.x[a:b]) for a, b in zip(begin, rows, strict=True)]
        place = one._replace(
            starts=rows, pasts=[(filter.smooth(past), past[1]) for past in pasts]
        ).places(model.features)
    return advance(model.features, V, c, place, one.x[rows]).y[:, -1]


def _clear(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the mean of squares is so much greater that no test is needed.

    Where errors grow, as those of the mean beside what grows itself, the last of them are all
    that a test sees.
    """
    return bool(other.mean() < CLEAR * one.mean())


def _greater(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the mean of pairs of values is greater, beyond chance.

    The standard error of the mean difference allows for differences that resemble those before
    them (Diebold and Mariano 1995; Newey and West 1987).
    """
    difference = one - other
    count = len(difference)
    mean = float(difference.mean())
    if count < 2 or not mean > 0:
        return False
    left, lags = difference - mean, int(count ** (1 / 3))
    variance = float(left @ left) / count
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * float(left[lag:] @ left[:-lag]) / count
    return bool(mean > BEYOND * np.sqrt(max(variance, 0.0) / count))
