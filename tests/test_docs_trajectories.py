"""The tables of measured trajectories are what `benchmarks/results/` holds."""

import numpy as np
from test_docs_figures import says
from test_docs_tables import page, result, table

METHODS = "searched", "mixture", "copied"


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


def test_the_twelve_flows_from_text():
    known = {row["flow"]: row for row in result("equation_flows.json")["rows"]}
    shown = table(page("differential-equations"), "chaotic flow")
    assert {flow for flow, *_ in shown} == known.keys()
    for flow, *cells in shown:
        values = [np.median(known[flow][name]) for name in ("valid", "tutorial", "search")]
        says(" ".join(cells), values)


def test_laws_of_many_variables():
    known = {row["flow"]: row for row in result("many_variables.json")["rows"]}
    shown = table(page("differential-equations"), "law of many variables")
    assert {flow for flow, *_ in shown} == known.keys()
    for flow, variables, *cells in shown:
        assert int(variables) == known[flow]["variables"]
        ways = known[flow]["few"], known[flow]["all"]
        values = [np.median(way[key]) for way in ways for key in ("valid", "after_one")]
        says(" ".join(cells), values)


def test_five_hundred_points():
    """Valid times flow by flow, and the sentence about the free runs."""
    rows = result("dynamics_prior.json")["rows"]
    known = {(row["method"], row["flow"], row["noise"]): row for row in rows}
    text = page("trajectories").split("\n## From 500 points\n")[1]
    shown = table(text, "500 points of")
    assert {flow for flow, *_ in shown} == {row["flow"] for row in rows}
    for flow, *cells in shown:
        says(
            " ".join(cells),
            [np.median(known[m, flow, n]["valid"]) for n in (0.0, 0.02) for m in METHODS],
        )
    flows = [flow for flow, *_ in shown]
    for noise, method, *cells in table(text, "noise"):
        some = [known[method, flow, float(noise.strip(" %")) / 100] for flow in flows]
        kept = sum(row["bounded"] and row["moves"] for row in some)
        apart = [np.median([row[k] for row in some]) for k in ("divergence", "spectrum")]
        says(" ".join(cells), [*apart, kept])
