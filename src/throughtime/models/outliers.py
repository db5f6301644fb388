r"""Data that are plainly wrong: replaced by what their neighbours and the season say.

A spike, a decimal point in the wrong place, a sensor that drops out to 0 or -999: one such
datum at the origin carries a linear forecast anywhere. Only what is beyond doubt is replaced,
since an extreme that is true has to be seen by the forecast.
"""

import numpy as np
from jaxtyping import Float, Int64

Series = Float[np.ndarray, " time"]

DEVIATIONS, AT_THE_END = 20, 60
"""Robust deviations beyond which a datum may be wrong, with and without values after it."""
LONGEST_RUN = 3
"""Wrong data in a row."""
EXPECTED = 1e-3
"""Expected number of data as extreme, from the tail of the others, that is still accepted."""
SHARE, SENTINEL_SHARE = 0.01, 0.05
"""Largest share of wrong data, and of wrong data that all are the same number."""
REACH = 3
"""Neighbours on each side."""
LEAST_LENGTH = 12


def clean(
    values: Series, seasons: tuple[int, ...] = ()
) -> tuple[Series, Int64[np.ndarray, " wrong"]]:
    r"""Replace data that are plainly wrong.

    Data in a row (at most three) are wrong if all of this holds:

    - They lie beyond the medians of the three values before and of the three after, on the
      same side of both, by $e$ (so a level shift is not wrong), with and without the season:
      the median excess one and two seasons before and after (so a peak of every December is
      not).
    - $e$ is over 20 robust deviations $\sigma$ of values from the median of their neighbours,
      and over three times the range of the neighbours on either side.
    - The other deviations make it incredible: with $r_{(k)}$ the $k$-th largest of them and
      $\alpha$ the index of their tail (Hill), $k (e / r_{(k)})^{-\alpha} < 0.001$
      and $e > 2 r_{(1)}$.
    - They are few: one in a hundred, or one in twenty if all are the same number, as -999.

    The last value has nothing after it. It is wrong only if it lies over 60 deviations from
    each of the three values before it, and over three times as far as any value ever went.
    Where most values equal the one before (counts that are mostly 0), nothing is wrong. A wrong
    value is replaced by the value a season before plus the change over that season,
    interpolated from its neighbours; without a season, by a line between these.

    Only the values given count: for a forecast, these are the values known at the origin.

    Parameters
    ----------
    values
        (time,) the series.
    seasons
        Its seasons in steps.

    Returns
    -------
    cleaned
        (time,) a copy, with wrong data replaced.
    indices
        Where, in order.

    References
    ----------
    Hill, "A simple general approach to inference about the tail of a distribution", *Annals of
    Statistics* 3, 1975.
    """
    cleaned = np.array(values, np.float64)
    none = np.zeros(0, np.int64)
    if len(cleaned) < LEAST_LENGTH or np.mean(np.diff(cleaned) == 0) > 0.4:
        return cleaned, none
    x = cleaned - np.median(cleaned)  # only differences count
    season, adjusted = _adjusted(x, seasons)
    deviation = np.abs(adjusted - _neighbours(adjusted))
    sigma = 1.4826 * np.median(deviation)
    if sigma <= 8 * np.finfo(float).eps * np.abs(cleaned).max():
        return cleaned, none
    excess = _excess(x, adjusted)
    inside = np.flatnonzero(excess > DEVIATIONS * sigma)
    inside = inside[_incredible(deviation, inside, excess[inside], season)]
    same = len(np.unique(x[inside])) == 1
    if len(inside) > max(2, (SENTINEL_SHARE if same else SHARE) * len(x)):
        inside = none
    repaired = _replacement(x, inside, season)
    last = [len(x) - 1] if _ends_wrong(repaired, _adjusted(repaired, seasons)[1], sigma) else []
    wrong = np.concatenate([inside, np.array(last, np.int64)])
    if len(wrong):
        cleaned[wrong] += (_replacement(x, wrong, season) - x)[wrong]
    return cleaned, wrong


