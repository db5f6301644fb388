"""Networks that are trained further on all rows, beside those that are left as they are.

    python benchmarks/network_refit.py

A forecast beyond the end comes from core and weights that follow from all rows, but from
networks that learned from the training part. Here the networks go on to learn from all rows,
by `Forecaster.update`. All is within the first four fifths of each series: of these, the last
fifth is forecast. Printed is the RMSE of the networks alone over that without a refit. The
figures are in `docs/forecasting.md`.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from forecasting import DATA, as_series, problems
from machine import machine

import throughtime as tt

HERE = Path(__file__).parent
SERIES = "sunspots elnino unemployment seattle_daily co2 treering"
REFITS = [(3, None), (10, None), (3, 1e-3), (10, 1e-3), (10, 3e-4)]
"""Epochs, and the rate; None for the default one."""


def fitted(problem, known) -> tt.Forecaster:
    window = min(40, problem.train_end * 2 // 5)
    return tt.Forecaster(test=0.0, window=window).fit(known)


def rmse(model: tt.Forecaster, problem) -> float:
    """Of the networks alone."""
    window, steps = model.data_.window, problem.steps
    contexts = problem.values[problem.origins[:, None] + np.arange(-window, 0), None]
    inputs = np.zeros((len(contexts), window + steps, 0))
    network, scaler = model.predictor(steps).network, model.data_.scalers[0]
    made = network.rollouts(contexts, inputs, steps, scaler)[..., 0]
    ahead = problem.origins[:, None] + np.arange(steps)
    errors = (made - problem.values[ahead])[problem.measured[ahead]]
    return float(np.sqrt(np.mean(errors**2)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of `suite`")
    options = parser.parse_args()
    rows = {}
    for problem in problems(validation=True, data=options.data):
        if problem.name not in SERIES.split():
            continue
        known = as_series(problem.values, problem.times())[: problem.train_end]
        before, ratios = rmse(fitted(problem, known), problem), {}
        for epochs, rate in REFITS:
            model = fitted(problem, known)
            # An update has the settings of the fit.
            model.settings_ |= {"validation": 0.0, "patience": None}
            model.settings_ |= {} if rate is None else {"rate": rate}
            model.update(known, epochs=epochs)
            ratios[f"{epochs} epochs, rate {rate}"] = round(rmse(model, problem) / before, 3)
        rows[problem.name] = ratios
        print(problem.name, ratios, flush=True)
    out = HERE / "results" / "network_refit.json"
    out.write_text(json.dumps(machine() | {"series": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
