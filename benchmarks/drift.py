"""Drift: how often it is said of a series that has not changed, and of one that has.

    python benchmarks/drift.py --seeds 200

An autoregression of 400 values; models are fitted to the first 300 (core and prior; with their
weights and widths from the last fifth of these), and the 100 others are new. From row 300 on
nothing changes, or the noise is larger, or the series alternates where it went on. Printed is
the share of series whose new rows are less likely than 1, 5 and 10 %.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from machine import machine

from throughtime.forecasting.drift import HELD, Drift, held
from throughtime.models.series_model import SeriesModel

HERE = Path(__file__).parent
ROWS, LEARNED, LEVEL = 400, 300, 0.9
NOMINAL = (0.01, 0.05, 0.1)


CHANGES = {
    "unchanged": (0.8, 1.0),
    "noise doubled": (0.8, 2.0),
    "noise fourfold": (0.8, 4.0),
    "alternating": (-0.8, 1.0),
}
"""The weight of the value before, and the standard deviation of the noise, in the new rows."""


def autoregression(rng: np.random.Generator, weight: float, noise: float) -> np.ndarray:
    """Of the weight .8 and noise of 1 in the rows that are learned from."""
    y = np.zeros(ROWS)
    for t in range(1, ROWS):
        w, size = (weight, noise) if t >= LEARNED else (0.8, 1.0)
        y[t] = w * y[t - 1] + size * rng.normal()
    return y


def chance(values: np.ndarray) -> float:
    """How likely as many new values outside of their intervals are."""
    model = SeriesModel.fit(values[:LEARNED], 1)
    origins = np.arange(LEARNED - HELD, ROWS)
    center = model.forecast(values, origins, 1)
    bounds = model.intervals(values, origins, center, [LEVEL])
    lower, upper = held(*bounds.at(LEVEL), center, HELD)
    found = Drift.of(lower, upper, values[LEARNED:, None], LEVEL, [model.calibrated()])
    return found.chance if found is not None else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=200)
    options, rows = parser.parse_args(), {}
    for name, change in CHANGES.items():
        seeds = [np.random.default_rng(seed) for seed in range(options.seeds)]
        each = [chance(autoregression(rng, *change)) for rng in seeds]
        shares = [float(np.mean(np.array(each) < nominal)) for nominal in NOMINAL]
        rows[name] = {"below 1, 5, 10 %": shares, "chances": each}
        print(f"{name:<16}" + "".join(f"{100 * share:7.1f} %" for share in shares), flush=True)
    text = json.dumps(machine() | {"series": rows}, indent=1)
    (HERE / "results" / "drift.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
