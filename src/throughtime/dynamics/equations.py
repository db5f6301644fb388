r"""Equations as text: `x'' = F - 0.2 x' - x; F = cos(1.2 t)` to a `System`.

Statements end with `;`, a comma or a new line, `#` begins a comment:

- `x' = ...`, `x'' = ...`, `dx/dt = ...`, `m x'' + k x = ...` is how a variable changes, and
  `x[n+1] = ...` the next value of one of a map; `x(0) = 1` is a start;
- `k = 0.2` is a parameter: a name whose right side consists of numbers only;
- any other `F = ...` is an abbreviation, `f(x) = ...` a function;
- `x(t - 2)` is a delay, `x(t <= 0) = cos(t)` the past before the start;
- `x_i' = x_{i+1} - x_i` with `i = 1..40` is one equation for each i.

What depends on time and parameters alone is a forcing: an input of the system.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from throughtime._support.precision import precision
from throughtime.errors import InputError, did_you_mean

from .equation_text.advice import differential
from .equation_text.echo import understood
from .equation_text.equation import Equation
from .equation_text.expressions import (
    JUMPS,
    OPERATION,
    TIME,
    Node,
    evaluate,
    tabulate,
)
from .equation_text.forcings import with_forcings
from .equation_text.latex import without_latex
from .equation_text.law import Entry, Law
from .equation_text.nonfinite import check_divisors, refuse_start
from .equation_text.parser import Statement
from .equation_text.printing import to_text
from .equation_text.resolution import ALONE, Resolver, Scope
from .equation_text.roles import (
    Definition,
    given_twice,
    is_parameter,
    letters_of,
    sort,
    stated_ranges,
    without_abbreviations,
)
from .equation_text.side_by_side import with_products
from .equation_text.starts import check_names, choose_start
from .equation_text.tokens import REMEDIES, shortened, statements
from .equation_text.unused import refuse_unused
from .systems import DELAY, FLOW, MAP, System

MAX_LENGTH = 20_000
"""The largest number of characters of a text."""


def equations(text: str) -> System:
    """A system from its equations as text.

    Returns
    -------
    System
        A flow, a map or a delay. Its parameters are the names given a number, its inputs the
        forcings, and its initial state what the `(0)` statements say. Without one a variable
        starts at 0, or where 0 does not move, elsewhere; the remarks of the system say so.

    Raises
    ------
    InputError
        If a statement cannot be parsed, a name is unknown, or a derivative is not finite at
        the start; the message names the statement and the column.

    Examples
    --------
    >>> equations("x'' = F - 0.2 x' - x; F = cos(w t); w = 1.2; x(0) = 1").variables
    ('x', "x'")
    """
    if len(text) > MAX_LENGTH:
        rule = f"equations must be at most {MAX_LENGTH:,} characters"
        remedy = "Shorten them, or write a `System` with a Python function."
        raise InputError(rule, f"{len(text):,}", remedy)
    found = [Statement(one).read() for one in statements(without_latex(text))]
    found, products = with_products([*found, *stated_ranges(found)])
    return _Text(found, text, products).system()


def is_text(system: str) -> bool:
    """Whether a system is meant by its equations, not by its name."""
    return "=" in system


class _Text:
    """Equations that were read, on their way to a system."""

    def __init__(self, found: list[Equation], text: str, products: list[str]):
        self.text, self.roles, self.products = text, sort(found), products
        if not self.roles.laws:
            for wrong in filter(None, map(differential, found)):
                raise wrong
            rule = "equations must say how at least one variable changes"
            remedy = "Write `x' = ...`, or `x[n+1] = ...` for a map."
            if re.search(r"_(t|tt|xx)\b", text):
                remedy = REMEDIES["∂"]
            raise InputError(rule, f"`{shortened(text)}`", remedy)
        for name, value in self.roles.values.items():
            if name in self.roles.laws:
                raise given_twice(value.equation, name)
        for equation in found:
            check_divisors(equation.right, equation)
        self._check_starts(found)
        self.resolver = Resolver(self.roles)
        self.parameters = {
            name: _number(value.expression, value.equation)
            for name, value in self.roles.values.items()
            if is_parameter(value) and name not in self.roles.sizes
        }
        self.law = self._law()
        self.statements = understood(found, self.roles, self.parameters)

    def _check_starts(self, found: list[Equation]) -> None:
        """Refuse `x0 = 1` where it is nowhere used: it is meant as a start."""
        used = {one.symbol for equation in found for one in equation.right.names()}
        for name, value in self.roles.values.items():
            base = name.removesuffix("0").removesuffix("_")
            if base != name and base in self.roles.laws and name not in used:
                rule, remedy = f"a start is written `{base}(0) = 1`", f"Write `{base}(0)`."
                if not self.roles.laws[base].letters:
                    raise value.equation.error(rule, name, 0, remedy)

    def system(self) -> System:
        roles, law = self.roles, self.law
        kind = DELAY if law.lags else FLOW if roles.index is None else MAP
        given, first, given_at = self._given_starts()
        # The number n of x[n+1] = ... is that of the first state, of x[n] = ... one more.
        ahead = 0 if kind != MAP else 1 - next(iter(roles.laws.values())).order
        law = self.law = replace(law, step=first + ahead)
        nodes = [node for one in law.entries.values() if one.node for node in one.node.walk()]
        read = {one.symbol for lag in law.lags for one in lag.names()}
        system = System(
            name="equations",
            about=shortened(self.text),
            source="equations as text",
            variables=law.variables,
            law=law,
            parameters=self.parameters,
            start=tuple(np.nan_to_num(given).tolist()),
            dt=1 if kind == MAP else 0.1,
            inputs=law.inputs,
            kind=kind,
            drive=law.drive if law.inputs else None,
            delays=law.delays if law.lags else None,
            delay_parameters=tuple(name for name in self.parameters if name in read),
            past=self._past() if roles.pasts else None,
            statements=self.statements,
            jumps=any(node.kind == OPERATION and node.symbol in JUMPS for node in nodes),
        )
        start = self._start(system, given)
        return replace(
            system,
            start=tuple(start.tolist()),
            start_of=None if given_at is None else _completed(given_at, given, start),
            remarks=self._remarks(given, start),
        )

    def _law(self) -> Law:
        """All expressions resolved, in an order in which they can be evaluated."""
        roles, resolver = self.roles, self.resolver
        entries: dict[str, Entry] = {}
        state: dict[str, tuple[str, ...]] = {}
        tops: list[str] = []
        for name, law in roles.laws.items():
            keys = [resolver.key(name, k) for k in range(resolver.orders[name])]
            state |= dict.fromkeys(keys, law.letters)
            top = resolver.top(name)
            # Derivatives follow each other; of a map each value becomes the one before.
            tops += [*keys[1:], top] if roles.index is None else [top, *keys[:-1]]
            entries[top] = self._entry(law)
        for name, value in roles.values.items():
            if name not in (*self.parameters, *roles.sizes):
                entries[name] = self._entry(value)
        for key, family in resolver.families.items():
            if family.ends:
                own = entries.get(key, Entry(family.letters))
                entries[key] = replace(own, ends=family.ends)
        entries = self._ordered(entries)
        names = [*resolver.lags, *(one.expression for one in roles.pasts.values())]
        names += [one.right for _, _, one in roles.starts]
        names += [one.expression for _, one in roles.functions.values()]
        read = {one.symbol for node in names for one in node.names()}
        refuse_unused(roles, entries, {*tops, *read, *resolver.called}, resolver.called)
        entries = with_forcings(entries, {*state}, {*tops}, {*self.parameters})
        return Law(state, tuple(tops), entries, roles.ranges, tuple(resolver.lags))

    def _entry(self, definition: Definition) -> Entry:
        scope = Scope(definition.equation, frozenset(definition.letters))
        node = self.resolver.resolve(definition.expression, scope)
        if node.is_too_large():
            rule, remedy = "an expression must not be too large", "Write a `System` in Python."
            raise definition.equation.error(rule, definition.name, 0, remedy)
        return Entry(definition.letters, node, equation=definition.equation)

    def _ordered(self, entries: dict[str, Entry]) -> dict[str, Entry]:
        """The entries, each after those that it uses; circular definitions are refused."""
        pending, ordered = dict(entries), {}
        while pending:
            ready = [key for key, one in pending.items() if not _waits_for(one, pending)]
            if not ready:
                raise self._circular(pending)
            ordered |= {key: pending.pop(key) for key in ready}
        return ordered

    def _circular(self, pending: dict[str, Entry]) -> InputError:
        """The error for names that stand for each other; of a value, if one is among them."""
        values = [name for name in pending if name in self.roles.values]
        name = next(iter(values or [key for key, one in pending.items() if one.equation]))
        equation = pending[name].equation
        assert equation is not None
        remedy = f"Give `{name}` a number." if values else "Put one of them into the other."
        rule = "names must not stand for each other"
        return equation.error(rule, name, equation.left.column, remedy)

    def _given_starts(self) -> tuple[np.ndarray, int, Callable[..., Any] | None]:
        """The start, NaN where the text does not say it; of a map, the step that it is of; and
        how it follows from the parameters, if it does."""
        roles, resolver = self.roles, self.resolver
        starts = [(left, step, one.right, one) for left, step, one in roles.starts]
        for past in roles.pasts.values():
            left = past.equation.left
            starts.append((left, 0, past.expression, past.equation))
        first = max([0, *(step for _, step, _, _ in starts)])
        values: list[tuple[str, tuple[int, ...], Node, list[tuple[str, int, int]]]] = []
        seen: set[tuple[str, tuple[int, ...]]] = set()
        # A start of all components first: `x_1(0) = 2` is another than `x_i(0) = 1`.
        for left, step, right, equation in sorted(starts, key=lambda one: not one[0].indices):
            base, place = resolver.component(left.symbol)
            order = left.order if roles.index is None else first - step
            if base not in roles.laws or not 0 <= order < resolver.orders[base]:
                rule, remedy = "a start must be of a variable", did_you_mean(base, roles.laws)
                if base in roles.laws:
                    remedy = f"Leave out `{equation.text}`."
                raise equation.error(rule, to_text(left), left.column, remedy)
            key, letters = resolver.key(base, order), letters_of(left, equation, roles)
            if (key, place) in seen:
                raise given_twice(equation, to_text(left))
            if not place and len(letters) != len(roles.laws[base].letters):
                rule, remedy = "a start must be of a variable", "Write its indices."
                raise equation.error(rule, to_text(left), left.column, remedy)
            seen.add((key, place))
            values.append((key, place, *self._start_value(right, equation, letters)))

        past = self._past(jnp.nan) if roles.pasts else None

        def given_at(p):
            table = {
                key: jnp.full(self.law.shape(one), jnp.nan)
                for key, one in self.law.state.items()
            }
            for key, place, node, ranges in values:
                found = tabulate(node, ranges, {**p, TIME: 0.0})
                table[key] = table[key].at[place].set(found)
            found = jnp.concatenate([jnp.ravel(table[key]) for key in self.law.state])
            # Derivatives that are not given are those of the past.
            return found if past is None else jnp.where(jnp.isnan(found), past(0.0, p), found)

        with precision("float64"):
            given = np.asarray(given_at(self.parameters), np.float64)
        read = {used.symbol for _, _, node, _ in values for used in node.names()}
        return given, first, given_at if read & {*self.parameters} else None

    def _start_value(
        self, node: Node, equation: Equation, letters: tuple[str, ...]
    ) -> tuple[Node, list[tuple[str, int, int]]]:
        """The formula of a start, and the ranges of its indices."""
        roles, is_past = self.roles, equation.left.symbol in self.roles.pasts
        known = {*letters, *roles.sizes, *self.parameters} | ({TIME} if is_past else set())
        node = without_abbreviations(node, roles)
        check_names(node, equation, known | {*roles.functions}, roles)
        node = self.resolver.resolve(node, Scope(equation, frozenset(letters)))
        check_names(node, equation, known, roles)
        ranges = [(letter, *roles.ranges[letter]) for letter in letters]
        with precision("float64"):
            found = tabulate(node, ranges, {**self.parameters, TIME: 0.0})
            _finite(np.asarray(found, np.float64), equation, node)
        return node, ranges

    def _past(self, elsewhere: float = 0.0) -> Callable[..., Any]:
        """The state before time 0, as `System.past`; one value for variables without a past."""
        roles, resolver, law = self.roles, self.resolver, self.law
        pasts = {}
        for name, past in roles.pasts.items():
            plain = without_abbreviations(past.expression, roles)
            pasts[name] = self._entry(replace(past, expression=plain))

        def state(t, p):
            parts = []
            for name, law_ in roles.laws.items():
                ranges = [(letter, *roles.ranges[letter]) for letter in law_.letters]

                def value(t, name=name, ranges=ranges):
                    if name not in pasts:
                        return jnp.full(law.shape(roles.laws[name].letters), elsewhere)
                    return tabulate(pasts[name].node, ranges, {**p, TIME: t})

                for _ in range(resolver.orders[name]):
                    parts.append(jnp.ravel(value(t)))
                    value = _derivative(value)
            return jnp.concatenate(parts)

        return state

    def _start(self, system: System, given: np.ndarray) -> np.ndarray:
        """Where the system starts."""
        p, lags, is_map = system.parameters, len(self.law.lags), system.kind == MAP

        def slope(n: int, state: np.ndarray) -> np.ndarray:
            y, t = jnp.asarray(state), float(n) if is_map else 0.01 * n
            late = [[y] * lags] if lags else []
            return np.asarray(system.law(t, y, p, system.forcing(t, p), *late))

        parts = self.law.state.items()
        indexed = [bool(one) for _, one in parts for _ in range(self._size(one))]
        firsts = {self.resolver.key(name, 0) for name in self.roles.laws}
        derived = [key not in firsts for key, one in parts for _ in range(self._size(one))]
        with precision("float64"):
            start = choose_start(slope, given, np.array(derived), np.array(indexed), is_map)
            start = np.nan_to_num(given) if start is None else start
            if not np.isfinite(slope(0, start)).all():
                raise refuse_start(self.law, start, p)
        return start

    def _size(self, letters: tuple[str, ...]) -> int:
        return int(np.prod(self.law.shape(letters)))

    def _remarks(self, given: np.ndarray, start: np.ndarray) -> tuple[str, ...]:
        """What was chosen where the text does not say it."""
        remarks, round_ = [], self.resolver.goes_round
        if round_:
            remarks.append(f"Indices go round: {round_}.")
        if self.products:
            remarks.append(f"Letters side by side were read as {', '.join(self.products)}.")
        if readings := self.resolver.readings:
            remarks.append(f"Arguments without parentheses were read as {', '.join(readings)}.")
        chosen = [i for i in range(len(start)) if np.isnan(given[i]) and start[i]]
        if chosen:
            texts = [f"{self.law.variables[i]}(0) = {start[i]:g}" for i in chosen[:3]]
            others = len(chosen) - len(texts)
            more = f" and {others} other{'s' * (others > 1)}" if others else ""
            remarks.append(f"Starts that are not given were chosen: {', '.join(texts)}{more}.")
        return tuple(remarks)


def _completed(
    given_at: Callable[..., Any], given: np.ndarray, start: np.ndarray
) -> Callable[..., Any]:
    """The start that follows from the parameters, with what was chosen where none is given."""
    return lambda p: jnp.where(np.isnan(given), start, given_at(p))


def _derivative(function: Callable[..., Any]) -> Callable[..., Any]:
    """The derivative of a function of time."""

    def slope(t):
        return jax.jvp(function, (jnp.asarray(t, float),), (jnp.ones((), float),))[1]

    return slope


def _waits_for(entry: Entry, pending: dict[str, Entry]) -> bool:
    """Whether an entry uses one that comes later.

    Components alone are not those of a state, which is known from the beginning.
    """
    used = entry.used()
    alone = {one.removesuffix(ALONE) for one in used if one.endswith(ALONE)}
    return bool(used & {*pending}) or any(pending[k].node for k in alone & {*pending})


def _number(node: Node, equation: Equation) -> float:
    """The value of a right side that consists of numbers only."""
    with precision("float64"):
        value = np.asarray(evaluate(node, {}), np.float64)
    return float(_finite(value, equation, node))


def _finite(values: np.ndarray, equation: Equation, node: Node) -> np.ndarray:
    if not np.isfinite(values).all():
        wrong = values[~np.isfinite(values)].flat[0]
        name = equation.left.symbol
        rule, remedy = "a value must be a finite number", f"Change `{name}`."
        raise equation.error(rule, f"{wrong}", node.column, remedy)
    return values
