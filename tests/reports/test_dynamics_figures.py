"""Figures of dynamics: what they show, and that no value can spoil one."""

import re
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from pages import HOSTILE, SVG, lines, texts

from throughtime.reports import dynamics_figures, figure_style

X = np.arange(200.0)
Y = np.sin(X / 7)
LOST = 1e-4


def every_figure(name="network", width=figure_style.WIDE):
    """Each figure of sound values, and what its description says."""
    curves = {"series": (X, Y), name: (X, 0.9 * Y)}
    fading = 0.5 ** np.arange(30.0)
    figures, labels = dynamics_figures, ("step", "y")
    points = {"stable": (X[:2], Y[:2]), "unstable": (X[:1], Y[:1])}
    running = np.stack([0.9 + 1 / (X + 1), -1 / (X + 1)], axis=1)
    many = np.stack([fading, fading**0.5, fading])
    errors = {name: np.geomspace(0.01, 1, 20)}
    options = {"width": width}
    return {
        "against": (
            figures.time_series(curves, "Free", labels, **options),
            "y against step: ser",
        ),
        "portrait": (
            figures.phase_portrait(curves, labels, points, **options),
            "stable: 2. unst",
        ),
        "errors": (figures.error_distribution(errors, **options), "0.1."),  # the median
        "signal": (figures.gradient_by_lag({name: fading}, LOST, **options), "1.9e-09."),
        "heat": (
            figures.gradient_heat_map([0, 5, 20], many, **options),
            "3 epochs from 0 to 20",
        ),
        "singular": (figures.singular_values(range(30), {name: fading}, **options), "1.9e-09"),
        "exponents": (
            figures.lyapunov_exponents(X + 1, running, (0.9, 0.0), " per step", **options),
            "0.905, -0.005 per step.",
        ),
        "returns": (figures.return_map({name: (X, Y)}, "z", **options), "200."),
        "power": (
            figures.power_spectrum({name: (X + 1, Y**2)}, "1 / step", **options),
            "Power against",
        ),
    }


