"""Equations as they stand in books and papers, against laws in NumPy and closed forms."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.dynamics.equations import equations
from throughtime.dynamics.simulate import simulate
from throughtime.dynamics.systems import DELAY, FLOW, MAP, system
from throughtime.errors import InputError

sin, cos, exp, tanh = np.sin, np.cos, np.exp, np.tanh


def chua(x, y, z):
    f = -5 / 7 * x + (-8 / 7 + 5 / 7) / 2 * (abs(x + 1) - abs(x - 1))
    return 15.6 * (y - x - f), x - y + z, -28 * y


def morris_lecar(v, w):
    m, rest = 0.5 * (1 + tanh((v + 1.2) / 18)), 0.5 * (1 + tanh((v - 2) / 30))
    current = 100 - 2 * (v + 60) - 4.4 * m * (v - 120) - 8 * w * (v + 84)
    return current / 20, 0.04 * (rest - w) * np.cosh((v - 2) / 60)


WRITTEN = {
    "Newton": ("m x'' + c x' + k x = 0; m = 2; c = 0.5; k = 3",
               lambda x, v: (v, -(0.5 * v + 3 * x) / 2)),
    "Duffing": (
        "x'' + δ x' + α x + β x³ = γ cos(ω t); δ = 0.3; α = -1; β = 1; γ = 0.5; ω = 1.2",
        lambda x, v: (v, 0.5 * cos(1.2 * 0.7) - 0.3 * v + x - x**3),
    ),
    "van der Pol": ("d²x/dt² − μ (1 − x²) dx/dt + x = 0; μ = 1.5",
                    lambda x, v: (v, 1.5 * (1 - x**2) * v - x)),
    "pendulum": ("θ̈ = −(g/l) sin(θ) − c θ̇; g = 9.81; l = 2; c = 0.1",
                 lambda x, v: (v, -9.81 / 2 * sin(x) - 0.1 * v)),
    "pendulum, bare": ("θ″ + c θ′ + (g/l) sin θ = cos t; g = 9.81; l = 2; c = 0.1",
                       lambda x, v: (v, cos(0.7) - 9.81 / 2 * sin(x) - 0.1 * v)),
    "Lorenz": (
        "dx/dt = σ (y − x), dy/dt = x (ρ − z) − y, dz/dt = x y − 8/3 z; σ = 10; ρ = 28",
        lambda x, y, z: (10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z),
    ),
    "Rössler": ("ẋ = −y − z; ẏ = x + a y; ż = b + z(x − c); a = b0; b0 = 0.2; b = 0.2; c = 5.7",
                lambda x, y, z: (-y - z, x + 0.2 * y, 0.2 + z * (x - 5.7))),
    "jerk": ("x''' = -A x'' + (x')^2 - x; A = 2.017",
             lambda x, v, a: (v, a, -2.017 * a + v**2 - x)),
    "jerk, sign": ("x⃛ = -0.5 ẍ - ẋ - x + sgn(x)",
                   lambda x, v, a: (v, a, -0.5 * a - v - x + np.sign(x))),
    "Lotka and Volterra": ("x' = α x - β x y; y' = δ x y - γ y;"
                           " α = 1.1; β = 0.4; δ = 0.1; γ = 0.4",
                           lambda x, y: (1.1 * x - 0.4 * x * y, 0.1 * x * y - 0.4 * y)),
    "Rosenzweig and MacArthur": (
        "x' = r x(1 - x/K) - h x y/(a + x); y' = y (x/(a + x) - d)\n"
        "r = 1; K = 2; h = 0.8; a = 0.2; d = 0.5",
        lambda x, y: (x * (1 - x / 2) - 0.8 * x * y / (0.2 + x), y * (x / (0.2 + x) - 0.5)),
    ),
    "SIR": ("S' = -β S I/N; I' = β S I/N - γ I; R' = γ I; N = S + I + R; β = 0.5; γ = 0.1",
            lambda s, i, r: (-0.5*s*i/(s+i+r), 0.5*s*i/(s+i+r) - 0.1*i, 0.1*i)),
    "FitzHugh and Nagumo": ("v' = v - v^3/3 - w + I; τ w' = v + a - b w;"
                            " I = 0.5; a = 0.7; b = 0.8; τ = 12.5",
                            lambda v, w: (v - v**3/3 - w + 0.5, (v + 0.7 - 0.8*w)/12.5)),
    "Morris and Lecar": (
        "C dV/dt = I - gL (V - EL) - gCa m(V) (V - ECa) - gK w (V - EK);"
        "dw/dt = φ (W(V) - w)/τ(V); m(V) = 0.5 (1 + tanh((V + 1.2)/18));"
        "W(V) = 0.5 (1 + tanh((V - 2)/30)); τ(V) = 1/cosh((V - 2)/60); C = 20; I = 100;"
        "gL = 2; EL = -60; gCa = 4.4; ECa = 120; gK = 8; EK = -84; φ = 0.04; V(0) = -60",
        morris_lecar,
    ),
    "Chua": (
        "x' = a (y - x - f(x)); y' = x - y + z; z' = -b y;"
        "f(x) = m1 x + (m0 - m1)/2*(|x + 1| - |x - 1|); a=15.6; b=28; m0 = -8/7; m1 = -5/7",
        chua,
    ),
    "Thomas": ("x' = sin(y) - b x, y' = sin(z) - b y, z' = sin(x) - b z, b = 0.2",
               lambda x, y, z: (sin(y) - 0.2*x, sin(z) - 0.2*y, sin(x) - 0.2*z)),
    "Brusselator": ("x' = A + x²y − (B + 1)x; y' = B x − x² y; A = 1; B = 3",
                    lambda x, y: (1 + x**2 * y - 4 * x, 3 * x - x**2 * y)),
    "Arrhenius": ("A' = -k e^{-E/T} A; T' = q k e^(-E/T) A - (T - 1);"
                  " k = 2; E = 3; q = 4; T(0) = 1",
                  lambda a, t: (-2 * exp(-3 / t) * a, 8 * exp(-3 / t) * a - (t - 1))),
    "dry friction": ("x'' = -x - where(|v| > 0.1, 0.2*sign(v), 2 v); v = x'",
                     lambda x, v: (v, -x - (0.2 * np.sign(v) if abs(v) > 0.1 else 2 * v))),
    "hysteresis": ("x' = 1 - 2*(x > 0.5 and x < 2) - min(x, 1, 0.3)",
                   lambda x: (1 - 2 * (0.5 < x < 2) - min(x, 1, 0.3),)),
    "Mathieu": ("x'' + (δ + ε cos(t)) x = 0; δ = 1; ε = 0.3",
                lambda x, v: (v, -(1 + 0.3 * cos(0.7)) * x)),
    "Landau, squared sine": ("x' = sin²(x) - cos^2(t) + 2x**3", None),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, (_, law) in WRITTEN.items() if law])
def test_a_written_equation_has_its_law(name, float64):
    text, law = WRITTEN[name]
    found = equations(text)
    y = np.random.default_rng(0).uniform(0.2, 1.5, len(found.variables))
    u = found.forcing(0.7, found.parameters)
    slopes = found.law(0.7, jnp.asarray(y), found.parameters, u)
    np.testing.assert_allclose(slopes, law(*y), rtol=1e-12)
    assert found.kind == FLOW


def rk4(text, steps, dt, substeps=20):
    return simulate(equations(text), steps, dt=dt, scheme="rk4", substeps=substeps)


@pytest.mark.parametrize(
    "text",
    ["x' = sin x a", "x' = sin x*a", "x' = sin 2 cos x", "x' = sin x (1 - x)",
     "x' = sin x / a", "x' = sin -x", "x' = max x"],
)  # fmt: skip
def test_a_function_without_parentheses_is_refused_where_it_has_two_readings(text):
    with pytest.raises(InputError):
        equations(f"{text} - x; a = 1")


@pytest.mark.parametrize(
    "text",
    ["x'' = -x; x(0) = 1", "x″ + x = 0; x(0) = 1; x'(0) = 0", "d2x/dt2 = -x; x(0) = 1",
     "d^2x/dt^2 = −x(t); x(0) = 1", "ẍ = -x; x(0) = 1", "-2 x'' = 2x; x(0) = 1"],
)  # fmt: skip
def test_the_harmonic_oscillator_is_a_cosine(text):
    t = 0.5 * np.arange(13)
    np.testing.assert_allclose(rk4(text, 12, 0.5), np.stack([cos(t), -sin(t)], -1), atol=1e-7)


def test_logistic_growth_has_its_closed_form():
    x = rk4("N' = r N (1 - N/K); r = 0.7; K = 10; N(0) = 1", 10, 0.5)[:, 0]
    np.testing.assert_allclose(x, 10 / (1 + 9 * exp(-0.35 * np.arange(11))), rtol=1e-8)


def test_time_in_a_slope_is_the_time():
    t = 0.5 * np.arange(7)
    x = rk4("x' = -t x + a t; a = 2; x(0) = 3", 6, 0.5)[:, 0]
    np.testing.assert_allclose(x, 2 + exp(-(t**2) / 2), rtol=1e-7)


def test_a_delay_is_solved_by_the_method_of_steps():
    """x' = -x(t - 1) from 1: sum over k of (-1)^k (t - (k - 1))^k / k!."""
    late = equations("x' = -x(t - τ); τ = 1; x(0) = 1")
    assert late.kind == DELAY and late.delay_parameters == ("τ",)
    t = 0.1 * np.arange(41)
    exact = sum(
        np.where(t >= k - 1, (-1.0) ** k * (t - k + 1) ** k / math.factorial(k), 0)
        for k in range(6)
    )
    np.testing.assert_allclose(simulate(late, 40)[:, 0], exact, atol=1e-8)


