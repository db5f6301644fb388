r"""Equations as text: `x' = v; v' = F - 0.2*v - x; F = cos(1.2*t)` to a `System`.

Statements end with `;` or a new line, `#` begins a comment:

- `x' = ...` is the time derivative of a variable, `x(0) = 1` its initial value (0 by default);
- `k = 0.2` is a parameter: a name whose right side consists of numbers only;
- any other `F = ...` is an abbreviation. One that depends on time and parameters alone is a
  forcing: an input of the system.

Expressions are those of `expressions`, with `t` for the time and `pi`.
"""

import math
import re

import jax.numpy as jnp
import numpy as np

from throughtime._support.precision import precision
from throughtime.errors import InputError, did_you_mean

from .expressions import (
    CONSTANTS,
    SLOPE,
    START,
    TIME,
    VALUE,
    Equation,
    Node,
    Statement,
    evaluate,
    shortened,
)
from .systems import System

MAX_LENGTH = 20_000
"""The largest number of characters of a text."""


def equations(text: str) -> System:
    """A system from its equations as text.

    Returns
    -------
    System
        A flow. Its parameters are the names given a number, its inputs the forcings, and its
        initial state what the `(0)` statements say, 0 without one.

    Raises
    ------
    InputError
        If a statement cannot be parsed, a name is unknown, or a derivative is not finite at
        the start; the message names the statement and the column.

    Examples
    --------
    >>> equations("x' = v; v' = F - 0.2*v - x; F = cos(w*t); w = 1.2; x(0) = 1").variables
    ('x', 'v')
    """
    if len(text) > MAX_LENGTH:
        rule = f"equations must be at most {MAX_LENGTH:,} characters"
        remedy = "Shorten them, or write a `System` with a Python function."
        raise InputError(rule, f"{len(text):,}", remedy)
    lines = re.split(r"[;\n]", re.sub(r"#[^\n]*", "", text))
    return _Equations([Statement(line).read() for line in lines if line.strip()], text).system()


