"""The settings of an echo state network that forecasts, found by free runs."""

import numpy as np
import pytest

from throughtime.reservoir.closed_loop import Settings
from throughtime.reservoir.forecast_judging import (
    Choice,
    ForecastData,
    judged,
    lead_times,
    stays,
)
from throughtime.reservoir.forecast_search import clearly_better, forecast_search

LOGISTIC = np.empty(600)
LOGISTIC[0] = 0.3
for n in range(599):
    LOGISTIC[n + 1] = 3.9 * LOGISTIC[n] * (1 - LOGISTIC[n])
GIVEN = {"bias_scale": 0.2}


def data(y, window=40):
    y = np.asarray(y, float).reshape(len(y), -1)
    return ForecastData(
        [((y - y.mean(0)) / y.std(0), np.zeros((len(y), 0)))], window, 10, "float64"
    )


def test_lead_times_double():
    assert lead_times(20).tolist() == [1, 2, 3, 4, 6, 8, 12, 16]


def test_a_map_is_learned_and_kept():
    found = forecast_search(data(LOGISTIC), 60, GIVEN)
    # An error of 1e-6 grows by e^.4945 a step (the exponent of the map at 3.9): to 1 in 28.
    assert found.error < 0.2 and found.carried and not found.centred
    assert stays(found, data(LOGISTIC))


def test_a_level_that_drifts_is_centred():
    n = np.arange(300)
    rng = np.random.default_rng(0)
    trend = data(0.05 * n + np.sin(n / 3) + 0.1 * rng.normal(size=300))
    found = forecast_search(trend, 40, GIVEN)
    assert trend.drifts() and found.centred and not found.carried


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("radius", 0.37),
        ("leak", 0.83),
        ("input_scale", 0.71),
        ("residual", True),
        ("ridge", 0.013),
    ],
)
def test_what_is_given_stays(name, value, few_reservoirs):
    found = forecast_search(data(LOGISTIC[:150]), 20, GIVEN | {name: value})
    assert getattr(found.settings, name) == pytest.approx(value)


@pytest.mark.parametrize("mode", [(True, False), (False, True), (False, False)])
def test_how_it_reads_is_given(mode, few_reservoirs):
    given = GIVEN | {"carried": mode[0], "centred": mode[1]}
    found = forecast_search(data(LOGISTIC[:150]), 20, given)
    assert (found.carried, found.centred) == mode


def test_windows_and_a_carried_state_agree_where_memory_is_short():
    """With a leak of 1 and a small radius a window of 40 steps has all that a state holds."""
    settings = Settings(units=40, radius=0.1, bias_scale=0.2, order=0, residual=False)
    carried, windows = (
        judged(Choice(settings, mode, False), data(LOGISTIC), np.array([1e-6]))
        for mode in (True, False)
    )
    assert carried.error == pytest.approx(windows.error, rel=0.1)


def test_a_choice_must_be_better_by_a_standard_error():
    settings = Settings(units=5)

    def of(*blocks):
        return Choice(settings, True, False, float(np.exp(np.mean(blocks))), blocks)

    plain = of(0.0, 0.0, 0.0, 0.0)
    assert clearly_better(of(-1.0, -1.2, -0.8, -1.0), plain)
    assert not clearly_better(of(-3.0, 1.0, 1.0, 0.5), plain)  # by one block alone
    assert not clearly_better(Choice(settings, True, False), plain)
