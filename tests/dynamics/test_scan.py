"""Bifurcation scans against theory: where cycles lose stability, how large they are."""

import math
import time

import numpy as np
import pytest
from conftest import refuses
from matplotlib.figure import Figure

from throughtime.dynamics.scan import scan
from throughtime.dynamics.scan_families import scanned_network
from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.systems import system

LOGISTIC = "x[n+1] = r x[n] (1 - x[n])"
HOPF = "x' = mu x - w y - x (x^2 + y^2); y' = w x + mu y - y (x^2 + y^2); w = 1"
SUPERCRITICAL = 1 + math.sqrt(6)
"""Where the cycle of two of the logistic map loses its stability."""


@pytest.fixture(scope="module")
def logistic():
    return scan(LOGISTIC, "r", np.linspace(2.5, 4, 151))


def test_the_logistic_map_settles_until_3_and_repeats_after_2_until_1_plus_sqrt_6(logistic):
    r, near = logistic.values, 0.012
    fixed, two = r < 3 - near, (r > 3 + near) & (r < SUPERCRITICAL - near)
    assert set(np.array(logistic.kinds)[fixed]) == {"settles"}
    assert set(logistic.periods[two]) == {2}
    four = (r > SUPERCRITICAL + near) & (r < 3.54)
    assert set(logistic.periods[four]) == {4}
    for value, points in zip(r[two], np.array(logistic.points, object)[two], strict=True):
        # The roots of r^2 x^2 - r (r + 1) x + r + 1 = 0.
        root = math.sqrt((value - 3) * (value + 1))
        cycle = [(value + 1 - root) / (2 * value), (value + 1 + root) / (2 * value)]
        np.testing.assert_allclose(points, cycle, atol=1e-6)


def test_the_exponent_of_the_logistic_map_has_its_closed_form(logistic):
    r, near = logistic.values, 0.012
    fixed = (r < 3 - near) & (r > 2)
    np.testing.assert_allclose(
        logistic.exponents[fixed], np.log(np.abs(2 - r[fixed])), atol=1e-6
    )
    two = (r > 3 + near) & (r < SUPERCRITICAL - near)
    multiplier = 4 + 2 * r[two] - r[two] ** 2
    np.testing.assert_allclose(
        logistic.exponents[two], np.log(np.abs(multiplier)) / 2, atol=1e-3
    )
    last = logistic.exponents[-1], logistic.errors[-1]
    assert logistic.kinds[-1] == "is chaotic"
    assert last[0] == pytest.approx(math.log(2), abs=4 * last[1]) and last[1] < 0.01


def test_the_window_of_period_3_begins_at_1_plus_sqrt_8():
    edge = 1 + math.sqrt(8)
    found = scan("logistic", "r", [edge - 3e-3, edge + 1e-3, edge + 5e-3])
    assert found.kinds[0] == "is chaotic" and found.periods[1:].tolist() == [3, 3]


def test_a_bifurcation_itself_is_undecided():
    """At r = 3 the logistic map settles as slowly as 1/sqrt(n)."""
    assert scan("logistic", "r", [3.0]).kinds == ["is undecided"]


def test_a_hopf_bifurcation_has_a_cycle_of_radius_sqrt_mu():
    values = np.array([-1, -0.3, -0.05, 0.05, 0.3, 1])
    found = scan(HOPF, "mu", values)
    assert found.kinds == ["settles"] * 3 + ["oscillates"] * 3
    assert found.periods.tolist() == [0, 0, 0, 1, 1, 1]
    tops = [float(points[0]) for points in found.points]
    np.testing.assert_allclose(tops[3:], np.sqrt(values[3:]), rtol=1e-5)
    np.testing.assert_allclose(found.cycles[3:], 2 * np.pi, rtol=1e-5)
    np.testing.assert_allclose(found.exponents, np.minimum(values, 0), atol=2e-3)


def test_rossler_doubles_its_period_on_the_way_to_chaos():
    found = scan("rossler", "c", [2.5, 3.5, 4.0, 5.7])
    assert found.periods.tolist() == [1, 2, 4, 0]
    assert found.kinds[-1] == "is chaotic"
    assert found.exponents[-1] == pytest.approx(0.0714, abs=0.012)
    np.testing.assert_allclose(found.exponents[:3], 0, atol=0.005)


def test_a_circle_map_without_coupling_is_quasi_periodic_or_repeats():
    """The angle that turns by w a step, seen from the side: rational and irrational w."""
    turn = "x[n+1] = cos(w) x[n] - sin(w) y[n]; y[n+1] = sin(w) x[n] + cos(w) y[n]; x[0] = 1"
    found = scan(turn, "w", [2 * np.pi / 5, 2 * np.pi * (math.sqrt(5) - 1) / 2])
    assert found.labels == ["period 5", "is quasi-periodic"]
    np.testing.assert_allclose(found.exponents, 0, atol=1e-9)


