"""The figures of `docs/four-ways.md` are those of `benchmarks/results/`."""

import re
import statistics

from test_docs_figures import rows, says
from test_docs_tables import page, result, table

RESERVOIRS = {
    "Mackey-Glass 17, 400 units, 3,000 points, NRMSE84": ("reservoir_mg17", "NRMSE84"),
    "Mackey-Glass 17, 1000 units": ("reservoir_mg17_1000", "NRMSE84"),
    "Mackey-Glass 30, 400 units, 3,000 points": ("reservoir_mg30", "NRMSE84"),
    "Mackey-Glass 30, 21,000 points": ("reservoir_mg30_21000", "NRMSE84"),
    "NARMA10, 200 units, NMSE": ("reservoir_narma", "NMSE"),
    "laser, one step, NMSE, 200 units, steps 5,000 to 10,000": (
        "reservoir_laser",
        "NMSE, searched, fitted to 5000, on 5000 to 10000",
    ),
    "the same, the penalty by a rule that was chosen afterwards": (
        "reservoir_laser",
        "NMSE, searched, GCV, fitted to 5000, on 5000 to 10000",
    ),
    "the first, steps 8,000 to 10,000": (
        "reservoir_laser",
        "NMSE, searched, fitted to 5000, on 8000 to 10000",
    ),
    "laser, all settings by cross-validation within the first 5,000 steps": (
        "laser",
        "NMSE on 5000 to 10000",
    ),
    "the same, a readout that is linear in the state": (
        "laser",
        "NMSE on 5000 to 10000, without squares",
    ),
    "5-bit memorisation, T = 1000, 100 linear units, wrong of 160 symbols": (
        "reservoir_five_bits",
        "wrong symbols",
    ),
    "memory capacity of a cycle of 50, over its theorem": (
        "reservoir_memory",
        "capacity over theorem",
    ),
    "next-generation reservoir, Lorenz-63, data by RK23, NRMSE": (
        "reservoir_lorenz",
        "RK23, ridge 2.5e-06: NRMSE",
    ),
    "the same, Lyapunov times valid": (
        "reservoir_lorenz",
        "RK23, ridge 2.5e-06: valid Lyapunov times",
    ),
}


def test_the_reservoirs():
    shown = table(page("four-ways"), "task", "median (least to most)")
    assert [row[0] for row in shown] == list(RESERVOIRS)
    for name, text, _ in shown:
        file, measure = RESERVOIRS[name]
        found = result(f"{file}.json")["summary"][measure]
        says(text, [found[key] for key in ("median", "least", "most")])


def test_the_fields():
    """Each row's settings and valid times, from the file of its length."""
    shown = table(page("four-ways"), "length", "points")
    assert len(shown) == 2
    for length, points, step, units, exponent, valid in shown:
        found = result(f"field_ks{length}.json")
        case, times = found["case"], found["summary"]["Lyapunov times valid"]
        says(points, [case["points"]])
        says(step, [case["dt"]])
        says(units, [case["units"]])
        says(exponent, [found["exponent"]])
        says(valid, [times[key] for key in ("median", "least", "most")])


TASKS = {
    "adding": "adding",
    "adding, half the sum": "adding_mean",
    "temporal order": "temporal_order",
    "multiplication": "multiplication",
    "20-bit memorisation": "memorisation_20bit",
    "5-bit memorisation": "memorisation_5bit",
}
WAYS = {
    "LSTM": "lstm",
    "momentum": "momentum",
    "Hessian-free": "hf",
    "regularised": "regularised",
}


def about(text, value):
    """Whether a number, or its last digits where these are zeros, is a value, rounded."""
    unit = 10 if text.endswith("0") and value > 100 else 1
    return abs(float(text) - value) <= 0.501 * unit


def agrees(runs, wrong, sequences, seconds):
    """Whether some runs have the mistakes, sequences and seconds of a row."""
    measured = {"sequences": sequences, "seconds": seconds}
    for name, texts in measured.items():
        values = sorted(run[name] for run in runs)
        shown = values[0], values[-1]
        if len(texts) == 1:
            shown = (statistics.median(values),)
        if not all(about(*pair) for pair in zip(texts, shown, strict=True)):
            return False
    return [str(run["wrong"]) for run in runs] == wrong


def test_the_long_range_tasks():
    """Each row is what some runs with its settings, one a seed, have found."""
    shown = table(page("four-ways"), "task", "T", "way", "units", "seeds")
    for name, length, way, units, seeds, wrong, of, sequences, seconds, _ in shown:
        first, *last = map(int, seeds.split("-"))
        known = {}
        for run in result("long_range.jsonl"):
            settings = run["task"], run["length"], run["way"], run["hidden"], run["tested"]
            wanted = TASKS[name], int(length), WAYS[way.split(",")[0]], int(units)
            if settings == (*wanted, int(of.replace(",", ""))):
                known.setdefault((run["recipe"], run["updates"]), {})[run["seed"]] = run
        chosen = range(first, (last or [first])[0] + 1)
        written = [text.strip(" *") for text in wrong.split(" (")[0].split(",")]
        figures = [text.replace(",", "").split(" to ") for text in (sequences, seconds)]
        groups = [
            [runs[seed] for seed in chosen] for runs in known.values() if {*chosen} <= {*runs}
        ]
        assert any(agrees(runs, written, *figures) for runs in groups), (name, length, way)


