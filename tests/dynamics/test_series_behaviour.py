"""Verdicts on series whose behaviour is known."""

import numpy as np
import pytest
from conftest import refuses
from scipy.integrate import solve_ivp
from scipy.signal import lfilter

from throughtime.dynamics.behaviour import find_period
from throughtime.dynamics.largest_exponent import check_series, largest_exponent
from throughtime.dynamics.series_behaviour import dickey_fuller, series_behaviour

N = np.arange(1200)
RNG = np.random.default_rng(3)
NOISE = RNG.normal(size=len(N))


def logistic(growth, x=0.3, transient=5000):
    """The logistic map x <- growth x (1 - x), after a transient."""
    found = []
    for _ in range(transient + len(N)):
        x = growth * x * (1 - x)
        found.append(x)
    return np.array(found[transient:])


def henon():
    """The x of Henon's map."""
    x, y, found = 0.1, 0.1, []
    for _ in range(100 + len(N)):
        x, y = 1 - 1.4 * x * x + y, 0.3 * x
        found.append(x)
    return np.array(found[100:])


def lorenz(dt=0.05, steps=1600):
    """The x of Lorenz' system."""

    def law(t, s):
        return [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]]

    times = 30 + dt * np.arange(steps)
    return solve_ivp(law, (0, times[-1]), [1, 1, 20], t_eval=times, rtol=1e-8).y[0]


SINE = np.sin(2 * np.pi * N / 25.3)
SERIES = {
    "sine": (SINE, "oscillates"),
    "noisy sine": (SINE + 0.5 * NOISE, "oscillates"),
    "period 4": (logistic(3.5), "oscillates"),
    "damped": (np.exp(-N / 150) * SINE + 0.003 * NOISE, "settles"),
    "torus": (SINE + 0.7 * np.sin(2 * np.pi * N / 25.3 / 1.618), "is quasi-periodic"),
    "random walk": (np.cumsum(NOISE), "drifts"),
    "trend": (0.01 * N + 0.3 * NOISE, "drifts"),
    "white noise": (NOISE, "is noise"),
    "noise with a memory": (lfilter([1], [1, -0.7], NOISE), "is noise"),
    "noise with a broad peak": (lfilter([1], [1, -1.84, 0.9], NOISE), "is noise"),
    "logistic map": (logistic(3.9), "is chaotic"),
    "Henon": (henon(), "is chaotic"),
    "a cascade's end": (logistic(3.5699456718709), "is undecided"),
    "constant": (np.full(300, 7.0), "settles"),
}


@pytest.mark.parametrize("name", SERIES)
def test_the_verdict_on_a_known_series(name):
    values, kind = SERIES[name]
    found = series_behaviour(values)
    assert found.kind == kind, found.describe()
    again = series_behaviour(1e6 - 1e-3 * values)  # units and a sign decide nothing
    assert again.kind == kind


@pytest.mark.parametrize(("name", "exponent"), [("logistic map", 0.495), ("Henon", 0.419)])
def test_the_exponent_of_a_map_is_the_published_one(name, exponent):
    rate = series_behaviour(SERIES[name][0]).exponent
    assert abs(rate.exponent - exponent) < max(3 * rate.error, 0.1 * exponent)


def test_lorenz_is_chaotic_in_units_of_time():
    rate = series_behaviour(lorenz(), dt=0.05).exponent
    assert abs(rate.exponent - 0.906) < 3 * rate.error < 0.9


def test_the_period_lies_within_its_error():
    """Four standard errors are passed in one draw of 16,000."""
    for seed in range(6):
        noise = np.random.default_rng(seed).normal(size=len(N))
        found = series_behaviour(np.sin(2 * np.pi * N / 25.3 + seed) + 0.2 * noise)
        assert abs(found.period - 25.3) < 4 * found.period_error < 0.05


def test_a_random_walk_has_a_unit_root_and_noise_has_none():
    rng = np.random.default_rng(0)
    walks = [dickey_fuller(np.cumsum(rng.normal(size=500))) for _ in range(40)]
    noises = [dickey_fuller(rng.normal(size=500)) for _ in range(10)]
    assert np.mean(np.array(walks) > -2.86) > 0.8
    assert max(noises) < -2.86


