"""Schemes by their order, and by closed forms."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime.dynamics.equations import equations
from throughtime.dynamics.simulate import STIFF, simulate, solution, stepper
from throughtime.dynamics.systems import DELAY, System, system


def closed_form(t):
    """x of `oscillator` without force, from (1, 0)."""
    c, w = 0.1, np.sqrt(1 - 0.01)
    return np.exp(-c * t) * (np.cos(w * t) + c / w * np.sin(w * t))


FREE = system("oscillator", amplitude=0.0)


@pytest.mark.parametrize("scheme, order", [("euler", 1), ("rk4", 4)])
def test_a_scheme_has_its_order(scheme, order):
    errors = [
        abs(simulate(FREE, 4, dt=1.0, scheme=scheme, substeps=n)[-1, 0] - closed_form(4.0))
        for n in (40, 80)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_the_tolerance_is_kept():
    t = 0.1 * np.arange(201)
    for tolerance in (1e-6, 1e-10):
        x = simulate(FREE, 200, tolerance=tolerance)[:, 0]
        assert np.abs(x - closed_form(t)).max() < 10 * tolerance


def test_euler_is_the_lectures_update():
    y = simulate(system("oscillator"), 3, scheme="euler", substeps=1)
    x, v = y[1]
    force = np.cos(1.2 * 0.1)
    np.testing.assert_allclose(y[2], [x + 0.1 * v, v + 0.1 * (force - 0.2 * v - x)], rtol=1e-12)


def late(*delays, **options):
    """y' = -y(t - first delay), or of the sum of several, from 1."""
    options = {"start": (1.0,), "dt": 0.5, "kind": DELAY, **options}
    return System(
        "late", "", "", ("y",), lambda t, y, p, u, delayed: -delayed.sum(0), {},
        delays=lambda p: delays, delay_parameters=(), **options,
    )  # fmt: skip


def by_steps(t, lag=1.0):
    """Of y' = -y(t - lag) from 1: sum over k of (-1)^k (t - (k - 1) lag)^k / k!."""
    terms = ((-1.0) ** k * (t - (k - 1) * lag) ** k / math.factorial(k) for k in range(12))
    return sum(np.where(t >= (k - 1) * lag, term, 0) for k, term in enumerate(terms))


def test_a_delay_is_solved_to_order_four():
    """y' = -pi/2 y(t - 1) has the solution cos(pi t / 2)."""

    def law(t, y, p, u, delayed):
        return -np.pi / 2 * delayed[0]

    def past(t, p):
        return jnp.cos(np.pi / 2 * t)[None]

    wave = System(
        "wave", "", "", ("y",), law, {}, (1.0,), dt=1.0, kind=DELAY, delays=lambda p: (1.0,),
        past=past,
    )  # fmt: skip
    exact = np.cos(np.pi / 2 * np.arange(8))
    errors = [np.abs(simulate(wave, 7, substeps=n)[:, 0] - exact).max() for n in (20, 40)]
    assert errors[0] < 1e-5
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize(
    "lag, error", [(1.0, 3e-6), (0.73, 1e-6), (2.5, 3e-6), (np.pi / 4, 2e-5)]
)
def test_a_delay_starts_from_a_constant_past(lag, error):
    """Straight, then a parabola, and so on; less exact where kinks lie between steps."""
    y = simulate(late(lag), 16)[:, 0]
    np.testing.assert_allclose(y, by_steps(0.5 * np.arange(17), lag), atol=error)


def test_the_first_pieces_of_a_delay_equation_are_exact():
    y = simulate(late(1.0), 8, substeps=1)[:, 0]  # of the fourth power at most until 4
    np.testing.assert_allclose(y, by_steps(0.5 * np.arange(9)), atol=1e-13)


def test_several_delays_are_read_each_from_its_time():
    """y' = -y(t - 1) - y(t - 1/2): straight until 1/2, then -1 + 2 (t - 1/2) until 1."""
    y = simulate(late(1.0, 0.5), 2)[:, 0]
    np.testing.assert_allclose(y, [1, 0, -1 + 0.25], atol=1e-13)


def test_the_past_of_mackey_and_glass_is_as_long_as_its_delay():
    _, begin, observe = stepper(system("mackey-glass"), 1.0)
    state = begin(jnp.array([1.2]))
    assert state.shape == (171 * 3,)
    np.testing.assert_allclose(observe(state), [1.2])


def test_a_field_is_solved_to_order_four():
    flame = system("kuramoto-sivashinsky")
    smooth = simulate(flame, 200)[-1]
    exact = simulate(flame, 8, start=smooth, substeps=128)[-1]
    errors = [
        np.abs(simulate(flame, 8, start=smooth, substeps=n)[-1] - exact).max() for n in (16, 32)
    ]
    assert np.log2(errors[0] / errors[1]) > 3.5 and errors[1] < 1e-8  # (it nears 4 slowly)


def test_small_waves_of_a_field_grow_as_the_linear_equation_says():
    flame = system("kuramoto-sivashinsky")
    x = np.arange(64) / 64 * 2 * np.pi
    y = simulate(flame, 40, start=1e-8 * np.cos(2 * x))  # the second wave
    k = 2 * 2 * np.pi / 22
    growth = np.exp((k**2 - k**4) * 0.25 * 40)
    np.testing.assert_allclose(y[-1], 1e-8 * growth * np.cos(2 * x), atol=1e-13)


def test_many_trajectories_are_those_alone():
    lorenz, starts = system("lorenz63"), np.array([[1.0, 1, 25], [2, 3, 20]])
    many = simulate(lorenz, 30, start=starts, parameters={"rho": np.array([28.0, 20.0])})
    fine = {"scheme": "rk4", "substeps": 20}
    alone = simulate(system("lorenz63", rho=20.0), 30, start=starts[1], **fine)
    assert many.shape == (2, 31, 3)
    np.testing.assert_allclose(many[1], alone, rtol=1e-7)