def only(**wanted):
    """The runs of the long-range tasks that have these settings."""
    runs = [
        run
        for run in result("long_range.jsonl")
        if all(run[name] == value for name, value in wanted.items())
    ]
    assert runs, wanted
    return runs


def test_what_each_change_does():
    """20 bits; a row with no way in its first cell goes on with that of the row above."""
    shown, place = table(page("four-ways"), "way, T"), ""
    for name, recipe, wrong, updates in shown:
        place = name or place
        way, length = place.split(", ")
        (run,) = only(
            task="memorisation_20bit",
            way=WAYS[way],
            length=int(length),
            recipe=re.match(r"`([^`]+)`", recipe)[1],
            seed=5 if way == "momentum" else 1,
            updates_done=int(updates.replace(",", "")),
        )
        assert wrong.replace(",", "") == f"{run['wrong']} of {run['tested']}"
    assert len(shown) == 6


BESIDE = {
    "Hessian-free": {"way": "hf", "recipe": "default"},
    "Adam": {"way": "hf", "recipe": "by Adam"},
    "momentum": {"way": "momentum", "recipe": "default"},
}


def test_the_ways_beside_adam():
    shown = table(page("four-ways"), "task", "Hessian-free", "Adam")
    wrong = {}
    for name, *cells in shown:
        for (column, settings), text in zip(BESIDE.items(), cells, strict=True):
            (run,) = only(task=TASKS[name], length=100, seed=1, **settings)
            wrong[name, column] = run["wrong"] / run["tested"]
            found = re.fullmatch(r"(\d+)(?: of (\d+))?(?: wrong)?, (\d+) s", text)
            assert int(found[1]) == run["wrong"]
            assert int(found[2] or run["tested"]) == run["tested"]
            says(found[3], [run["seconds"]])
    assert len(shown) == 4
    share = re.search(r"of adding its test draw has ([\d.]+) %", page("four-ways"))[1]
    says(share, [100 * wrong["adding", "momentum"]])
    assert min(wrong[name, "Adam"] for name, *_ in shown) > 0.5  # "had not left the guess"


MOMENTA = {
    "none": "mu0=0",
    "NAG .9": "mu0=.9",
    "NAG .98": "mu0=.98",
    "NAG .995": "default",
    "classical .98": "classical .98",
    ".9": "mu0=.9",
    ".98": "mu0=.98",
}


def mistakes(momentum, rate, seeds):
    """The mean share of wrong sequences of adding, over seeds."""
    recipe = MOMENTA[momentum]
    recipe += "" if recipe == "default" else f", rate {float(rate)}"
    shares = []
    for seed in seeds:
        (run,) = only(task="adding_mean", way="momentum", recipe=recipe, seed=seed)
        shares.append(run["wrong"] / run["tested"])
    return statistics.fmean(shares)


def test_the_ranking_of_momenta():
    text = page("four-ways").split("The ranking of momenta")[1]
    heads, _, rates, seeds, wrong, _ = table_with_head(text)
    says(wrong[1], [guessing()])
    for momentum, rate, of, figure in zip(
        heads[2:], rates[2:], seeds[2:], wrong[2:], strict=True
    ):
        first, *rest = map(int, re.split(r"-|, ", of))
        chosen = [first, *rest] if "," in of else range(first, rest[0] + 1)
        says(figure, [mistakes(momentum, rate, chosen)])
    sentence = re.search(r"in every column, on seed 5: (.+?)\.\n", text)[1]
    for each in sentence.split(", "):
        momentum, figure = each.split(" ")
        says(figure, [mistakes(momentum, 0.001, [5])])


def table_with_head(text):
    return next(found for part in text.split("\n\n") if (found := rows(part)))


def guessing():
    """How often .5 is off by .04 or more, of the mean of two even draws from [0, 1].

    The density of the mean is 4 m below a half, and the same above.
    """
    return 1 - 2 * 2 * (0.5**2 - 0.46**2)


def test_what_a_guess_gets_wrong():
    share = re.search(r"guessing \.5 is wrong on ([\d.]+) %", page("four-ways"))[1]
    says(share, [100 * guessing()])


def test_what_sparse_weights_do():
    (run,) = only(task="memorisation_20bit", way="hf", recipe="sparse", length=100)
    symbols = re.search(r"by Hessian-free ([\d.]+) of 10 .+? after (\d+)", page("four-ways"))
    says(f"{symbols[1]} {symbols[2]}", [run["answers"], run["updates_done"]])


def test_reservoirs_without_settings():
    known = result("reservoir_defaults.json")["rows"]
    models = [f"{kind}, {how}" for kind in ("echo state", "polynomial")
              for how in ("fixed", "searched")]  # fmt: skip
    for series, *cells in table(page("four-ways"), "series", "echo state, fixed"):
        for cell, model in zip(cells, models, strict=True):
            found = known[series].get(model, {})
            values = [found[name] for name in ("error", "valid") if name in found]
            lost = bool(values) and not values[0] < 1e3
            assert lost == cell.startswith("lost"), (series, cell)
            says(cell, values[1:] if lost else values)