def test_a_period_is_not_doubled_for_noise():
    period, unexplained = find_period((SINE + 0.005 * NOISE)[:, None])
    assert period == pytest.approx(25.3, rel=1e-4) and unexplained < 1e-4


def telegraph(rng):
    """A sign that is turned at random, on average every 20 steps."""
    return np.cumprod(np.where(rng.random(len(N)) < 0.05, -1.0, 1.0))


def double_well(rng):
    """Brownian motion in the potential x^4 / 4 - x^2 / 2."""
    x, found = 1.0, []
    for kick in rng.normal(size=20 * len(N)):
        x += 0.02 * (x - x**3) + 0.5 * 0.02**0.5 * kick
        found.append(x)
    return np.array(found[::20])


def two_regimes(rng):
    """An autoregression whose factor depends on the sign (Tong 1990)."""
    x, found = 0.0, []
    for kick in rng.normal(size=len(N)):
        x = (0.9 if x < 0 else -0.7) * x + kick
        found.append(x)
    return np.array(found)


@pytest.mark.parametrize("noise", [telegraph, double_well, two_regimes])
def test_nonlinear_noise_is_not_said_to_follow_a_law(noise):
    """No warning either: the settings of the tests make one an error."""
    for seed in range(2):
        found = series_behaviour(noise(np.random.default_rng(seed)))
        assert found.kind in ("is undecided", "is noise", "drifts"), found.describe()
        assert "law" not in found.why


def test_neighbours_that_coincide_have_no_exponent():
    rate = largest_exponent(np.tile([0.0, 1.0, 1.0], 200))
    assert np.isnan(rate.exponent) and not rate.straightness > 0


@pytest.mark.parametrize(
    ("level", "unit"), [(0, 1e200), (0, 1e-200), (0, 1e-310), (1e9, 1e-4), (-1e308, 1e306)]
)
def test_a_sine_oscillates_at_any_level_and_in_any_units(level, unit):
    found = series_behaviour(level + unit * SINE)
    assert found.kind == "oscillates" and found.period == pytest.approx(25.3, rel=1e-5)


def test_an_exponent_does_not_depend_on_level_and_units():
    wanted = largest_exponent(SERIES["Henon"][0])
    for unit in (2.0**700, 2.0**-700):
        assert largest_exponent(unit * SERIES["Henon"][0]).exponent == wanted.exponent
    lifted = largest_exponent(1e6 + SERIES["Henon"][0])
    assert lifted.exponent == pytest.approx(wanted.exponent, rel=0.02)


def test_rounding_about_a_level_is_no_motion():
    last_digit = 1 + np.finfo(float).eps * np.sign(NOISE)
    for level in (1.0, 1e200, -1e-300):
        assert series_behaviour(level * last_digit).kind == "settles"


@pytest.mark.parametrize(
    "given", ["lorenz.csv", None, ["a"] * 300, [[1.0], [1.0, 2.0]] * 200, 1j * N, {"x": N}]
)
def test_what_is_not_a_series_of_numbers_is_refused(given):
    with refuses("a series must be real numbers"):
        check_series(given)


def test_missing_values_and_tables_are_refused():
    for given in ([None, *NOISE], np.ma.masked_equal(N, 3), [np.inf, *NOISE]):
        with refuses("must be finite"):
            check_series(given)
    with refuses("`values[:, 0]`"):
        check_series(np.stack([NOISE, NOISE], axis=1))
    assert check_series(list(range(300))).dtype == np.float64


@pytest.mark.parametrize("judge", [series_behaviour, largest_exponent])
def test_a_step_of_time_is_positive(judge):
    for dt in (0.0, -1.0, np.nan, np.inf):
        with refuses("`dt` must be above 0 and finite"):
            judge(NOISE, dt)


def test_what_cannot_be_judged_is_refused():
    with refuses("at least 200 steps"):
        series_behaviour(NOISE[:100])
    with refuses("must be finite"):
        series_behaviour(np.where(N == 5, np.nan, NOISE))
