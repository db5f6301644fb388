"""The table of networks that were diagnosed is what `benchmarks/results/` holds."""

from test_docs_tables import page, result, table

SERIES = {"sine", "damped", "torus", "noisy sine, .1", "random walk", "logistic map 3.5",
          "logistic map 3.9", "Henon", "Lorenz-63", "Rossler", "Lorenz-96, 8"}  # fmt: skip


def test_what_diagnose_says_of_known_series():
    known, seen = result("diagnosed.json")["rows"], set()
    for name, data, *runs in table(page("dynamics"), "series", "the data"):
        for cell, run in zip(("gru", "esn"), runs, strict=True):
            found = known[f"{cell}: {name}"]
            assert found["right"] and found["data"] == data
            assert run == found["network"] + ", warned of" * found["warned"]
        seen.add(name)
    assert seen == SERIES