def test_it_follows_an_attractor_beyond_where_another_begins():
    """x' = mu + x - x^3 jumps at +-2/sqrt(27), up and down at different values."""
    edge = 2 / math.sqrt(27)
    up = scan("x' = mu + x - x^3", "mu", np.linspace(-0.6, 0.6, 61), follow=True)
    down = scan("x' = mu + x - x^3", "mu", np.linspace(0.6, -0.6, 61), follow=True)
    jumps = []
    for found in (up, down):
        x = np.array([points[0] for points in found.points])
        assert set(found.kinds) == {"settles"}
        jumps.append(found.values[int(np.argmax(np.abs(np.diff(x)))) + 1])
    np.testing.assert_allclose(jumps, [edge, -edge], atol=0.021)


def test_what_goes_to_infinity_is_named_and_the_others_remain():
    found = scan("x[n+1] = r x[n] (1 - x[n])", "r", [3.2, 4.5, 4.0])
    assert found.kinds[1] == "goes to infinity" and math.isnan(found.exponents[1])
    assert found.periods[0] == 2 and found.kinds[2] == "is chaotic"
    assert not len(found.points[1])


def test_stiff_values_are_solved_with_more_substeps():
    found = scan("x' = -k (x - cos(t)); x(0) = 1", "k", [1.0, 1000.0], steps=2000)
    assert found.labels == ["period 1"] * 2 and "ten times as many" in found.remark
    tops = [points[0] for points in found.points]
    np.testing.assert_allclose(tops, [1 / math.sqrt(2), 1], rtol=1e-3)


def test_a_delay_is_scanned_one_value_after_the_other():
    """x' = -x(t - T) loses its fixed point at T = pi/2."""
    text = "x' = -x(t - T) (1 + x); x(0) = 0.1"
    found = scan(text, "T", [1.0, 1.7], steps=3000)
    assert found.labels == ["settles", "period 1"]


def test_two_hundred_values_of_a_map_take_seconds_and_a_hundred_of_rossler_a_minute():
    began = time.process_time()
    scan("logistic", "r", np.linspace(2.5, 4, 200))
    assert time.process_time() - began < 10
    began = time.process_time()
    scan("rossler", "c", np.linspace(2, 6, 100))
    assert time.process_time() - began < 60


def test_a_network_that_read_the_parameter_is_scanned():
    model = Surrogate(
        "logistic", ranges={"r": (2.8, 3.4)}, trajectories=60, steps=30, epochs=30, hidden=16
    ).fit()
    found = scan(model, "r", [2.9, 3.3], steps=200)
    assert found.name == "the network of logistic" and found.kinds[0] == "settles"
    fixed = 1 - 1 / 2.9
    assert found.points[0][0] == pytest.approx(fixed, abs=0.03)
    # The first steps of the map that is scanned are those that the surrogate solves.
    import jax

    with jax.enable_x64(True):
        dynamics = scanned_network(model, "r").family(3.1)
        run = np.asarray(dynamics.observe(dynamics.run(5)))
    solved = model.solve(system("logistic").start, 5, {"r": 3.1})[1:]
    np.testing.assert_allclose(run, solved, atol=1e-4)
    with refuses("a network can be scanned along a parameter that varied in its training"):
        scan(model, "q", [1, 2])


def test_it_shows_itself_as_a_table_and_on_axes(logistic):
    table = logistic.to_polars()
    assert table.height == 151 and table["r"][0] == 2.5 and table["period"][-1] == 0
    assert table["x_least"][0] == table["x_largest"][0] == pytest.approx(1 - 1 / 2.5)
    figure = Figure()
    upper, lower = logistic.plot(figure.add_subplot())
    assert upper.get_ylabel() == "x" and lower.get_xlabel() == "r"
    (points,) = upper.get_lines()
    np.testing.assert_array_equal(points.get_xdata(), logistic.diagram()[0])
    np.testing.assert_array_equal(lower.get_lines()[0].get_ydata(), logistic.exponents)
    pair = Figure().subplots(2, 1)
    assert logistic.plot(pair)[1] is pair[1]
    assert "<img" in logistic._repr_html_() and "151 values" in repr(logistic)
    stretches = logistic.stretches()
    assert sum(one.count for one in stretches) == 151 and stretches[0].label == "settles"
    assert any("period 2" in line for line in logistic.sentences())
    repeats = logistic.kinds.count("oscillates")
    assert repeats and f", repeats at {repeats}, and is chaotic" in logistic.sentences()[0]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("lorenz63", "q", [1]), "the parameter of a scan must be one of `lorenz63`"),
        (("lorenz", "rho", [1]), "`system` must be the name of a known system"),
        (("lorenz63", "rho", []), "`values` must be one or more finite numbers"),
        (("lorenz63", "rho", [np.nan]), "`values` must be one or more finite numbers"),
        (("x' = a x - y", "a", [1]), "every name must be given"),
    ],
)
def test_what_cannot_be_scanned(arguments, rule):
    with refuses(rule):
        scan(*arguments)


def test_wrong_arguments():
    with refuses("`steps` must be at least 64"):
        scan("logistic", "r", [3], steps=10)
    with refuses("`transient` must be at least 0"):
        scan("logistic", "r", [3], transient=-1)
    with refuses("`variable` must be"):
        scan("logistic", "r", [3], variable="y")
    with refuses("an attractor can be followed"):
        scan("mackey-glass", "delay", [10, 17], follow=True)