def test_a_past_and_several_delays():
    """x = cos(t) solves x' = x(t + pi/2) = -x(t - pi/2), and x'' = -x = (x' (t - pi/2))."""
    t = 0.1 * np.arange(41)
    first = simulate(equations("x' = -x(t - pi/2); x(t <= 0) = cos(t)"), 40)
    np.testing.assert_allclose(first[:, 0], cos(t), atol=1e-6)
    text = "x'' = a x'(t - pi/2) + (1 + a) x(t - pi); a = 0.5; x(t < 0) = cos(t)"
    second = simulate(equations(text.replace("a x'", "-a x'").replace("1 + a", "1 - a")), 40)
    # -a x'(t - pi/2) = a sin(t - pi/2) = -a cos(t); (1 - a) cos(t - pi) = -(1 - a) cos(t)
    np.testing.assert_allclose(second, np.stack([cos(t), -sin(t)], -1), atol=1e-5)


def test_mackey_and_glass_as_text_are_those_of_the_systems():
    text = "x' = β x(t - τ)/(1 + x(t - τ)^n) - γ x; β=.2; γ=.1; n=10; τ=17; x(0)=1.2"
    known = simulate(system("mackey-glass"), 60)
    np.testing.assert_allclose(simulate(equations(text), 60, dt=1.0), known, rtol=1e-9)


