r"""Seasons: which whole numbers of steps a series repeats itself after, if any.

A season has a fixed phase, so its spectrum is a comb of lines at the frequencies $h / m$, each
as narrow as the length of the series allows. A cycle that only tends to recur (sunspots, a
chaotic laser, an autoregression with complex roots) has broad peaks instead. So a season of $m$
steps is tested by comparing the power at the lines of its comb with the power beside each line:
the trend, the level and the colour of the noise are the same there. Where a series holds only a
few turns of a cycle, the two cannot be told apart, and the cycle may pass for a season.
"""

import numpy as np
from jaxtyping import Float
from scipy import ndimage, special

from throughtime.data.calendar_seasons import calendar_seasons
from throughtime.stamps.time_axis import Times

CALENDAR_LEVEL, SEARCH_LEVEL = 0.006, 0.005
"""Probability of a season in noise: for each season of the calendar, for the whole search."""
BESIDE = 8
"""Bins beside a line of the spectrum that its power is compared with."""
CANDIDATES = 20
"""Lags of the highest autocorrelation that are tested as seasons."""
SHARED = 2.0
"""Few cycles share the bins beside their lines, and their tests are not independent."""

Values = Float[np.ndarray, " time"]


def find_seasons(values: Values, times: Times | None = None) -> tuple[int, ...]:
    r"""The seasons of a series in steps, the shortest first; none where there is none.

    The seasons of the calendar are tested first: those of `calendar_seasons(times)` of which
    the series has at least two. Where none of them is found, and where there are no stamps,
    the lags of the highest autocorrelation of the whitened changes are tested, at a level that
    accounts for the search. A season that is a divisor of a longer one stays beside it if it
    holds most of its power (a day in a week), and goes otherwise (half a year in a year).

    Parameters
    ----------
    values
        (time,) the series, in any unit and at any level. Missing values (NaN) are bridged by
        straight lines.
    times
        Its stamps. Plain numbers say nothing about the calendar.

    Returns
    -------
    tuple of int
        Each at least 2 and at most half of the length.
    """
    changes = _changes(np.asarray(values, np.float64))
    if changes is None:
        return ()
    found: list[int] = []
    for season in calendar_seasons(times):
        if 2 * season <= len(changes) and _log_p(changes, season, found) < np.log(
            CALENDAR_LEVEL
        ):
            found.append(season)
    return tuple(found) or _search(changes)


