"""Cells stacked to any depth, and a readout on top."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, DTypeLike, Float, Int, PyTree

from throughtime._support.precision import in_precision_of_weights
from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError, check_known_name

from .cells import ACTIVATIONS, Cell, State
from .ensemble import split_networks
from .initialisation import Initialisation, initialisation, on_device
from .summary import cell_title, count_parameters, table
from .unroll import check_lengths, unroll

OUTPUT_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda y: y,
    "logistic": jax.nn.sigmoid,
    "softmax": jax.nn.softmax,
}
"""The lecture's sigma_y, by name."""

States = tuple[PyTree[Array], ...]
"""The state of each cell; of an ensemble, with a leading axis over its members."""


class Dense(eqx.Module):
    r"""A dense layer: $\sigma(V x + c)$.

    Parameters
    ----------
    input_size, output_size
        Number of features of x, and of the result.
    activation
        The function sigma: `identity`, `relu`, `tanh` or `logistic`.
    init
        An initialisation, by name or as an `Initialisation`.
    dtype
        Type of the weights.
    key
        A seed, a NumPy generator or a `jax.random` key.

    Raises
    ------
    InputError
        For an unknown activation or initialisation.
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
        check_known_name("activation", activation, ACTIVATIONS)
        rule, rng = initialisation(init), generator(key)
        self.V = on_device(rule.V(rng, 1, output_size, input_size), dtype)
        self.c = on_device(rule.c(rng, output_size, input_size), dtype)
        self.activation = activation

    def __call__(self, xs: Float[Array, "*batch input"]) -> Float[Array, "*batch output"]:
        return ACTIVATIONS[self.activation](xs @ self.V.T + self.c)


class Readout(eqx.Module):
    r"""From hidden states to outputs: dense layers, then $\hat y_t = \sigma_y(V h_t + c)$.

    Parameters
    ----------
    layers
        The dense layers; the last one holds the lecture's `V` and `c`.
    output
        The function sigma_y: `identity`, `logistic` or `softmax`.
    last
        Whether to read out only the last step of each sequence.

    Raises
    ------
    InputError
        For an unknown `output`.
    """

    layers: tuple[Dense, ...]
    output: str = eqx.field(static=True, default="identity")
    last: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        check_known_name("output", self.output, OUTPUT_ACTIVATIONS)

    def linear(self, hs: Float[Array, "*batch hidden"]) -> Float[Array, "*batch output"]:
        """The outputs y before sigma_y, as a cross-entropy takes them."""
        for layer in self.layers:
            hs = layer(hs)
        return hs

    def activate(self, ys: Float[Array, "*batch output"]) -> Float[Array, "*batch output"]:
        """The outputs after sigma_y, from those before it."""
        return OUTPUT_ACTIVATIONS[self.output](ys)


class Network(eqx.Module):
    """A recurrent network: `Network(cells, readout)(xs) -> ys, state`.

    An ensemble is a network too (`Architecture.ensemble`, `stack_networks`): its weights have a
    leading axis over its members. It gives the mean of their outputs, and `networks` are its
    members. What it computes is in the precision of its weights.

    Parameters
    ----------
    cells
        The cells from the bottom up. The first reads the inputs, every other one the hidden
        states of the cell below.
    readout
        The layers that read the hidden states of the last cell.
    residual
        The number of input features, from the first, that are added to the outputs (to every
        block of as many outputs). If they are the series itself, the network learns its change
        and not its value.
    centred
        The number of input features, from the first, that are measured from their value at the
        first step. The outputs are too, so that the level of a series does not matter.

    Raises
    ------
    InputError
        If the layers do not fit on each other.
    """

    cells: tuple[Cell, ...]
    readout: Readout
    residual: int = eqx.field(static=True, default=0)
    centred: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        if not self.cells or not self.readout.layers:
            rule = "a network must have a cell and a readout of a layer, or more of each"
            got = f"{len(self.cells)} cells and {len(self.readout.layers)} layers"
            raise InputError(rule, got, "Pass `(cell,)` and `Readout((dense,))`.")
        check_first_features("residual", self.residual, self.input_size, self.output_size)
        check_first_features("centred", self.centred, self.input_size, self.output_size)
        titles = [cell_title(cell) for cell in self.cells] + ["the readout"]
        given = [cell.hidden_size for cell in self.cells]
        read = [cell.input_size for cell in self.cells[1:]]
        read.append(self.readout.layers[0].V.shape[-1])
        for i, (above, below) in enumerate(zip(read, given, strict=True)):
            if above != below:
                rule = f"{titles[i + 1]} must read the {below} units of {titles[i]} below it"
                remedy = f"Build it with input size {below}."
                raise InputError(rule, f"an input size of {above}", remedy)

    @in_precision_of_weights
    def __call__(
        self,
        xs: Float[Array, "batch time input"],
        state: States | None = None,
        lengths: Int[Array, " batch"] | None = None,
        *,
        activate: bool = True,
    ) -> tuple[Float[Array, "batch *time output"], States]:
        """Run the network over a batch of sequences.

        Parameters
        ----------
        xs
            The inputs, `(batch, time, input)`.
        state
            The state of every cell before the first step, as an earlier call returned it; zeros
            by default.
        lengths
            How many steps of each sequence count, `(batch,)`; see `unroll`.
        activate
            Whether to apply sigma_y; some losses take y before it.

        Returns
        -------
        ys : Array, (batch, time, output) or (batch, output)
            The outputs of every step, or of the last one if the readout is of the last only.
        state : tuple
            The state of every cell after the last step; of an ensemble, those of all members
            along a leading axis.

        Raises
        ------
        InputError
            For inputs, lengths or states that do not fit, and for any state of a centred
            network.
        """
        if self.members is not None:
            return self._mean_of_members(xs, state, lengths, activate)
        ys, _, finals = self.trace(xs, state, lengths)
        return (self.readout.activate(ys) if activate else ys), finals

    def _mean_of_members(self, xs, state, lengths, activate):
        params, static = eqx.partition(self, eqx.is_inexact_array)

        def one(params, state):
            member = eqx.combine(params, static)
            return member(xs, state, lengths, activate=activate)

        axes = 0, None if state is None else 0
        ys, states = jax.vmap(one, in_axes=axes)(params, state)
        return ys.mean(axis=0), states

    @in_precision_of_weights
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
        """Run the network and return its hidden states too.

        Parameters
        ----------
        xs, state, lengths
            As for a call.

        Returns
        -------
        ys : Array, (batch, time, output) or (batch, output)
            The outputs y before sigma_y.
        hidden : tuple of Array, (batch, time, hidden)
            The hidden states h of every cell at every step.
        state : tuple
            The state of every cell after the last step.

        Raises
        ------
        InputError
            As for a call, and for an ensemble.
        """
        self.check_single()
        if state is not None:
            self._check_state(state)
        states = (None,) * len(self.cells) if state is None else state
        check_lengths(lengths, *xs.shape[:2])
        if lengths is not None:  # the padding must not reach an output, even as NaN
            padding = jnp.arange(xs.shape[1]) >= lengths[:, None]
            xs = jnp.where(padding[..., None], 0, xs)
        inputs, hidden, finals = xs, [], []
        first = xs[:, :1, : self.centred]
        if self.centred:
            # (Not by `xs.at[].add`: XLA may do that in place and overwrite what it subtracts.)
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
            ys = ys + self._residual_inputs(inputs, lengths)
        elif self.centred:
            first = first[:, 0] if self.readout.last else first
            ys = ys + jnp.tile(first, self.output_size // self.centred)
        return ys, tuple(hidden), tuple(finals)

    def _check_state(self, state: tuple[State, ...]) -> None:
        if self.centred:
            rule = "a centred network measures a sequence from its start, and takes no state"
            raise InputError(rule, "a state", "Build the network with `centred=0`.")
        if len(state) != len(self.cells):
            rule = f"`state` must hold the state of each of the {len(self.cells)} cells"
            remedy = "Pass the state that a call of this network returned, or None."
            raise InputError(rule, f"{len(state)} of them", remedy)

    def _residual_inputs(self, xs: Array, lengths: Array | None) -> Array:
        """The first `residual` features at the steps that are read out, once per block."""
        features = xs[..., : self.residual]
        if self.readout.last:
            ends = jnp.full(len(features), features.shape[1]) if lengths is None else lengths
            features = features[jnp.arange(len(features)), jnp.maximum(ends - 1, 0)]
        return jnp.tile(features, self.output_size // self.residual)

    @in_precision_of_weights
    def advance(
        self, states: tuple[State, ...], x: Float[Array, "batch input"]
    ) -> tuple[tuple[State, ...], Float[Array, "batch hidden"]]:
        """Advance all cells by one step: their new states, and the h of the last cell."""
        new = []
        for cell, before in zip(self.cells, states, strict=True):
            drive = jax.tree.map(lambda d: d[0], cell.drive(x[None]))
            new.append(cell.step(drive, before))
            x = cell.hidden(new[-1])
        return tuple(new), x

    @in_precision_of_weights
    def initial_state(self, batch: int) -> States:
        """The state of every cell before the first step, usually zeros."""
        dtype = self.readout.layers[-1].c.dtype  # a cell of one's own may have another in mind
        states = jax.tree.map(
            lambda s: jnp.asarray(s, dtype) if jnp.issubdtype(s.dtype, jnp.floating) else s,
            tuple(cell.initial_state(batch) for cell in self.cells),
        )
        if self.members is None:
            return states
        return jax.tree.map(lambda s: jnp.broadcast_to(s, (self.members, *s.shape)), states)

    @property
    def members(self) -> int | None:
        """The number of networks of an ensemble; None if it is one network."""
        c = self.readout.layers[-1].c
        return c.shape[0] if c.ndim == 2 else None

    @property
    def networks(self) -> "list[Network]":
        """The networks of an ensemble; the network alone if it is one."""
        return [self] if self.members is None else split_networks(self)

    def check_single(self) -> None:
        """Refuse an ensemble where one network is needed.

        Raises
        ------
        InputError
            If it is an ensemble.
        """
        if self.members is not None:
            rule = "this takes one network"
            remedy = "Pass one of its `networks`, such as `network.networks[0]`."
            raise InputError(rule, f"an ensemble of {self.members}", remedy)

    @property
    def input_size(self) -> int:
        """Number of features of an input."""
        return self.cells[0].input_size

    @property
    def output_size(self) -> int:
        """Number of features of an output."""
        return self.readout.layers[-1].c.shape[-1]

    def summary(self) -> str:
        """Layers, output shapes and parameter counts, as a table in plain text."""
        rows = [
            (cell_title(cell), f"(batch, time, {cell.hidden_size})", count_parameters(cell))
            for cell in self.cells
        ]
        axes = "batch" if self.readout.last else "batch, time"
        titles = [f"Dense ({layer.activation})" for layer in self.readout.layers[:-1]]
        titles.append(f"Readout ({self.readout.output})")
        for title, layer in zip(titles, self.readout.layers, strict=True):
            rows.append((title, f"({axes}, {layer.c.shape[-1]})", count_parameters(layer)))
        return table(rows, count_parameters(self))


def check_first_features(name: str, features: int, inputs: int, outputs: int) -> None:
    """Refuse first features that are not inputs, or whose number does not divide the outputs.

    Raises
    ------
    InputError
        Which names the setting, `residual` or `centred`.
    """
    if features and (features > inputs or outputs % features):
        rule = f"`{name}` features must be inputs, and divide the outputs"
        got = f"{features} of {inputs} for {outputs} outputs"
        remedy = f"Set `{name}` to the number of series that are forecast, or to 0."
        raise InputError(rule, got, remedy)
