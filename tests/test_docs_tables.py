"""Each table of measured figures in the documents is what `benchmarks/results/` holds."""

import json
import re
import statistics
from functools import cache

import numpy as np
import pytest
from test_docs_figures import RESULTS, ROOT, numbers, rows, says
from test_site import PAGES

README = ROOT / "README.md"
FORECASTING = ROOT / "docs" / "forecasting.md"
FIGURE = re.compile(r"(?<![\w.])\d*\.\d+(?:e-?\d+)?(?![.\w])")


@cache
def result(name):
    text = (RESULTS / name).read_text(encoding="utf-8")
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in text.splitlines()]
    return json.loads(text)


def page(name):
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def table(text, *heads):
    """The rows of the first table of a text whose head begins with these cells."""
    for part in re.split(r"\n\n", text):
        found = rows(part)
        if found and tuple(found[0][: len(heads)]) == heads:
            return found[2:]
    raise AssertionError(heads)


# Forecasts.

PEERS = ("naive", "seasonal naive", "autoregression", "direct linear")
PEERS += ("AutoARIMA", "AutoETS", "AutoTheta", "LSTM")
PARTS = {
    "**throughtime**": "throughtime",
    "its linear core alone": "core",
    "its recurrent prior alone, zero-shot": "prior",
    "its networks alone (`--plain`)": "throughtime --plain",
}
EMPLOYMENT = "construction", "durable_goods", "education_and_health_services", "financial"


@cache
def errors(measure):
    """A measure by series and method, of those that have it."""
    found = {}
    for row in result("forecasting.json")["rows"]:
        if row.get(measure) is not None:
            found.setdefault(row["series"], {})[row["method"]] = row[measure]
    return found


def over_best(method):
    """By series, the RMSE of a method over that of the best peer."""
    return {
        name: of[method] / min(of[peer] for peer in PEERS if peer in of)
        for name, of in errors("rmse").items()
        if method in of
    }


def geometric(values):
    return float(np.exp(np.mean(np.log(list(values)))))


@pytest.mark.parametrize("path", [README, FORECASTING], ids=lambda path: path.name)
def test_the_summary_of_the_forecasts(path):
    shown = table(path.read_text("utf-8"), "", "RMSE over the best peer's")
    assert len(shown) == len(PARTS) + len(PEERS)
    for name, rmse, mae, within, worse, covered, winkler in shown:
        method = PARTS.get(name, name)
        ratios = over_best(method)
        says(rmse, [geometric(ratios.values())])
        naive = errors("mae")
        kept = [of[method] / of["seasonal naive"] for of in naive.values() if method in of]
        says(mae, [geometric(kept)])
        says(within, [sum(ratio <= 1.05 for ratio in ratios.values())])
        says(worse, [sum(ratio > 1.25 for ratio in ratios.values())])
        inside = [of[method] for of in errors("coverage").values() if method in of]
        says(covered, [100 * statistics.fmean(inside)] if inside else [])
        scores = [of[method] for of in errors("winkler").values() if method in of]
        says(winkler, [geometric(scores)] if winkler else [])


def test_the_forecasts_series_by_series():
    shown = table(page("forecasting"), "series", "rows", "lead times")
    known = {row["series"]: row for row in result("forecasting.json")["rows"]}
    assert len(shown) == len(known)
    for name, length, steps, rmse, ratio, best, core, prior, network in shown:
        series = name.replace("employment, ", "employment_").replace(" ", "_")
        of = errors("rmse")[series]
        says(length.replace(",", ""), [known[series]["rows"]])
        says(steps, [known[series]["steps"]])
        says(rmse, [of["throughtime"]])
        says(ratio, [over_best("throughtime")[series]])
        assert best == min((peer for peer in PEERS if peer in of), key=of.__getitem__)
        for text, method in (
            (core, "core"),
            (prior, "prior"),
            (network, "throughtime --plain"),
        ):
            says(text, [over_best(method)[series]])


def test_the_spread_of_the_seeds():
    found = re.search(
        r"at most ([\d.]+) times the smallest on (\d+) of the (\d+)", page("forecasting")
    )
    seeds = [
        row["rmse_of_seeds"]
        for row in result("forecasting.json")["rows"]
        if row["method"] == "throughtime"
    ]
    near = [max(each) / min(each) <= float(found[1]) for each in seeds]
    assert (sum(near), len(near)) == (int(found[2]), int(found[3]))


