"""Statistical forecasts from rolling origins, for `forecasting.py`.

    python -m peers.statistical_forecasts METHOD,METHOD... FOLDER...

Each folder is a job. Its `job.npz` holds `values (time,)`, the `origins`, `steps` and the
`season` (1 for none). Form and parameters of every method are found from the values before the
first origin; from the later origins they are carried forward, never fitted again. The two
linear models are written here, in NumPy; the others are statsforecast's. The file of a method
holds `mean`, `lower` and `upper` `(origin, steps)`, the bounds of intervals of 90 %, seconds,
and what was limited; a file that is there is not computed again.
"""

import contextlib
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np

LEVEL, NORMAL = 90, 1.6448536269514722
"""Per cent of the intervals, and the quantile of the normal distribution that bounds them."""

PENALTIES = 10.0 ** np.arange(-6, 5)
"""Of a ridge regression, times the number of rows; features have unit variance."""

ARIMA_CPU_SECONDS = 120
"""After so long, an ARIMA is sought without a seasonal order, in the last 2,000 values."""


def main(methods: list[str], folders: list[Path]) -> None:
    if not {*methods} <= {*LINEAR}:
        import statsforecast.models  # noqa: F401  (seconds of its own, which are no method's)

    for folder in folders:
        asked = np.load(folder / "job.npz")
        job = asked["values"], asked["origins"], int(asked["steps"]), int(asked["season"])
        for method in methods:
            path = folder / f"{method}.npz"
            if not path.exists():
                run(method, job, path)


