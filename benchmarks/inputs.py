"""What inputs are worth: the error with an input over that of the same models without.

    python benchmarks/inputs.py --seeds 5              # core and prior
    python benchmarks/inputs.py --seeds 5 --networks   # with networks, noise as an input alone

Made series of 400 days, three quarters to learn from; forecasts of 6 steps begin at every row
of the rest. In the first half of the table the input drives the series; in the second it is
noise, and should cost nothing. The figures are in `docs/inputs.md`.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from machine import machine

import throughtime as tt
from throughtime.data.loading import to_series
from throughtime.models.drive import Drive
from throughtime.models.series_model import SeriesModel

HERE = Path(__file__).parent
ROWS, LEARNED, STEPS = 400, 300, 6
DAYS = pl.date_range(pl.date(2023, 1, 1), pl.date(2024, 12, 31), "1d", eager=True)[:ROWS]

Made = tuple[dict[str, np.ndarray], dict]
"""Columns of a table, and the roles of those that are inputs."""


def oscillator(rng: np.random.Generator) -> Made:
    """A damped oscillator that a known force drives, a walk that returns to 0."""
    force, x, v, y = np.zeros(ROWS), 0.0, 0.0, []
    for t in range(1, ROWS):
        force[t] = 0.8 * force[t - 1] + rng.normal()
    for f in force:
        v += 0.3 * (f - x - 0.2 * v)
        x += 0.3 * v
        y.append(x + 0.02 * rng.normal())
    return {"y": np.array(y), "u": force}, {"inputs": "u"}


def delayed(rng: np.random.Generator, role: str) -> Made:
    """A process that follows its control with a delay of 6 steps."""
    u, y = rng.normal(size=ROWS), np.zeros(ROWS)
    for t in range(1, ROWS):
        y[t] = 0.7 * y[t - 1] + (u[t - 6] if t >= 6 else 0.0) + 0.1 * rng.normal()
    return {"y": y, "u": u}, {role: "u"}


def working_days(rng: np.random.Generator) -> Made:
    """Less on Sundays, and much less on German holidays."""
    import holidays

    off = holidays.country_holidays("DE", years=(2023, 2024))
    weekday = np.array([day.weekday() for day in DAYS])
    y = 20 + 3.0 * (weekday < 5) - 12.0 * np.array([day in off for day in DAYS])
    return {"y": y + rng.normal(size=ROWS)}, {"calendar": ["weekday", "holidays:DE"]}


def category(rng: np.random.Generator) -> Made:
    """A category that shifts the level of an autoregression."""
    kind = rng.choice(["a", "b", "c"], ROWS)
    y = autoregression(rng) + 3 * (kind == "b") - 3 * (kind == "c")
    return {"y": y, "kind": kind}, {"inputs": "kind"}


def autoregression(rng: np.random.Generator) -> np.ndarray:
    y = np.zeros(ROWS)
    for t in range(1, ROWS):
        y[t] = 0.8 * y[t - 1] + rng.normal()
    return y


def season(rng: np.random.Generator) -> np.ndarray:
    return 5 * np.sin(2 * np.pi * np.arange(ROWS) / 12) + rng.normal(size=ROWS)


def noise(rng: np.random.Generator, base: Callable, kind: str) -> Made:
    """A series, and an input that has nothing to do with it."""
    y, u = base(rng), rng.normal(size=ROWS)
    if kind == "category":
        return {"y": y, "u": rng.choice(list("abcd"), ROWS)}, {"inputs": "u"}
    if kind in ("weekday", "month"):
        return {"y": y}, {"calendar": kind}
    return {"y": y, "u": u}, {kind: "u"}


DRIVEN = {
    "oscillator": oscillator,
    "delay, known ahead": lambda rng: delayed(rng, "inputs"),
    "delay, of the past": lambda rng: delayed(rng, "past_inputs"),
    "weekday and holidays": working_days,
    "category": category,
}
NOISE = {
    f"noise: {base.__name__}, {kind}": (lambda rng, b=base, k=kind: noise(rng, b, k))
    for base in (autoregression, season)
    for kind in ("inputs", "past_inputs", "category", "weekday", "month")
}


def series(columns: dict[str, np.ndarray], roles: dict) -> tt.Series:
    table = pl.DataFrame({"day": DAYS, **columns})
    return to_series(table, target="y", time="day", **roles)[0]


def rmse(forecast: np.ndarray, values: np.ndarray, origins: np.ndarray) -> float:
    truth = values[origins[:, None] + np.arange(STEPS)]
    return float(np.sqrt(np.mean((forecast - truth) ** 2)))


def ratio(made: Made) -> dict[str, float]:
    """By core and prior alone."""
    found, origins = [], np.arange(LEARNED, ROWS - STEPS + 1)
    for roles in (made[1], {}):
        one = series(made[0] if roles else {"y": made[0]["y"]}, roles)
        values, drive = one.targets[:, 0], Drive.of(one)
        times = one.times[:LEARNED]
        model = SeriesModel.fit(values[:LEARNED], STEPS, times=times, drive=drive)
        found.append(rmse(model.forecast(values, origins, STEPS), values, origins))
    return {"core and prior": found[0] / found[1]}


def ratios_with_networks(made: Made) -> dict[str, float]:
    """Of the combination with networks, and of the networks alone."""
    found = []
    for roles in (made[1], {}):
        one = series(made[0] if roles else {"y": made[0]["y"]}, roles)
        model = tt.Forecaster(test=1 - LEARNED / ROWS).fit(one)
        found.append(model.backtest(steps=STEPS))
    errors = [
        {name: np.sqrt(np.nanmean((f - one.truth) ** 2)) for name, f in one.forecasts.items()}
        for one in found
    ]
    return {
        name: float(errors[0][name] / errors[1][name]) for name in ("combination", "network")
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--networks", action="store_true", help="noise, with networks")
    options = parser.parse_args()
    kinds = NOISE if options.networks else DRIVEN | NOISE
    measure, rows = ratios_with_networks if options.networks else ratio, {}
    out = HERE / "results" / f"inputs{'_networks' * options.networks}.json"
    for name, make in kinds.items():
        each = [measure(make(np.random.default_rng(seed))) for seed in range(options.seeds)]
        rows[name] = {way: [one[way] for one in each] for way in each[0]}
        for way, found in rows[name].items():
            print(f"{name:<36}{way:<16}{np.mean(found):7.3f}{max(found):7.3f}", flush=True)
        out.write_text(json.dumps(machine() | {"ratios": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
