"""`throughtime figures`: files for a paper, the same each time."""

import csv
import io
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from command_line import TINY, cut, document, fails, succeeds, table
from pages import texts

from throughtime.forecasting.forecaster import Forecaster

SURROGATE = "--cell rnn --hidden 3 --epochs 2 --trajectories 8 --steps 10 --window 5".split()
SURROGATE += "--unseen 2 --unseen-steps 10 --quiet --out equation".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a forecast and a surrogate."""
    folder = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("y.csv").write_text(cut(table(), "t", "y"))
        with patch.context() as quick:  # reports have tests of their own
            for module in ("forecast_report.write_report", "surrogate_report.write_surrogate"):
                quick.setattr(f"throughtime.reports.{module}", lambda *_, **__: None)
            succeeds("forecast", "y.csv", *TINY, "--quiet", "--out", "run")
            succeeds("surrogate", "logistic", *SURROGATE)
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def written(folder):
    """The files of the forecast's figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return [folder / name for name in succeeds("figures", "run").out.split()]


def test_each_figure_is_there_in_three_formats_with_its_numbers(folder, written):
    assert sorted(written) == sorted((folder / "run/figures").iterdir())
    names = {path.stem for path in written if path.suffix == ".png"}
    assert {"series-split", "forecast-and-truth", "training-losses"} <= names
    for name in names:
        svg, pdf, png = (folder / "run/figures" / f"{name}.{s}" for s in ("svg", "pdf", "png"))
        assert len(texts(svg.read_text())) > 4
        pages = pdf.read_bytes()
        assert pages.startswith(b"%PDF-") and b"/Type3" not in pages and b"/FontFile2" in pages
        pixels = matplotlib.image.imread(png)
        assert pixels.shape[1] > 3000 and pixels[0, 0].tolist() == [1, 1, 1, 1]
        assert any(p.suffix == ".csv" and p.stem.startswith(name) for p in written)


def test_the_numbers_are_the_forecasts(here, written):
    def rows(name):
        return list(csv.DictReader(io.StringIO(Path(name).read_text())))

    ahead = {row["t"]: row for row in rows("run/figures/forecast-beyond-data.csv")}
    for row in rows("run/forecast.csv"):
        value = float(ahead[row["t"]]["forecast"])
        np.testing.assert_allclose(value, float(row["y"]), rtol=1e-6)
    truth = np.genfromtxt("y.csv", delimiter=",", names=True)
    parts = ("training", "validation", "test")
    drawn = rows("run/figures/series-split.csv")
    values = [next(float(row[p]) for p in parts if row.get(p)) for row in drawn]
    np.testing.assert_array_equal(values, truth["y"])


def test_a_surrogate_has_figures_too_and_they_are_the_same_each_time(here):
    found = document(succeeds("figures", "equation", "--out", "one", "--json").out)["files"]
    assert {"one/time-series-median-error.svg", "one/error-distribution.csv"} <= set(found)
    succeeds("figures", "equation", "--out", "two")
    for name in found:
        assert Path(name).read_bytes() == Path(name.replace("one", "two")).read_bytes()


def test_mistakes(here):
    Forecaster.load("run").train().save("saved")
    rule = "a run must be one that `throughtime forecast` began"
    fails("figures", "saved", rule=rule, got="`saved`", remedy="throughtime forecast")
    Path("file").write_text("mine")
    rule = "the folder of figures must be writable"
    fails("figures", "run", "--out", "file", rule=rule, got="`file`", remedy="--out")
    fails("figures", "nothing", rule="run", got="nothing")