def run(method: str, job: tuple, path: Path) -> None:
    """One method on one series, timed and kept."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        found, note = METHODS[method](*job)
    except Exception as error:  # a peer that fails has its row, with the reason
        nothing = np.full((len(job[1]), job[2]), np.nan)
        found, note = (nothing, nothing, nothing), f"failed: {error!r}"
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    save(path, *found, note=note, **seconds)
    print(f"{path.parent.name:<24}{method:<24}{seconds['cpu']:>8.1f} s  {note}", flush=True)


def save(path: Path, mean, lower, upper, note: str, wall: float, cpu: float) -> None:
    """Write the forecasts of a method; the file is there when it is complete."""
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez_compressed(
            file, mean=mean, lower=lower, upper=upper, note=note, wall=wall, cpu=cpu
        )
    partial.replace(path)


# The models of statsforecast


def carried_forward(model, values, origins, steps, season, reach=None, keep=None):
    """Fit a statsforecast model before the first origin, and apply it at every origin.

    `reach` is how many values before the first origin it may be fitted to, `keep` how many
    before an origin it is applied to; all if not given.
    """
    first = origins[0]
    model.fit(values[max(0, first - reach) if reach else 0 : first])
    rows = [
        model.forward(values[max(0, o - keep) if keep else 0 : o], h=steps, level=[LEVEL])
        for o in origins
    ]
    return tuple(
        np.stack([row[k] for row in rows]) for k in ("mean", f"lo-{LEVEL}", f"hi-{LEVEL}")
    )


def naive(values, origins, steps, season):
    from statsforecast.models import Naive

    return carried_forward(Naive(), values, origins, steps, season), ""


def seasonal_naive(values, origins, steps, season):
    from statsforecast.models import SeasonalNaive

    return carried_forward(SeasonalNaive(season), values, origins, steps, season), ""


def auto_ets(values, origins, steps, season):
    from statsforecast.models import AutoETS

    note = "no season: statsforecast's ETS has none over 24 steps" if season > 24 else ""
    return carried_forward(AutoETS(season), values, origins, steps, season), note


def auto_theta(values, origins, steps, season):
    from statsforecast.models import AutoTheta

    return carried_forward(AutoTheta(season), values, origins, steps, season), ""


def auto_arima(values, origins, steps, season):
    """AutoARIMA, limited where it would take minutes.

    With a season of 24 steps or more it sees 1,000 values. Over 24 there is no seasonal order
    (from 1,000 values of `co2` it was not found in three minutes), and 2,000 values are seen.
    """
    if season <= 24:
        reach = 1000 if season == 24 and origins[0] > 1000 else None
        note = "from the last 1,000 values" if reach else ""
        with contextlib.suppress(OutOfTimeError), cpu_limit(ARIMA_CPU_SECONDS):
            return arima(values, origins, steps, season, reach), note
    reach = 2000 if origins[0] > 2000 else None
    limits = ["no seasonal order"] * (season > 1) + ["from the last 2,000 values"] * bool(reach)
    return arima(values, origins, steps, 1, reach), ", ".join(limits)


def arima(values, origins, steps, season, reach):
    from statsforecast.models import AutoARIMA

    model = AutoARIMA(season_length=season)
    return carried_forward(model, values, origins, steps, season, reach, reach)


class OutOfTimeError(BaseException):
    """Not an `Exception`: the search for an ARIMA goes on after those."""


@contextlib.contextmanager
def cpu_limit(seconds: float):
    """Raise `OutOfTimeError` after so much processor time, again every second."""

    def stop(*_):
        raise OutOfTimeError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


# The linear models


def autoregression(values, origins, steps, season):
    r"""A ridge autoregression on values or differences, all chosen on rolling origins.

    $\hat w_{t+1} = b + \sum_{l \in L} a_l w_{t+1-l}$, fed back, where $w$ is the standardised
    series, its change, or its change over a season. The intervals are those of an
    autoregression, $\sigma^2 \sum_{j<k} \psi_j^2$ at lead time $k$.
    """
    scaled, centre, scale = standardised(values, origins[0])
    known = scaled[: origins[0]]
    inner, tried = validation_origins(len(known), steps)
    truth = known[tried[:, None] + np.arange(steps)]
    best = (np.inf, 0, (1,), PENALTIES[-1])
    for shift in sorted({0, 1, season} if season > 1 else {0, 1}):
        if inner - shift < 8:
            continue
        changes = differences(known, shift)
        sets = lag_sets(season, inner - shift)
        sums = lagged_sums(changes[: inner - shift], max(map(max, sets)))
        for lags in sets:
            for penalty in PENALTIES:
                weights, _ = fit_lags(sums, lags, penalty)
                with np.errstate(over="ignore", invalid="ignore"):
                    ahead = fed_back(changes, tried - shift, steps, lags, weights)
                    error = np.mean((summed(ahead, known, tried, shift) - truth) ** 2)
                if error < best[0]:
                    best = (error, shift, lags, penalty)
    _, shift, lags, penalty = best
    changes = differences(scaled, shift)
    sums = lagged_sums(changes[: origins[0] - shift], max(lags))
    weights, variance = fit_lags(sums, lags, penalty)
    mean = fed_back(changes, origins - shift, steps, lags, weights)
    mean = summed(mean, scaled, origins, shift)
    psi = impulse_response(lags, weights, shift, steps)
    half = NORMAL * np.sqrt(variance * np.cumsum(psi**2))
    note = f"difference {shift}, lags {shortened(lags)}, penalty {penalty:g}"
    return tuple(centre + scale * f for f in (mean, mean - half, mean + half)), note


def differences(values, shift):
    """Changes over `shift` steps; the values themselves for a shift of 0."""
    return values[shift:] - values[:-shift] if shift else values


def summed(changes, values, origins, shift):
    """Values (origin, steps) from their changes over `shift` steps."""
    if not shift:
        return changes
    path = values[origins[:, None] + np.arange(-shift, 0)]
    for k in range(changes.shape[1]):
        path = np.concatenate([path, (path[:, k] + changes[:, k])[:, None]], axis=1)
    return path[:, shift:]


def impulse_response(lags, weights, shift, steps):
    """What a residual of one adds to the value at each lead time, 1 at first."""
    impulse = np.zeros(max(lags) + 1)
    impulse[-1] = 1.0
    pure = np.concatenate([[0.0], weights[1:]])
    later = fed_back(impulse, np.array([len(impulse)]), steps, lags, pure)[:, :-1]
    response = np.concatenate([[[1.0]], later], axis=1)
    return summed(response, np.zeros(shift + 1), np.array([shift]), shift)[0]


def direct_linear(values, origins, steps, season):
    r"""A ridge regression for every lead time, relative to the last value.

    $\hat y_{t+k} - y_t = b_k + \sum_{l=1}^{p} a_{kl} (y_{t-l} - y_t)$; number of lags and
    penalty are chosen on rolling origins, the same for all lead times. The intervals come from
    the residuals at each lead time.
    """
    scaled, centre, scale = standardised(values, origins[0])
    known = scaled[: origins[0]]
    inner, tried = validation_origins(len(known), steps)
    counts = {0} | {max(lags) for lags in lag_sets(season, inner - steps)}
    truth = known[tried[:, None] + np.arange(steps)]
    best = (np.inf, 0, PENALTIES[-1])
    for count in sorted(counts):
        if inner - steps - count < 3:
            continue
        regression = direct_sums(known[:inner], count, steps)
        for penalty in PENALTIES if count else PENALTIES[:1]:
            weights, _ = solved(*regression, penalty)
            error = np.mean((direct(known, tried, count, weights) - truth) ** 2)
            if error < best[0]:
                best = (error, count, penalty)
    _, count, penalty = best
    weights, variance = solved(*direct_sums(known, count, steps), penalty)
    mean = direct(scaled, origins, count, weights)
    half = NORMAL * np.sqrt(variance)
    note = f"{count} lags, penalty {penalty:g}"
    return tuple(centre + scale * f for f in (mean, mean - half, mean + half)), note


def standardised(values, end):
    """All values in units of those before `end`."""
    centre, scale = values[:end].mean(), values[:end].std() or 1.0
    return (values - centre) / scale, centre, scale


def validation_origins(length, steps):
    """Where the inner fitting part ends, and up to 40 origins after it.

    The last fifth; of a short series twice the lead times, but no more than half.
    """
    inner = length - max(length // 5, min(2 * steps, length // 2), steps)
    return inner, np.unique(np.linspace(inner, length - steps, 40).round().astype(int))


def lag_sets(season, length):
    """Runs of lags from 1, and short runs with the lags around one or two seasons.

    Those that leave twice as many rows as lags in a stretch of so many values.
    """
    counts = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48}
    if season > 1:
        counts |= {season, season + 1, 2 * season + 1}
    sets = [tuple(range(1, c + 1)) for c in sorted(counts)]
    for seasons in (1, 2) if season > 1 else ():
        for short in (1, 2, 3, 6):
            around = [range(s * season, s * season + short + 1) for s in range(1, seasons + 1)]
            sets.append(tuple(sorted(set(range(1, short + 1)).union(*around))))
    fits = [lags for lags in dict.fromkeys(sets) if length - max(lags) >= 2 * len(lags) + 2]
    return fits or [(1,)]


def lagged_sums(values, longest):
    """What every regression on lags up to `longest` needs: sums of products, and rows."""
    columns = np.lib.stride_tricks.sliding_window_view(values, longest + 1)[:, ::-1]
    features = np.concatenate([np.ones((len(columns), 1)), columns[:, 1:]], axis=1)
    target = columns[:, 0]
    return features.T @ features, features.T @ target, target @ target, len(columns)


def fit_lags(sums, lags, penalty):
    """Weights (the constant first) and the variance of the residuals, for a set of lags."""
    gram, cross, square, rows = sums
    used = np.array([0, *lags])
    weights, variance = solved(
        gram[np.ix_(used, used)], cross[used, None], np.array([square]), rows, penalty
    )
    return weights[:, 0], variance[0]


def solved(gram, cross, squares, rows, penalty):
    """Ridge weights, the constant not penalised, and the variances of the residuals."""
    diagonal = np.full(len(gram), penalty * rows)
    diagonal[0] = 0.0
    inverse = np.linalg.pinv(gram + np.diag(diagonal), hermitian=True)
    weights = inverse @ cross
    residual = squares - 2 * np.sum(weights * cross, 0) + np.sum(weights * (gram @ weights), 0)
    freedom = max(1.0, rows - np.trace(inverse @ gram))
    return weights, np.maximum(residual, 0.0) / freedom


def fed_back(values, origins, steps, lags, weights):
    """Forecasts (origin, steps) of an autoregression, each fed back as a value."""
    longest = max(lags)
    path = np.zeros((len(origins), longest + steps))
    path[:, :longest] = values[origins[:, None] + np.arange(-longest, 0)]
    back = -np.array(lags)
    for k in range(longest, longest + steps):
        path[:, k] = weights[0] + path[:, k + back] @ weights[1:]
    return path[:, longest:]


def relative(values, origins, count):
    """A one and the `count` values before the last, relative to it; and the last value."""
    last = values[origins - 1, None]
    past = values[origins[:, None] - 2 - np.arange(count)] - last
    return np.concatenate([np.ones_like(last), past], axis=1), last


def direct_sums(values, count, steps):
    """The sums of the direct regression, for all lead times at once."""
    rows = np.arange(count + 1, len(values) - steps + 1)
    features, last = relative(values, rows, count)
    targets = values[rows[:, None] + np.arange(steps)] - last
    squares = np.sum(targets**2, axis=0)
    return features.T @ features, features.T @ targets, squares, len(rows)


def direct(values, origins, count, weights):
    """Forecasts (origin, steps) of the direct regression."""
    features, last = relative(values, origins, count)
    return last + features @ weights


def shortened(lags):
    """`1-12` for a run of lags, else all of them."""
    run = lags == tuple(range(1, len(lags) + 1)) and len(lags) > 2
    return f"1-{len(lags)}" if run else " ".join(map(str, lags))


LINEAR = {"autoregression": autoregression, "direct linear": direct_linear}
METHODS = {
    "naive": naive,
    "seasonal naive": seasonal_naive,
    "AutoARIMA": auto_arima,
    "AutoETS": auto_ets,
    "AutoTheta": auto_theta,
    **LINEAR,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1].split(","), [Path(folder) for folder in sys.argv[2:]])
