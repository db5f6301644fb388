"""The bundled data, against known facts about it."""

import numpy as np
import pandas as pd
import pytest
from conftest import refuses

from throughtime.data import datasets


@pytest.mark.parametrize(
    ("name", "rows", "step", "first", "last"),
    [
        ("sunspots", 309, "1", "1700", "2008"),
        ("co2", 2284, "1 week", "1958-03-29", "2001-12-29"),
        ("elnino", 732, "1 month", "1950-01-01", "2010-12-01"),
        ("laser", 10093, "1", "0", "10092"),
    ],
)
def test_every_series_loads(name, rows, step, first, last):
    series = datasets.load_dataset(name, fill="linear")
    labels = series.times.labels()
    assert (len(series), series.times.describe(), series.name) == (rows, step, name)
    assert (labels[0], labels[-1]) == (first, last)
    assert series.targets.shape == (rows, 1) and series.inputs.shape == (rows, 0)
    assert series.filled == (59 if name == "co2" else 0)
    raw = pd.read_csv(datasets.path(name)).iloc[:, 1].interpolate().to_numpy()
    np.testing.assert_allclose(series.targets[:, 0], raw, rtol=1e-12)


def test_names_are_the_files():
    files = datasets.path("co2").parent.glob("*.csv")
    assert tuple(sorted(f.stem for f in files)) == datasets.NAMES


def test_known_facts():
    sunspots = datasets.load_dataset("sunspots")
    years = sunspots.times.values()
    assert years[sunspots.targets[:, 0].argmax()] == 1957  # the highest yearly mean
    ppm = datasets.load_dataset("co2", fill="linear").targets[:, 0]
    assert 315 < ppm[:52].mean() < 317 and 370 < ppm[-52:].mean() < 372
    laser = datasets.load_dataset("laser").targets
    assert laser.min() >= 0 and laser.max() == 255  # an 8-bit recording


def test_gaps_are_not_filled_unasked():
    with refuses(
        "every value must be present; got a missing value in column `co2_ppm`, row 7 "
        '(59 in all). Pass `fill="linear"` or `fill="forward"` (`--fill linear` on the '
        "command line), or drop the rows."
    ):
        datasets.load_dataset("co2")


@pytest.mark.parametrize("name", datasets.NAMES)
def test_descriptions(name):
    text = datasets.describe(name)
    assert f"{len(datasets.load_dataset(name, fill='linear')):,}".replace(
        ",", ""
    ) in text.replace(",", "")
    assert "public domain" in text or "MIT" in text
    assert "\n" not in text and "|" not in text


@pytest.mark.parametrize("call", [datasets.load_dataset, datasets.describe, datasets.path])
def test_unknown_names(call):
    rule = "a bundled series must be one of co2, elnino, laser, sunspots; got "
    with refuses(rule + "sunspot. Did you mean `sunspots`?"):
        call("sunspot")
    with refuses(rule + "xyz. Pass one of these names."):
        call("xyz")