class _Equations:
    """The statements of a text, sorted by their meaning."""

    def __init__(self, statements: list[Equation], text: str):
        self.text = text
        self.slopes = _by_name(SLOPE, statements)
        self.values = _by_name(VALUE, statements)
        self.starts = _by_name(START, statements)
        if not self.slopes:
            rule = "equations must say how at least one variable changes"
            raise InputError(rule, f"`{shortened(text)}`", "Write `x' = ...`.")
        for statement in statements:
            _check_divisors(statement.expression, statement)
        for name, value in self.values.items():
            if name in self.slopes:
                raise _given_twice(value)
        self.variables = tuple(self.slopes)
        self.parameters = {
            name: _number(value) for name, value in self.values.items() if _is_number(value)
        }
        order, state_dependent = self._evaluation_order(), set(self.variables)
        for name in order:
            if self._names_in(name) & state_dependent:
                state_dependent.add(name)
        self.forcings = tuple(name for name in order if name not in state_dependent)
        self.abbreviations = tuple(name for name in order if name in state_dependent)

    def system(self) -> System:
        starts = {name: self._start(statement) for name, statement in self.starts.items()}
        system = System(
            name="equations",
            about=shortened(self.text),
            source="equations as text",
            variables=self.variables,
            law=self.law,
            parameters=self.parameters,
            start=tuple(starts.get(name, 0.0) for name in self.variables),
            dt=0.1,
            inputs=self.forcings,
            drive=self.drive if self.forcings else None,
        )
        self._check_start(system)
        return system

    def law(self, t, y, p, u):
        """The time derivative of each variable."""
        known = {TIME: t, **p, **dict(zip(self.variables, y, strict=True))}
        known |= dict(zip(self.forcings, u, strict=True))
        for name in self.abbreviations:
            known[name] = evaluate(self.values[name].expression, known)
        slopes = [evaluate(slope.expression, known) for slope in self.slopes.values()]
        return jnp.stack([jnp.asarray(slope, y.dtype) for slope in slopes])

    def drive(self, t, p):
        """The forcings at time t."""
        known = {TIME: t, **p}
        for name in self.forcings:
            known[name] = evaluate(self.values[name].expression, known)
        return jnp.stack([jnp.asarray(known[name], float) for name in self.forcings])

    def _evaluation_order(self) -> list[str]:
        """The abbreviations and forcings, each after those that it uses.

        Unknown names and circular definitions are refused.
        """
        known = {*self.variables, *self.values, *CONSTANTS, TIME}
        for statement in (*self.slopes.values(), *self.values.values()):
            for used in statement.expression.names():
                if used.symbol not in known:
                    rule = "every name must be given"
                    remedy = f"Add `{used.symbol} = 1`, say."
                    raise statement.error(rule, used.symbol, used.column, remedy)
        pending = [name for name in self.values if name not in self.parameters]
        order: list[str] = []
        while pending:
            ready = [name for name in pending if not self._names_in(name).intersection(pending)]
            if not ready:
                rule = "names must not stand for each other"
                remedy = f"Give `{pending[0]}` a number."
                raise self.values[pending[0]].error(rule, pending[0], 0, remedy)
            order += ready
            pending = [name for name in pending if name not in ready]
        return order

    def _names_in(self, name: str) -> set[str]:
        return {used.symbol for used in self.values[name].expression.names()}

    def _start(self, statement: Equation) -> float:
        if statement.name not in self.variables:
            rule = "a start must be of a variable"
            remedy = did_you_mean(statement.name, self.variables)
            raise statement.error(rule, statement.name, 0, remedy)
        for used in statement.expression.names():
            if used.symbol not in CONSTANTS:
                rule, remedy = "a start must be a number", "Write the number itself."
                raise statement.error(rule, used.symbol, used.column, remedy)
        return _number(statement)

    def _check_start(self, system: System) -> None:
        """Refuse equations whose derivatives are not finite at the start."""
        with precision("float64"):
            y, p = jnp.asarray(system.start, jnp.float64), system.parameters
            slopes = np.asarray(system.law(0.0, y, p, system.forcing(0.0, p)))
        for statement, slope in zip(self.slopes.values(), slopes, strict=True):
            if not np.isfinite(slope):
                rule = "a slope must be finite at the start"
                name = statement.name
                remedy = f"Start elsewhere, as in `{name}(0) = 1`, or change the equation."
                raise statement.error(rule, f"{slope}", 0, remedy)


def _by_name(kind: str, statements: list[Equation]) -> dict[str, Equation]:
    """The statements of one kind, by name."""
    found: dict[str, Equation] = {}
    for statement in statements:
        if statement.kind == kind:
            if statement.name in found:
                raise _given_twice(statement)
            found[statement.name] = statement
    return found


def _given_twice(statement: Equation) -> InputError:
    rule, remedy = "a name must be given once", "Leave out one of the two."
    return statement.error(rule, statement.name, 0, remedy)


def _is_number(statement: Equation) -> bool:
    return all(used.symbol in CONSTANTS for used in statement.expression.names())


def _number(statement: Equation) -> float:
    """The value of a right side that consists of numbers only."""
    with precision("float64"):
        value = float(evaluate(statement.expression, {}))
    if not math.isfinite(value):
        rule, remedy = "a value must be a finite number", f"Change `{statement.name}`."
        raise statement.error(rule, f"{value}", statement.expression.column, remedy)
    return value


def _check_divisors(node: Node, statement: Equation) -> None:
    """Refuse a division by a constant that is 0."""
    for child in node.children:
        _check_divisors(child, statement)
    if node.symbol != "/":
        return
    divisor = node.children[1]
    if all(used.symbol in CONSTANTS for used in divisor.names()):
        with precision("float64"):
            value = float(evaluate(divisor, {}))
        if value == 0:
            rule, remedy = "nothing can be divided by 0", "Change the divisor."
            raise statement.error(rule, "/", node.column, remedy)
