"""Whether a cell of one's own does what a cell must, in the words of who wrote it.

It is traced for a few sequences and steps; nothing is computed.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from throughtime.errors import InputError

from .cells import Cell

SEQUENCES, STEPS = 5, 3
"""Sizes that are traced, unlike each other, so that exchanged axes show."""


def check_cell(cell: Any, input_size: int, hidden_size: int) -> None:
    """Refuse what is no cell of these sizes.

    Raises
    ------
    InputError
        Which names the method, what it must return, and what it returns.
    """
    name = type(cell).__name__
    if not isinstance(cell, Cell):
        rule = "a cell of your own must be a subclass of `throughtime.Cell`"
        raise InputError(rule, f"a `{name}`", f"Write `class {name}(throughtime.Cell)`.")
    sizes = {"input_size": input_size, "hidden_size": hidden_size}
    for field, wanted in sizes.items():
        if getattr(cell, field, None) != wanted:
            rule = f"`{field}` of `{name}` must be {wanted} here"
            remedy = f"Set `{field}` to what the cell is made with, or make it with {wanted}."
            raise InputError(rule, getattr(cell, field, None), remedy)
    if any(jnp.iscomplexobj(w) for w in jax.tree.leaves(eqx.filter(cell, eqx.is_array))):
        rule = f"the weights of `{name}` must be real"
        raise InputError(rule, "complex ones", "Keep real and imaginary part as two arrays.")
    _check_methods(cell, name)


def _check_methods(cell: Cell, name: str) -> None:
    dtype = jnp.result_type(float)
    xs = jax.ShapeDtypeStruct((STEPS, SEQUENCES, cell.input_size), dtype)
    start = _traced(name, "initial_state", lambda: cell.initial_state(SEQUENCES))
    _check_axes(name, "initial_state", "(batch, ...)", start, (SEQUENCES,))
    drive = _traced(name, "drive", cell.drive, xs)
    _check_axes(name, "drive", "(time, batch, ...)", drive, (STEPS, SEQUENCES))
    first = jax.tree.map(lambda d: jax.ShapeDtypeStruct(d.shape[1:], d.dtype), drive)
    after = _traced(name, "step", cell.step, first, start)
    if jax.tree.structure(after) != jax.tree.structure(start) or _shapes(after) != _shapes(
        start
    ):
        rule = f"`step` of `{name}` must return a state like that of `initial_state`"
        got = f"{_described(after)} from {_described(start)}"
        raise InputError(rule, got, "Return the same arrays, of the same shapes, in one order.")
    wanted = (SEQUENCES, cell.hidden_size)
    for lead, state in (((), after), ((STEPS,), _with_time(after))):
        h = _traced(name, "hidden", cell.hidden, state)
        if getattr(h, "shape", None) != (*lead, *wanted):
            rule = f"`hidden` of `{name}` must be (..., batch, {cell.hidden_size})"
            got = f"{_described(h)} of states {_described(state)}"
            raise InputError(rule, got, "Return the part of the state that has `hidden_size`.")


def _traced(name: str, method: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a method returns, as shapes; an error in it is named."""
    try:
        return jax.eval_shape(function, *arguments)
    except InputError:
        raise
    except Exception as error:
        said = str(error).strip().splitlines()
        got = f"{type(error).__name__}: {said[0] if said else 'no message'}"
        given = ", ".join(_described(a) for a in arguments) or f"batch {SEQUENCES}"
        rule = f"`{method}` of `{name}` must run on {given}"
        raise InputError(rule, got, "Run it by hand on arrays of these shapes.") from error


def _check_axes(name: str, method: str, axes: str, tree: Any, lead: tuple[int, ...]) -> None:
    if not jax.tree.leaves(tree) or any(s[: len(lead)] != lead for s in _shapes(tree)):
        rule = f"`{method}` of `{name}` must return arrays {axes}, here {lead} first"
        raise InputError(rule, _described(tree), "Put these axes first.")


def _with_time(state: Any) -> Any:
    """The states of several steps, from that of one."""
    return jax.tree.map(lambda s: jax.ShapeDtypeStruct((STEPS, *s.shape), s.dtype), state)


def _shapes(tree: Any) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in jax.tree.leaves(tree)]


def _described(tree: Any) -> str:
    """The shapes of a tree of arrays, such as `(5, 8) and (5, 8)`."""
    return " and ".join(map(str, _shapes(tree))) or "no array"
