"""The report: complete, offline, true to the numbers, and legible on a telephone."""

import base64
import dataclasses
import hashlib
import html
import json
import re
import subprocess

import numpy as np
import pytest
from conftest import refuses
from made_models import known_backtest, untrained, waves, with_margins
from pages import BROWSER, Page

from throughtime.forecasting.forecast import Forecast
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.architecture import unused_settings
from throughtime.reports import forecast_report, general_figures

NAME = '<script>alert(1)</script> & "x"'
SECTIONS = "verdict key-figures series truth beyond error training coverage network".split()
SECTIONS += "settings data versions repeat".split()
VERSIONS = {"throughtime": "0.1.0", "jax": "0.10.2"}
COMMAND = 'throughtime forecast "a <b>.csv" --steps 15 --seed 0'


@pytest.fixture(scope="module")
def fitted():
    """A model of a series with a hostile name, its backtest and its forecast."""
    model = untrained(waves(targets=(NAME,), name=NAME, filled=3), best=(5, 3))
    return model, model.backtest(steps=15), [model.predict(15)]


def ahead(model, steps):
    """Forecasts as a model of each of its series could make them."""
    return [
        Forecast(
            mean, mean - 1, mean + 1, one.times.after(steps), one.target_names, 0.9, one.name
        )
        for one in model.data_.series
        for mean in [np.sin(np.arange(steps) / 2)[:, None].repeat(one.targets.shape[1], axis=1)]
    ]


@pytest.fixture(scope="module")
def page(fitted, tmp_path_factory):
    return written(tmp_path_factory.mktemp("report") / "report.html", *fitted)


def written(path, model, backtest, forecasts):
    forecast_report.write_report(
        path,
        model,
        backtest,
        forecasts,
        title=f"Forecast of {NAME}",
        command=COMMAND,
        versions=VERSIONS,
    )
    return path.read_text(encoding="utf-8")


def test_every_tag_is_closed_and_every_section_there(page):
    parsed = Page(page)
    assert [i for i in parsed.ids if i in SECTIONS] == SECTIONS
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.tags.count("svg") == 2 * 7  # wide and narrow


def test_nothing_is_fetched_and_only_what_the_policy_names_runs(page):
    parsed = Page(page)
    policy = html.unescape(re.search(r'Policy" content="([^"]*)"', page)[1])
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy and "http" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    styles = re.findall(r"<style>(.*?)</style>", page, re.S)
    assert (len(scripts), len(styles)) == (1, 1)
    for (text,), kind in ((scripts, "script"), (styles, "style")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    data = re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)
    assert len(data) == 7 and all(json.loads(one) for one in data)
    assert parsed.tags.count("script") == 1 + len(data)
    assert "style" not in dict(parsed.attributes)
    urls = set(re.findall(r"https?://[^\"' )<]+", page))
    assert urls <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not {"link", "img", "iframe", "object"} & set(parsed.tags)
    assert not re.search(r"@import|url\((?!#)", page)
    for name, value in parsed.attributes:
        assert not name.startswith("on")
        if name in ("href", "xlink:href", "src"):
            assert value.startswith("#") and value[1:] in parsed.ids


def test_names_are_escaped(page):
    assert "<script>alert" not in page
    parsed = Page(page)
    assert parsed.texts["title"].startswith(f"Forecast of {NAME}")
    assert any(NAME in cell for table in parsed.tables for row in table for cell in row)


def test_a_report_of_several_series_is_of_all_of_them(tmp_path):
    model = untrained([waves(name="north"), waves(name="south")])
    page = written(tmp_path / "report.html", model, None, [])
    assert "A forecast: 2 series, time step 1 month." in page


