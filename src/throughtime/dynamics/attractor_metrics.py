"""How far a generated trajectory is from the true one: in time, in space, in its spectrum."""

import numpy as np
from jaxtyping import Float64

from throughtime.errors import InputError
from throughtime.forecasting.metrics import Values, as_pair

BINS = 30
"""Bins along each axis of state space."""

PSEUDOCOUNT = 1e-5
"""Added to the count of every bin, so that no bin is empty."""

MOST_BINNED = 4
"""The most variables whose space is cut into bins; in more, pseudo-counts outweigh points."""

SAMPLES, CENTRES = 1000, 10_000
"""Samples of the divergence of two Gaussian mixtures, and the most centres of a mixture."""


def valid_time(
    truth: Values,
    forecast: Values,
    *,
    dt: float | int = 1.0,
    threshold: float | int = 0.4,
    spread: Float64[np.ndarray, " dim"] | None = None,
) -> Float64[np.ndarray, "*trajectory"]:
    r"""Valid prediction time: how long the forecast of a chaotic system stays near the truth.

    It is the longest time up to which

    $$\sqrt{\tfrac{1}{D} \sum_i (y_i - \hat y_i)^2 / \sigma_i^2} \le \epsilon.$$

    Divide it by the Lyapunov time to compare systems.

    Parameters
    ----------
    truth, forecast
        `(time, dim)`, or `(trajectory, time, dim)`, from the first step of the forecast on.
    dt
        The time of a step.
    threshold
        The largest error, epsilon.
    spread
        The standard deviation sigma of each variable, preferably from much more data than one
        forecast; by default that of all of `truth`.

    Returns
    -------
    Array, () or (trajectory,)
        The valid time of each trajectory: a multiple of dt, 0 if the first step is too far off.

    Raises
    ------
    InputError
        If the shapes differ, or a variable is constant.

    References
    ----------
    Vlachas et al. 2020.
    """
    truth, forecast = as_pair(truth, forecast)
    if truth.ndim < 2:
        rule = "`truth` must be (time, dim) or (trajectory, time, dim)"
        raise InputError(rule, f"shape {truth.shape}", "Add an axis for the variables.")
    sigma = truth.reshape(-1, truth.shape[-1]).std(axis=0) if spread is None else spread
    if not (np.asarray(sigma) > 0).all():
        rule, remedy = "each variable must vary", "Pass `spread`, or leave the variable out."
        raise InputError(rule, f"standard deviations of {sigma}", remedy)
    with np.errstate(over="ignore", invalid="ignore"):  # a diverged forecast is not valid
        errors = np.sqrt(np.mean(((truth - forecast) / sigma) ** 2, axis=-1))
    valid = np.logical_and.accumulate(errors <= threshold, axis=-1)
    return np.asarray(dt * valid.sum(axis=-1), np.float64)


def state_space_divergence(truth: Values, generated: Values) -> float:
    r"""How differently two trajectories fill state space, in nats.

    The Kullback-Leibler divergence of how often each place is visited. In at most four
    dimensions it is $\sum_k p_k \ln (p_k / q_k)$ of the fractions of points in each bin: 30
    along each axis, over the range of the truth widened by a tenth of its standard deviation,
    with 1e-5 added to every count. Generated points outside of these bins do not count.

    In more dimensions almost all bins are empty. There it is the divergence of two Gaussian
    mixtures,

    $$\frac{1}{n} \sum_{i=1}^n \ln \frac{p(x_i)}{q(x_i)}, \qquad
      p(x) = \frac{1}{T} \sum_t N(x; y_t, 1)$$

    and q alike from the generated points, in units of the standard deviations of the truth. The
    x are 1,000 samples of p; of longer trajectories, 10,000 points are used. Values of the two
    kinds do not compare.

    Parameters
    ----------
    truth, generated
        Two trajectories on their attractors, `(time, dim)`, of the same variables.

    Returns
    -------
    float
        0 for equal fractions; below about 0.3 for a hardly visible difference on Lorenz-63.
        Infinite in five dimensions or more if no generated point is finite.

    Raises
    ------
    InputError
        If the variables differ.

    References
    ----------
    Koppe et al. 2019; Hess et al. 2023.
    """
    truth, generated = _checked(truth, generated)
    binned = truth.shape[1] <= MOST_BINNED
    return (_divergence_of_bins if binned else _divergence_of_mixtures)(truth, generated)


def fills_its_bins(truth: Values) -> bool:
    """Whether a trajectory has two points or more, in the mean, in each bin that it visits.

    A divergence of bins with fewer points is about as large between two halves of one
    trajectory as between anything else. In five dimensions and more there are no bins.
    """
    y = np.asarray(truth, np.float64)
    if y.shape[1] > MOST_BINNED:
        return True
    span = np.ptp(y, axis=0)
    rows = np.floor((y - y.min(axis=0)) / np.where(span > 0, span, 1) * BINS)
    return len(y) >= 2 * len(np.unique(rows, axis=0))


