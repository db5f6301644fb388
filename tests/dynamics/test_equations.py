"""Text to systems, against laws written in Python; and what no text may do."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.dynamics.equation_text.expressions import FUNCTIONS, evaluate
from throughtime.dynamics.equation_text.parser import Statement
from throughtime.dynamics.equations import equations
from throughtime.dynamics.systems import system
from throughtime.errors import InputError


def value(text, **names):
    return float(evaluate(Statement(f"y = {text}").read().right, names))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("2 ^ 3 ^ 2", 512), ("2 ** 3", 8),
        ("-2 ^ 2", -4), ("2 ^ -1", 0.5), ("7 - 2 - 1", 4), ("8 / 4 / 2", 1), ("--3", 3),
        ("+3", 3), ("1.5e1 + .5", 15.5), ("cos(pi)", -1), ("max(1, min(4, 3))", 3),
        ("atan2(1, 1) * 4 / pi", 1), ("abs(-3)", 3), ("sqrt(16) - floor(2.7)", 2),
        ("sign(-2) * exp(0) * log(exp(1))", -1), ("2*-3", -6),
    ],
)  # fmt: skip
def test_mathematics_means_what_it_means(text, expected, float64):
    assert value(text) == pytest.approx(expected, abs=1e-12)


def test_every_function_is_that_of_numpy(float64):
    names = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2"}
    names |= {"min": "minimum", "max": "maximum"}
    names |= {"ln": "log", "sgn": "sign"}
    others = {
        "sec": lambda x: 1 / np.cos(x), "csc": lambda x: 1 / np.sin(x),
        "cot": lambda x: 1 / np.tan(x), "sech": lambda x: 1 / np.cosh(x),
        "coth": lambda x: 1 / np.tanh(x), "erf": math.erf, "acosh": lambda x: np.arccosh(x),
        "asinh": np.arcsinh, "atanh": np.arctanh, "heaviside": lambda x: np.heaviside(x, 0.5),
    }  # fmt: skip
    for name, ((least, _), _) in FUNCTIONS.items():
        given_ = (1.3,) if name == "acosh" else (0.3, -0.7, 2.0)[:least]
        expected = (others.get(name) or getattr(np, names.get(name, name)))(*given_)
        assert value(f"{name}({', '.join(map(str, given_))})") == pytest.approx(expected)


numbers = st.floats(0.1, 9, allow_nan=False).map(lambda x: round(x, 3))
trees = st.recursive(
    st.one_of(numbers.map(str), st.sampled_from(["a", "b"])),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(
            lambda p: f"({p[0]} {p[1]} {p[2]})"
        ),
        inner.map(lambda p: f"-{p}"),
        st.tuples(st.sampled_from(["sin", "cos", "tanh"]), inner).map(
            lambda p: f"{p[0]}({p[1]})"
        ),
    ),
    max_leaves=12,
)


@given(trees, numbers, numbers)
@settings(max_examples=60)
def test_an_expression_has_the_value_that_python_gives_it(text, a, b):
    names = {"sin": np.sin, "cos": np.cos, "tanh": np.tanh, "a": a, "b": b}
    expected = float(eval(text, {"__builtins__": {}}, names))
    assert value(text, a=a, b=b) == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_the_lectures_equation():
    text = "x' = v; v' = F - 0.2*v - x\n F = cos(w*t)  # a force\n w = 1.2; x(0) = 1"
    found, known = equations(text), system("oscillator")
    assert found.variables == known.variables and found.inputs == ("F",)
    assert found.parameters == {"w": pytest.approx(1.2)} and found.start == (1.0, 0.0)
    y, u = jnp.array([0.3, -0.4]), found.forcing(2.0, found.parameters)
    np.testing.assert_allclose(u, known.forcing(2.0, known.parameters), rtol=1e-6)
    ours, theirs = (s.law(2.0, y, s.parameters, u) for s in (found, known))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_abbreviations_may_come_in_any_order_and_use_each_other():
    found = equations("x' = a; a = b + c; b = 2*x; c = d*t; d = pi/2; x(0) = 3")
    assert found.inputs == ("c",)
    u = found.forcing(2.0, found.parameters)
    law = found.law(2.0, jnp.array([3.0]), found.parameters, u)
    np.testing.assert_allclose(law, [6 + np.pi], rtol=1e-6)


def test_parameters_of_equations_can_be_changed():
    found = equations("x' = -k*x; k = 2; x(0) = 1").with_parameters(k=3.0)
    law = found.law(0.0, jnp.array([2.0]), found.parameters, found.forcing(0.0, {}))
    np.testing.assert_allclose(law, [-6.0])


WRONG = [
    ("", "at least one variable"), ("k = 3", "at least one variable"),
    ("x' =", "got the end at column 5"), ("x' = y", "`y` at column 6"),
    ("x' = 2 3", "`3` at column 8"), ("x' = a 2; a = 1", "`2` at column 8"),
    ("x' = sin 2/x", "`sin(2/x)` or `sin(2)/x`"), ("x' = sinus(x)", "Did you mean `sin`"),
    ("x' = (x", "got the end at column 8"), ("x' = min(x)", "takes 2 arguments"),
    ("x' = x)", "`)` at column 7"), ("x' = 1/0", "`/` at column 7"),
    ("x' = x/(1 - 1)", "`/` at column 7"), ("k = 1/0; x' = k", "`/` at column 6"),
    ("x' = 1/x; x(0) = 0", "must be finite at the start"),
    ("x' = log(x); x(0) = 0", "Start elsewhere: `x(0) = 1`."),
    ("x' = 1e999", "`1e999` at column 6"), ("x' = x; x' = 1", "given once"),
    ("x' = x; x = 1", "given once"), ("x' = a; a = b; b = a", "stand for each other"),
    ("x' = a; a = a + 1", "stand for each other"), ("x(1) = 2; x' = 1", "x(0) = 1"),
    ("y(0) = 2; x' = 1", "must be of a variable"), ("x' = x; x(0) = x", "Write a number"),
    ("t' = 1", "must not be that of the time, a constant"), ("sin' = 1", "or a function"),
    ("x' = k; k = sqrt(-1)", "finite number"),
    ("' = 1", "begin with a name"), ("x' = x $ 2", "`$` at column 8"),
    ("x = = 1", "`=` at column 5"), ("x", "followed by `=`"), ("2 = 1", "followed by `=`"),
]  # fmt: skip


@pytest.mark.parametrize("text, message", WRONG)
def test_what_is_no_equation_is_refused_with_its_place(text, message):
    with refuses(message):
        equations(text)


PYTHON = [
    "x' = __import__('os').system('true')", "x' = x.__class__", "x' = (1).real",
    "x' = ().__class__.__bases__", "x' = eval(x)", "x' = exec(x)", "x' = open(x)",
    "x' = lambda: 3", "x' = [x for x in x]", "x' = x[0]", "x' = {x}", "x' = f'{x}'",
    "x' = x if x else x", "x' = x; import os", "x' = __name__", "__x__' = 1",
    "x' = getattr(x)", "x' = x := 3", "x' = x @ x", "x' = 'a'", "x' = \\x41", "x' = x or x",
    "x' = jnp.sin(x)", "x' = `x`", "x' = exit()", "x' = print(x)",
]  # fmt: skip


@pytest.mark.parametrize("text", PYTHON)
def test_python_is_not_reached(text):
    with pytest.raises(InputError) as caught:
        equations(text)
    assert "column" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["x' = " + "(" * 5000 + "x" + ")" * 5000, "x' = " + "-" * 5000 + "x",
     "x' = " + "x^" * 5000 + "x", "x' = " + "+".join("x" * 9000), "x' = " + "sin(" * 999,
     "x' = x # " + "y" * 30_000, r"x' = \frac" + "{" * 5000,
     r"x' = \sin" + "{" * 99 + "}" * 99],
)  # fmt: skip
def test_what_is_nested_too_deep_or_too_long_is_refused(text):
    with pytest.raises(InputError, match=r"too deep|at most 20,000"):
        equations(text)


pieces = [
    *"xvkt'=()0+-*/^; \n,._#e[\"é\x00{}\\&$",
    "pi",
    "1.5",
    "sin",
    "min",
    "__",
    r"\frac",
    r"\dot",
]


@given(st.one_of(st.lists(st.sampled_from(pieces), max_size=30).map("".join), st.text()))
@settings(max_examples=400)
def test_any_text_is_a_system_or_one_line(text):
    try:
        found = equations(text)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 500
    else:
        assert found.variables


def test_many_operations_on_each_other_are_refused():
    text = "1"
    for _ in range(18):
        text = f"({text})" + "*1" * 90 + "+1" * 90
    with refuses("an expression must not be nested too deep"):
        equations(f"x' = {text} - x")


def test_a_small_divisor_is_no_zero():
    assert equations("x' = 1e-60 * x / 1e-50").variables == ("x",)