def _windows(x: Series) -> tuple[np.ndarray, ...]:
    """Median and range of the values before each time and after it (the time included)."""
    padded = np.concatenate([np.repeat(x[:1], REACH), x, np.repeat(x[-1:], REACH)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, REACH)
    median, reach = np.median(windows, axis=1), np.ptp(windows, axis=1)
    n = len(x) + 1
    return median[:n], reach[:n], median[REACH : REACH + n], reach[REACH : REACH + n]


def _excess(x: Series, adjusted: Series) -> Series:
    """How far each value lies beyond its neighbours on both sides.

    With the season and without it, whichever is less. Zero where the neighbours are not calm,
    or where the series does not return. The first and last values have neighbours on one side
    only, and zero excess.
    """
    n = len(x)
    before, range_before, after, range_after = _windows(adjusted)
    plain_before, _, plain_after, _ = _windows(x)
    found = np.zeros(n)
    for run in range(1, min(LONGEST_RUN, n - 2) + 1):
        first = np.arange(1, n - run)
        last = first + run
        least = np.full(len(first), np.inf)
        for at in first + np.arange(run)[:, None]:
            sign = np.sign(adjusted[at] - before[first])
            for y, b, a in ((adjusted, before, after), (x, plain_before, plain_after)):
                for level in (b[first], a[last]):
                    least = np.minimum(least, sign * (y[at] - level))
        calm = np.maximum(range_before[first], range_after[last])
        returned = np.abs(after[last] - before[first])
        least[least < 3 * np.maximum(calm, returned)] = 0
        for at in first + np.arange(run)[:, None]:
            found[at] = np.maximum(found[at], least)
    return found


def _neighbours(x: Series) -> Series:
    """The median of the three values before and the three after each value."""
    padded = np.pad(x, REACH, mode="reflect", reflect_type="odd")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1)
    return np.median(np.delete(windows, REACH, axis=1), axis=1)


def _adjusted(x: Series, seasons: tuple[int, ...]) -> tuple[int, Series]:
    """The season that helps most, or 0, and the series without it.

    The season's part is the median, over the two seasons before and the two after, of how far
    the values lay from their neighbours.
    """
    local = x - _neighbours(x)
    best, found, least = 0, x, _typical(local)
    for m in seasons:
        if len(x) < 3 * m:
            continue
        padded = np.pad(local, 2 * m, constant_values=np.nan)
        at = np.arange(len(x)) + 2 * m
        part = np.nanmedian([padded[at + k * m] for k in (-2, -1, 1, 2)], axis=0)
        size = _typical(local - part)
        if size < least:
            best, found, least = m, x - part, size
    return best, found


def _typical(deviations: Series) -> float:
    """The mean size of all but the largest 3 %, among which wrong data are."""
    sizes = np.sort(np.abs(deviations))
    return float(sizes[: max(1, int(0.97 * len(sizes)))].mean())


def _incredible(
    deviation: Series, suspects: np.ndarray, excess: np.ndarray, season: int
) -> np.ndarray:
    """Whether the tail of the other deviations makes each excess incredible."""
    others = np.ones(len(deviation), bool)
    for cycle in (-2, -1, 0, 1, 2) if season else (0,):
        for shift in range(-REACH, REACH + 1):
            at = suspects + cycle * season + shift
            others[at[(at >= 0) & (at < len(others))]] = False
    rest = np.sort(deviation[others])[::-1]
    k = max(4, int(np.sqrt(len(rest))))
    if len(rest) <= k or rest[k] <= 0:
        return np.zeros(len(suspects), bool)
    index = 1 / max(np.mean(np.log(rest[:k] / rest[k])), 0.05)
    return (k * (excess / rest[k]) ** -index < EXPECTED) & (excess > 2 * rest[0])


def _ends_wrong(x: Series, adjusted: Series, sigma: float) -> bool:
    """Whether the last value is further from those before it than any ever was."""
    jumps = [
        np.min(np.abs([y[3:] - y[3 - k : -k] for k in (1, 2, 3)]), axis=0)
        for y in (x, adjusted)
    ]
    last = min(jump[-1] for jump in jumps)
    return bool(last > AT_THE_END * sigma and last > 3 * max(j[:-1].max() for j in jumps))


def _replacement(x: Series, wrong: np.ndarray, season: int) -> Series:
    """The series with what its neighbours, and the values a season away, say for wrong data."""
    if not len(wrong):
        return x
    x = x.copy()
    right = np.ones(len(x), bool)
    right[wrong] = False
    at = np.arange(len(x))
    x[wrong] = np.interp(wrong, at[right], x[right])
    if season:
        other = np.where(at >= season, at - season, at + season)
        change = x - x[other]
        known = right & right[other]
        x[wrong] = x[other[wrong]] + np.interp(wrong, at[known], change[known])
    return x