def test_a_delayed_product_is_told_from_a_delay():
    found = equations("N' = r N (1 - N(t - T)/K); r = 0.5; T = 3; K = 10; N(0) = 2")
    slope = found.law(0.0, jnp.array([2.0]), found.parameters, jnp.zeros(0), [jnp.array([5.0])])
    np.testing.assert_allclose(slope, [0.5 * 2 * (1 - 5 / 10)])


@pytest.mark.parametrize(
    "text",
    ["x_{n+1} = x_n + x_{n-1}; x_0 = 1; x_{-1} = 0",
     "x[n+2] = x[n+1] + x[n]; x[0] = 0; x[1] = 1",
     "x(n) = x(n-1) + x(n-2); x(0) = 0; x(1) = 1", "x_k = x_{k-1} + x_{k-2}; x_0 = 0; x_1 = 1",
     "xₙ₊₁ = xₙ + xₙ₋₁; x[0] = 1; x[-1] = 0"],
)  # fmt: skip
def test_a_map_of_two_steps_is_that_of_fibonacci(text):
    found = equations(text)
    assert found.kind == MAP and found.variables[0] == "x"
    np.testing.assert_array_equal(simulate(found, 9)[:, 0], [1, 1, 2, 3, 5, 8, 13, 21, 34, 55])


def test_the_next_value_may_be_used_and_the_step_counted():
    text = "p[n+1] = p[n] + K sin(q[n]); q[n+1] = q[n] + p[n+1]; K = 0.9; p[0] = 0.2; q[0] = 1"
    states, (p, q) = simulate(equations(text), 5), (0.2, 1.0)
    for state in states:
        np.testing.assert_allclose(state, [p, q], rtol=1e-12)
        p += 0.9 * sin(q)
        q += p
    counted = equations("x[n+1] = x[n] + n; x[0] = 0")
    np.testing.assert_array_equal(simulate(counted, 5)[:, 0], [0, 0, 1, 3, 6, 10])
    same = equations("x[n] = x[n-1] + n; x[0] = 0")
    np.testing.assert_array_equal(simulate(same, 5)[:, 0], [0, 1, 3, 6, 10, 15])


