"""A cell of one's own as a setting: what is taken for one, how it is built, what a file keeps.

A setting `cell` is the name of a built-in cell, or one of these:

- a `Cell`, which is then the first state of every network that is built;
- a subclass of `Cell`, or any function, called as `make(input_size, hidden_size, key=key)` with
  a `jax.random` key, for every layer of every network.

A file keeps the name of the class and the plain values of its fields, never code: who reads it
passes the cell again, and it is compared.
"""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import equinox as eqx
import jax
import numpy as np

from throughtime._support.precision import precision
from throughtime._support.seeds import Key
from throughtime.errors import InputError

from .cell_check import check_cell
from .cells import Cell
from .initialisation import on_device

Maker = Callable[..., Cell]
"""`make(input_size, hidden_size, key=key)`."""

CellSource = Cell | Maker
"""A cell of one's own, or what makes one."""


class OwnCell:
    """A cell that is given as an object and not by name; see the head of this module.

    Parameters
    ----------
    source
        The cell, or what makes one; None for a cell that a file names and nobody has given.
    known
        What a file says of it.

    Attributes
    ----------
    name
        What it is called in tables and messages.
    """

    def __init__(self, source: CellSource | None, known: dict[str, Any] | None = None):
        self.source, self.known = source, known or {}
        made_by = source.func if isinstance(source, partial) else source
        made_by = type(made_by) if isinstance(made_by, Cell) else made_by
        name = str(self.known.get("own") or getattr(made_by, "__name__", ""))
        self.name = name if name.isidentifier() else "make_cell"  # (a lambda has no name)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, value: Any) -> "OwnCell":
        """The setting that an object is, or that a file holds.

        Raises
        ------
        InputError
            If it is neither a cell nor a function.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, Cell) or (callable(value) and not isinstance(value, eqx.Module)):
            return cls(value)  # pyright: ignore[reportArgumentType]
        if isinstance(value, dict) and isinstance(value.get("own"), str):
            return cls(None, value)
        rule = "a cell of your own must be a `Cell`, or a function that makes one"
        remedy = "Pass an instance or the class of a subclass of `throughtime.Cell`."
        raise InputError(rule, f"a value of type `{type(value).__name__}`", remedy)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema  # here: most users of a cell need no schema

        serialise = core_schema.plain_serializer_function_ser_schema(
            cls.to_json, when_used="json"
        )
        return core_schema.no_info_plain_validator_function(cls.of, serialization=serialise)

    def to_json(self) -> dict[str, Any]:
        """Its name, as the settings of a run hold it."""
        return {"own": self.name}

    @property
    def fixed(self) -> Cell | None:
        """The cell itself if it is given built, so that its sizes are known."""
        return self.source if isinstance(self.source, Cell) else None

    def build(self, input_size: int, hidden_size: int, dtype: str, rng: np.random.Generator):
        """A cell of these sizes, checked, its weights in `dtype`.

        Raises
        ------
        InputError
            If it cannot be made, or does not do what a cell must.
        """
        with precision(dtype):
            key = jax.random.key(int(rng.integers(2**32)))
            cell = _in_type(self(input_size, hidden_size, key=key), dtype)
            check_cell(cell, input_size, hidden_size)
        return cell

    def __call__(self, input_size: int, hidden_size: int, *, key: Key) -> Any:
        """The cell itself, or what its maker makes of these sizes.

        Raises
        ------
        InputError
            If there is none, or it does not take these arguments.
        """
        if self.source is None:
            raise self.missing()
        if self.fixed is not None:
            return self.fixed
        make: Any = self.source
        try:
            return make(input_size, hidden_size, key=key)
        except TypeError as error:
            rule = "a cell of your own is made by `cell(input_size, hidden_size, key=key)`"
            got = f"`{self.name}`, which says: {error}"
            remedy = "Give its `__init__` these arguments, or pass a function that has them."
            raise InputError(rule, got, remedy) from error

    def missing(self) -> InputError:
        """The error for a file that names a cell which nobody has given."""
        rule = "what was saved with a cell of your own is read with that cell"
        call = f"`throughtime.load(folder, cell={self.name})`"
        remedy = f"Pass it in Python: {call}, and so for `load_surrogate`."
        return InputError(rule, f"no cell for `{self.name}`", remedy)


def cell_to_read(known: Any, given: CellSource | None) -> str | OwnCell:
    """The cell with which something that was saved is read.

    Parameters
    ----------
    known
        The setting in the file: a name, or that of a cell of one's own.
    given
        The cell that the reader passes.

    Raises
    ------
    InputError
        If a cell is needed and there is none, or the other way round.
    """
    if isinstance(known, str):
        if given is not None:
            rule = "a `cell` is passed for what was saved with a cell of your own"
            raise InputError(rule, f"one with the cell `{known}`", "Leave out `cell`.")
        return known
    own = OwnCell.of(known if given is None else given)
    if own.source is None:
        raise own.missing()
    return own


def describe_cell(cell: Cell) -> dict[str, Any]:
    """The class of a cell and the plain values of its fields, without its weights."""
    return {"type": type(cell).__name__, "values": dict(_values("", cell))}


def check_same_cell(name: str, cell: dict[str, Any], stored: dict[str, Any]) -> None:
    """Refuse a cell that is not the one that a file describes.

    Parameters
    ----------
    name
        What it is called in the message.
    cell, stored
        Descriptions, by `describe_cell`.

    Raises
    ------
    InputError
        Which names the first difference.
    """
    rule = "the cell must be the one that was trained"
    if cell["type"] != stored.get("type"):
        remedy = f"Pass `{stored.get('type')}`."
        raise InputError(rule, f"a `{cell['type']}`", remedy)
    values, wanted = cell["values"], stored.get("values") or {}
    for field in sorted({*values, *wanted}):
        if values.get(field) != wanted.get(field):
            got = f"`{name}` with `{field}` {values.get(field)}"
            remedy = f"Pass it with `{field}` {wanted.get(field)}, as it was trained."
            raise InputError(rule, got, remedy)


def _values(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The plain values in a field and below it, by name; nothing for weights."""
    if dataclasses.is_dataclass(value):
        parts: Any = ((f.name, getattr(value, f.name, None)) for f in dataclasses.fields(value))
    elif isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    else:
        if not eqx.is_inexact_array(value):
            yield name, _plain(value)
        return
    for key, part in parts:
        yield from _values(f"{name}.{key}" if name else str(key), part)


def _plain(value: Any) -> Any:
    """A value as JSON holds it; of a function or another object, its name."""
    if eqx.is_array(value):
        return np.asarray(value).tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "__name__", type(value).__name__)


def _in_type(cell: Any, dtype: str) -> Any:
    """The cell with its floating-point weights in `dtype`."""

    def cast(leaf):
        floats = eqx.is_array(leaf) and jax.numpy.issubdtype(leaf.dtype, np.floating)
        return on_device(np.asarray(leaf), dtype) if floats else leaf

    return jax.tree.map(cast, cell)
