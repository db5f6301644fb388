# pyright: strict
"""A user's script, of which `scripts/check` says that every type in it is known."""

import numpy as np

import throughtime as tt


def ahead(steps: int) -> float:
    model = tt.Forecaster(cell="lstm", hidden=8).fit(np.arange(100.0))
    forecast = model.predict(steps)
    assert isinstance(forecast, tt.Forecast)
    return float(forecast.mean[-1, 0])


def letters(network: tt.Network) -> list[str]:
    return [type(cell).__name__ for cell in network.cells]


def solved(law: str) -> tt.Surrogate:
    return tt.Surrogate(law, dt=0.1).fit()
