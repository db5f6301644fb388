"""The state of a training as one file, so that a killed training goes on to the same bits."""

import hashlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from pydantic import TypeAdapter
from safetensors import SafetensorError
from safetensors.numpy import load, save

from throughtime._support import atomic
from throughtime._support.integrity import damaged, file_content

from .train import Row

CHECKPOINT = Path("checkpoint") / "state.safetensors"
LAST_GOOD = Path("checkpoint") / "last_good.safetensors"
ROW = TypeAdapter(Row)


def write_checkpoint(folder: Path, state: PyTree, history: list[Row]) -> None:
    """Write the state of a training, and its history, as one file."""
    values = flatten(state)
    rows = history_lines(history)
    metadata = {"history": rows, "digest": _digest(values, rows)}
    path = folder / CHECKPOINT
    path.parent.mkdir(exist_ok=True)
    atomic.write(path, save(values, metadata))


def write_last_good(folder: Path, params: PyTree) -> Path:
    """Write the weights that a training which diverged had before; gives the file."""
    path = folder / LAST_GOOD
    path.parent.mkdir(exist_ok=True)
    atomic.write(path, save(flatten(params)))
    return path


def read_checkpoint(folder: Path, like: PyTree) -> tuple[PyTree, list[Row]] | None:
    """The last state of a training, shaped as `like`, and its history; None if there is none.

    Raises
    ------
    InputError
        If the file is damaged or of another training.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    content = file_content(path)
    values, metadata = tensors(path, content), _metadata(content)
    rows = metadata.get("history", "")
    if metadata.get("digest") != _digest(values, rows):
        raise damaged(path, "its content does not match its digest")
    return unflatten(like, values, path), history_rows(path, rows)


class Checkpoints:
    """Keeps a run's history and checkpoint as it trains; give it to `train` as `on_epoch`.

    - `folder`: of the run. `seconds`: at least so long between two checkpoints.
    - `then`: called after it, and may end the training.
    """

    def __init__(self, folder: Path, then: Callable[..., bool | None], seconds: float = 2.0):
        self.folder, self.then, self.seconds = folder, then, seconds
        self.last, self.lines = time.monotonic(), 0

    def __call__(self, state: PyTree, history: list[Row]) -> bool | None:
        with open(self.folder / "history.jsonl", "a" if self.lines else "w") as file:
            file.write(history_lines(history[self.lines :]))
        self.lines = len(history)
        stop = self.then(state, history)
        if stop or time.monotonic() - self.last >= self.seconds:
            write_checkpoint(self.folder, state, history)
            self.last = time.monotonic()
        return stop


def unflatten(like: PyTree, values: dict[str, np.ndarray], path: Path) -> PyTree:
    """Tensors by name in the shape of a pytree.

    Raises
    ------
    InputError
        If names, shapes or types differ.
    """
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    names = [_name(where) for where, _ in leaves]
    if set(names) != set(values):
        raise damaged(path, "it holds other tensors than the network has")
    for name, (_, leaf) in zip(names, leaves, strict=True):
        if values[name].shape != leaf.shape or values[name].dtype != leaf.dtype:
            raise damaged(path, f"the tensor `{name}` has another shape or type")
    return jax.tree.unflatten(structure, [jnp.asarray(values[name]) for name in names])


def flatten(tree: PyTree) -> dict[str, np.ndarray]:
    """The leaves of a pytree by name, such as `cells.0.U`: what safetensors stores."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_name(where): np.asarray(jax.device_get(leaf), order="C") for where, leaf in leaves}


def _name(where: tuple) -> str:
    return jax.tree_util.keystr(where, simple=True, separator=".")


def tensors(path: Path, content: bytes) -> dict[str, np.ndarray]:
    """The tensors of safetensors content, by name.

    Raises
    ------
    InputError
        If it is not sound.
    """
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError):
        raise damaged(path, "it is not a safetensors file") from None


def _metadata(content: bytes) -> dict[str, str]:
    """The metadata of safetensors content, whose header `tensors` has found sound."""
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]).get("__metadata__") or {}


def history_lines(history: list[Row]) -> str:
    """A history as JSON, one object a line; NaN, which JSON does not have, as null."""
    return "".join(json.dumps(_plain(row)) + "\n" for row in history)


def history_rows(path: Path, lines: str) -> list[Row]:
    """The inverse of `history_lines`; `path` is the file that held them.

    Raises
    ------
    InputError
        If they are not rows.
    """
    try:
        return [_row(json.loads(line)) for line in lines.splitlines()]
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise damaged(path, "its history is not one JSON object a line") from None


def _row(plain: dict[str, Any]) -> Row:
    known = _numbers(plain)
    if "quantities" in known:
        known["quantities"] = _numbers(known["quantities"])
    return ROW.validate_python(known, strict=True)


def _numbers(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in plain.items()}


def _plain(row: Row) -> dict[str, Any]:
    """A row as JSON has it; the quantities only of a method that has any."""
    named = row._asdict()
    quantities = _finite(named.pop("quantities"))
    return _finite(named) | ({"quantities": quantities} if quantities else {})


def _finite(numbers: dict[str, int | float]) -> dict[str, int | float | None]:
    return {name: n if math.isfinite(n) else None for name, n in numbers.items()}


def _digest(values: dict[str, np.ndarray], rows: str) -> str:
    digest = hashlib.sha256(rows.encode())
    for name in sorted(values):
        digest.update(name.encode() + values[name].tobytes())
    return digest.hexdigest()
