"""Poincare sections of cycles that are known, and of the Rossler attractor."""

import numpy as np
import pytest
from conftest import refuses
from matplotlib.figure import Figure

from throughtime.dynamics.poincare import poincare
from throughtime.dynamics.sections import sections_of
from throughtime.dynamics.systems import system

CIRCLE = "x' = -w y + x (1 - x^2 - y^2); y' = w x + y (1 - x^2 - y^2); w = 2; x(0) = 1"


def sampled_circle(samples, radius=3.0, length=20):
    t = np.linspace(0, length, samples)
    return t[1], radius * np.stack([np.cos(t + 0.3), np.sin(t + 0.3)], axis=1)


def test_a_circle_crosses_at_its_radius_to_fourth_order_in_the_samples():
    errors = []
    for samples in (100, 200, 400):
        dt, circle = sampled_circle(samples)
        found = poincare(circle, (1, 0.0), dt=dt)
        assert len(found.times) == 3
        np.testing.assert_allclose(found.points[:, 1], 0, atol=1e-9)
        errors.append(np.abs(found.points[:, 0] - 3).max())
    assert np.log2(np.array(errors[:-1]) / errors[1:]).min() > 3.5, errors


def test_a_system_crosses_a_plane_to_the_accuracy_of_its_scheme():
    found = poincare(CIRCLE, ("y", 0.0), dt=0.3, steps=500)
    np.testing.assert_allclose(
        found.points, np.tile([1.0, 0.0], (len(found.points), 1)), atol=1e-8
    )
    np.testing.assert_allclose(np.diff(found.times), np.pi, atol=1e-8)
    assert found.period == 1
    falling = poincare(CIRCLE, ("y", 0.0), dt=0.3, steps=500, rising=False)
    np.testing.assert_allclose(falling.points[:, 0], -1, atol=1e-8)


def test_an_oblique_plane():
    """On the circle, x = y where both are 1/sqrt(2), or both -1/sqrt(2)."""
    for rising, sign in ((True, -1), (False, 1)):
        found = poincare(CIRCLE, ([1, -1], 0.0), steps=1000, rising=rising)
        np.testing.assert_allclose(found.points, sign / np.sqrt(2), atol=1e-8)
        assert found.plane == "x + -1 y = 0"


@pytest.mark.parametrize(("c", "points"), [(2.5, 1), (3.5, 2), (4.0, 4)])
def test_rossler_doubles_its_points(c, points):
    found = poincare(system("rossler", c=c), ("x", 0.0), steps=10_000)
    assert found.period == points
    assert len(np.unique(found.points[-8:].round(2), axis=0)) == points


def test_the_return_map_of_rossler_has_one_hump():
    """What makes it chaotic: a curve that rises, then falls, with a slope beyond -1."""
    found = poincare(system("rossler"), ("y", 0.0), rising=False)
    before, after = found.return_map("x")
    assert found.period == 0
    order = np.argsort(before)
    smooth = np.convolve(after[order], np.ones(9) / 9, "valid")
    top = int(np.argmax(smooth)) if smooth.max() > -smooth.min() else int(np.argmin(smooth))
    assert 0.2 * len(smooth) < top < 0.9 * len(smooth)
    # One number determines the next: neighbours have neighbours as images.
    apart = np.abs(np.diff(after[order]))
    assert np.median(apart) < 0.02 * np.ptp(after)


def test_a_torus_is_a_closed_curve():
    """Two frequencies: in the plane of one phase, a circle of the other's radius."""
    t = np.arange(0, 800, 0.05)
    tube = 2 + np.cos(np.sqrt(2) * t)
    torus = np.stack([tube * np.cos(t), tube * np.sin(t), np.sin(np.sqrt(2) * t)], axis=1)
    found = poincare(torus, (1, 0.0), dt=0.05)
    radii = np.hypot(found.points[:, 0] - 2, found.points[:, 2])
    np.testing.assert_allclose(radii, 1, atol=1e-5)
    assert found.period == 0


def test_a_delay_is_sampled():
    found = poincare("x' = -x(t - 1.7) (1 + x); x(0) = 0.1", ("x", 0.0), steps=3000)
    assert found.period == 1
    assert 4 < np.diff(found.times).mean() < 4 * 1.7 + 1


def test_it_shows_itself():
    found = poincare(system("rossler", c=3.5), ("x", 0.0), steps=4000)
    table = found.to_polars()
    assert table.columns == ["time", "x", "y", "z"] and table.height == len(found.times)
    axes = found.plot(Figure().add_subplot(), beside=found)
    assert axes.get_xlabel() == "y" and axes.get_ylabel() == "z" and len(axes.get_lines()) == 2
    flat = poincare(CIRCLE, ("y", 0.0), steps=500).plot(Figure().add_subplot())
    assert flat.get_ylabel() == "x at the next crossing"
    assert "crossings" in repr(found) and "<img" in found._repr_html_()


@pytest.mark.parametrize(
    ("source", "plane", "rule"),
    [
        ("logistic", None, "a section needs a flow"),
        (np.zeros(100), None, "a section needs a finite trajectory"),
        (np.full((100, 2), np.nan), None, "a section needs a finite trajectory"),
        ("lorenz63", ("q", 0.0), "`plane` must be"),
        ("lorenz63", (7, 0.0), "a plane must be of one of 3 variables"),
        ("lorenz63", ([1, 2], 0.0), "a plane needs a normal vector of 3 numbers"),
        ("lorenz63", ([0, 0, 0], 0.0), "a plane needs a normal vector of 3 numbers"),
        ("x' = x^2; x(0) = 1", None, "a trajectory must stay finite for a section"),
    ],
)
def test_what_has_no_section(source, plane, rule):
    with refuses(rule):
        poincare(source, plane)


def test_two_trajectories_cross_one_plane():
    dt, circle = sampled_circle(2000, length=60)
    _, larger = sampled_circle(2000, radius=4.0, length=60)
    first, second = sections_of(circle, larger, ("x", "y"), dt)
    assert first.level == second.level
    assert first.plane.startswith("x = ")
    alone = sections_of(circle[:, :1], larger[:, :1], ("x",), dt)
    assert len(alone[0].variables) == 3 and alone[0].points.shape[1] == 3


def test_a_map_or_noise_has_no_sections():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(500, 2))
    assert sections_of(noise, noise, ("x", "y"), 1.0) is None
    assert sections_of(np.full((500, 2), np.nan), noise, ("x", "y"), 1.0) is None
    _, circle = sampled_circle(2000)
    assert sections_of(circle, np.zeros((500, 2)), ("x", "y"), 1.0) is None