def _divergence_of_bins(truth: np.ndarray, generated: np.ndarray) -> float:
    """The divergence of the fractions of points in each bin."""
    margin = 0.1 * truth.std(axis=0)
    low, high = truth.min(axis=0) - margin, truth.max(axis=0) + margin
    width = np.where(high > low, high - low, 1) / BINS
    with np.errstate(invalid="ignore", over="ignore"):  # diverged points lie outside
        inside = ((generated >= low) & (generated <= high)).all(axis=1)
    rows = [np.floor((y - low) / width).astype(int) for y in (truth, generated[inside])]
    occupied, which = np.unique(
        np.concatenate(rows).clip(0, BINS - 1), axis=0, return_inverse=True
    )
    parts = np.split(which.ravel(), [len(truth)])
    counts = [np.bincount(part, minlength=len(occupied)) for part in parts]
    bins = float(BINS) ** truth.shape[1]
    totals = [count.sum() + PSEUDOCOUNT * bins for count in counts]
    p, q = ((count + PSEUDOCOUNT) / total for count, total in zip(counts, totals, strict=True))
    # All bins that neither trajectory visits have the same p and the same q.
    p_empty, q_empty = (PSEUDOCOUNT / total for total in totals)
    unvisited = (bins - len(occupied)) * p_empty * np.log(p_empty / q_empty)
    return float((p * np.log(p / q)).sum() + unvisited)


def _divergence_of_mixtures(truth: np.ndarray, generated: np.ndarray) -> float:
    """The divergence of two mixtures of a Gaussian around each point, by sampling the first."""
    spread = truth.std(axis=0)
    mean, spread = truth.mean(axis=0), np.where(spread > 0, spread, 1)
    with np.errstate(invalid="ignore", over="ignore"):
        truth, generated = (_thinned((y - mean) / spread) for y in (truth, generated))
    which = np.linspace(0, len(truth) - 1, SAMPLES).round().astype(int)
    noise = np.random.default_rng(0).standard_normal((SAMPLES, truth.shape[1]))
    samples = truth[which] + noise
    p, q = (_log_density(samples, centres) for centres in (truth, generated))
    return float((p - q).mean())


def _thinned(y: np.ndarray) -> np.ndarray:
    """At most `CENTRES` points of a trajectory, at equal distances in time."""
    return y[np.linspace(0, len(y) - 1, min(len(y), CENTRES)).round().astype(int)]


def _log_density(x: np.ndarray, centres: np.ndarray) -> Float64[np.ndarray, " sample"]:
    """The logarithm of the mean unit Gaussian around the centres, up to a constant.

    A centre that is not finite is at an infinite distance.
    """
    from scipy.spatial.distance import cdist  # here: SciPy takes a while to load
    from scipy.special import logsumexp

    finite = centres[np.isfinite(centres).all(axis=1)]
    if not len(finite):
        return np.full(len(x), -np.inf)
    parts = np.array_split(x, 1 + len(x) * len(finite) // 2**20)  # (some megabytes at a time)
    found = [logsumexp(-0.5 * cdist(part, finite, "sqeuclidean"), axis=1) for part in parts]
    return np.concatenate(found) - np.log(len(centres))


def spectrum_distance(
    truth: Values,
    generated: Values,
    *,
    smoothing: float | int = 20,
) -> float:
    r"""How different two power spectra are: their Hellinger distance.

    $$H = \sqrt{1 - \sum_\omega \sqrt{f_\omega g_\omega}}$$

    averaged over the variables, of spectra that are smoothed by a Gaussian and sum to 1. Both
    trajectories are shortened to the last steps that they have in common; each variable is
    standardised.

    Parameters
    ----------
    truth, generated
        Two trajectories, `(time, dim)`, of the same variables.
    smoothing
        The standard deviation of the Gaussian, in frequency bins.

    Returns
    -------
    float
        From 0, for equal spectra, to 1, for spectra without a common frequency; 1 too if the
        generated trajectory is constant or not finite.

    Raises
    ------
    InputError
        If the variables differ.

    References
    ----------
    Mikhaeil et al. 2022; Hess et al. 2023.
    """
    truth, generated = _checked(truth, generated)
    if not np.isfinite(generated).all():
        return 1.0
    steps = min(len(truth), len(generated))
    f, g = (_spectrum(y[-steps:], smoothing) for y in (truth, generated))
    overlap = np.sqrt(f * g).sum(axis=0).clip(0, 1)
    return float(np.sqrt(1 - overlap).mean())


def _spectrum(y: Float64[np.ndarray, "time dim"], smoothing: float | int) -> np.ndarray:
    """The smoothed power at each frequency except 0; it sums to 1, or is 0 for a constant."""
    from scipy.ndimage import gaussian_filter1d  # here: SciPy takes a while to load

    spread = y.std(axis=0)
    y = (y - y.mean(axis=0)) / np.where(spread > 0, spread, 1)
    power = np.abs(np.fft.rfft(y, axis=0)[1:]) ** 2
    power = gaussian_filter1d(power, smoothing, axis=0) if smoothing else power
    total = power.sum(axis=0)
    return power / np.where(total > 0, total, 1)


def _checked(truth, generated) -> tuple[np.ndarray, np.ndarray]:
    """Both trajectories in float64; refused unless they have the same variables."""
    truth, generated = np.asarray(truth, np.float64), np.asarray(generated, np.float64)
    shapes = truth.shape, generated.shape
    if (
        truth.ndim != 2
        or shapes[0][1:] != shapes[1][1:]
        or min(map(len, (truth, generated))) < 2
    ):
        rule = "two trajectories must be (time, dim), with the same variables"
        raise InputError(
            rule,
            f"shapes {shapes[0]} and {shapes[1]}",
            "Give both the same variables, and two steps or more.",
        )
    return truth, generated
