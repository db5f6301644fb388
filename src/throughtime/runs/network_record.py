"""What `network.json` holds: a network without its weights, as plain values."""

from typing import Annotated, Any, Literal

import jax.numpy as jnp
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from throughtime.errors import InputError
from throughtime.recurrence.architecture import CELLS
from throughtime.recurrence.cells import RNN, Cell
from throughtime.recurrence.echo_state_cell import EchoState
from throughtime.recurrence.ensemble import stack_networks
from throughtime.recurrence.network import Dense, Network, Readout
from throughtime.recurrence.own_cell import check_same_cell, describe_cell

FORMAT = 1
Activation = Literal["tanh", "relu", "logistic", "identity"]


class CellInfo(BaseModel):
    """A cell without its weights; `own` describes one that is not built in."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    cell: Literal["rnn", "gru", "lstm", "esn", "own"]
    input_size: PositiveInt
    hidden_size: PositiveInt
    activation: Activation = "tanh"
    leak: Annotated[float, Field(gt=0, le=1)] = 1.0
    connected: bool = True
    angles: list[Annotated[float, Field(ge=0)]] = []
    own: dict[str, Any] = {}

    @property
    def title(self) -> str:
        """The name of its class, or that of a built-in cell."""
        return self.own.get("type", self.cell)

    @classmethod
    def of(cls, cell: Cell) -> "CellInfo":
        """What a cell is."""
        fields: dict[str, Any] = {
            "input_size": cell.input_size,
            "hidden_size": cell.hidden_size,
        }
        names = {kind: name for name, kind in CELLS.items()}
        fields["cell"] = names.get(type(cell), "own")
        if fields["cell"] == "own":
            fields["own"] = describe_cell(cell)
        if type(cell) is RNN:
            fields["activation"] = cell.activation
        if type(cell) is EchoState:
            fields |= {"leak": cell.leak, "connected": cell.connected}
            fields |= {"angles": list(cell.angles)}
        return cls(**fields)

    def build(self, dtype: str) -> Cell:
        """A cell of this kind, with any weights."""
        options: dict[str, Any] = {"dtype": jnp.dtype(dtype), "key": 0}
        if self.cell == "rnn":
            options["activation"] = self.activation
        if self.cell == "esn":
            options |= {"leak": self.leak, "angles": tuple(self.angles)}
            if not self.connected:
                options["radius"] = 0.0  # else a product with a W of zeros
        return CELLS[self.cell](self.input_size, self.hidden_size, **options)  # pyright: ignore


class LayerInfo(BaseModel):
    """A dense layer without its weights."""

    model_config = ConfigDict(extra="forbid", strict=True)

    input_size: PositiveInt
    output_size: PositiveInt
    activation: Activation

    @classmethod
    def of(cls, layer: Dense) -> "LayerInfo":
        """What a layer is."""
        above, below = layer.V.shape[-2:]
        return cls(input_size=below, output_size=above, activation=layer.activation)  # pyright: ignore

    def build(self, dtype: str) -> Dense:
        """A layer of this kind, with any weights."""
        options: dict[str, Any] = {"dtype": jnp.dtype(dtype), "key": 0}
        return Dense(self.input_size, self.output_size, self.activation, **options)


class NetworkFile(BaseModel):
    """The content of `network.json`.

    Attributes
    ----------
    format
        The version of the file format.
    cells, layers
        Cells and dense layers, from the bottom up.
    output, last, residual, centred
        As in `Readout` and `Network`.
    members
        The number of networks of an ensemble.
    dtype
        Type of the weights.
    digests
        SHA-256 of the other files, by name.
    versions
        Of Python and the packages, by name.
    """

    model_config = ConfigDict(extra="forbid")

    format: Annotated[int, Field(ge=1)]
    cells: Annotated[list[CellInfo], Field(min_length=1)]
    layers: Annotated[list[LayerInfo], Field(min_length=1)]
    output: Literal["identity", "logistic", "softmax"]
    last: bool
    residual: NonNegativeInt
    centred: NonNegativeInt
    members: PositiveInt | None
    dtype: Literal["float32", "float64"]
    digests: dict[str, str] = {}
    versions: dict[str, str] = {}

    @classmethod
    def of(cls, network: Network) -> "NetworkFile":
        """What a network is."""
        return cls(
            format=FORMAT,
            cells=[CellInfo.of(cell) for cell in network.cells],
            layers=[LayerInfo.of(layer) for layer in network.readout.layers],
            output=network.readout.output,  # pyright: ignore
            last=network.readout.last,
            residual=network.residual,
            centred=network.centred,
            members=network.members,
            dtype=str(network.readout.layers[-1].c.dtype),  # pyright: ignore
        )

    def build(self) -> Network:
        """A network of this shape, with any weights."""
        cells = tuple(cell.build(self.dtype) for cell in self.cells)
        layers = tuple(layer.build(self.dtype) for layer in self.layers)
        readout = Readout(layers, self.output, self.last)
        return as_many(Network(cells, readout, self.residual, self.centred), self.members)


def as_many(network: Network, members: int | None) -> Network:
    """The network, or an ensemble of as many of it."""
    return network if members is None else stack_networks([network] * members)


def check_alike(like: Network, record: NetworkFile) -> None:
    """Refuse a network of another shape than the one that a file describes.

    Raises
    ------
    InputError
        Which names the first difference.
    """
    given, rule = NetworkFile.of(like), "`like` must be of the shape that was saved"
    for name in ("output", "last", "residual", "centred", "dtype"):
        if getattr(given, name) != getattr(record, name):
            got = f"`{name}` {getattr(given, name)}"
            raise InputError(rule, got, f"Build it with `{name}` {getattr(record, name)}.")
    if given.members not in (None, record.members):
        got = f"an ensemble of {given.members}"
        raise InputError(rule, got, f"Pass one network, or {record.members or 1} of them.")
    for what in ("cells", "layers"):
        ours, stored = getattr(given, what), getattr(record, what)
        if len(ours) != len(stored):
            got, remedy = f"{len(ours)} {what}", f"Build it with {len(stored)} {what}."
            raise InputError(rule, got, remedy)
        for i, (one, other) in enumerate(zip(ours, stored, strict=True)):
            _check_part_alike(f"{what[:-1]} {i + 1}", one, other)


def _check_part_alike(where: str, one: Any, other: Any) -> None:
    """Refuse a cell or a layer that is not the one that a file describes."""
    rule = f"`like` must be of the shape that was saved, in its {where}"
    if isinstance(one, CellInfo) and one.title != other.title:
        raise InputError(rule, f"`{one.title}`", f"Build it with `{other.title}`.")
    if isinstance(one, CellInfo) and one.own:
        check_same_cell(one.title, one.own, other.own)
    for name in type(one).model_fields:
        if getattr(one, name) != getattr(other, name):
            got = f"`{name}` {getattr(one, name)}"
            raise InputError(rule, got, f"Build it with `{name}` {getattr(other, name)}.")
