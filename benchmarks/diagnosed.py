"""What `diagnose` says of networks that have learned series whose behaviour is known.

    python benchmarks/diagnosed.py [--cells gru esn] [--series sine Henon] [--out FILE]

The series are those of `verdicts.py`, 2,000 steps. Each is learned by `Forecaster(cell=...)`,
the network alone. Kept: the verdict of the data, that of the network, the first sentence, and
whether that one warns where the two differ. Right: the data are judged as is
known, or can't be told; and where the network does something else, the diagnosis says so before
it speaks of it. Of a random walk, a constant is the best that a free run can be.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from machine import machine
from verdicts import HERE, series

import throughtime as tt
from throughtime.dynamics.behaviour import UNDECIDED
from throughtime.dynamics.disagreement import COMPATIBLE

NAMES = ("sine", "damped", "torus", "noisy sine, .1", "random walk", "logistic map 3.5",
         "logistic map 3.9", "Henon", "Lorenz-63", "Rossler", "Lorenz-96, 8")  # fmt: skip


def judged(cell: str, values: np.ndarray, wanted: str, given: dict) -> dict:
    """A row of the table."""
    clock = time.process_time()
    model = tt.Forecaster(cell=cell, core=None, prior=None, **given).fit(values, verbose=False)
    found = tt.diagnose(model)
    of_data, network = found.of_data(), found.behaviour
    of_series = found.series.kind if found.series else "is too short"
    of_network = "goes to infinity" if network is None else network.kind
    warned = any(said.startswith("Do not believe") for said in of_data)
    alike = of_network in (UNDECIDED, *COMPATIBLE.get(of_series, ()))
    right = of_series in (wanted, UNDECIDED) and (alike or warned)
    driven = None if found.driven is None else float(found.driven.exponents[0])
    return {
        "wanted": wanted,
        "data": of_series,
        "network": of_network,
        "warned": warned,
        "right": right or of_series == UNDECIDED,
        "conditional exponent": driven,
        "first": found.sentences()[0],
        "second": found.sentences()[1],
        "seconds": time.process_time() - clock,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=["gru", "esn"])
    parser.add_argument("--series", nargs="+", default=list(NAMES))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--ensemble", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "diagnosed.json")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = json.loads(options.out.read_text())["rows"] if options.out.exists() else {}
    known = series(options.steps, 0)
    for cell in options.cells:
        for name in options.series:
            values, wanted, _ = known[name]
            row = judged(cell, np.asarray(values), wanted, {"ensemble": options.ensemble})
            rows[f"{cell}: {name}"] = row
            text = json.dumps(machine() | {"rows": rows}, indent=1)
            options.out.write_text(text + "\n")
            said = "right" if row["right"] else "WRONG"
            print(f"{cell:5}{name:18}{said:6} data {row['data']:19}", end="")
            print(f"run {row['network']:19}{row['seconds']:6.0f} s", flush=True)


if __name__ == "__main__":
    main()
