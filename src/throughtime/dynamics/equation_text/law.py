"""Resolved equations as functions of time, state and parameters: what a `System` needs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .equation import Equation
from .expressions import CONSTANTS, TIME, Node, evaluate, tabulate
from .resolution import ALONE

INNER, FORCING, CONSTANT = "inner", "forcing", "constant"
"""What depends on the state; on time and parameters alone; on parameters alone."""


@dataclass(frozen=True)
class Entry:
    """What a key is equal to.

    Attributes
    ----------
    letters
        Its indices.
    node
        The resolved expression; None for a part of the state, and for what has ends only.
    ends
        What stands outside of the range of its index, by the index.
    kind
        `INNER`, `FORCING` or `CONSTANT`.
    equation
        The statement that it comes from, for errors; None for a part of the state.
    """

    letters: tuple[str, ...] = ()
    node: Node | None = None
    ends: Mapping[int, Node] = field(default_factory=dict)
    kind: str = INNER
    equation: Equation | None = None

    def used(self) -> set[str]:
        """The keys that it depends on."""
        nodes = [*self.ends.values(), *([self.node] if self.node else [])]
        return {one.symbol for node in nodes for one in node.names()} - {*CONSTANTS}


@dataclass(frozen=True)
class Law:
    """The law of a system of equations, `law(t, y, p, u)`, and its drive.

    Attributes
    ----------
    state
        The keys of the state, and the indices of each.
    tops
        For each of them, the key of its derivative or next value.
    entries
        All keys but parameters and plain parts of the state, each after those that it uses.
    ranges
        The first and the last value of each index.
    lags
        The delays, as expressions.
    step
        Of a map, the step that its first state belongs to.
    """

    state: Mapping[str, tuple[str, ...]]
    tops: tuple[str, ...]
    entries: Mapping[str, Entry]
    ranges: Mapping[str, tuple[int, int]]
    lags: tuple[Node, ...] = ()
    step: int = 0

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the components of the state."""
        return self._component_names(self.state)

    @property
    def forcings(self) -> dict[str, tuple[str, ...]]:
        """The keys of the forcings, and the indices of each."""
        return {key: one.letters for key, one in self.entries.items() if one.kind == FORCING}

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return self._component_names(self.forcings)

    def _component_names(self, keys: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """`x`, and `x_1'`, `x_2'`, ... for a key `x'` with an index."""
        found: list[str] = []
        for key, letters in keys.items():
            base = key.rstrip("'").partition("[")[0] if letters else key
            names = [base]
            for letter in letters:
                first, last = self.ranges[letter]
                names = [f"{name}_{i}" for name in names for i in range(first, last + 1)]
            found += [name + key[len(base) :] for name in names]
        return tuple(found)

    def __call__(self, t, y, p, u, delayed=None):
        """The time derivative, or the next state of a map."""
        known = self.values(t, y, p, u, delayed)
        blocks = [jnp.ravel(known[key + ALONE]) for key in self.tops]
        return jnp.concatenate([jnp.asarray(block, y.dtype) for block in blocks])

    def values(self, t, y, p, u, delayed=None) -> dict[str, Any]:
        """The values of all keys."""
        known = self._at(t, p) | self._parts(y, self.state)
        for i, late in enumerate(() if delayed is None else delayed):
            parts = self._parts(late, self.state)
            known |= {f"{key}@{i}": part for key, part in parts.items()}
        known |= self._parts(u, self.forcings)
        return self._completed(known, self.entries)

    def drive(self, t, p):
        """The forcings at time t."""
        free = {key: one for key, one in self.entries.items() if one.kind != INNER}
        known = self._completed(self._at(t, p), free)
        blocks = [jnp.ravel(known[key + ALONE]) for key in self.forcings]
        return jnp.concatenate([jnp.asarray(block, float) for block in blocks])

    def _at(self, t, p) -> dict[str, Any]:
        return {TIME: t + self.step, TIME + ALONE: t + self.step, **p}

    def delays(self, p) -> tuple[float, ...]:
        """How far back the law looks."""
        with jax.ensure_compile_time_eval():
            return tuple(float(evaluate(lag, p)) for lag in self.lags)

    def _parts(self, vector, keys: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
        """The values of keys that stand one after the other in a vector."""
        parts, begin = {}, 0
        for key, letters in keys.items():
            shape = self.shape(letters)
            end = begin + int(np.prod(shape))
            parts[key] = parts[key + ALONE] = vector[begin:end].reshape(shape)
            begin = end
        return parts

    def shape(self, letters: Iterable[str]) -> tuple[int, ...]:
        """The number of components along each index."""
        spans = (self.ranges[letter] for letter in letters)
        return tuple(last - first + 1 for first, last in spans)

    def _completed(self, known: dict[str, Any], entries: Mapping[str, Entry]) -> dict[str, Any]:
        """What is known, and the values of entries.

        The values at the ends of a range stand after the components: first what follows them,
        then what precedes them, so that the index -1 is before 0.
        """
        for key, entry in entries.items():
            if key not in known and entry.node is not None:
                ranges = [(letter, *self.ranges[letter]) for letter in entry.letters]
                known[key] = known[key + ALONE] = tabulate(entry.node, ranges, known)
            if entry.ends:
                first = self.ranges[entry.letters[0]][0] if entry.letters else min(entry.ends)
                order = sorted(entry.ends, key=lambda i: (i < first, i))
                ends = jnp.stack([evaluate(entry.ends[i], known) for i in order])
                own = [known[key]] if key in known else []
                known[key] = jnp.concatenate([*own, ends])
        return known
