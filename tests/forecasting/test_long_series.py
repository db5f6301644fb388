"""Series of millions of rows: windows are drawn, origins spread, core and prior refuse."""

import numpy as np
import pytest
from conftest import refuses

import throughtime as tt
from throughtime.forecasting import short_series, window_starts
from throughtime.forecasting.rolling_origins import TESTED
from throughtime.forecasting.window_starts import MANY


def test_all_windows_of_a_series_that_is_not_long_are_read():
    found = window_starts.window_starts(3, MANY + 3)
    np.testing.assert_array_equal(found, np.arange(3, MANY + 3))
    assert not len(window_starts.window_starts(5, 3))


@pytest.mark.parametrize("rows", [MANY + 1, 3 * MANY + 17, 5_000_000])
def test_of_a_long_one_every_stretch_has_one(rows):
    found = window_starts.window_starts(7, 7 + rows)
    assert len(found) == MANY and found[0] >= 7 and found[-1] < 7 + rows
    stretch = (found - 7) * MANY // rows
    assert np.abs(stretch - np.arange(MANY)).max() <= 1
    again = window_starts.window_starts(7, 7 + rows)
    np.testing.assert_array_equal(found, again)
    # No period falls in step with the windows: the phases of any are even.
    for period in (24, 168, 61):
        phases = np.bincount(found % period, minlength=period) / MANY * period
        assert np.abs(phases - 1).max() < 6 * np.sqrt(period / MANY) + 0.02 or rows < 2 * MANY


def test_core_and_prior_refuse_before_work_begins():
    y = np.zeros(short_series.MOST + 1)
    y[::2] = 1.0
    with refuses("read series of at most 300,000 rows; got 300,001 rows in"):
        tt.Forecaster().prepare(y)
    model = tt.Forecaster(core=None, prior=None).prepare(y)  # the remedy
    assert len(model.training_data().starts) == MANY
    tt.Forecaster().prepare(y[-short_series.MOST :])  # the other one
    origins = model.data_.splits[0].total - model.data_.splits[0].validation
    assert origins > TESTED
