"""The test of linear noise: its size, its power, and what it is made of."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from throughtime.dynamics.determinism import (
    ends_that_meet,
    line_error,
    local_prediction,
    surrogate,
)
from throughtime.reservoir.delay_embedding import embedding_delay


def autoregression(steps, seed, radius=0.97):
    """Linear noise that turns by half a radian a step."""
    kicks = np.random.default_rng(seed).normal(size=steps + 500)
    return lfilter([1], [1, -2 * radius * math.cos(0.5), radius**2], kicks)[500:]


@pytest.mark.parametrize("seen", [lambda y: y, lambda y: np.exp(y / y.std())])
def test_linear_noise_is_rarely_called_nonlinear(seen):
    """One in 20 at most: more than 3 of 20 are a chance of 2 in 100."""
    found = [local_prediction(seen(autoregression(300, seed, 0.9)), 3) for seed in range(20)]
    assert sum(one.nonlinear for one in found) <= 3


def test_surrogates_alone_do_not_refuse_a_sharp_spectrum():
    """The ends of a series must meet, and surrogates may choose a dimension too."""
    found = [local_prediction(autoregression(300, seed), 3) for seed in range(20)]
    assert sum(one.beats_surrogates for one in found) <= 3


def test_a_map_is_no_linear_noise():
    x, y, values = 0.1, 0.1, []
    for _ in range(500):
        x, y = 1 - 1.4 * x * x + y, 0.3 * x
        values.append(x)
    found = local_prediction(np.array(values[100:]), 1)
    assert found.nonlinear and found.of_line < 0.3 and len(found.surrogates) == 19


def test_the_first_surrogate_that_is_as_easy_ends_the_search():
    found = local_prediction(np.random.default_rng(0).normal(size=400), 1)
    assert not found.nonlinear
    assert (found.surrogates[:-1] > found.error).all() and found.surrogates[-1] <= found.error


@pytest.mark.parametrize("turns", [10.4, 20.75])
def test_a_sine_is_cut_to_whole_turns(turns):
    n = np.arange(600)
    kept = ends_that_meet(np.sin(2 * np.pi * turns * n / len(n)))
    whole = len(kept) * turns / len(n)
    assert abs(whole - round(whole)) < 3 * turns / len(n)  # three steps, where it is flat
    assert len(kept) >= 0.8 * len(n)


def test_a_lone_impulse_is_not_cut_off():
    values = np.zeros(300)
    values[-2] = 1.0
    assert np.ptp(ends_that_meet(values)) == 1


def test_a_line_leaves_what_theory_leaves():
    r"""Of an autoregression of factor a, $\sqrt{1 - a^{2h}}$ deviations h steps ahead."""
    values = lfilter([1], [1, -0.8], np.random.default_rng(1).normal(size=20000))
    for ahead in (1, 3):
        wanted = math.sqrt(1 - 0.8 ** (2 * ahead))
        assert line_error(values, ahead, 3) == pytest.approx(wanted, rel=0.03)


def test_a_surrogate_has_the_values_and_nearly_the_spectrum():
    values = autoregression(500, 4, 0.8)
    other = surrogate(values, np.random.default_rng(0))
    assert (np.sort(other) == np.sort(values)).all()
    power, its = (np.abs(np.fft.rfft(v)) for v in (values, other))
    assert np.linalg.norm(power - its) < 0.02 * np.linalg.norm(power)
    assert embedding_delay(other) == pytest.approx(embedding_delay(values), abs=1)