def test_lorenz_96_by_its_index(float64):
    found = equations("x_i' = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F; F = 8; i = 1..40")
    known, x = system("lorenz96"), jnp.asarray(np.random.default_rng(0).normal(size=40))
    ours = found.law(0.0, x, found.parameters, jnp.zeros(0))
    np.testing.assert_allclose(ours, known.law(0.0, x, {"force": 8.0}, ()), rtol=1e-13)
    assert found.variables[:2] == ("x_1", "x_2") and "x_0 is x_40" in found.remarks[0]
    assert len(set(found.start)) > 30  # components that are alike would stay so


@pytest.mark.parametrize(
    "ends, wave",
    [("i = 1, 2, ..., 8", lambda i: (cos(2 * np.pi * i / 8), 2 * sin(np.pi / 8))),
     ("i = 1..8; u_0 = 0; u_9 = 0", lambda i: (sin(np.pi * i / 9), 2 * sin(np.pi / 18))),
     ("i = 1:8; u_0 = u_1; u_9 = u_8",
      lambda i: (cos(np.pi * (i - 0.5) / 8), 2 * sin(np.pi / 16)))],
)  # fmt: skip
def test_a_chain_swings_in_its_modes(ends, wave):
    """A ring, a chain with fixed and one with free ends: u'' = u_{i+1} - 2 u_i + u_{i-1}."""
    shape, frequency = wave(np.arange(1, 9))
    found = equations(f"u_i'' = u_{{i+1}} - 2u_i + u_{{i-1}}; {ends}")
    start = np.concatenate([shape, 0 * shape])
    u = simulate(found, 4, dt=1.0, start=start, scheme="rk4", substeps=50)[:, :8]
    exact = cos(frequency * np.arange(5))[:, None] * shape
    np.testing.assert_allclose(u, exact, atol=1e-7)


def test_a_sum_over_an_index_is_that_of_kuramoto(float64):
    text = "θ_i' = ω_i + K/N*sum_j(sin(θ_j - θ_i)); ω_i = 0.1*i; K = 2; N = 5; i=1..N; j=1..N"
    found = equations(text)
    x = np.random.default_rng(0).normal(size=5)
    ours = found.law(0.0, jnp.asarray(x), found.parameters, jnp.zeros(0))
    pull = 2 / 5 * sin(x[None] - x[:, None]).sum(axis=1)
    np.testing.assert_allclose(ours, 0.1 * np.arange(1, 6) + pull, rtol=1e-12)
    assert found.parameters == {"K": 2.0}  # the size of a range is no parameter


def test_components_of_their_own_and_two_indices(float64):
    ends = equations("x_1' = x_2 - x_1; x_i' = x_{i+1} - 2x_i + x_{i-1}; i = 2..3; x_4' = -x_4")
    y = dict(zip(ends.variables, (1.0, 2.0, 4.0, 8.0), strict=True))
    x = jnp.asarray([y[name] for name in ends.variables])
    slopes = dict(zip(ends.variables, ends.law(0.0, x, {}, jnp.zeros(0)), strict=True))
    found = [float(slopes[f"x_{i}"]) for i in (1, 2, 3, 4)]
    x1, x2, x3, x4 = (y[f"x_{i}"] for i in (1, 2, 3, 4))
    assert found == [x2 - x1, x3 - 2 * x2 + x1, x4 - 2 * x3 + x2, -x4]
    plane = equations(
        "u_{i,j}' = a_i (u_{i+1,j} + u_{i-1,j} + u_{i,j+1} + u_{i,j-1} - 4 u_{i,j});"
        "i = 0..2; j = 1..4; a_0 = 1; a_1 = 2; a_2 = 3"
    )
    u = np.random.default_rng(0).normal(size=(3, 4))
    around = sum(np.roll(u, shift, axis) for shift in (1, -1) for axis in (0, 1)) - 4 * u
    slopes = plane.law(0.0, jnp.asarray(u.ravel()), plane.parameters, jnp.zeros(0))
    wanted = np.array([[1], [2], [3]]) * around
    np.testing.assert_allclose(slopes, wanted.ravel(), rtol=1e-12)
    assert plane.variables[:5] == ("u_0_1", "u_0_2", "u_0_3", "u_0_4", "u_1_1")


def test_a_start_of_each_component():
    found = equations("x_i' = -x_i; i = 1..3; x_i(0) = i^2; x_2(0) = 7")
    assert found.start == (1.0, 7.0, 9.0) and found.remarks == ()