def test_the_error_table_is_the_backtests(fitted, page):
    backtest = fitted[1]
    table = next(t for t in Page(page).tables if t[0][0] == "RMSE at lead time")
    assert table[0][1:] == ["all", "1", "2", "5", "10", "15", "MAE, all"]
    for row in table[1:]:
        name = row[0].split(" (period")[0]
        errors, mae = backtest.rmse[name][:, 0], backtest.mae[name][:, 0]
        wanted = [errors.mean(), *(errors[k - 1] for k in (1, 2, 5, 10, 15)), mae.mean()]
        np.testing.assert_allclose([float(cell) for cell in row[1:]], wanted, rtol=6e-4)
    assert len(table) == 1 + len(backtest.rmse)


def test_the_table_of_values_is_the_forecasts(fitted, page):
    forecast = fitted[2][0]
    table = next(t for t in Page(page).tables if t[0] == ["month", "mean", "lower", "upper"])
    assert [row[0] for row in table[1:]] == forecast.times.labels()
    wanted = np.column_stack([forecast.mean, forecast.lower, forecast.upper])
    wanted = np.where(np.isfinite(wanted), wanted, np.nan)
    found = [[float(c) if c != "–" else np.nan for c in row[1:]] for row in table[1:]]
    np.testing.assert_allclose(found, wanted, rtol=6e-5)
    assert "<details>" in page  # 15 rows are folded


def test_versions_settings_and_provenance_are_there(fitted, page):
    model, backtest, _ = fitted
    parsed = Page(page)
    cells = {row[0]: row[1] for table in parsed.tables for row in table if len(row) == 2}
    assert cells.items() >= VERSIONS.items()
    assert cells["Fingerprint (SHA-256)"] == model.data_.series[0].fingerprint()
    assert cells["Filled values"] == "3" and cells["Time step"] == "1 month"
    of_combinations = {"season", "transform", "lower", "refit"}
    unused = {*unused_settings(model.cell), *of_combinations}
    assert set(model.get_params()) - set(cells) == unused
    assert cells["hidden"] == "4" and cells["dense"] == "none"
    assert cells["rate"] == "the method's own"
    assert model.architecture_.build(0).summary() in parsed.texts["pre"]
    assert COMMAND.replace(" ", "") in parsed.texts["span"].replace(" ", "")
    assert f"all {model.epochs} epochs done" in page and f"{backtest.origins}" in page


def test_settings_of_the_combination_are_not_those_of_networks_alone():
    by_hand = {"season": (7, 30), "transform": "none", "lower": -2.0, "refit": False}
    table = forecast_report.settings_table(untrained(waves(), core="linear", **by_hand))
    assert [table[name] for name in by_hand] == ["7, 30", "none", "-2", "no"]
    found = forecast_report.settings_table(untrained(waves(), core="linear"))
    assert {found[name] for name in ("season", "transform", "lower")} == {"as the series shows"}
    alone = forecast_report.settings_table(untrained(waves(), core=None, prior=None))
    assert not by_hand.keys() & alone.keys() and alone["core"] == "none"


def test_infinite_margins_and_no_backtest_are_reported(fitted, tmp_path):
    model, backtest, (forecast,) = fitted
    endless = dataclasses.replace(
        forecast, lower=forecast.mean - np.inf, upper=forecast.mean + np.inf
    )
    none = with_margins(
        backtest.truth,
        backtest.forecasts,
        np.full_like(backtest.margins, np.inf),
        backtest.level,
        backtest.period,
        backtest.targets,
    )
    page = written(tmp_path / "a.html", model, none, [endless])
    Page(page)
    assert not re.search(r"\b(nan|inf)\b", page)
    assert "too short to calibrate them" in page
    page = written(tmp_path / "b.html", model, None, [])
    assert not {"truth", "error", "coverage", "beyond"} & set(Page(page).ids)


def test_other_data_than_the_fitted_are_reported(tmp_path):
    model = untrained(waves())
    other = [waves(60, name="short"), waves(90, name="other")]
    page = written(tmp_path / "a.html", model, known_backtest(model, other, 3), [])
    assert "truth" in Page(page).ids and "beyond" not in Page(page).ids


