"""The shape of a network in plain values: what is checked, stored with a run, and built."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from throughtime._support.seeds import Key, generator, seed_integers
from throughtime.errors import InputError, check_known_name, check_positive_integer

from .cells import ACTIVATIONS, GRU, LSTM, RNN, Cell
from .echo_state_cell import EchoState
from .ensemble import stack_networks
from .initialisation import INITIALISATIONS, on_device
from .network import OUTPUT_ACTIVATIONS, Dense, Network, Readout, check_first_features
from .own_cell import OwnCell, describe_cell

CELLS: dict[str, type[Cell]] = {"rnn": RNN, "gru": GRU, "lstm": LSTM, "esn": EchoState}
"""The built-in cells by name."""

RESERVOIR_SETTINGS = ("radius", "leak", "input_scale")
"""The fields of an `Architecture` that only an echo state network has."""

GRADIENT_SETTINGS = ("activation", "init", "rate", "clip", "schedule")
"""The settings of a forecaster that have no effect on an echo state network."""


def unused_settings(cell: object) -> tuple[str, ...]:
    """The settings of a forecaster that a cell and its training do not use."""
    reservoir = isinstance(cell, str) and cell == "esn"
    return GRADIENT_SETTINGS if reservoir else (*RESERVOIR_SETTINGS, "ridge")


@dataclass(frozen=True)
class Architecture:
    """The shape of a network in plain values, as a run stores it; `build` makes the network.

    Parameters
    ----------
    input_size, output_size
        Number of features of the inputs and of the outputs.
    cell
        The kind of cell: `rnn`, `gru`, `lstm` or `esn`; or a cell of your own, as an instance,
        a class or a function `make(input_size, hidden_size, key=key)`; see `own_cell`.
    hidden
        Units of each cell; of a cell that is given as an instance, its own.
    depth
        Number of cells, stacked on each other.
    activation
        The activation of an `rnn`; other cells do not use it.
    dense
        Units of each hidden dense layer (relu) between the cells and the readout.
    output
        The activation of the outputs: `identity`, `logistic` or `softmax`.
    last
        Whether to read out only the last step of each sequence.
    residual, centred
        How many input features are added to the outputs, and how many are measured from the
        first step; see `Network`.
    init
        The initialisation of the weights, by name; see `INITIALISATIONS`.
    dtype
        Type of the weights, `float32` or `float64`.
    radius, leak, input_scale
        Spectral radius, leak rate and input scale of an `esn`; see `EchoState`. Other cells do
        not use them.
    angles
        Which features an `esn` reads by sine and cosine; see `EchoState`.

    Raises
    ------
    InputError
        For a value out of its range, an unknown name, and a cell of other sizes.

    Examples
    --------
    >>> network = Architecture(1, 1, cell="gru", hidden=8).build(0)
    >>> network.input_size, network.output_size
    (1, 1)
    """

    input_size: int
    output_size: int
    cell: Any = "lstm"  # a name, or a `CellSource`
    hidden: int = 64
    depth: int = 1
    activation: str = "tanh"
    dense: tuple[int, ...] = ()
    output: str = "identity"
    last: bool = False
    residual: int = 0
    centred: int = 0
    init: str = "pytorch"
    dtype: str = "float32"
    radius: float | int = 0.9
    leak: float | int = 1.0
    input_scale: float | int = 1.0
    angles: tuple[float, ...] = ()

    def __post_init__(self):
        if isinstance(self.cell, str):
            check_known_name("cell", self.cell, CELLS)
        else:
            self._adopt(OwnCell.of(self.cell))
        for name in ("input_size", "output_size", "hidden", "depth"):
            check_positive_integer(name, getattr(self, name))
        for units in self.dense:
            check_positive_integer("dense", units)
        check_known_name("activation", self.activation, ACTIVATIONS)
        check_known_name("output", self.output, OUTPUT_ACTIVATIONS)
        check_known_name("init", self.init, INITIALISATIONS)
        check_known_name("dtype", self.dtype, ("float32", "float64"))
        for field in fields(self):
            if field.name in RESERVOIR_SETTINGS:
                self._check_range(field.name, field.default)
        for name, features in (("residual", self.residual), ("centred", self.centred)):
            check_first_features(name, features, self.input_size, self.output_size)

    def _adopt(self, own: OwnCell) -> None:
        """Take a cell of one's own; one that is built has its own sizes."""
        object.__setattr__(self, "cell", own)
        if own.fixed is None:
            return
        if own.fixed.input_size != self.input_size:
            rule = f"`{own}` must read the values and the inputs, {self.input_size} in all"
            got = f"an input size of {own.fixed.input_size}"
            raise InputError(rule, got, f"Build it with input size {self.input_size}.")
        if self.depth != 1:
            rule = "a cell that is already built can be the only one of a network"
            remedy = f"Pass `depth=1`, or the class: `cell={type(own.fixed).__name__}`."
            raise InputError(rule, f"`depth` {self.depth}", remedy)
        object.__setattr__(self, "hidden", own.fixed.hidden_size)

    def _check_range(self, name: str, default: object) -> None:
        """Refuse a setting of a reservoir that is too small or too large."""
        value, most = getattr(self, name), 1 if name == "leak" else float("inf")
        above = value >= 0 if name == "radius" else value > 0
        if not (above and value <= most) or value == float("inf"):
            least = "0 or more" if name == "radius" else "above 0"
            rule = f"`{name}` must be {least} and {'at most 1' if most == 1 else 'finite'}"
            raise InputError(rule, value, f"The default is {default}.")

    def build(self, key: Key) -> Network:
        """Build a network of this shape with random weights.

        Parameters
        ----------
        key
            A seed, a NumPy generator or a `jax.random` key.
        """
        rng = generator(key)
        cells = tuple(self._cell(size, rng, i) for i, size in enumerate(self._read()))
        common: dict[str, Any] = {"init": self.init, "dtype": jnp.dtype(self.dtype)}
        widths = [self.hidden, *self.dense, self.output_size]
        activations = ["relu"] * len(self.dense) + ["identity"]
        layers = tuple(
            Dense(below, above, activation, **common, key=rng)
            for (below, above), activation in zip(pairwise(widths), activations, strict=True)
        )
        readout = Readout(layers, self.output, self.last)
        return Network(cells, readout, self.residual, self.centred)

    def _read(self) -> list[int]:
        """How many features each cell reads."""
        return [self.input_size] + [self.hidden] * (self.depth - 1)

    def _cell(self, size: int, rng: np.random.Generator, place: int = 0) -> Cell:
        """The cell at a place from the bottom, which reads so many features."""
        if isinstance(self.cell, OwnCell):
            return self.cell.build(size, self.hidden, self.dtype, rng)
        common = {"init": self.init, "dtype": jnp.dtype(self.dtype)}
        options: dict[str, Any] = {**common}
        if self.cell == "rnn":
            options["activation"] = self.activation
        if self.cell == "esn":
            del options["init"]
            options |= {name: getattr(self, name) for name in RESERVOIR_SETTINGS}
            options["angles"] = () if place else self.angles
        return CELLS[self.cell](size, self.hidden, **options, key=rng)  # pyright: ignore

    def ensemble(
        self, members: int, key: Key, *, scale: Sequence[float | int] | np.ndarray | None = None
    ) -> Network:
        """Build networks of this shape as one, their weights stacked along a leading axis.

        The weights of member i depend on the seed and i alone, not on the other members.

        Parameters
        ----------
        members
            Number of networks.
        key
            A seed, a NumPy generator or a `jax.random` key.
        scale
            A factor for each member that multiplies its matrices, but not its biases.

        Raises
        ------
        InputError
            If `scale` is not a finite number for each member.
        """
        scales = np.ones(members) if scale is None else np.asarray(scale, float)
        if scales.shape != (members,) or not np.isfinite(scales).all():
            rule = f"`scale` must be a finite number for each of the {members} members"
            raise InputError(rule, scales, f"Pass {members} numbers.")
        seed = seed_integers(key)
        networks = [self.build(np.random.default_rng([*seed, i])) for i in range(members)]
        scaled = networks if scale is None else map(_scaled, networks, scales)
        return stack_networks(list(scaled))

    def fewest_weights(self) -> int:
        """A lower bound on the number of weights, to refuse a network before it is built."""
        widths = [self.hidden, *self.dense, self.output_size]
        dense = sum(above * below for above, below in pairwise(widths))
        if isinstance(self.cell, OwnCell):  # whatever it is, it may have few
            return dense
        return self.hidden * (self.input_size + self.depth * self.hidden) + dense

    def to_json(self) -> dict[str, Any]:
        """A plain dict; a reservoir's settings are left out where they are unused defaults."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["dense"] = list(self.dense)
        if angles := plain.pop("angles"):  # (most have none)
            plain["angles"] = list(angles)
        if isinstance(self.cell, OwnCell):
            plain["cell"] = self.describe_own_cell()
        for field in fields(self):  # (early versions had no such settings and wrote none)
            if field.name in RESERVOIR_SETTINGS and self.cell != "esn":
                if plain[field.name] == field.default:
                    del plain[field.name]
        return plain

    def describe_own_cell(self) -> dict[str, Any]:
        """What a file keeps of a cell of one's own; empty for a built-in one."""
        if not isinstance(self.cell, OwnCell):
            return {}
        if self.cell.source is None:  # as another file described it
            return self.cell.known
        first = self._cell(self.input_size, np.random.default_rng(0))
        return {**self.cell.to_json(), **describe_cell(first)}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> "Architecture":
        """The architecture that `to_json` wrote."""
        lists = {name: tuple(plain.get(name, ())) for name in ("dense", "angles")}
        return cls(**{**plain, **lists})


def _scaled(network: Network, scale: float) -> Network:
    """The network with its matrices multiplied by a factor, its biases as they are."""
    params, static = eqx.partition(network, eqx.is_inexact_array)

    def times(leaf):
        return on_device(np.asarray(leaf) * scale, leaf.dtype) if leaf.ndim > 1 else leaf

    return eqx.combine(jax.tree.map(times, params), static)
