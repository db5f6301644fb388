"""The synthetic series beside the measured ones of `forecasting.py`, in five statistics.

    python benchmarks/prior/beside_measured.py

Crops of 150 steps: of each measured series, the last 300 steps of its first four fifths, in
whole crops and at least one; of 4,096 synthetic series of 640 steps, the last 150. A shorter
series is one crop. A season that does not fit three times into a crop is left out. Each crop
counts equally among the synthetic, each series equally among the measured.
"""

import json
import sys
from pathlib import Path

import numpy as np
from generator import draw

HERE = Path(__file__).parents[1]
sys.path.insert(0, str(HERE))

from forecasting import DATA, problems  # noqa: E402
from machine import machine  # noqa: E402

CROP, LEVELS, SERIES = 150, (0.1, 0.25, 0.5, 0.75, 0.9), 4096


def correlation(values):
    """The autocorrelation at lag 1."""
    centred = values - values.mean()
    return np.sum(centred[1:] * centred[:-1]) / np.sum(centred**2)


def seasonal(values, season):
    """The share of the variance that the means of the season's steps explain.

    The variance is that about the moving mean over a season.
    """
    weights = np.ones(season) / season
    if season % 2 == 0:  # half of the season's last step at each end, so that it is centred
        weights = np.convolve(weights, [0.5, 0.5])
    half = len(weights) // 2
    rest = values[half : len(values) - half] - np.convolve(values, weights, "valid")
    phase = np.arange(len(rest)) % season
    means = np.bincount(phase, rest) / np.bincount(phase)
    return np.var(means[phase]) / np.var(rest)


def growth(values):
    """The exponent by which the root mean square change grows from 1 step to 8."""
    one, eight = (np.mean((values[lag:] - values[:-lag]) ** 2) for lag in (1, 8))
    return np.log(max(eight, 1e-12 * one) / one) / (2 * np.log(8))


def kurtosis(values):
    centred = values - values.mean()
    return np.mean(centred**4) / np.mean(centred**2) ** 2


def statistics(values, season):
    """Each statistic of one crop; without a season there is no share."""
    changes = np.diff(values)
    found = {
        "autocorrelation of the changes at lag 1": correlation(changes),
        "autocorrelation of the values at lag 1": correlation(values),
        "growth of the root mean square change from 1 to 8 steps, as an exponent": growth(
            values
        ),
        "kurtosis of the changes": kurtosis(changes),
    }
    if 1 < season <= len(values) // 3:
        share = "share of the detrended variance that a fixed season explains"
        found[share] = seasonal(values, season)
    return found


def measured():
    """The statistics of each series, as means over its crops."""
    for problem in problems(False, DATA):
        values = problem.values[: 4 * len(problem.values) // 5][-2 * CROP :]
        crops = [values[-CROP:]] + [values[:CROP]] * (len(values) == 2 * CROP)
        found = [statistics(crop, problem.season) for crop in crops]
        yield {name: np.mean([one[name] for one in found]) for name in found[0]}


def synthetic():
    batch = draw(np.random.default_rng(1), SERIES, 640)
    crops = batch.values[:, -CROP:].astype(float)
    for values, seasons in zip(crops, batch.seasons, strict=True):
        if np.ptp(np.diff(values)) > 0:
            yield statistics(values, int(seasons[0]))


def quantiles(rows):
    """By statistic, the quantiles over the series that have it."""
    rows = list(rows)
    names = sorted({name for row in rows for name in row})
    return {
        name: np.quantile([row[name] for row in rows if name in row], LEVELS).tolist()
        for name in names
    }


def main():
    found = {"measured": quantiles(measured()), "synthetic": quantiles(synthetic())}
    for name in found["measured"]:
        for side, of in found.items():
            print(f"| {name}: {side} | " + " | ".join(f"{x:.2f}" for x in of[name]) + " |")
    out = HERE / "results" / "prior_generator.json"
    out.write_text(json.dumps({**machine(), "levels": LEVELS, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
