"""Clouds of points on pages: bifurcation diagrams and Poincare sections."""

import numpy as np

from throughtime.dynamics.scan_result import Scan
from throughtime.dynamics.sections import sections_of
from throughtime.reports import figure_data, scan_figures
from throughtime.reports.diagnosis_report import draw_sections
from throughtime.reports.page import PictureMaker


def made_scan(name="made", bands=8):
    """Four values: a point, a cycle, bands that are visited in turn, nothing."""
    rng = np.random.default_rng(0)
    chaos = np.arange(4000) % bands + 0.1 * rng.random(4000)
    points = [np.array([0.5]), np.array([0.2, 0.8]), chaos, np.empty(0)]
    return Scan(
        name=name,
        parameter="r",
        values=np.array([1.0, 2, 3, 4]),
        variable="x",
        is_map=True,
        kinds=["settles", "oscillates", "is chaotic", "goes to infinity"],
        periods=np.array([1, 2, 0, 0]),
        cycles=np.array([np.nan, 2, np.nan, np.nan]),
        exponents=np.array([-1, -np.inf, 0.5, np.nan]),
        errors=np.array([0, 0, 0.01, np.nan]),
        points=points,
    )


def test_a_diagram_holds_the_points_and_the_exponents():
    scan = made_scan()
    (above, below) = figure_data.panels(scan_figures.bifurcation([scan]))
    assert above.y.label == "x" and below.x.label == "r"
    x, y = above.curves[0].x, above.curves[0].y
    assert set(x) == {1, 2, 3} and set(y[x == 2]) == {0.2, 0.8}
    np.testing.assert_array_equal(below.curves[0].y, [-1, np.nan, 0.5, np.nan])


def test_no_band_is_lost_where_points_are_left_out():
    x, y = scan_figures.thinned(made_scan())
    drawn = y[x == 3]
    assert len(drawn) == scan_figures.DRAWN // 4
    assert set(np.floor(drawn)) == set(range(8))


def test_two_scans_have_a_legend_of_their_names():
    figure = scan_figures.bifurcation([made_scan("a system"), made_scan("its network")])
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["a system", "its network"]
    curves = figure_data.panels(figure)[0].curves
    assert [curve.name for curve in curves] == names


def test_the_report_of_a_diagnosis_draws_both_sections_and_says_when_they_come_back():
    t = np.linspace(0, 60, 3000)

    def circle(radius):
        return np.stack([radius * np.cos(t), radius * np.sin(t), np.sin(2 * t)], axis=1)

    pair = sections_of(circle(3.0), circle(4.0), ("x", "y", "z"), t[1])
    drawn = draw_sections(PictureMaker(), pair)
    assert len(drawn["sections"]) == 1 and "<svg" in drawn["sections"][0].wide
    assert "after 1 crossings, the network after 1" in drawn["sections_caption"]
    none = draw_sections(PictureMaker(), None)
    assert none == {"sections": [], "sections_caption": ""}
