"""A run of a small forecaster, trained and saved once."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import throughtime as tt
from throughtime.errors import InputError
from throughtime.forecasting.forecaster import Forecaster

TINY = {"cell": "rnn", "hidden": 4, "window": 8, "epochs": 2, "batch_size": 16}
TINY |= {"core": None, "prior": None}  # the network alone


@functools.cache
def fitted() -> Forecaster:
    """An ensemble on a table with dates and an input."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "month": pd.date_range("2015-01-31", periods=60, freq="ME"),
            "y": np.sin(0.5 * np.arange(60)) + 0.1 * rng.normal(size=60),
            "u": rng.normal(size=60),
        }
    )
    model = Forecaster(**TINY, ensemble=2, dense=(3,))
    return model.fit(table, target="y", inputs=["u"], time="month")


@functools.cache
def saved() -> Path:
    folder = Path(tempfile.mkdtemp()) / "run"
    fitted().save(folder)
    return folder


def refusal(folder):
    """The one-line message with which a run is refused; any other exception is a failure."""
    with pytest.raises(InputError) as caught:
        tt.load(folder)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    return str(caught.value)


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
