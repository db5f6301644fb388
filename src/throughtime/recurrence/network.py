"""Cells stacked to any depth, and a readout on top."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, DTypeLike, Float, Int

from throughtime._support.seeds import Key, generator, words
from throughtime.errors import InputError, at_least_one, nearest

from .cells import ACTIVATIONS, CELLS, Cell, EchoState, State
from .initialisation import INITIALISATIONS, Initialisation, initialisation, on_device
from .unroll import unroll

OUTPUTS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda y: y,
    "logistic": jax.nn.sigmoid,
    "softmax": jax.nn.softmax,
}
"""The lecture's sigma_y, by name."""

RESERVOIR = ("radius", "leak", "input_scale")
"""The fields of an `Architecture` that are of an echo state network alone."""

GRADIENT = ("activation", "init", "rate", "clip", "schedule")
"""The settings of a forecaster that nothing of an echo state network follows."""


def unused(cell: str) -> tuple[str, ...]:
    """The settings that a cell and its training do not take."""
    return GRADIENT if cell == "esn" else RESERVOIR


class Dense(eqx.Module):
    r"""A dense layer: $\sigma(V x + c)$.

    **Arguments:** `input_size`, `output_size`; `activation` is one of `identity`, `relu`,
    `tanh`, `logistic`; `init`, `dtype` and `key` as for a cell.
    """

    V: Float[Array, "output input"]
    c: Float[Array, " output"]
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        input_size: int,
        output_size: int,
        activation: str = "identity",
        *,
        init: str | Initialisation = "pytorch",
        dtype: DTypeLike = jnp.float32,
        key: Key,
    ):
        _known("activation", activation, ACTIVATIONS)
        rule, rng = initialisation(init), generator(key)
        self.V = on_device(rule.V(rng, 1, output_size, input_size), dtype)
        self.c = on_device(rule.c(rng, output_size, input_size), dtype)
        self.activation = activation

    def __call__(self, xs: Float[Array, "*batch input"]) -> Float[Array, "*batch output"]:
        return ACTIVATIONS[self.activation](xs @ self.V.T + self.c)


class Readout(eqx.Module):
    r"""From hidden states to outputs: dense layers, then $\hat y_t = \sigma_y(V h_t + c)$.

    Attributes
    ----------
    layers
        The dense layers; the last one holds the lecture's `V` and `c`.
    output
        Sigma_y, one of `identity`, `logistic`, `softmax`.
    last
        Read out only the last step of each sequence, not every step.
    """

    layers: tuple[Dense, ...]
    output: str = eqx.field(static=True, default="identity")
    last: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        _known("output", self.output, OUTPUTS)

    def linear(self, hs: Float[Array, "*batch hidden"]) -> Float[Array, "*batch output"]:
        """y, before sigma_y: what a cross-entropy takes."""
        for layer in self.layers:
            hs = layer(hs)
        return hs

    def activate(self, ys: Float[Array, "*batch output"]) -> Float[Array, "*batch output"]:
        """sigma_y(y)."""
        return OUTPUTS[self.output](ys)


