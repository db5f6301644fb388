"""The tables of measured trajectories are what `benchmarks/results/` holds."""

import numpy as np
from test_docs_figures import says
from test_docs_tables import page, result, table


def test_the_noisy_lorenz():
    found = result("noisy_lorenz.json")["rows"]
    for points, *cells in table(page("trajectories"), "points"):
        count = int(points.replace(",", "")) if points[0].isdigit() else "true system"
        names = ("divergence", "spectrum", "exponent", "processor_seconds")
        for cell, name in zip(cells, names, strict=True):
            values = [row[name] for row in found if row["points"] == count and name in row]
            says(cell, [np.mean(values)] if values else [])


def test_the_twelve_flows():
    known = {(row["flow"], row["noise"]): row for row in result("trajectories.json")["rows"]}
    shown = table(page("trajectories"), "flow")
    assert len(shown) == 12
    for flow, *cells in shown:
        both = known[flow, 0.0], known[flow, 0.02]
        values = [
            np.median(one[name]) for one in both for name in ("valid", "tutorial", "search")
        ]
        says(" ".join(cells), values)
