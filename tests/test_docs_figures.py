"""The figures in the documents are those of the commands and of the benchmarks' results."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from test_site import PAGES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SAID = re.compile(
    r"^(System: |Training: |Over \d+ unseen|A linear map with|The gradient (falls|grows|keeps)"
    r"|In a free run|Leading Lyapunov|\d+ fixed points? found|Wrong: |Loss: |Cost: )",
    re.MULTILINE,
)
"""How lines begin that a command prints with figures in them."""

WAYS = {"echo state": "esn", "LSTM": "lstm", "momentum": "momentum", "Hessian-free": "hf"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_command_prints_stands_in_no_page(path):
    """A cell prints it when the site is built: it is what the command beside it says."""
    assert not SAID.search(path.read_text(encoding="utf-8"))


def section(title):
    text = (ROOT / "docs" / "differential-equations.md").read_text(encoding="utf-8")
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def rows(text):
    """The cells of each row of the tables in a text."""
    lines = re.findall(r"^\|(.+)\|$", text, re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def numbers(text):
    """The numbers in a text, as they are written."""
    return re.findall(r"-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?", text.replace("*", ""))


def says(text, values):
    """Whether the numbers in a text are these values, rounded to as many digits."""
    written = numbers(text)
    assert len(written) == len(values), text
    for number, value in zip(written, values, strict=True):
        digits, _, power = number.partition("e")
        unit = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
        assert abs(float(number) - value) <= 0.501 * unit, (number, value)


def test_the_table_of_lorenz():
    lines = (RESULTS / "lorenz.jsonl").read_text().splitlines()
    runs = [json.loads(line) for line in lines]
    checked = 0
    for way, forcing, valid, exponents, divergence, distance, seconds in (
        row for row in rows(section("Lorenz-63 in the four ways")) if row[1][:1].isalpha()
    ):
        if way == "way":
            continue
        kind = next(short for name, short in WAYS.items() if way.startswith(name))
        exact = forcing.replace(", .5", ":0.5")
        of = [run for run in runs if (run["way"], run["forcing"]) == (kind, exact)]
        assert len(of) == 2, (way, forcing)

        def median(name, of=of):
            return float(np.median([run[name] for run in of]))

        says(valid, [median(f"valid_{share}") for share in (50, 10, 90)])
        says(exponents, np.median([run["exponents"][:3] for run in of], axis=0))
        for text, name in (
            (divergence, "divergence"), (distance, "distance"), (seconds, "seconds")
        ):  # fmt: skip
            says(text, [median(name)])
        checked += 1
    assert checked == 8


def test_the_table_of_the_nerve():
    runs = json.loads((RESULTS / "nerve.json").read_text())["rows"]
    for name, text, seconds in rows(section("One step of a nerve")):
        of = [run for run in runs if name.lower() == run["cell"]]
        if of:
            errors = [run["rmse"] for run in of]
            says(text, [np.median(errors), max(errors)])
            says(seconds, [np.median([run["seconds"] for run in of])])
        elif name == "persistence":
            says(text, [np.median([run["persistence"] for run in runs])])


def test_the_race_of_rollouts():
    race = json.loads((RESULTS / "surrogates.json").read_text())["race"]["networks"]
    shown = rows(section("What a surrogate costs"))[2:]
    for row, (name, nrmse, seconds, whole, scheme, beside, other) in zip(
        race, shown, strict=True
    ):
        assert name.split(", ")[-1] == row["network"].split(", ")[-1]
        assert name.split(", ")[1] == row["network"].split(", ")[1]
        assert scheme == row["diffrax"]["how"]
        says(nrmse, [row["nrmse"]])
        says(whole, [row["whole_seconds"]])
        says(beside, [row["diffrax"]["nrmse"]])
        for text, of in ((seconds, row), (other, row["diffrax"])):
            says(text, [of["seconds"], of["processor_seconds"]])


def test_the_oscillator_over_three_seeds():
    runs = json.loads((RESULTS / "surrogates.json").read_text())["rows"]
    sentence = section("What a surrogate costs").strip().split("\n")[-1]
    found = re.search(r"NRMSE by the GRU is (.+?) \(worst (.+?)\)", sentence)
    says(found[1], [run["nrmse"]["median"] for run in runs])
    says(found[2], [run["nrmse"]["worst"] for run in runs])
