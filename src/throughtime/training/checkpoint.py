"""The state of a training as one file, so that a training that is killed can be resumed.

The resumed training goes on to the same bits. Here are also the two directions between a pytree
and named tensors, which is how safetensors stores one.
"""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from safetensors import SafetensorError
from safetensors.numpy import load, save

from throughtime._support import atomic
from throughtime._support.integrity import damaged_file, read_file_bytes

from .history import Row, history_lines, history_rows

CHECKPOINT = Path("checkpoint") / "state.safetensors"
LAST_GOOD = Path("checkpoint") / "last_good.safetensors"


def write_checkpoint(folder: Path, state: PyTree, history: list[Row]) -> None:
    """Write the state of a training and its history as one file in the folder of the run."""
    values = named_tensors(state)
    lines = history_lines(history)
    metadata = {"history": lines, "digest": _digest(values, lines)}
    path = folder / CHECKPOINT
    path.parent.mkdir(exist_ok=True)
    atomic.write(path, save(values, metadata))


def write_last_good(folder: Path, params: PyTree) -> Path:
    """Write the last good weights of a training that diverged; returns the path of the file."""
    path = folder / LAST_GOOD
    path.parent.mkdir(exist_ok=True)
    atomic.write(path, save(named_tensors(params)))
    return path


def read_checkpoint(folder: Path, like: PyTree) -> tuple[PyTree, list[Row]] | None:
    """The last state that a training wrote, and its history; None if there is no checkpoint.

    Parameters
    ----------
    folder
        The folder of the run.
    like
        A state of the same structure, such as the first one.

    Raises
    ------
    InputError
        If the file is damaged, or belongs to another training.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    content = read_file_bytes(path)
    values, metadata = load_tensors(path, content), metadata_of(content)
    lines = metadata.get("history", "")
    if metadata.get("digest") != _digest(values, lines):
        raise damaged_file(path, "its content does not match its digest")
    return from_named_tensors(like, values, path), history_rows(path, lines)


class Checkpoints:
    """Writes the history and the checkpoints of a run; `train` calls it as `on_epoch`.

    Parameters
    ----------
    folder
        The folder of the run.
    on_epoch
        Called after each epoch with the state and the history; it ends the training by
        returning True.
    seconds
        The shortest time between two checkpoints.
    """

    def __init__(
        self, folder: Path, on_epoch: Callable[..., bool | None], seconds: float = 2.0
    ):
        self.folder, self.on_epoch, self.seconds = folder, on_epoch, seconds
        self.last_time, self.rows_written = time.monotonic(), 0

    def __call__(self, state: PyTree, history: list[Row]) -> bool | None:
        with open(self.folder / "history.jsonl", "a" if self.rows_written else "w") as file:
            file.write(history_lines(history[self.rows_written :]))
        self.rows_written = len(history)
        stop = self.on_epoch(state, history)
        if stop or time.monotonic() - self.last_time >= self.seconds:
            write_checkpoint(self.folder, state, history)
            self.last_time = time.monotonic()
        return stop


def named_tensors(tree: PyTree) -> dict[str, np.ndarray]:
    """The leaves of a pytree by name, such as `cells.0.U`."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_name(where): np.asarray(jax.device_get(leaf), order="C") for where, leaf in leaves}


def from_named_tensors(like: PyTree, values: dict[str, np.ndarray], path: Path) -> PyTree:
    """The inverse of `named_tensors`: a pytree with the structure of `like`.

    Raises
    ------
    InputError
        If names, shapes or types differ from those of `like`; it names the file at `path`.
    """
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    names = [_name(where) for where, _ in leaves]
    if set(names) != set(values):
        raise damaged_file(path, "it holds other tensors than the network has")
    for name, (_, leaf) in zip(names, leaves, strict=True):
        if values[name].shape != leaf.shape or values[name].dtype != leaf.dtype:
            raise damaged_file(path, f"the tensor `{name}` has another shape or type")
    return jax.tree.unflatten(structure, [jnp.asarray(values[name]) for name in names])


def load_tensors(path: Path, content: bytes) -> dict[str, np.ndarray]:
    """The tensors, by name, in the content of a safetensors file.

    Raises
    ------
    InputError
        If it is not the content of a safetensors file; it names the file at `path`.
    """
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError):
        raise damaged_file(path, "it is not a safetensors file") from None


def _name(path: tuple) -> str:
    """A path in a pytree as text: `cells.0.U`."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def metadata_of(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file whose header `load_tensors` could read."""
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]).get("__metadata__") or {}


def _digest(values: dict[str, np.ndarray], lines: str) -> str:
    digest = hashlib.sha256(lines.encode())
    for name in sorted(values):
        digest.update(name.encode() + values[name].tobytes())
    return digest.hexdigest()