def svg_of(figure):
    """Its SVG, without a warning or a coordinate that is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = figure_style.to_svg(figure)
    root = ET.fromstring(svg)
    for element in root.iter():
        for name in ("d", "x", "y", "points", "transform"):
            assert not re.search(r"\b(nan|inf)\b", element.get(name, ""))
    return svg


@pytest.mark.parametrize("width", [figure_style.WIDE, figure_style.NARROW])
def test_every_figure_is_well_formed_and_described_for_screen_readers(width):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures = every_figure(width=width)
    for name, (figure, description) in figures.items():
        svg = svg_of(figure)
        root = ET.fromstring(svg)
        assert len(svg) < 80_000 and root.get("viewBox").split()[2] == str(width), name
        assert len(root.find(f"{SVG}title").text) > 3, name
        assert description in root.find(f"{SVG}desc").text, name
        assert texts(svg)


def test_names_are_only_text():
    curves, figures = {"series": (X, Y), "network": (X, Y)}, dynamics_figures
    for figure in (
        figures.time_series(curves, HOSTILE, ("step", HOSTILE)),
        figures.phase_portrait(curves, (HOSTILE, HOSTILE)),
        figures.return_map({"network": (X, Y)}, HOSTILE),
        figures.power_spectrum({"network": (X, Y)}, "1 / <s>"),
    ):
        assert "<script" not in svg_of(figure)


BAD = {
    "nan": np.full(20, np.nan),
    "infinite": np.full(20, np.inf),
    "zero": np.zeros(20),
    "one": np.ones(1),
    "mixed": np.array([1.0, np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300]),
}


@pytest.mark.parametrize("width", [figure_style.WIDE, figure_style.NARROW])
@pytest.mark.parametrize("kind", BAD)
def test_no_value_spoils_a_figure(kind, width):
    bad = BAD[kind]
    t, figures, labels = np.arange(len(bad)) + 1.0, dynamics_figures, ("step", "y")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = [
            figures.time_series({"series": (X, Y), "net": (t, bad)}, "T", labels, width),
            figures.time_series({"series": (t, bad), "net": (X, Y)}, "T", labels, width),
            figures.phase_portrait({"series": (X, Y), "net": (bad, bad)}, labels, width=width),
            figures.error_distribution({"a": bad, "b": abs(Y)}, width=width),
            figures.error_distribution({"a": bad}, width=width),
            figures.gradient_by_lag({"": bad}, LOST, width),
            figures.gradient_heat_map([0, 5], np.stack([bad, bad]), width),
            figures.singular_values(range(len(bad)), {"a": bad}, width),
            figures.lyapunov_exponents(t, bad[:, None], (0.5,), width=width),
            figures.power_spectrum({"a": (t, bad)}, "1", width),
        ]
        if np.isfinite(bad).all():
            made.append(figures.return_map({"a": (bad, bad)}, "z", width))
    for figure in made:
        svg_of(figure)


def test_what_is_empty_is_drawn_empty():
    none = np.empty(0)
    svg_of(dynamics_figures.return_map({"a": (none, none)}, "z"))
    svg_of(dynamics_figures.phase_portrait({"a": (X, Y)}, ("x", "y"), {"stable": (none, none)}))
    errors = dynamics_figures.error_distribution({"a": none})
    assert "a nan" in ET.fromstring(svg_of(errors)).find(f"{SVG}desc").text


def test_what_runs_away_does_not_flatten_the_truth():
    curves = {"series": (X, Y), "network": (X, 1e9 * X)}
    figure = dynamics_figures.time_series(curves, "Free", ("step", "y"))
    low, high = figure.axes[0].get_ylim()
    assert low > -2 and high < 2
    np.testing.assert_array_equal(lines(figure)["series"].get_ydata(), Y)


def test_shares_are_of_all_trajectories_also_of_those_without_a_finite_error():
    errors = np.array([0.1, 0.2, np.inf, np.nan])
    line = lines(dynamics_figures.error_distribution({"a": errors}))["a"]
    np.testing.assert_allclose(line.get_xdata(), [0.1, 0.2])
    np.testing.assert_allclose(line.get_ydata(), [25, 50])


def test_a_lost_gradient_is_below_the_dashes():
    figure = dynamics_figures.gradient_by_lag({"": 0.1 ** np.arange(6.0)}, LOST)
    curves = lines(figure)
    np.testing.assert_allclose(curves["gradient"].get_ydata(), 0.1 ** np.arange(6.0))
    assert curves["vanished, below 0.0001"].get_ydata()[0] == LOST
    assert figure.axes[0].get_yscale() == "log"


def test_the_columns_of_a_heat_map_stand_where_their_epochs_are():
    figure = dynamics_figures.gradient_heat_map([0, 10, 40], np.ones((3, 4)))
    (mesh,) = figure.axes[0].collections
    edges = mesh.get_coordinates()[0, :, 0]
    np.testing.assert_allclose(edges, [-5, 5, 25, 55])  # halfway between, and as far beyond
    one = dynamics_figures.gradient_heat_map([7], np.ones((1, 4)))
    np.testing.assert_allclose(
        one.axes[0].collections[0].get_coordinates()[0, :, 0], [6.5, 7.5]
    )


def test_known_exponents_are_dashes():
    figure = dynamics_figures.lyapunov_exponents(X + 1, np.ones((200, 1)), (0.9, 0.0, -14.6))
    dashes = [line.get_ydata()[0] for line in figure.axes[0].get_lines()[1:]]
    assert dashes == [0.9, 0.0, -14.6]


@pytest.mark.parametrize("which", ["x", "y"])
def test_decades_are_few_and_plain(which):
    with figure_style.canvas(figure_style.WIDE, 200) as figure:
        axes = figure.add_subplot()
        values = np.geomspace(1e-12, 1e3, 50)
        axes.plot(*((values, X[:50]) if which == "x" else (X[:50], values)))
        figure_style.decades(axes, which)
        figure_style.describe(figure, "A title", "A description")
    other = "y" if which == "x" else "x"
    assert getattr(axes, f"get_{which}scale")() == "log"
    assert getattr(axes, f"get_{other}scale")() == "linear"
    axis = axes.xaxis if which == "x" else axes.yaxis
    shown = texts(svg_of(figure))
    assert 3 <= sum(v in shown for v in ("1e-12", "1e-09", "1e-06", "0.001", "1", "1000")) <= 7
    assert len(axis.get_minorticklocs()) == 0


@pytest.mark.parametrize("low, high", [(0.5, 1.2), (0.9, 1.05), (1e-6, 1.0), (0.3, 0.31)])
def test_no_axis_of_errors_has_a_single_tick(low, high):
    figure = dynamics_figures.error_distribution({"network": np.geomspace(low, high, 40)})
    axes = figure.axes[0]
    left, right = axes.get_xlim()
    ticks = axes.xaxis.get_majorticklocs()
    assert 2 <= ((ticks >= left) & (ticks <= right)).sum() <= 10
