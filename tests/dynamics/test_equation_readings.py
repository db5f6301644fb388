"""Equations as textbooks write them, and remedies that were followed to the letter."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

import throughtime as tt
from throughtime.dynamics.equation_text.expressions import FUNCTIONS, NAME, Node, operation
from throughtime.dynamics.equation_text.expressions import number as number_node
from throughtime.dynamics.equation_text.parser import Statement
from throughtime.dynamics.equation_text.printing import to_text
from throughtime.dynamics.equations import equations
from throughtime.errors import InputError

sin, cos, exp, log = np.sin, np.cos, np.exp, np.log
NOW = 0.7


def slopes(text):
    """A state of the system, and its slopes there at time .7; what is late is the same."""
    found = equations(text)
    y = np.random.default_rng(3).uniform(0.3, 1.4, len(found.variables))
    late = [[jnp.asarray(y)] * 1] if found.kind == "delay" else []
    u = found.forcing(NOW, found.parameters)
    return y, np.asarray(found.law(NOW, jnp.asarray(y), found.parameters, u, *late))


def kuramoto(*θ):
    θ = np.array(θ)
    pull = sin(θ[None] - θ[:, None]).sum(axis=1)
    return 0.1 * np.arange(1, len(θ) + 1) + 2 / len(θ) * pull


READ = {
    "x' = 2 sin 2t - x": lambda x: (2 * sin(2 * NOW) - x,),
    "x' = cos 2t - x": lambda x: (cos(2 * NOW) - x,),
    "x' = sin w t - x; w = 3": lambda x: (sin(3 * NOW) - x,),
    "x' = sin a x; a = 2": lambda x: (sin(2 * x),),
    "x' = sin 2 pi t - x": lambda x: (sin(2 * np.pi * NOW) - x,),
    "x' = a sin t cos t - x; a = 3": lambda x: (3 * sin(NOW) * cos(NOW) - x,),
    "x' = sin² 2x + cos^2 x": lambda x: (sin(2 * x) ** 2 + cos(x) ** 2,),
    "x' = sin x² - ln |x - 3|": lambda x: (sin(x**2) - log(abs(x - 3)),),
    "x' = sin a(x + 1) - exp sin x; a = 2": lambda x: (sin(2 * (x + 1)) - exp(sin(x)),),
    "θ'' = -g/l sin(θ); g = 9.8; l = 2": lambda x, v: (v, -9.8 / 2 * sin(x)),
    "x' = a x + b; a = b = 0.2": lambda x: (0.2 * x + 0.2,),
    "x' = ||x| - 2| |x| + 2|x + 1|": lambda x: (abs(abs(x) - 2) * abs(x) + 2 * abs(x + 1),),
    "θ_i' = ω_i + K/N sum_{j=1}^N sin(θ_j - θ_i); ω_i = .1 i; K = 2; N = 4; i = 1..N": kuramoto,
    "x_i' = ∑_{j=1}^{2} a_{ij} x_j; a_{ij} = i + 2j; i = 1..2":
        lambda x, y: (3 * x + 5 * y, 4 * x + 6 * y),
    r"\dot{x} &= \sigma (y - x), \\ \dot{y} &= x(\rho - z) - y, \\ \dot z &= x y - \beta z."
    r"\\ \sigma = 10; \rho = 28; \beta = \frac{8}{3}":
        lambda x, y, z: (10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z),
    r"\ddot{\theta} + \frac{g}{l}\sin\theta = 0; g = 9.8; l = 2":
        lambda x, v: (v, -9.8 / 2 * sin(x)),
    r"$\frac{dx}{dt} = \frac{a}{b+1} x - x^{2}\cdot\left|x - 3\right|; a = 1; b = 2$":
        lambda x: (x / 3 - x**2 * abs(x - 3),),
    r"\frac{\mathrm{d}^{2} x}{\mathrm{d} t^{2}} = -\omega^2 x - \sqrt[3]{x}; \omega = 2":
        lambda x, v: (v, -4 * x - np.cbrt(x)),
    r"\dot{\theta}_i = \omega_i + \frac{K}{N}\sum_{j=1}^{N}\sin\left(\theta_j - \theta_i\right)"
    r"; \omega_i = 0.1 i; K = 2; N = 4; i = 1..N": kuramoto,
    r"\frac{d}{dt} x = c\, x\frac{t}{2} + \sin^2\frac{x}{2} - e^{-\frac{x}{\tau}};"
    r"c = 3; \tau = 2":
        lambda x: (3 * x * NOW / 2 + sin(x / 2) ** 2 - exp(-x / 2),),
    r"x^{\prime\prime} = -x - \operatorname{sgn}(x^\prime)": lambda x, v: (v, -x - np.sign(v)),
}  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_what_has_one_reading_is_read_so(text, float64):
    y, found = slopes(text)
    np.testing.assert_allclose(found, READ[text](*y), rtol=1e-12)


def with_delay(x):
    return (0.2 * x / (1 + x**10) - 0.1 * x,)


FOLLOWED = [  # a text, a part of it, and what stands for each remedy in its place
    ("x' = sin t/2 - x", "sin t/2", [lambda x: (sin(NOW / 2) - x,),
                                     lambda x: (sin(NOW) / 2 - x,)]),
    ("x' = sin 2*x", "sin 2*x", [lambda x: (sin(2 * x),), lambda x: (sin(2) * x,)]),
    ("x' = y; y' = cos x y", "cos x y", [lambda x, y: (y, cos(x * y)),
                                         lambda x, y: (y, cos(x) * y)]),
    ("x' = sin 2x (1 - x)", "sin 2x (1 - x)", [lambda x: (sin(2 * x * (1 - x)),),
                                               lambda x: (sin(2 * x) * (1 - x),)]),
    ("x' = exp -x", "exp -x", [lambda x: (exp(-x),)]),
    ("x' = sin 2 cos x", "sin 2 cos x", [lambda x: (sin(2 * cos(x)),),
                                         lambda x: (sin(2) * cos(x),)]),
    ("x' = 3 sin2x", "sin2x", [lambda x: (3 * sin(2 * x),)]),
    ("x' = 1/2x", "1/2x", [lambda x: (x / 2,), lambda x: (1 / (2 * x),)]),
    ("x' = a/b x - 1; a = 3; b = 2", "a/b x", [lambda x: (3 / 2 * x - 1,),
                                               lambda x: (3 / (2 * x) - 1,)]),
    ("x' = 0.2*x_τ/(1+x_τ^10) - 0.1*x; τ = 17", "x_τ", [with_delay]),
    ("x' = 0.2*x_tau/(1+x_tau^10) - 0.1*x; tau = 17", "x_tau", [with_delay]),
    ("x' = 0.2*x_{t-τ}/(1+x_{t-τ}^10) - 0.1*x; τ = 17", "x_{t-τ}", [with_delay]),
    ("x' = 0.2*xlag/(1+xlag^10) - 0.1*x; lag = 17", "xlag", [with_delay]),
    ("x' = 0.2*x_17/(1+x_17^10) - 0.1*x", "x_17", [with_delay]),
    ("dx = (a-x) dt + dW; a = 3", "dx = (a-x) dt + dW", [None, lambda x: (3 - x,)]),
    ("dx = (a-x) dt; a = 3", "dx = (a-x) dt", [lambda x: (3 - x,)]),
    ("x' = x(2) - 1", "x(2)", [lambda x: (2 * x - 1,)]),
]  # fmt: skip


@pytest.mark.parametrize("text, part, laws", FOLLOWED)
def test_a_remedy_that_is_followed_means_what_was_meant(text, part, laws, float64):
    with pytest.raises(InputError) as caught:
        equations(text)
    remedies = re.findall(r"`([^`]*)`", caught.value.remedy)
    for remedy, law in zip(remedies, laws, strict=False):
        if law is not None:
            y, found = slopes(text.replace(part, remedy))
            np.testing.assert_allclose(found, law(*y), rtol=1e-12)


@pytest.mark.parametrize(
    "text, term, law",
    [("x' = -x + noise", "noise", 1), ("x' = -x + ξ(t)", "ξ", 1),
     ("x' = -x + eta(t)", "eta", 1), ("x' = -x + sigma*dW; sigma = 2", "dW", 2),
     ("x' = -x + 2*dW/dt", "W'", 2),
     ("x' = -x + N(0, 1)", "N", 1), ("x' = -x + white_noise", "white_noise", 1)],
)  # fmt: skip
def test_a_random_term_is_told_and_a_force_may_stand_for_it(text, term, law, float64):
    with refuses("no random terms") as caught:
        equations(text)
    force = re.findall(r"`([^`]*)`", str(caught.value))[-1]
    written = next(one for one in ("dW/dt", f"{term}(t)", "N(0, 1)", term) if one in text)
    y, found = slopes(text.replace(written, force))
    np.testing.assert_allclose(found, -y + law * 0.1 * cos(5 * NOW), rtol=1e-12)


@pytest.mark.parametrize(
    "text, part",
    [("x' = -k x; k = 1; kk = 2", "kk = 2"), ("x' = -k x; k = 1; y = x^2", "y = x^2"),
     ("x' = -x; f(x) = x^2", "f(x) = x^2"), ("x' = -x; i = 1..3", "i = 1..3"),
     ("x_i' = -x_i; i = 1..3; w_i = i", "w_i = i"), ("x[n+1] = 2 x[n]; r = 3", "r = 3")],
)  # fmt: skip
def test_what_nothing_uses_is_told(text, part):
    with refuses("must be used") as caught:
        equations(text)
    assert f"Leave out `{part}`" in str(caught.value)
    equations(text.replace(f"; {part}", ""))


def test_what_is_used_by_a_start_a_past_a_delay_or_an_end_is_used():
    equations("x' = -x(t - τ); τ = 1; x(t <= 0) = cos(t)")
    equations("u_i' = u_{i+1} - 2u_i + u_{i-1}; i = 1..N; N = 4; u_0 = b; u_5 = 0; b = 2")


@pytest.mark.parametrize(
    "text, message",
    [("\theta' = -\theta", 'Write it as r"..."'), ("\frac{dx}{dt} = -x", 'Write it as r"..."'),
     (r"x' = \foo x", "without LaTeX"), 
     ("x' = |x|y|x|; y' = 1", "Write `abs(x)`"), ("x_i' = sum_{j!=i} x_j; i = 1..3", "where("),
     ("θ_i' = sum_{j=1}^3 sin(θ_j)", "Add `i = 1..40`"),
     ("x' = -x(t - τ)", "Add `τ = 1`"), ("x' = y; y' = x(0)", "no value at a number"),
     ("x' = sin^n(x); n = 2", "Write `sin(x)^n`")],
)  # fmt: skip
def test_what_cannot_be_read_is_told(text, message):
    with refuses(message):
        equations(text)


PRINTED = [*READ, "x' = -x(t - τ); τ = 1; x(t <= 0) = cos(t)",
           "x_{n+1} = 1 - a x_n² + b x_{n-1}; a = 1.4; b = 0.3; x_0 = 0.1; x_1 = 0.2",
           "x' = k (x - y); y' = x(1 - y) - f(x); f(x) = k x; k = 0.1234567890123",
           "u_{i,j}' = u_{i+1,j} - u_{i,j}; i = 1..3; j = 0..2; u_{i,j}(0) = i",
           "x'' = -x - where(x > 1 and not (x < -2) or x' != 0, 1, 2)"]  # fmt: skip


@pytest.mark.parametrize("text", PRINTED)
def test_a_system_is_printed_as_it_is_understood(text):
    found = equations(text)
    printed = re.fullmatch(r'equations\("(.*)"\)', repr(found))
    assert printed and len(repr(found)) < 1.5 * len(text) + 20
    again = equations(printed[1])
    assert repr(again) == repr(found) and again.start == found.start
    ours, theirs = (
        {key: (one.node, one.ends) for key, one in system.law.entries.items()}
        for system in (found, again)
    )
    assert ours == theirs and again.parameters == found.parameters


leaves = st.one_of(
    st.floats(0, 1e9).map(number_node),
    st.sampled_from(["x", "ω", "t", "k_1"]).map(lambda name: Node(NAME, name)),
    st.just(Node(NAME, "x", order=2)),
    st.just(Node(NAME, "x", indices=(operation("+", Node(NAME, "i"), number_node(1)),))),
)
unary, binary = ["negative", "sin", "abs", "exp"], ["+", "-", "*", "/", "^"]
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(operation, st.sampled_from(unary), inner),
        st.builds(operation, st.sampled_from([*binary, "max", "mod"]), inner, inner),
        st.builds(
            lambda symbol, a, b: operation("where", operation(symbol, a, b), a, b),
            st.sampled_from(["<", ">=", "!=", "and", "or"]), inner, inner,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@given(trees)
@settings(max_examples=60)
def test_what_is_printed_is_read_as_the_same_tree(tree):
    assert Statement(f"y = {to_text(tree)}").read().right == tree


names = st.lists(st.sampled_from(["2", "a", "pi", "3.5", "t", "b"]), min_size=1, max_size=4)
ONE_ARGUMENT = sorted(name for name, (count, _) in FUNCTIONS.items() if count == (1, 1))


@given(st.sampled_from(ONE_ARGUMENT), names)
@settings(max_examples=30)
def test_an_argument_without_parentheses_is_the_product_or_has_two_readings(name, factors):
    """It is the whole product where only its last factor varies, else nothing is read."""
    text = " ".join(factors)
    try:
        found = Statement(f"y = {name} {text}").read().right
    except InputError:  # a number after a factor is none
        assert any(re.fullmatch(r"[\d.]+", one) for one in factors[1:])
    else:
        assert found == Statement(f"y = {name}({'*'.join(factors)})").read().right


def test_representations_are_short():
    assert repr(tt.system("henon")) == "System('henon', a map of x, y; a = 1.4, b = 0.3)"
    changed = equations("x' = -k x; k = 1; x(0) = 2").with_parameters(k=3.5)
    assert repr(changed) == 'equations("x\' = -k*x; x(0) = 2; k = 3.5")'


def test_all_systems_that_begin_so_are_named():
    with refuses("Did you mean `lorenz63` or `lorenz96`?"):
        tt.system("lorenz")
