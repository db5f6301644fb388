"""Figures in sentences of the documents are those of `benchmarks/results/`."""

import re
import statistics

import pytest
from test_docs_figures import says
from test_docs_tables import page, result


def _latency(side):
    return [row["microseconds"][side]["median"] for row in result("latency.json")["rows"]]


def _inputs(part, kind=""):
    ratios = result("inputs_networks.json")["ratios"]
    return [found[part][0] for name, found in ratios.items() if kind in name]


def _percent(values):
    return [100 * (value - 1) for value in (min(values), max(values))]


def _fits(side, what="fit"):
    rows = result("reservoir_speed.json")["rows"]
    return [row["ratio"][side] for row in rows if row["what"] == what]


def _searches(side):
    kinds = "search", "search, fits without drawing"
    return [_fits(side, what)[0] for what in kinds]


def _fits_in_a_row(side, which=slice(None)):
    """Seconds by the clock of some of the fits of a process, the median over the rounds."""
    rounds = result("second_fit.json")["seconds"][side]
    return statistics.median(sum(wall for wall, _ in fits[which]) for fits in rounds)


def _weekly(method):
    (row,) = (r for r in result("forecasting_m4_weekly.json")["rows"] if r["method"] == method)
    return row["smape"]


SECOND = slice(1, 2)

SENTENCES = {
    "sixteen networks": (
        "performance",
        r"train in ([\d.]+) of the time of 16",
        lambda: [result("ensemble.json")["summary"]["without compilation"]["ratio"]],
    ),
    "a step of a cell": (
        "performance",
        r"costs (\d+ to \d+) microseconds",
        lambda: [min(_latency("cell")), max(_latency("cell"))],
    ),
    "a step in PyTorch": (
        "performance",
        r"PyTorch's cells take (\d+ to \d+)",
        lambda: [min(_latency("torch")), max(_latency("torch"))],
    ),
    "a step in NumPy": (
        "performance",
        r"NumPy by hand (\d+ to \d+)",
        lambda: [min(_latency("numpy")), max(_latency("numpy"))],
    ),
    "ten fits": (
        "performance",
        r"a new network each\) (take .+?) The second",
        lambda: [_fits_in_a_row(side) for side in ("throughtime", "cached", "torch")],
    ),
    "a second fit": (
        "performance",
        r"The second fit (takes .+?) with a new one",
        lambda: [
            _fits_in_a_row(side, SECOND)
            for side in ("throughtime", "torch", "keras again", "keras")
        ],
    ),
    "a combination with noise": (
        "inputs",
        r"by a factor of ([\d.]+ to [\d.]+)\.",
        lambda: [min(_inputs("combination")), max(_inputs("combination"))],
    ),
    "networks with noise, autoregression": (
        "inputs",
        r"rose by (\d+ to \d+) % on the autoregression",
        lambda: _percent(_inputs("network", "autoregression")),
    ),
    "networks with noise, season": (
        "inputs",
        r"by (\d+ to \d+) % on the season",
        lambda: _percent(_inputs("network", "season")),
    ),
    "reservoirs by gram": (
        "four-ways",
        r"into each unit is ([\d., and]+) times as fast",
        lambda: _fits("ours, gram"),
    ),
    "reservoirs by qr": (
        "four-ways",
        r"2000 units by `\"gram\"`, and ([\d., and]+) by `\"qr\"`",
        lambda: _fits("ours, qr"),
    ),
    "reservoirs, the limit": (
        "four-ways",
        r"would be ([\d., and]+) times as fast",
        lambda: _fits("limit: X'X alone"),
    ),
    "a search of reservoirs": (
        "four-ways",
        r"at 100 units is (\d+) times faster",
        lambda: _searches("ours, 200 x 1")[:1],
    ),
    "the same, drawing not counted": (
        "four-ways",
        r"\((\d+) times, if its drawing",
        lambda: _searches("ours, 200 x 1")[1:],
    ),
    "25 reservoirs at 8 penalties": (
        "four-ways",
        r"and (\d+ \(\d+\)) times when 25",
        lambda: _searches("ours, 25 x 8"),
    ),
    "M4 weekly": (
        "../README",
        r"sMAPE \(.+?\): ([\d.]+ without networks, the recurrent prior alone [\d.]+)\.",
        lambda: [_weekly("throughtime, no network"), _weekly("prior")],
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_the_figures_in_a_sentence(name):
    where, pattern, values = SENTENCES[name]
    found = re.search(pattern, page(where))
    assert found, pattern
    says(re.sub(r"(?<=\d)\.?,|\band\b", " ", found[1]), values())
