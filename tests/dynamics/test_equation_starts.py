"""Starts, pasts and delays that are formulas of parameters, against exact solutions."""

import numpy as np
import pytest
from conftest import refuses
from scipy.optimize import brentq

from throughtime.dynamics.equations import equations
from throughtime.dynamics.simulate import simulate
from throughtime.dynamics.trajectories import sample_trajectories
from throughtime.errors import InputError

PAST = "x' = -k x(t - tau); x(t <= 0) = a; k = 0.5; tau = 2; a = 3"


@pytest.mark.parametrize(
    "text",
    [
        PAST,
        "x' = -k x(t - 2 s); x(t <= 0) = a; k = 0.5; s = 1; a = 3",
        "x' = -k x(t - tau); tau = 2 m; m = n + 0.5; n = 0.5;"
        " x(t <= 0) = b; b = 6/c; c = 2; k = 0.5",
        "x' = -k x(t - tau); x(t <= 0) = f(3 t); f(s) = a + 0 s; k = 0.5; tau = 2; a = 3",
    ],
)
def test_a_delay_starts_from_a_parameter(text):
    """Up to the delay the slope is -k a: x = a (1 - k t)."""
    t = 0.1 * np.arange(20)
    np.testing.assert_allclose(simulate(equations(text), 19)[:, 0], 3 * (1 - t / 2), atol=1e-6)


def test_a_start_follows_its_parameters():
    """x = A cos(t + phi) from its phase and its size, whichever way they are given."""
    text = "x' = v; v' = -x; x(0) = A cos(phi); v(0) = -A sin(phi); A = 2; phi = 0.5"
    system, t = equations(text), 0.1 * np.arange(8)
    np.testing.assert_allclose(
        simulate(system, 7, scheme="rk4")[:, 0], 2 * np.cos(t + 0.5), atol=1e-6
    )
    sizes = np.array([1.0, 3.0])
    each = simulate(system, 7, parameters={"A": sizes, "phi": 1.0}, scheme="rk4")[..., 0]
    np.testing.assert_allclose(each, sizes[:, None] * np.cos(t + 1), atol=1e-6)
    other = system.with_parameters(A=3.0)
    assert other.start == pytest.approx((3 * np.cos(0.5), -3 * np.sin(0.5)))
    drawn = sample_trajectories(system, {"phi": (0, 1), "v": 4.0}, 3, 5, 0.1, 0)
    phases = drawn.parameters["phi"]
    expected = np.c_[2 * np.cos(phases), np.full(3, 4.0)]
    np.testing.assert_allclose(drawn.states[:, 0], expected, atol=1e-6)


def test_a_past_gives_the_derivatives_of_its_variable():
    """x'' = x(t - 2 pi) is solved by exp(l t) with l^2 = exp(-2 pi l)."""
    rate = brentq(lambda r: r**2 - np.exp(-2 * np.pi * r), 0.1, 1)
    system = equations(f"x'' = x(t - 2 pi); x(t <= 0) = a exp(l t); a = 1.5; l = {rate!r}")
    assert system.start == pytest.approx((1.5, 1.5 * rate))
    found = simulate(system, 30)[:, 0]
    np.testing.assert_allclose(found, 1.5 * np.exp(rate * 0.1 * np.arange(31)), rtol=1e-5)


@pytest.mark.parametrize(
    ("start", "got", "remedy", "mended"),
    [
        ("x(t <= 0) = b", "`b`", "Add `b = 1`, say.", "x(t <= 0) = b; b = 1"),
        ("x(t <= 0) = x", "`x`", "Write a number, such as `x(t <= 0) = 1`.", "x(t <= 0) = 1"),
        ("x(0) = cos(t)", "`t`", "Write a number, such as `x(0) = 1`.", "x(0) = 1"),
    ],
)
def test_a_start_that_is_no_formula_of_parameters(start, got, remedy, mended):
    law = "x' = -x(t - tau); tau = 2; "
    with pytest.raises(InputError) as told:
        equations(law + start)
    assert told.value.rule == "a start must be a number, or a formula of parameters"
    assert str(told.value.got).startswith(got) and told.value.remedy == remedy
    assert equations(law + mended).start == (1.0,)


def test_a_delay_that_changes_is_told():
    for delay in ("1 + sin(t)", "x", "2 tau", "m; m = tau"):
        with refuses("a delay is the time minus what does not change"):
            equations(f"x' = -x(t - tau); tau = {delay}")
