"""The style: light SVG whose ids never clash, fine PNG, and nothing global changed."""

import re
import xml.etree.ElementTree as ET

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from conftest import refuses
from pages import SVG, texts

from throughtime.reports import figure_style
from throughtime.stamps.time_axis import Times


def plot(y, label="a curve", width=figure_style.WIDE):
    """A clipped line with a legend and grid, which refers to ids of its own."""
    with figure_style.canvas(width, 200) as figure:
        axes = figure.add_subplot()
        axes.plot(y, "o-", color=figure_style.INK, label=label)
        figure_style.legend(figure)
        figure_style.describe(figure, f"Of {label}", "A description")
    return figure


def test_an_svg_fills_its_box_and_is_described_for_screen_readers():
    svg = figure_style.to_svg(plot([1, 2, 3], width=400), "one")
    root = ET.fromstring(svg)
    assert (root.get("id"), root.get("width"), root.get("height")) == ("one", "100%", None)
    assert root.get("viewBox").split()[2] == "400"
    assert (
        root.find(f"{SVG}title").text == "Of a curve"
        and root.find(f"{SVG}desc").text == "A description"
    )
    assert "currentColor" in svg and figure_style.INK not in svg
    assert "a curve" in texts(svg) and "DejaVu" not in svg and "<style" not in svg
    assert "<metadata" not in svg and not re.search(r'd="[^"]*\d\.\d{3}', svg)


def test_ids_are_unique_and_each_reference_is_met():
    page = "".join(figure_style.to_svg(plot([1, 2, 3]), name) for name in "abc")
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    used = re.findall(r'(?:href="#|url\(#)([^")]+)', page)
    assert {"href", "url"} <= set(re.findall(r'(href|url)(?:="|\()#', page))
    used += " ".join(re.findall(r'aria-labelledby="([^"]+)"', page)).split()
    assert set(used) <= set(ids)


def test_letters_that_the_measuring_font_lacks_do_not_warn(tmp_path):
    figure = plot([1, 2], "太陽黒点")
    assert "太陽黒点" in texts(figure_style.to_svg(figure))
    figure_style.save(figure, tmp_path / "a.png")


def test_the_users_settings_neither_matter_nor_change():
    with matplotlib.rc_context({"lines.linewidth": 9, "svg.fonttype": "path"}):
        loud = figure_style.to_svg(plot([1, 2]))
        assert matplotlib.rcParams["lines.linewidth"] == 9
    assert loud == figure_style.to_svg(plot([1, 2]))


def test_png_is_white_fine_and_the_same_each_time(tmp_path):
    for name in "ab":
        figure_style.save(plot([1, 2, 3]), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    pixels = matplotlib.image.imread(tmp_path / "a.png")
    assert pixels.shape[1] > 1200 and pixels[0, 0].tolist() == [1, 1, 1, 1]
    with refuses("a figure must be saved as PNG"):
        figure_style.save(plot([1]), tmp_path / "a.svg")


def test_thinning_keeps_the_extremes():
    values = np.random.default_rng(0).normal(size=20_000)
    values[12_345] = 50
    x, y = figure_style.thin(np.arange(20_000), values, 300)
    assert len(x) <= 602 and (np.diff(x) > 0).all()
    assert y.max() == 50 and y.min() == values.min() and (x[0], x[-1]) == (0, 19_999)
    np.testing.assert_array_equal(y, values[x])


def test_thinning_leaves_a_short_curve_alone():
    x, y = figure_style.thin(np.arange(20), np.arange(20.0), 10)
    assert len(x) == len(y) == 20


@pytest.mark.parametrize(
    "values, ratio, scale",
    [
        ([1, 10], 1, "log"),
        ([1, 10], 20, "linear"),
        ([1, 20, np.nan], 20, "log"),
        ([0, 10], 1, "linear"),
        ([-1, 10], 1, "linear"),
        ([np.nan], 1, "linear"),
    ],
)
def test_a_logarithmic_axis_needs_positive_values_that_span_enough(values, ratio, scale):
    with figure_style.canvas(figure_style.WIDE, 200) as figure:
        axes = figure.add_subplot()
        assert figure_style.log_scale(axes, np.array(values), ratio) is (scale == "log")
    assert axes.get_yscale() == scale


def test_a_legend_leads_with_the_first_and_takes_the_columns_that_fit():
    shown = {}
    for width in (figure_style.WIDE, figure_style.NARROW):
        with figure_style.canvas(width, 200) as figure:
            axes = figure.add_subplot()
            for label in ("ridge autoregression", "persistence", "network"):
                axes.plot([1, 2], label=label)
            figure_style.legend(figure, 3, first=("network",), title="Title")
        shown[width] = figure.legends[0]
        names = [text.get_text() for text in shown[width].get_texts()]
        assert names == ["network", "ridge autoregression", "persistence"]
        assert "Title" in texts(figure_style.to_svg(figure))
    assert shown[figure_style.WIDE]._ncols == 3 > shown[figure_style.NARROW]._ncols


def test_names_are_shortened_to_one_printable_line():
    assert figure_style.short("a\x00b\n  c") == "a b c"
    assert figure_style.short("x" * 40) == "x" * 27 + "…"


def test_dates_are_drawn_as_dates_and_counts_as_counts():
    months = Times(np.datetime64("1990-01-01", "us"), 1, 120, "month", "month")
    for times, wanted in [(months, {"1992", "1996", "month"}), (Times.count(120), {"step"})]:
        for width in (figure_style.WIDE, figure_style.NARROW):
            with figure_style.canvas(width, 200) as figure:
                axes = figure.add_subplot()
                axes.plot(times.values(), np.arange(120))
                figure_style.time_axis(axes, times, width)
            assert wanted <= set(texts(figure_style.to_svg(figure)))
            assert len(axes.get_xticks()) <= (10 if width == figure_style.WIDE else 7)