def test_a_transient_is_dropped():
    whole = simulate(FREE, 30, scheme="rk4")
    for scheme in ("rk4", "adaptive"):
        later = simulate(FREE, 20, transient=1.0, scheme=scheme)
        np.testing.assert_allclose(later, whole[10:], atol=1e-8)


def test_stiff_equations_go_on_by_an_implicit_scheme():
    law = equations("x' = -1000000*(x - cos(t)) - sin(t); x(0) = 1")
    y = solution(law, 100)
    np.testing.assert_allclose(y.states[:, 0], np.cos(0.1 * np.arange(101)), atol=1e-6)
    assert y.remark.startswith("The equations are stiff: they were solved by Kvaerno's")


def test_equations_whose_jumps_hold_them_go_on_by_fixed_steps():
    """x' = .3 - sign(x) reaches 0 and is held there: no step there has a small error."""
    y = solution(equations("x' = 0.3 - sign(x); x(0) = 1"), 20)
    np.testing.assert_allclose(
        y.states[:, 0], np.maximum(1 - 0.07 * np.arange(21), 0), atol=2e-3
    )
    assert y.remark.startswith("The equations have jumps")


def test_a_solution_that_goes_to_infinity_is_refused_with_its_time():
    blow = equations("x' = x^2; x(0) = 1")
    with refuses("near time 1"):
        simulate(blow, 30)
    with refuses("must stay finite"):
        simulate(blow, 30, scheme="rk4")
    with refuses("in its transient"):
        simulate(blow, 30, transient=5.0, scheme="rk4")


def test_bad_arguments_are_refused():
    lorenz = system("lorenz63")
    with refuses("`steps`"):
        simulate(lorenz, 0)
    with refuses("`dt`"):
        simulate(lorenz, 3, dt=0.0)
    for transient in (-1.0, np.nan, np.inf):
        with refuses("`transient` must be a finite time of at least 0"):
            simulate(lorenz, 3, transient=transient)
    for steps, transient in ((10**12, 0.0), (3, 1e30)):
        with refuses("a solution and its transient must have at most 1,000,000,000 steps"):
            simulate(lorenz, steps, transient=transient)
    with refuses("a solution must fit in memory"):
        simulate(lorenz, 10**8, start=np.ones((10**4, 3)), scheme="euler")
    with refuses("Did you mean `rk4`"):
        simulate(lorenz, 3, scheme="rk5")
    with refuses("`tolerance`"):
        simulate(lorenz, 3, tolerance=2.0)
    with refuses("3 variables"):
        simulate(lorenz, 3, start=(1.0, 2.0))
    with refuses("`tau`"):
        simulate(lorenz, 3, parameters={"tau": 1.0})
    two, three = np.ones((2, 3)), np.full(3, 28.0)
    with refuses("one length"):
        simulate(lorenz, 3, start=two, parameters={"rho": three})
    with refuses(
        "must not be longer than a delay; got 1 steps in `dt` 0.5, and a delay of 0.1"
    ):
        simulate(late(0.1), 3, substeps=1)
    for delay in (0.0, -1.0, np.inf):
        with refuses("a delay must be above 0 and finite"):
            simulate(late(delay), 3)
    with refuses("at most 20,000 steps"):
        simulate(late(1e-4, 1e3), 3)


def test_a_solution_that_diverges_is_returned_if_asked_for():
    """x' = x^2 from 1 diverges at time 1; from -1 it is -1 / (1 + t)."""
    grows = equations("x' = x^2")
    found = simulate(grows, 30, dt=0.1, start=[[1.0], [-1.0]], scheme="rk4", finite=False)
    assert not np.isfinite(found[0]).all()
    np.testing.assert_allclose(found[1, :, 0], -1 / (1 + 0.1 * np.arange(31)), rtol=1e-7)
    with refuses("must stay finite"):
        simulate(grows, 30, dt=0.1, start=[[1.0], [-1.0]], scheme="rk4")


def test_what_escapes_does_not_keep_others_from_being_solved():
    escapes = equations("x' = x^2; x(0) = 1")
    starts = np.array([[-1.0], [1.0], [0.2]])
    found = solution(escapes, 20, dt=0.1, start=starts, finite=False)
    t = 0.1 * np.arange(21)
    for row in (0, 2):
        exact = starts[row, 0] / (1 - starts[row, 0] * t)
        np.testing.assert_allclose(found.states[row, :, 0], exact, rtol=1e-7)
    assert not np.isfinite(found.states[1]).all()
    assert not found.remark  # (it was not taken for stiff)


def test_what_grows_exponentially_does_not_escape():
    grows = equations("x' = k x; k = 3; x(0) = 1")
    states = simulate(grows, 200, dt=0.1)
    np.testing.assert_allclose(states[:, 0], np.exp(0.3 * np.arange(201)), rtol=1e-5)


def test_of_many_only_the_stiff_are_solved_by_an_implicit_scheme():
    decays = equations("x' = -k (x - cos(t)); k = 1; x(0) = 1")
    rates = np.array([1.0, 1e6])
    found = solution(decays, 10, dt=0.5, start=np.ones((2, 1)), parameters={"k": rates})
    alone = solution(decays, 10, dt=0.5, parameters={"k": 1.0})
    assert found.remark == STIFF
    np.testing.assert_array_equal(found.states[0], alone.states)
    t = 0.5 * np.arange(11)
    np.testing.assert_allclose(found.states[1, :, 0], np.cos(t), atol=2e-6)