def default_window(length: int, seasons: tuple[int, ...], steps: int) -> int:
    """How many steps a network reads before it forecasts, unless the user says so.

    Two of the longest season that fit into a quarter of the length, else one; without a season
    40, or twice the steps asked for if that is more. It is between 10 and a quarter of the
    length, and in a series of under 40 steps a quarter of it, at least 1. A default forecast
    goes one such season ahead, without a season a tenth of the length, at most 24.
    """
    longest = max(1, length // 4)
    fitting = [n * season for n in (2, 1) for season in seasons if n * season <= longest]
    window = max(fitting) if fitting else max(40, 2 * steps)
    return min(max(window, 10), longest)


def _changes(values: Values) -> Float[np.ndarray, " change"] | None:
    """The differences, outliers clipped, from the first known value on; a zero comes first.

    None if there is nothing to find: under six values, or differences that are all alike.
    """
    known = np.isfinite(values)
    if known.sum() < 6:
        return None
    steps = np.arange(len(values))
    first = int(np.argmax(known))
    x = np.interp(steps, steps[known], values[known] - values[known].mean())[first:]
    changes = np.diff(x)
    rounding = 8 * np.finfo(float).eps * np.abs(values[known]).max()
    centred = changes - np.median(changes)
    if np.abs(centred).max() <= rounding:
        return None
    most = np.sort(np.abs(centred))[: int(np.ceil(0.97 * len(centred)))]
    size = max(1.4826 * np.median(most), np.mean(most), 1e-3 * np.abs(centred).max())
    changes = np.clip(centred / size, -6, 6)
    return np.concatenate([[0.0], changes - changes.mean()])


def _even_sized(changes: Values, season: int) -> Values:
    """The changes over their mean size in the season around them: growth is taken out."""
    total = np.concatenate([[0.0], np.cumsum(np.abs(changes))])
    at = np.arange(len(changes))
    first, last = np.maximum(at - season, 0), np.minimum(at + season + 1, len(changes))
    size = (total[last] - total[first]) / (last - first)
    return changes / np.maximum(size, 0.1 * size.mean())


def _whitened(changes: Values, season: int) -> Values:
    """The changes less what two lags explain of their deviations from the mean season.

    The lines stay lines, and the noise beside them becomes level.
    """
    cycles = changes.reshape(-1, season)
    rest = (cycles - cycles.mean(0)).ravel()
    c0, c1, c2 = (rest[: len(rest) - k] @ rest[k:] for k in range(3))
    if c0 <= 1e-12 * (changes @ changes):
        return changes
    a1, a2 = np.linalg.solve([[c0, c1], [c1, c0]], [c1, c2])
    white = changes.copy()
    white[1:] -= a1 * changes[:-1]
    white[2:] -= a2 * changes[:-2]
    return white


def _power(x: Values) -> Float[np.ndarray, " bin"]:
    """The periodogram of a series less a straight line; bin `j` is `j + 1` cycles."""
    steps = np.arange(len(x)) - (len(x) - 1) / 2
    x = x - x.mean()
    x = x - steps * (x @ steps) / (steps @ steps)
    power = np.abs(np.fft.rfft(x)[1:]) ** 2
    return power + 1e-12 * power.sum()


def _log_p(changes: Values, season: int, known: list[int]) -> float:
    r"""The logarithm of the probability, without a season, of lines as strong as these.

    Of the last $C m$ changes, $C = \lfloor n / m \rfloor$, the lines $h$ are the bins $h C$ of
    the periodogram $P$. Without a season, $P_{hC}$ over the mean of the $K$ bins beside it has
    an F distribution, which gives $p_h$; the first 1, 2, 4, ... lines are tested together by
    $-2 \sum_h \log p_h$ (Fisher), and the smallest of these probabilities counts, times their
    number. Lines of the seasons that are known already are left out.
    """
    cycles = len(changes) // season
    n = cycles * season
    power = _power(_whitened(_even_sized(changes, season)[-n:], season))
    bins = np.arange(1, len(power) + 1)
    is_known = np.zeros(len(power) + 1, bool)
    for k in known:
        at = np.rint(np.arange(1, k // 2 + 1) * n / k).astype(int)
        is_known[np.minimum(at, len(power))] = True
    is_line = bins % cycles == 0
    beside = np.flatnonzero(~is_line & ~is_known[1:])
    lines = np.flatnonzero(is_line & ~is_known[1:])
    count = min(BESIDE, len(beside))
    if not count or not len(lines):
        return 0.0
    first = np.searchsorted(beside, lines) - count // 2
    first = np.clip(first, 0, len(beside) - count)
    background = power[beside[first[:, None] + np.arange(count)]].mean(1)
    ratio = power[lines] / background
    log_p = -count * np.log1p(ratio / count)
    if n % 2 == 0 and lines[-1] == len(power) - 1:  # the highest frequency is a real number
        log_p[-1] = np.log(special.fdtrc(1, 2 * count, ratio[-1]) + 1e-300)
    sums = np.cumsum(-2 * log_p)
    sizes = np.unique(np.append(2 ** np.arange(int(np.log2(len(lines))) + 1), len(lines)))
    dependence = 1 + SHARED / cycles * (1 - 1 / sizes)
    tests = _log_gamma_tail(sizes / dependence, sums[sizes - 1] / 2 / dependence)
    return min(0.0, float(tests.min()) + np.log(len(sizes)))


def _log_gamma_tail(shape: np.ndarray, x: np.ndarray) -> np.ndarray:
    r"""$\log Q(a, x)$; where $Q$ underflows, the first term of its asymptotic series."""
    tail = special.gammaincc(shape, x)
    far = -x + (shape - 1) * np.log(np.maximum(x, 1e-300)) - special.gammaln(shape)
    return np.where(tail > 1e-290, np.log(np.maximum(tail, 1e-300)), far)


def _search(changes: Values) -> tuple[int, ...]:
    """The seasons among the lags of the highest autocorrelation."""
    n = len(changes)
    level = np.log(SEARCH_LEVEL / max(1, n // 2))
    found: list[int] = []
    for lag in _candidates(changes):
        season, log_p = _best_near(changes, lag, found)
        if log_p < level and _unexplained(changes, season) < 0.9:
            season = _in_phase(changes, season, found, level)
            season = _shortest(changes, season, found, level)
            found += [] if season in found else [season]
    return _without_parts(changes, sorted(found), level)


def _in_phase(changes: Values, season: int, known: list[int], level: float) -> int:
    """The season that explains most, of those that the lines do not tell from this one."""
    reach = min(season * season // (2 * len(changes)), 40)
    near = range(max(2, season - reach), min(len(changes) // 3, season + reach) + 1)
    best = min(near, key=lambda m: _unexplained(changes, m), default=season)
    return best if _log_p(changes, best, known) < level else season


def _unexplained(changes: Values, season: int) -> float:
    r"""The share of the squares that the mean season of all other cycles does not predict.

    It is taken from the values less their mean over a season. With $S_W$ the squares within
    the phases and $S$ all of them, leaving one of $C$ cycles out makes each residual
    $C / (C - 1)$ times as large, so the share is $S_W C^2 / (C - 1)^2 / S$.
    """
    levels = np.cumsum(changes)
    sums = np.cumsum(np.concatenate([[0.0], levels]))
    half = season // 2
    means = (sums[season:] - sums[:-season]) / season
    x = levels[half : half + len(means)] - means
    cycles = len(x) // season
    if cycles < 2:
        return 1.0
    x = x[-cycles * season :].reshape(cycles, season)
    within = np.sum((x - x.mean(0)) ** 2)
    return float(within * (cycles / (cycles - 1)) ** 2 / max(np.sum(x**2), 1e-300))


def _candidates(changes: Values) -> list[int]:
    """The lags at which the whitened changes correlate most, up to a third of the length."""
    n = len(changes)
    power = _power(_even_sized(changes, n // 4))
    around = ndimage.median_filter(power, 4 * BESIDE + 1, mode="nearest")
    white = np.minimum(power / around, 100)
    correlation = np.fft.irfft(np.append(0, white - white.mean()), n)[: n // 2 + 2]
    inner = correlation[2 : n // 3 + 1]
    peak = (inner > correlation[1 : len(inner) + 1]) & (
        inner >= correlation[3 : len(inner) + 3]
    )
    lags = np.flatnonzero(peak) + 2
    lags = lags[correlation[lags] > 2.5 * correlation[0] / np.sqrt(n)]
    lasting = correlation[lags] * (1 - lags / n)  # multiples of a season correlate as much
    return sorted(lags[np.argsort(-lasting)[:CANDIDATES]].tolist())


def _best_near(changes: Values, lag: int, known: list[int]) -> tuple[int, float]:
    """The season near a lag whose lines are strongest, and its `_log_p`.

    Noise moves the peaks of the autocorrelation, and few cycles leave the season uncertain.
    """
    longest = max(2, len(changes) // 3)
    log_p = {
        m: _log_p(changes, m, known) for m in range(max(2, lag - 1), min(longest, lag + 1) + 1)
    }
    for _ in range(10):
        best = min(log_p, key=log_p.__getitem__)
        beside = {m for m in (best - 1, best + 1) if 2 <= m <= longest} - log_p.keys()
        if not beside or log_p[best] > np.log(0.05):
            break
        log_p |= {m: _log_p(changes, m, known) for m in beside}
    best = min(log_p, key=log_p.__getitem__)
    return best, log_p[best]


def _shortest(changes: Values, season: int, known: list[int], level: float) -> int:
    """The season over a prime number, again and again, as long as no line is lost by it."""
    for prime in (2, 3, 5, 7, 11, 13):
        while season % prime == 0 and season > prime:
            part = season // prime
            if _log_p(changes, season, [*known, part]) < np.log(0.05):
                break
            if _log_p(changes, part, known) > level:
                break
            season = part
    return season


def _without_parts(changes: Values, found: list[int], level: float) -> tuple[int, ...]:
    """The seasons less those that have no lines of their own.

    A divisor of a longer season has none; it stays if it holds most of the power.
    """
    kept = list(found)
    for season in found:
        longer = [m for m in kept if m > season and m % season == 0]
        if longer:
            own = all(m >= 4 * season and _share(changes, season, m) > 0.5 for m in longer)
        else:
            own = _log_p(changes, season, [m for m in kept if m != season]) < level
        if not own:
            kept.remove(season)
    return tuple(kept)


def _share(changes: Values, part: int, season: int) -> float:
    """The power at the lines of a divisor over that at all lines of a season."""
    cycles = len(changes) // season
    lines = _power(_even_sized(changes, season)[-cycles * season :])[cycles - 1 :: cycles]
    return float(lines[season // part - 1 :: season // part].sum() / lines.sum())
