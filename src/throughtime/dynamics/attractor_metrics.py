"""How far a generated trajectory is from the true one: in time, in space, in its spectrum."""

import numpy as np
from jaxtyping import Float64

from throughtime.errors import InputError
from throughtime.forecasting.metrics import Values, _pair


def valid_time(
    truth: Values,
    forecast: Values,
    *,
    dt: float | int = 1.0,
    threshold: float | int = 0.4,
    spread: Float64[np.ndarray, " dim"] | None = None,
) -> Float64[np.ndarray, "*trajectory"]:
    r"""Valid prediction time: how long a forecast stays near a chaotic truth.

    The longest time up to which

    $$\sqrt{\tfrac{1}{D} \sum_i (y_i - \hat y_i)^2 / \sigma_i^2} \le \epsilon$$

    (Vlachas et al. 2020). Divide it by the Lyapunov time to compare systems.

    Parameters
    ----------
    truth, forecast
        `(time, dim)`, or `(trajectory, time, dim)`, from the first step of the forecast on.
    dt
        Time of a step.
    threshold
        Epsilon.
    spread
        Sigma of each variable, from much more data than one forecast; by default from all of
        `truth`.

    Returns
    -------
    Float64[np.ndarray, '*trajectory']
        A time for each trajectory: a multiple of dt, 0 if the first step is off.

    Raises
    ------
    InputError
        If the shapes differ, or a variable does not vary.
    """
    truth, forecast = _pair(truth, forecast)
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

    The Kullback-Leibler divergence $\sum_k p_k \ln (p_k / q_k)$ of their shares in 30 bins an
    axis, over the range of the truth and a tenth of its standard deviation, with 1e-5 added to
    every count (Koppe et al. 2019; Hess et al. 2023). What was generated outside of these bins
    is not counted.

    **Arguments:** two trajectories on their attractors, `(time, dim)`, of the same variables.

    **Returns:** 0 for equal shares; below about .3 a hardly visible difference on Lorenz-63.

    **Raises:** `InputError` if the variables differ.
    """
    truth, generated = _trajectories(truth, generated)
    bins, added = 30, 1e-5
    wider = 0.1 * truth.std(axis=0)
    low, high = truth.min(axis=0) - wider, truth.max(axis=0) + wider
    width = np.where(high > low, high - low, 1) / bins
    with np.errstate(invalid="ignore", over="ignore"):  # (what diverged lies outside)
        inside = ((generated >= low) & (generated <= high)).all(axis=1)
    rows = [np.floor((y - low) / width).astype(int) for y in (truth, generated[inside])]
    cells, which = np.unique(
        np.concatenate(rows).clip(0, bins - 1), axis=0, return_inverse=True
    )
    which = which.ravel()
    counts = [np.bincount(part, minlength=len(cells)) for part in np.split(which, [len(truth)])]
    every = float(bins) ** truth.shape[1]
    p, q = ((count + added) / (count.sum() + added * every) for count in counts)
    empty = [added / (count.sum() + added * every) for count in counts]
    rest = (every - len(cells)) * empty[0] * np.log(empty[0] / empty[1])
    return float((p * np.log(p / q)).sum() + rest)


def spectrum_distance(
    truth: Values,
    generated: Values,
    *,
    smoothing: float | int = 20,
) -> float:
    r"""How different two power spectra are: their Hellinger distance, the mean over variables.

    $$H = \sqrt{1 - \sum_\omega \sqrt{f_\omega g_\omega}}$$

    of spectra that are smoothed by a Gaussian, and sum to 1 (Mikhaeil et al. 2022; Hess et al.
    2023). Both are cut to the shorter one, from their end; each variable is taken less its
    mean, over its standard deviation.

    **Arguments:** two trajectories, `(time, dim)`; `smoothing`: sigma, in frequencies.

    **Returns:** from 0, equal spectra, to 1, spectra without a common frequency; 1 if what was
    generated is not finite or stands still.

    **Raises:** `InputError` if the variables differ.
    """
    truth, generated = _trajectories(truth, generated)
    if not np.isfinite(generated).all():
        return 1.0
    steps = min(len(truth), len(generated))
    f, g = (_spectrum(y[-steps:], smoothing) for y in (truth, generated))
    overlap = np.sqrt(f * g).sum(axis=0).clip(0, 1)
    return float(np.sqrt(1 - overlap).mean())


def _spectrum(y: Float64[np.ndarray, "time dim"], smoothing: float | int) -> np.ndarray:
    """Power at each frequency but 0, smoothed, its sum 1; zeros for what stands still."""
    from scipy.ndimage import gaussian_filter1d  # here: SciPy takes a while to load

    spread = y.std(axis=0)
    y = (y - y.mean(axis=0)) / np.where(spread > 0, spread, 1)
    power = np.abs(np.fft.rfft(y, axis=0)[1:]) ** 2
    power = gaussian_filter1d(power, smoothing, axis=0) if smoothing else power
    total = power.sum(axis=0)
    return power / np.where(total > 0, total, 1)


def _trajectories(truth, generated) -> tuple[np.ndarray, np.ndarray]:
    truth, generated = np.asarray(truth, np.float64), np.asarray(generated, np.float64)
    shapes = truth.shape, generated.shape
    if (
        truth.ndim != 2
        or shapes[0][1:] != shapes[1][1:]
        or min(map(len, (truth, generated))) < 2
    ):
        rule = "two trajectories must be (time, dim), with the same variables"
        raise InputError(rule, f"shapes {shapes[0]} and {shapes[1]}", "Reshape one of them.")
    return truth, generated
