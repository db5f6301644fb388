"""A network on disk: its shape as plain values, its weights as tensors; nothing is executed.

The folder of a network:

- `network.json`: its cells and layers, by name and size, and digests.
- `weights.safetensors`: the weights, by the names of the fields that hold them.
"""

from pathlib import Path
from typing import Any

import equinox as eqx
from safetensors.numpy import save

from throughtime._support import atomic
from throughtime._support.integrity import (
    damaged_file,
    digest,
    json_text,
    read_json,
    read_verified,
)
from throughtime._support.precision import precision
from throughtime._support.versions import package_versions
from throughtime.errors import InputError
from throughtime.recurrence.angles import angle_count
from throughtime.recurrence.network import Network
from throughtime.training.checkpoint import from_named_tensors, load_tensors, named_tensors

from . import run_folder
from .network_record import FORMAT, NetworkFile, as_many, check_alike
from .run_folder import NETWORK

WEIGHTS = "weights.safetensors"


def save_network(network: Network, folder: str | Path, *, overwrite: bool = False) -> None:
    """Write a network, or an ensemble, to a folder; `load_network` reads it.

    Parameters
    ----------
    network
        The network, of any cells.
    folder
        A new or empty folder.
    overwrite
        Whether an earlier run in the folder may be replaced.

    Raises
    ------
    InputError
        If the folder is in use or cannot be written.
    """
    weights = save(named_tensors(eqx.filter(network, eqx.is_inexact_array)))
    record = NetworkFile.of(network).model_copy(
        update={"digests": {WEIGHTS: digest(weights)}, "versions": package_versions()}
    )

    def write(folder: Path) -> tuple[str, ...]:
        text = json_text(record.model_dump(mode="json"))
        atomic.write_together(folder, {WEIGHTS: weights, NETWORK: text}, NETWORK)
        return NETWORK, WEIGHTS

    run_folder.replace_run(Path(folder), write, overwrite)


def load_network(folder: str | Path, *, like: Network | None = None) -> Network:
    """Read a network that `save_network` wrote. No code in the folder is run.

    Parameters
    ----------
    folder
        The folder.
    like
        A network of the same shape, whatever its weights; needed if it has cells of your own,
        which a file cannot hold.

    Raises
    ------
    InputError
        If the folder holds no network, a file was changed, or `like` is another network.
    """
    path, weights = Path(folder) / NETWORK, Path(folder) / WEIGHTS
    run_folder.check_kind(Path(folder), NETWORK)
    record = read_json(path, NetworkFile, FORMAT)
    values = load_tensors(weights, read_verified(weights, record.digests))
    if like is None:
        _check_built_in(record)
        _check_sizes(path, record, values)
    else:
        check_alike(like, record)
        like = as_many(like, record.members) if like.members is None else like
    with precision(record.dtype):
        like = _built(record, path) if like is None else like
        params, static = eqx.partition(like, eqx.is_inexact_array)
        return eqx.combine(from_named_tensors(params, values, weights), static)


def _built(record: NetworkFile, path: Path) -> Network:
    """The network that a file describes, with any weights."""
    try:
        return record.build()
    except InputError as error:
        raise damaged_file(path, f"{error.rule}; got {error.got}") from None


def _check_built_in(record: NetworkFile) -> None:
    own = [cell.own.get("type") for cell in record.cells if cell.cell == "own"]
    if own:
        rule = "a network with cells of your own is read with a network that has them"
        remedy = (
            "Build one of the same shape and pass it: `load_network(folder, like=network)`."
        )
        raise InputError(rule, f"none for `{own[0]}`", remedy)


def _check_sizes(path: Path, record: NetworkFile, values: dict[str, Any]) -> None:
    """Refuse sizes that are not those of the weights, before anything of them is built."""
    shapes = {name: value.shape for name, value in values.items()}
    lead = () if record.members is None else (record.members,)
    for i, cell in enumerate(record.cells):
        n = cell.hidden_size
        gates = {"rnn": 1, "esn": 1, "gru": 3, "lstm": 4}[cell.cell]
        read = cell.input_size + angle_count(tuple(cell.angles))
        expected = {"U": (gates * n, read), "W": (gates * n, n)}
        for name, shape in expected.items():
            if shapes.get(f"cells.{i}.{name}") != lead + shape:
                raise damaged_file(
                    path, f"the sizes of cell {i + 1} are not those of its weights"
                )
    for i, layer in enumerate(record.layers):
        shape = (layer.output_size, layer.input_size)
        if shapes.get(f"readout.layers.{i}.V") != lead + shape:
            raise damaged_file(path, f"the sizes of layer {i + 1} are not those of its weights")