def test_the_inputs():
    ratios = {
        name: found["core and prior"] for name, found in result("inputs.json")["ratios"].items()
    }
    made = "oscillator", "delay, known ahead", "delay, of the past"
    made += "weekday and holidays", "category"
    shown = table(page("inputs"), "the series", "mean", "largest")
    for (_, mean, largest), name in zip(shown, made, strict=False):
        says(mean, [statistics.fmean(ratios[name])])
        says(largest, [max(ratios[name])])
    for (_, mean, largest), kind in zip(shown[5:], ("autoregression", "season"), strict=True):
        noise = [each for name, each in ratios.items() if name.startswith(f"noise: {kind}")]
        means = [statistics.fmean(each) for each in noise]
        says(mean, [min(means), max(means)])
        says(largest, [max(map(max, noise))])


def test_the_network_alone():
    """Means over lead times, and the median and range of three seeds."""
    runs, series = result("accuracy.json")["runs"], ""
    names = {"RMSE": "rmse", "MAE": "mae", "one-step NMSE": "nmse_one_step"}
    shown = table(page("forecasting"), "series", "", "network", "ridge autoregression")
    for name, measure, *cells in shown:
        series = name or series
        of = [run for run in runs if run["series"] == series]
        assert len(of) == 3
        if measure not in names:
            says(cells[0], [100 * statistics.median(run["coverage"] for run in of)])
            continue
        values = [run[names[measure]] for run in of]
        network = [value["network"] for value in values]
        says(cells[0], [statistics.median(network), min(network), max(network)])
        methods = "ridge autoregression", "seasonal persistence", "persistence"
        for text, method in zip(cells[1:], methods, strict=True):
            says(text, [statistics.median(value[method] for value in values)])


def test_how_the_defaults_were_chosen():
    variants = {
        "**default**": "default",
        "loss at the last step only": "last step only",
        "plateau schedule": "plateau",
    }
    runs = {
        (run["variant"], run["series"], run["share"]): run["ratio"]
        for run in result("defaults.json")["runs"]
    }
    shown = table(page("forecasting"), "network's RMSE over the ridge's")
    places = [
        (name, share) for name in ("co2", "elnino", "sunspots") for share in (0.5, 0.65, 0.8)
    ]
    for name, *cells in shown:
        for text, place in zip(cells, places, strict=True):
            says(text, [runs[variants.get(name, name), *place]])


def test_the_panels():
    text, found = page("forecasting"), result("panel.json")["series"].values()
    sentence = re.search(r": ([\d.]+) as a panel, ([\d.]+) one by one", text)
    says(sentence[1], [geometric(one["panel"] for one in found)])
    says(sentence[2], [geometric(one["alone"] for one in found)])
    for name in ("AutoARIMA", "AutoETS"):
        over = geometric(one["errors"][name] / one["best"] for one in found)
        says(re.search(rf"{name} alone ([\d.]+\d)", text)[1], [over])
    seconds = re.search(r"1,000 made series .+?: (\d+) s on two cores", text)[1]
    says(seconds, [result("panel_1000.json")["seconds"]])


# The prior.


def test_the_training_of_the_prior():
    history = {row["updates"]: row for row in result("prior_training.jsonl")}
    last = history[max(history)]["validation"]
    for updates, minutes, loss, error in table(page("prior"), "updates", "core-minutes"):
        row = history[int(updates.replace(",", ""))]
        says(minutes, [row["seconds"] / 60])
        says(loss, [row["validation"]])
        says(error, [np.exp(row["validation"] - last)])


def test_the_prior_trained_further():
    ratios = result("prior_tuning.json")["ratios"]
    found = re.search(r"^\| unemployment \|.+\n.+\n\|.+\|$", page("prior"), re.MULTILINE)[0]
    heads, _, values = rows(found)
    named = {head: head.replace(", ", "_").replace(" ", "_").lower() for head in heads}
    for head, text in zip(heads, values, strict=True):
        says(text, [ratios[named[head]]])
    assert len(heads) == len(ratios)