def test_several_series_and_targets_are_limited(tmp_path):
    model = untrained([waves(150, ("a", "b"), f"wave {i}") for i in range(3)])
    page = written(tmp_path / "a.html", model, known_backtest(model, None, 4), ahead(model, 4))
    parsed = Page(page)
    assert "There are 3 series of 2 targets each; figures show the first 4" in page
    assert len(parsed.ids) == len(set(parsed.ids))
    # split 4, beyond 4, training 1, and truth, one step, lead time, coverage for 2 targets
    assert parsed.tags.count("svg") == 2 * (4 + 4 + 1 + 4 * 2)
    assert len(page) < 700_000


def test_filled_values_and_short_series_are_reported(tmp_path):
    gaps = np.random.default_rng(0).random((160, 1)) < 0.3
    series = [dataclasses.replace(waves(), filled_at=gaps, name=name) for name in "ab"]
    model = untrained(series)
    for data in (None, [series[0][:120]]):
        backtest = dataclasses.replace(known_backtest(model, data, 3), series_counts=(1, 2))
        page = written(tmp_path / "a.html", model, backtest, [])
        assert "truth" in Page(page).ids and not re.search(r"\b(nan|inf)\b", page)
        assert "errors are computed over 1 of 2 series." in page


def test_settings_that_the_network_does_not_follow_are_shown(tmp_path):
    model = untrained(waves(), centred=True, residual=True, truncated=True)
    page = Page(written(tmp_path / "a.html", model, None, []))
    cells = {row[0]: row[1] for table in page.tables for row in table if len(row) == 2}
    assert cells["centred"] == "no (set to yes)" and cells["residual"] == "yes"


def test_the_page_is_the_same_each_time(fitted, page, tmp_path):
    assert written(tmp_path / "again.html", *fitted) == page


def test_ten_thousand_points_stay_light(tmp_path):
    model = untrained(waves(12_000))
    page = written(
        tmp_path / "a.html", model, known_backtest(model, None, 5), ahead(model, 2000)
    )
    assert len(page) < 600_000
    assert "1000 rows (1000 more are not shown)" in page


def test_a_failure_leaves_the_old_report(fitted, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(general_figures, "training_losses", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            written(path, fitted[0], None, [])
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        written(path, fitted[0], None, [])
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_mistakes_are_named(fitted, tmp_path):
    with refuses("the folder of a report must exist"):
        written(tmp_path / "none" / "report.html", *fitted)
    with refuses("a report needs a fitted model"):
        written(tmp_path / "report.html", Forecaster(), *fitted[1:])


PROBE = """<!doctype html><body style="margin:0">
<iframe id="f" src="report.html" style="border:0;width:{width}px;height:900px"></iframe>
<pre id="out"></pre><script>
const f = document.getElementById("f");
f.onload = () => {{
  const d = f.contentDocument.documentElement;
  const found = "scroll=" + d.scrollWidth + " window=" + d.clientWidth;
  document.getElementById("out").textContent = found;
}};
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
@pytest.mark.parametrize("width", [360, 1200])
def test_no_page_is_wider_than_its_window(width, page, tmp_path):
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    (tmp_path / "probe.html").write_text(PROBE.format(width=width), encoding="utf-8")

    def browse(*options, name):
        quiet = "headless no-sandbox disable-gpu disable-quic no-first-run hide-scrollbars"
        quiet += " disable-background-networking disable-component-update disable-sync"
        flags = [f"--{flag}" for flag in quiet.split()]
        flags += [f"--user-data-dir={tmp_path / 'user'}", "--allow-file-access-from-files"]
        flags += ["--virtual-time-budget=5000", f"--window-size={max(width, 500)},1200"]
        command = [BROWSER, *flags, *options, (tmp_path / name).as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        return done.stdout

    found = re.search(r"scroll=(\d+) window=(\d+)", browse("--dump-dom", name="probe.html"))
    assert found and int(found[2]) == width and int(found[1]) <= width
    picture = tmp_path / "page.png"
    browse(f"--screenshot={picture}", name="report.html")
    assert picture.stat().st_size > 20_000