@pytest.mark.parametrize(
    "text, start",
    [("x' = y; y' = -x", (1.0, 0.0)), ("x' = x - x y; y' = x y - y", (1.0, 0.69)),
     ("x' = -x", (1.0,)), ("x' = -x; x(0) = 0", (0.0,)), ("x' = 1 - x", (0.0,)),
     ("x'' = -x", (1.0, 0.0)), ("x' = x (1 - x)", (0.1,)), ("x' = 1/x", (1.0,)),
     ("x' = v; v' = cos(t) - v - x; x(0) = 1", (1.0, 0.0)), ("x' = 0", (0.0,)),
     ("x_{n+1} = 4 x_n (1 - x_n)", (0.1,)), ("x_{n+1} = 2 x_n (1 - x_n)", (0.1,))],
)  # fmt: skip
def test_a_start_is_where_something_moves(text, start):
    found = equations(text)
    assert found.start == start
    assert bool(found.remarks) == (any(start) and "(0)" not in text)


WRONG = [
    ("x' = k/t; k = 1", "Time begins at 0. Write `(t + 1)` for `t`"),
    ("x' = k/p; k = 1; p = 0", "got `inf` at column 7 of `x' = k/p`. Change `k` or `p`."),
    ("x' = k^2; k = 1e300", "`inf` at column 7"), ("x' = k^p; k = -1; p = .5", "`nan` at"),
    ("x' = x*t^p; p = -1", "must be finite at the start"),
    ("x' = 1/(x - y); y' = x; x(0) = 1; y(0) = 1", "Start elsewhere: `x(0) = 0.5`."),
    ("x' = 1/2x", "Write `(1/2)*x` or `1/(2*x)`."), ("x' = a/b c; a=1; b=1; c=1", "divided"),
    ("x' = 2^3x", "Write `a^2*b` or `a^(2*b)`."), ("x' = x^ab; a=1; b=1", "Write `(a*b)`"),
    ("x' = e x", "Write `exp(x)` or `e^x`"), ("x' = 0,2*x", "Write `0.5`, not `0,5`."),
    ("x' = y y' = -x", "Put `;` between"), ("x'' + sin(x'') = x", "Solve it for `x''`"),
    ("x' + y' = 1; x' - y' = x", "Solve the equations"),
    ("x' = a; a = x'", "Give `a` a number"),
    ("x' = -x(t/2)", "Write `x(t - 2)`"), ("x' = -x(t - x)", "minus what does not change"),
    ("x' = -x'(t - 1)", "neutral"), ("x' = F(t - 1); F = cos(t)", "only variables are delayed"),
    ("x_i' = x_{i+1} - x_i", "Add `i = 1..40`"), ("x_i' = x_i; i = 1..N", "Add `N = 40`"),
    ("x_i' = x_{i+1}; i = 1..3; x_0 = 0", "Add `x_4 = 0`"),
    ("x' = y_i; y_i' = 1; i = 1..2", "sum_i"),
    ("x_i' = x_i; i = 3..1", "up to another"), ("x_i' = x_i; i = 1..3; x_2' = 0", "given once"),
    ("x' = -x + w; x0 = 3; w = 1", "Write `x(0)`."), ("u_t = D u_xx; D = 1", "by differences"),
    ("x' = if(x > 0, 1, 2)", "Write `where(x > 0, a, b)`."), ("x' = \\foo(x)", "without LaTeX"),
    ("x' = x % 2", "mod(a, b)"), ("x' = ½ x", "(1/2)"),
    ("x' = f(1); f(x) = f(x) + 1", "without end"),
    ("x' = f(1, 2); f(x) = x", "takes 1 argument"),
    ("x[n+1] = x[n+2]", "must not look ahead"), ("x[n+1] = y[k]; y[k+1] = 1", "one letter"),
    ("x[n+1] = x; y[n+2] = y", "the same step"), ("x' = x > 0", "where(x > 0, 1, 0)"),
    ("x' = 1 + |x", "a bar must be closed"), ("x' = sin^-1(x)", "asin"),
    ("x'''''''''' = 1", "order 9"),
    ("x' = abx; y' = aby; ab=2", "Write `ab*x`, or add `abx = 1`, say. Likewise: `ab*y`."),
    ("x' = 1/xy; y' = x", "Write `(1/x)*y` or `1/(x*y)`."),
    ("x' = -xτ; τ = 1", "Write `x(t - τ)`."), ("x' = dt; d = 1", "every name must be given"),
    ("d[A]/dt = -k[A][B]; k = 1", "Write `A` for `[A]`, and `dA/dt` for how it changes;"),
    ("[A]' = -k[A]; k = 1", "Write `A` for `[A]`; products with `*`."),
    ("A' = -k*[A]; k = 1", "got `[A]` at column 9"), ("x' = -[x - 1]", "Write `(x - 1)` with"),
    ("x' = -np.sin(x)", "Leave out each `np.`"), ("x' = math.pi x", "Leave out each `math.`"),
    ("x' = (a 2); a = 1", "Write products with `*`"), ("x' = sin(x 2)", "Write products with"),
    ("x' = H(t - 1)", "Write `heaviside(t - 1)`."),
]  # fmt: skip