def test_the_generator_beside_measured_series():
    found, name = result("prior_generator.json"), ""
    shown = table(page("prior-generator"), "quantile")
    assert len(shown) == len(found["measured"]) + len(found["synthetic"])
    for head, *cells in shown:
        name, side = head.split(": ") if ": " in head else (name, head)
        says(" ".join(cells), found[side][name])


# Speed.


def test_forward_and_backward():
    one, two = result("bptt.json"), result("bptt_2_threads.json")
    shown = table(page("performance"), "cell, batch x time x hidden")
    assert len(shown) == len(one["rows"]) == len(two["rows"])
    for cells, row, both in zip(shown, one["rows"], two["rows"], strict=True):
        shape = f"{row['batch']} x {row['time']} x {row['hidden']}"
        assert cells[0] == f"{row['cell'].upper()} {shape}"
        least = row["min_ms"]
        for text, value in zip(
            cells[1:],
            [
                *(least[side] for side in ("ours", "scan", "torch")),
                *(row["limit_ms"], 100 * row["of_peak"], row["ratio"]),
                both["min_ms"]["ours"],
            ],
            strict=True,
        ):
            says(text, [value])
    sentence = re.search(r"In the geometric mean .+?on one\.", page("performance"))[0]
    written = numbers(re.sub(r"\(\[times\].*?\)", "", sentence))
    means = one["summary"]["ratio"], one["summary"]["ratio_of_medians"], two["summary"]["ratio"]
    says(" ".join(written), [*(each["mean"] for each in means), means[0]["least"]])


def test_a_gradient_over_a_million_steps():
    runs = result("long_sequences_gradient.json")["gradient"]
    shown = table(page("performance"), "a million steps")
    assert [cell.lower() for cell, *_ in shown] == list(dict.fromkeys(r["cell"] for r in runs))
    for cell, *cells in shown:
        own = [run for run in runs if run["cell"] == cell.lower()]
        assert {(run["steps"], run["hidden"]) for run in own} == {(1_000_000, 32)}
        values = [run["peak"] / 2**20 for run in own]
        values += [run["seconds"]["processor"] for run in own]
        for text, value in zip(cells, values, strict=True):
            says(text, [value])


def test_all_steps_at_once():
    runs = result("long_sequences_newton.json")["newton"]
    shown = table(page("performance"), "units x steps")
    pairs = zip(runs[::2], runs[1::2], strict=True)
    for (sizes, dynamics, *cells), both in zip(shown, pairs, strict=True):
        full, diagonal = both
        assert [run["jacobians"] for run in both] == ["full", "diagonal"]
        assert sizes == f"{full['units']} x {full['steps']:,}" and dynamics == full["dynamics"]
        assert ["not enough" in text for text in cells[:2]] == [
            not r["converged"] for r in both
        ]
        values = [run["iterations"] for run in both]
        values += [run["seconds"]["processor"] for run in (full, diagonal)]
        values.append(full["one_by_one"]["processor"])
        for text, value in zip(cells, values, strict=True):
            says(text, [value])


def test_the_lecture_s_programs_beside_their_peers():
    heads = "program", "cold cache"
    programs = {"`example sine`": "lecture_sine", "`example noisy-sine`": "lecture_noisy_sine"}
    for program, cold, warm, peer, *over in table(page("performance"), *heads):
        medians = result(f"{programs[program]}.json")["medians"]["wall_s"]
        says(cold, [medians["cold"]])
        says(warm, [medians["warm"]])
        says(peer, [medians["peer"]])
        for text, name in zip(over, ("cold / peer", "warm / peer"), strict=True):
            says(text, [medians[name]])
    measures = {
        "validation MSE after 100 epochs": "validation_mse",
        "closed-loop RMSE over 200 steps": "closed_loop_rmse",
        "test MSE (the noise alone is 0.33)": "test_mse",
    }
    for what, ours, theirs, ratio in table(README.read_text("utf-8"), "", "throughtime"):
        name, measure = re.match(r"`([\w-]+)`, (.+)", what).groups()
        medians = result(f"{programs[f'`example {name}`']}.json")["medians"]
        if measure.startswith("wall time"):
            wall = medians["wall_s"]
            says(ours, [wall["cold"], wall["warm"]])
            says(theirs, [wall["peer"]])
            says(ratio, [wall["cold / peer"], wall["warm / peer"]])
        else:
            found = medians[measures[measure]]
            says(ours, [found["cold"]])
            says(theirs, [found["peer"]])
            says(ratio, [found["cold / peer"]])


