r"""Equations as text: `x' = v; v' = F - 0.2*v - x; F = cos(1.2*t)` to a `System`.

Statements end with `;` or a new line, `#` begins a comment:

- `x' = ...` says how fast a variable changes, `x(0) = 1` where it starts (0 by default);
- `k = 0.2` is a parameter: a name whose right side is a number, or made of numbers alone;
- any other `F = ...` is an abbreviation. One that depends on time and parameters alone is a
  forcing: an input of the system.

Expressions are those of `expressions`, with `t` for the time and `pi`.
"""

import math
import re

import jax.numpy as jnp
import numpy as np

from throughtime._support.precision import precision
from throughtime.errors import InputError, nearest

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
    short,
)
from .systems import System

LONGEST = 20_000
"""Characters of a text, at most."""


def equations(text: str) -> System:
    """Equations as a system.

    Returns
    -------
    System
        A flow whose parameters are the names given a number, whose inputs are the forcings, and
        whose start is what `(0)` says, 0 else.

    Raises
    ------
    InputError
        That names the statement and the column, for what is no equation, for a name that is not
        known, and where a slope is not finite at the start.

    Examples
    --------
    >>> equations("x' = v; v' = F - 0.2*v - x; F = cos(w*t); w = 1.2; x(0) = 1").variables
    ('x', 'v')
    """
    if len(text) > LONGEST:
        rule = f"equations must be at most {LONGEST:,} characters"
        raise InputError(rule, f"{len(text):,}", "Write less, or a Python function.")
    lines = re.split(r"[;\n]", re.sub(r"#[^\n]*", "", text))
    return _Equations([Statement(line).read() for line in lines if line.strip()], text).system()


class _Equations:
    """What statements mean together."""

    def __init__(self, statements: list[Equation], text: str):
        self.text = text
        self.slopes = _of(SLOPE, statements)
        self.values = _of(VALUE, statements)
        self.starts = _of(START, statements)
        if not self.slopes:
            rule = "equations must say how at least one variable changes"
            raise InputError(rule, f"`{short(text)}`", "Write `x' = ...`.")
        for one in statements:
            _check_divisors(one.expression, one)
        for name, twice in self.values.items():
            if name in self.slopes:
                raise twice.error("a name must be given once", name, 0, "Leave out one.")
        self.variables = tuple(self.slopes)
        self.parameters = {
            name: _number(one) for name, one in self.values.items() if _is_number(one)
        }
        order, moving = self._in_order(), set(self.variables)
        for name in order:  # (each comes after those that it uses)
            if self._uses(name) & moving:
                moving.add(name)
        self.forcings = tuple(name for name in order if name not in moving)
        self.inner = tuple(name for name in order if name in moving)

    def system(self) -> System:
        starts = {name: self._start(one) for name, one in self.starts.items()}
        found = System(
            name="equations",
            about=short(self.text),
            source="equations as text",
            variables=self.variables,
            law=self.law,
            parameters=self.parameters,
            start=tuple(starts.get(name, 0.0) for name in self.variables),
            dt=0.1,
            inputs=self.forcings,
            drive=self.drive if self.forcings else None,
        )
        self._check_start(found)
        return found

    def law(self, t, y, p, u):
        """The slope of each variable, by its equation."""
        known = {TIME: t, **p, **dict(zip(self.variables, y, strict=True))}
        known |= dict(zip(self.forcings, u, strict=True))
        for name in self.inner:
            known[name] = evaluate(self.values[name].expression, known)
        slopes = [evaluate(one.expression, known) for one in self.slopes.values()]
        return jnp.stack([jnp.asarray(slope, y.dtype) for slope in slopes])

    def drive(self, t, p):
        """The forcings at a time."""
        known = {TIME: t, **p}
        for name in self.forcings:
            known[name] = evaluate(self.values[name].expression, known)
        return jnp.stack([jnp.asarray(known[name], float) for name in self.forcings])

    def _in_order(self) -> list[str]:
        """The abbreviations, each after those that it uses; unknown names are refused."""
        known = {*self.variables, *self.values, *CONSTANTS, TIME}
        for one in (*self.slopes.values(), *self.values.values()):
            for used in one.expression.names():
                if used.what not in known:
                    rule, remedy = "every name must be given", f"Add `{used.what} = 1`, say."
                    raise one.error(rule, used.what, used.column, remedy)
        left = [name for name in self.values if name not in self.parameters]
        done: list[str] = []
        while left:
            ready = [name for name in left if not self._uses(name).intersection(left)]
            if not ready:
                rule, remedy = "names must not stand for each other", "Give one a number."
                raise self.values[left[0]].error(rule, left[0], 0, remedy)
            done += ready
            left = [name for name in left if name not in ready]
        return done

    def _uses(self, name: str) -> set[str]:
        return {used.what for used in self.values[name].expression.names()}

    def _start(self, one: Equation) -> float:
        if one.name not in self.variables:
            rule, remedy = "a start must be of a variable", nearest(one.name, self.variables)
            raise one.error(rule, one.name, 0, remedy)
        for used in one.expression.names():
            if used.what not in CONSTANTS:
                rule, remedy = "a start must be a number", "Write it out."
                raise one.error(rule, used.what, used.column, remedy)
        return _number(one)

    def _check_start(self, found: System) -> None:
        """Refuse equations whose slopes are not finite where they start."""
        with precision("float64"):
            y, p = jnp.asarray(found.start, jnp.float64), found.parameters
            slopes = np.asarray(found.law(0.0, y, p, found.forcing(0.0, p)))
        for one, slope in zip(self.slopes.values(), slopes, strict=True):
            if not np.isfinite(slope):
                rule = "a slope must be finite at the start"
                remedy = f"Start elsewhere, as in `{one.name}(0) = 1`, or mend the equation."
                raise one.error(rule, f"{slope}", 0, remedy)


def _of(what: str, statements: list[Equation]) -> dict[str, Equation]:
    """The statements that give a slope, a start or a value, by name."""
    found: dict[str, Equation] = {}
    for one in statements:
        if one.of == what:
            if one.name in found:
                raise one.error("a name must be given once", one.name, 0, "Leave out one.")
            found[one.name] = one
    return found


def _is_number(one: Equation) -> bool:
    return all(used.what in CONSTANTS for used in one.expression.names())


def _number(one: Equation) -> float:
    """The value of an expression without names."""
    with precision("float64"):
        value = float(evaluate(one.expression, {}))
    if not math.isfinite(value):
        rule = "a value must be a finite number"
        raise one.error(rule, f"{value}", one.expression.column, "Change it.")
    return value


def _check_divisors(node: Node, one: Equation) -> None:
    """Refuse a division by what is 0 whatever the state is."""
    for part in node.parts:
        _check_divisors(part, one)
    if node.what == "/" and all(used.what in CONSTANTS for used in node.parts[1].names()):
        with precision("float64"):
            divisor = float(evaluate(node.parts[1], {}))
        if divisor == 0:
            rule, remedy = "nothing can be divided by 0", "Change the divisor."
            raise one.error(rule, "/", node.column, remedy)