@pytest.mark.parametrize("text, message", WRONG)
def test_what_cannot_be_read_is_answered_with_a_remedy(text, message):
    with refuses(message):
        equations(text)


BESIDE = [
    ("N' = rN(1-N/K); r = 2; K = 3", "N' = r*N*(1 - N/K); r = 2; K = 3"),
    ("x' = ax - bxy; y' = cxy - dy; a=1; b=2; c=3; d=4",
     "x' = a*x - b*x*y; y' = c*x*y - d*y; a=1; b=2; c=3; d=4"),
    ("x' = xy² + αx; y' = -x; α = 2", "x' = x*y^2 + α*x; y' = -x; α = 2"),
    ("x_{n+1} = rx_n(1 - x_n); r = 3", "x_{n+1} = r*x_n*(1 - x_n); r = 3"),
    ("x_i' = -ax_i + x_{i+1}; a = 2; i = 1..4", "x_i' = -a*x_i + x_{i+1}; a = 2; i = 1..4"),
    ("x' = -x + sin(ωt) + cos 2πft; ω = 2; f = 3",
     "x' = -x + sin(ω*t) + cos(2*π*f*t); ω=2; f=3"),
    ("x' = -axf(x) + g(x, 2); f(y) = y²; g(u, v) = uv; a = 2",
     "x' = -a*x*f(x) + g(x, 2); f(y) = y²; g(u, v) = u*v; a = 2"),
]  # fmt: skip


@pytest.mark.parametrize("beside, apart", BESIDE)
def test_letters_side_by_side_are_a_product_where_nothing_else_is_meant(beside, apart):
    found, other = equations(beside), equations(apart)
    assert any(one.startswith("Letters side by side were read as ") for one in found.remarks)
    state, p, t = 0.3 + jnp.arange(len(found.variables)) / 7, found.parameters, 0.4
    slopes = [np.asarray(s.law(t, state, p, s.forcing(t, p))) for s in (found, other)]
    np.testing.assert_array_equal(*slopes)


edits = st.tuples(
    st.integers(0, 200), st.integers(0, 4),
    st.sampled_from([*"x't=()+-*/^;,.[]{}|<_0²·", "''", "..", "(0)", "1e300", "sin(", "_{i+1}",
                     "x(t - 1)", "[n+1]", "where(", "dx/dt", "; i = 1..3", "\n", ""]),
)  # fmt: skip
TEXTS = [text for text, _ in WRITTEN.values()]
TEXTS += ["x' = -x(t - 1); x(t <= 0) = cos(t)", "x_i' = x_{i+1} - x_i; i = 1..3; x_4 = 0"]
TEXTS += ["x_{n+1} = 1 - a x_n^2 + b x_{n-1}; a = 1.4; b = 0.3", "x' = k/t^p; k = 1; p = 0"]


@given(st.sampled_from(TEXTS), st.lists(edits, max_size=4))
@settings(max_examples=120)
def test_a_text_that_is_nearly_an_equation_is_a_system_or_one_line(text, changes):
    for at, cut, piece in changes:
        at %= len(text) + 1
        text = text[:at] + piece + text[at + cut :]
    try:
        found = equations(text)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 500
    else:
        assert np.isfinite(found.start).all() and found.variables


@pytest.mark.parametrize("far", ["1e300", "1000000000", "999999999"])
def test_an_index_far_outside_is_refused_at_once(far):
    text = f"u_i' = u_{{i+1}} - u_{{i-{far}}}; i = 1..6; u_0 = 0; u_7 = 0; u_i(0) = 1"
    with pytest.raises(InputError, match="an index must"):
        equations(text)