class Network(eqx.Module):
    """A recurrent network: `Network(cells, readout)(xs) -> ys, state`.

    Attributes
    ----------
    cells
        The first reads the inputs, each other the hidden states of the one below.
    readout
        Reads the hidden states of the last cell.
    residual
        So many of the first input features are added to the outputs (to every block of as many
        outputs). With the series among the inputs, the network learns by how much it changes,
        not where it is.
    centred
        So many of the first input features are measured from their value at the first step, and
        the outputs likewise, so that the level of a series does not matter.
    """

    cells: tuple[Cell, ...]
    readout: Readout
    residual: int = eqx.field(static=True, default=0)
    centred: int = eqx.field(static=True, default=0)

    def __call__(
        self,
        xs: Float[Array, "batch time input"],
        state: tuple[State, ...] | None = None,
        lengths: Int[Array, " batch"] | None = None,
        *,
        activate: bool = True,
    ) -> tuple[Float[Array, "batch *time output"], tuple[State, ...]]:
        """Run the network over a batch of sequences.

        **Arguments:** `xs`, `state` (of every cell) and `lengths` as for `unroll`;
        `activate=False` leaves out sigma_y, for losses that take y before it.

        **Returns:** the outputs, `(batch, time, output)`, or `(batch, output)` if the readout
        is of the last step only; and the state of every cell after the last step.
        """
        ys, _, finals = self.trace(xs, state, lengths)
        return (self.readout.activate(ys) if activate else ys), finals

    def trace(
        self,
        xs: Float[Array, "batch time input"],
        state: tuple[State, ...] | None = None,
        lengths: Int[Array, " batch"] | None = None,
    ) -> tuple[
        Float[Array, "batch *time output"],
        tuple[Float[Array, "batch time hidden"], ...],
        tuple[State, ...],
    ]:
        """Run the network and show what is inside.

        **Arguments:** as for a call.

        **Returns:** y before sigma_y, shaped as the outputs; the hidden states h of every cell
        at every step, each `(batch, time, hidden)`; and the state of every cell after the last
        step.
        """
        if state is not None and self.centred:
            rule = "a centred network measures a sequence from its start, and takes no state"
            raise InputError(rule, "a state", "Build the network with `centred=0`.")
        states = (None,) * len(self.cells) if state is None else state
        if lengths is not None:  # what stands in the padding must not reach an output
            padding = jnp.arange(xs.shape[1]) >= lengths[:, None]
            xs = jnp.where(padding[..., None], 0, xs)
        inputs, hidden, finals = xs, [], []
        first = xs[:, :1, : self.centred]
        if self.centred:
            # (Not by `xs.at[].add`: XLA may do that in place, and overwrite what it subtracts.)
            others = xs.shape[-1] - self.centred
            xs = xs - jnp.pad(first, ((0, 0), (0, 0), (0, others)))
        for cell, before in zip(self.cells, states, strict=True):
            stack, final = unroll(cell, xs, before, lengths)
            xs = cell.hidden(stack)
            hidden.append(xs)
            finals.append(final)
        hs = self.cells[-1].hidden(finals[-1]) if self.readout.last else xs
        ys = self.readout.linear(hs)
        if self.residual:
            ys = ys + self._now(inputs, lengths)
        elif self.centred:
            first = first[:, 0] if self.readout.last else first
            ys = ys + jnp.tile(first, self.output_size // self.centred)
        return ys, tuple(hidden), tuple(finals)

    def advance(
        self, states: tuple[State, ...], x: Float[Array, "batch input"]
    ) -> tuple[tuple[State, ...], Float[Array, "batch hidden"]]:
        """One step of all cells: their states after it, and h of the last one."""
        new = []
        for cell, before in zip(self.cells, states, strict=True):
            drive = jax.tree.map(lambda d: d[0], cell.drive(x[None]))
            new.append(cell.step(drive, before))
            x = cell.hidden(new[-1])
        return tuple(new), x

    def _now(self, xs: Array, lengths: Array | None) -> Array:
        """The first `residual` features at the steps that are read out, once per block."""
        now = xs[..., : self.residual]
        if self.readout.last:
            ends = jnp.full(len(now), now.shape[1]) if lengths is None else lengths
            now = now[jnp.arange(len(now)), jnp.maximum(ends - 1, 0)]
        return jnp.tile(now, self.output_size // self.residual)

    def initial_state(self, batch: int) -> tuple[State, ...]:
        """The state of every cell before the first step: zeros."""
        return tuple(cell.initial_state(batch) for cell in self.cells)

    @property
    def input_size(self) -> int:
        """Features of an input."""
        return self.cells[0].input_size

    @property
    def output_size(self) -> int:
        """Features of an output."""
        return self.readout.layers[-1].c.shape[0]

    def summary(self) -> str:
        """Layers, output shapes and parameter counts, as a table in plain text."""
        rows = [(_title(cell), _steps(cell.hidden_size), count(cell)) for cell in self.cells]
        shape = _last if self.readout.last else _steps
        for i, layer in enumerate(self.readout.layers):
            final = i == len(self.readout.layers) - 1
            kind = (
                f"Readout ({self.readout.output})" if final else f"Dense ({layer.activation})"
            )
            rows.append((kind, shape(layer.c.shape[0]), count(layer)))
        return _table(rows, count(self))


def count(module: Any) -> int:
    """The number of trained parameters in a module; those of a reservoir are not trained."""
    weights = eqx.filter(module, eqx.is_inexact_array)
    leaves = jax.tree.leaves(weights, is_leaf=lambda node: isinstance(node, EchoState))
    return sum(leaf.size for leaf in leaves if not isinstance(leaf, EchoState))


@dataclass(frozen=True)
class Architecture:
    """The shape of a network in plain values: what a run stores, what `build` reads.

    Attributes
    ----------
    input_size, output_size
        Features of inputs and outputs.
    cell
        `rnn`, `gru`, `lstm` or `esn`.
    activation
        Of an `rnn`.
    radius, leak, input_scale
        Of an `esn`, the echo state network; see `EchoState`.
    hidden
        Units of each cell.
    depth
        Number of cells.
    dense
        Units of the hidden dense layers (relu) between cells and readout.
    output
        `identity`, `logistic` or `softmax`.
    last
        Read out the last step only.
    residual, centred
        How many input features are added to the outputs, and how many are measured from the
        first step; see `Network`.
    init
        An initialisation by name.
    dtype
        `float32` or `float64`.

    Raises
    ------
    InputError
        For a value out of its range or an unknown name.
    """

    input_size: int
    output_size: int
    cell: str = "lstm"
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

    def __post_init__(self):
        for name in ("input_size", "output_size", "hidden", "depth"):
            at_least_one(name, getattr(self, name))
        for units in self.dense:
            at_least_one("dense", units)
        _known("cell", self.cell, CELLS)
        _known("activation", self.activation, ACTIVATIONS)
        _known("output", self.output, OUTPUTS)
        _known("init", self.init, INITIALISATIONS)
        _known("dtype", self.dtype, ("float32", "float64"))
        for name in RESERVOIR:
            value, most = getattr(self, name), 1 if name == "leak" else float("inf")
            if not 0 < value <= most or value == float("inf"):
                rule = f"`{name}` must be above 0 and {'at most 1' if most == 1 else 'finite'}"
                raise InputError(rule, value, f"Change `{name}`.")
        for name, features in (("residual", self.residual), ("centred", self.centred)):
            if features and (features > self.input_size or self.output_size % features):
                rule = f"`{name}` features must be inputs, and divide the outputs"
                got = f"{features} of {self.input_size} for {self.output_size} outputs"
                remedy = "Set it to the number of series that are forecast."
                raise InputError(rule, got, remedy)

    def build(self, key: Key) -> Network:
        """Draw a network of this shape."""
        rng = generator(key)
        common = {"init": self.init, "dtype": jnp.dtype(self.dtype)}
        options: dict[str, Any] = {**common}
        if self.cell == "rnn":
            options["activation"] = self.activation
        if self.cell == "esn":
            del options["init"]
            options |= {name: getattr(self, name) for name in RESERVOIR}
        sizes = [self.input_size] + [self.hidden] * (self.depth - 1)
        cells = tuple(
            CELLS[self.cell](size, self.hidden, **options, key=rng)  # pyright: ignore
            for size in sizes
        )
        widths = [self.hidden, *self.dense, self.output_size]
        kinds = ["relu"] * len(self.dense) + ["identity"]
        layers = tuple(
            Dense(widths[i], widths[i + 1], kinds[i], **common, key=rng)
            for i in range(len(kinds))
        )
        readout = Readout(layers, self.output, self.last)
        return Network(cells, readout, self.residual, self.centred)

    def ensemble(
        self, members: int, key: Key, *, scale: Sequence[float | int] | np.ndarray | None = None
    ) -> Network:
        """Networks of this shape as one, their weights stacked along a leading axis.

        Member i is `build(generator(key, i))`; with `scale` its matrices, not its biases, are
        times the i-th number.

        Raises
        ------
        InputError
            If `scale` is not a finite number for each member.
        """
        scales = np.ones(members) if scale is None else np.asarray(scale, float)
        if scales.shape != (members,) or not np.isfinite(scales).all():
            rule = f"`scale` must be a finite number for each of the {members} members"
            raise InputError(rule, scale, f"Pass {members} numbers.")
        seed = words(key)
        networks = [self.build(np.random.default_rng([*seed, i])) for i in range(members)]

        def stack(*leaves):
            together = np.stack(leaves)
            if together.ndim > 2:
                together *= scales.reshape(-1, 1, 1).astype(together.dtype)
            return jax.device_put(together)

        return jax.tree.map(stack, *networks)

    def fewest_weights(self) -> int:
        """A bound from below on the weights, to refuse a network before memory is asked for."""
        widths = [self.hidden, *self.dense, self.output_size]
        dense = sum(above * below for above, below in pairwise(widths))
        return self.hidden * (self.input_size + self.depth * self.hidden) + dense

    def to_json(self) -> dict[str, Any]:
        """As a plain dictionary; of a reservoir only what is said, unless there is one."""
        plain = {**asdict(self), "dense": list(self.dense)}
        for field in fields(self):  # (runs from before there were reservoirs hold none)
            if field.name in RESERVOIR and self.cell != "esn":
                if plain[field.name] == field.default:
                    del plain[field.name]
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> "Architecture":
        """The inverse of `to_json`."""
        return cls(**{**plain, "dense": tuple(plain["dense"])})


def _known(name: str, value: str, known) -> None:
    if value not in known:
        raise InputError(f"`{name}` must be a known name", value, nearest(value, known))


def _title(cell: Cell) -> str:
    activation = getattr(cell, "activation", None)
    return type(cell).__name__ + (f" ({activation})" if activation else "")


def _steps(size: int) -> str:
    return f"(batch, time, {size})"


def _last(size: int) -> str:
    return f"(batch, {size})"


def _table(rows: list[tuple[str, str, int]], total: int) -> str:
    lines = [("Layer", "Output shape", "Parameters")]
    lines += [(name, shape, f"{number:,}") for name, shape, number in rows]
    lines += [("Total", "", f"{total:,}")]
    wide = [max(len(line[i]) for line in lines) for i in range(3)]
    text = [f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c:>{wide[2]}}" for a, b, c in lines]
    rule = "-" * len(text[0])
    return "\n".join([text[0], rule, *text[1:-1], rule, text[-1]])