def test_the_page_to_play_with():
    found = result("playground.json")
    sentence = re.search(r"It has (.+?) kB.+?, a frame (.+?) ms", page("lecture"))
    says(sentence[1], [found["bytes"] / 1000])
    says(sentence[2], [found["work"]["median"]])


def test_what_the_demo_prints():
    """`scripts/demo` from a fresh clone, kept in `demo.txt`; its seconds are the machine's."""
    said = (RESULTS / "demo.txt").read_text(encoding="utf-8")
    block = README.read_text(encoding="utf-8").split("```\nsunspots: ")[1].split("```")[0]
    seconds = re.compile(r", [\d.]+ s$", re.MULTILINE)
    assert seconds.sub("", f"sunspots: {block}") == seconds.sub("", said)


def test_the_seconds_of_the_notebooks():
    found = result("notebooks.json")["notebooks"]
    shown = table(page("notebooks/index"), "notebook", "slides", "seconds")
    assert len(shown) == len(found)
    for link, _, seconds, file in shown:
        name = re.search(r"\((.+)\.md\)", link)[1]
        assert file == f"`{name}.ipynb`"
        says(seconds, [found[name][time]["processor_seconds"] for time in ("first", "again")])


def test_every_command_of_the_slides_ran_from_a_fresh_clone():
    ran = [
        row for row in result("slides.json")["rows"] if row["code"].startswith("throughtime")
    ]
    listed = re.findall(r"^\| (\d[^|]*) \| [^|]+ \| `([^`]+)` \|", page("slides"), re.MULTILINE)
    commands = [(place, code) for place, code in listed if code.startswith("throughtime")]
    assert [(row["slides"], row["code"]) for row in ran] == commands
    assert not [row for row in ran if row["exit"]]
    longest = max(row["processor_seconds"] for row in ran)
    assert longest < 60  # the page says that none takes a minute
    says(re.search(r"the longest takes (\d+) s", page("slides"))[1], [longest])


# Every other table.

HELD = {
    ("differential-equations", "chaotic flow"),
    ("differential-equations", "law of many variables"),
    ("differential-equations", "way"),
    ("differential-equations", "network"),
    ("differential-equations", ""),
    ("forecasting", ""),
    ("forecasting", "series"),
    ("forecasting", "network's RMSE over the ridge's"),
    ("dynamics", "series"),
    ("four-ways", "task"),
    ("four-ways", "series"),
    ("four-ways", "length"),
    ("four-ways", ""),
    ("trajectories", "flow"),
    ("trajectories", "500 points of"),
    ("trajectories", "noise"),
    ("trajectories", "points"),
    ("inputs", "the series"),
    ("performance", "cell, batch x time x hidden"),
    ("performance", "program"),
    ("performance", "a million steps"),
    ("performance", "units x steps"),
    ("prior", "updates"),
    ("prior", "unemployment"),
    ("prior-generator", "quantile"),
}
"""Tables, by page and first cell, that a test above, of `test_docs_figures` or of
`test_docs_four_ways` holds."""

GIVEN = {("prior", ""), ("search", "setting"), ("your-table", "written")}
"""Tables of settings and of what may be written: nothing in them was measured."""


def measured(text):
    """The first cells of the tables that hold three figures with a point or more."""
    plain = re.sub(r"`[^`\n]*`|\]\([^)]*\)", "", text)
    found = [rows(part) for part in plain.split("\n\n")]
    return {
        one[0][0]
        for one in found
        if sum(len(FIGURE.findall(cell)) for row in one for cell in row) >= 3
    }


def test_no_table_of_figures_is_without_a_result():
    found = {
        (path.relative_to(ROOT / "docs").with_suffix("").as_posix(), head)
        for path in PAGES
        for head in measured(path.read_text(encoding="utf-8"))
    }
    assert found == HELD | GIVEN
