"""Architectures: what they build, how they are stored, and what they refuse."""

import copy
import json
from dataclasses import fields

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from throughtime._support.seeds import seed_integers
from throughtime.errors import InputError
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import GRU, LSTM, RNN
from throughtime.recurrence.echo_state_cell import EchoState

INPUT, HIDDEN = 2, 4
KEY = jax.random.key(0)


def build(**options):
    shape = {"input_size": INPUT, "output_size": 3, "hidden": HIDDEN, "dtype": "float64"}
    return Architecture(**{**shape, **options}).build(KEY)


@pytest.mark.parametrize(("residual", "outputs"), [(3, 3), (2, 3)])
def test_residual_must_be_inputs_and_divide_the_outputs(residual, outputs):
    with pytest.raises(InputError, match=rf"got {residual} of 2 for {outputs} outputs"):
        Architecture(INPUT, outputs, residual=residual)


@pytest.mark.parametrize("key", [5, KEY, np.random.default_rng(5)])
def test_members_of_an_ensemble_are_networks_of_their_own_stream(key):
    """Member i is drawn from (seed, i), whoever the others are."""
    shape = Architecture(2, 1, "gru", 3)
    seed = seed_integers(copy.deepcopy(key))
    stacked = shape.ensemble(3, key)
    for i in range(3):
        member = jax.tree.map(lambda leaf, i=i: leaf[i], stacked)
        alone = shape.build(np.random.default_rng([*seed, i]))
        assert eqx.tree_equal(member, alone)
    a, b = jax.tree.map(lambda leaf: leaf[0], stacked), member
    assert not (np.asarray(a.cells[0].U) == np.asarray(b.cells[0].U)).any()


def test_scale_multiplies_the_matrices_of_a_member_and_no_bias():
    shape = Architecture(2, 1, "lstm", 3, dense=(2,), init="keras")
    plain, scaled = (shape.ensemble(3, 0, scale=scale) for scale in (None, [0.5, 1, 2]))
    for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(scaled), strict=True):
        factor = np.float32([0.5, 1, 2]).reshape(3, 1, 1) if one.ndim == 3 else 1
        np.testing.assert_array_equal(other, one * factor)  # powers of 2: to the bit
        assert one.dtype == other.dtype == jnp.float32


@pytest.mark.parametrize("scale", [[1.0, 2.0], [[1.0], [2.0], [3.0]], [1.0, 2.0, np.nan]])
def test_scale_is_a_number_for_each_member(scale):
    with pytest.raises(InputError, match=r"for each of the 3 members; .* Pass 3 numbers\."):
        Architecture(2, 1).ensemble(3, 0, scale=np.array(scale))


def test_a_key_decides_every_weight():
    shape = Architecture(2, 2, "gru", 5, depth=2, dense=(4,))
    one, again, other = (shape.build(jax.random.key(k)) for k in (1, 1, 2))
    assert eqx.tree_equal(one, again)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert (np.asarray(a) != np.asarray(b)).all()
    deep = Architecture(5, 5, "rnn", 5, depth=2).build(KEY)
    assert not np.allclose(deep.cells[0].U, deep.cells[1].U)  # no key is used twice
    assert not np.allclose(deep.cells[0].U, deep.cells[0].W)


@pytest.mark.parametrize(("cell", "kind"), [("rnn", RNN), ("gru", GRU), ("lstm", LSTM)])
def test_build_takes_every_field(cell, kind, float64):
    network = build(cell=cell, activation="relu", init="keras", output="softmax", last=True)
    assert type(network.cells[0]) is kind and network.input_size == INPUT
    assert kind is not RNN or network.cells[0].activation == "relu"
    assert network.readout.last and network.readout.output == "softmax"
    gram = network.cells[0].W.T @ network.cells[0].W
    np.testing.assert_allclose(gram, np.eye(HIDDEN), atol=1e-13)
    assert {leaf.dtype for leaf in jax.tree.leaves(network)} == {jnp.dtype("float64")}


def test_json_round_trip():
    shape = Architecture(
        3, 4, "rnn", 7, 2, "relu", (5, 4), "softmax", last=True, residual=2, centred=1,
        init="keras", dtype="float64", radius=1.2, leak=0.5, input_scale=2.0,
        angles=(0.5,),
    )  # fmt: skip
    default = Architecture(1, 1)
    assert all(
        getattr(shape, field.name) != getattr(default, field.name) for field in fields(shape)
    )
    for each in (shape, default, Architecture(1, 1, "esn"), Architecture(1, 1, "esn", leak=1)):
        assert Architecture.from_json(json.loads(json.dumps(each.to_json()))) == each


def test_json_names_a_reservoir_only_where_there_is_one():
    """A run from before there were reservoirs is told from its own JSON."""
    names = {"radius", "leak", "input_scale"}
    assert not names & set(Architecture(1, 1).to_json())
    assert names <= set(Architecture(1, 1, "esn").to_json())


def test_build_draws_a_reservoir(float64):
    options = {"radius": 1.1, "leak": 0.5, "input_scale": 0.25, "hidden": 60}
    first, second = build(cell="esn", depth=2, **options).cells
    for cell, size in ((first, INPUT), (second, 60)):
        assert type(cell) is EchoState and cell.U.shape == (60, size) and cell.leak == 0.5
        radius = np.abs(np.linalg.eigvals(np.asarray(cell.W))).max()
        np.testing.assert_allclose(radius, 1.1, rtol=1e-10)
        assert 0.2 < np.abs(cell.U).max() <= 0.25
    assert not np.allclose(first.W, second.W)


def test_a_reservoir_whose_dense_weights_memory_does_not_hold_is_not_drawn(monkeypatch):
    def draw(*_):
        raise AssertionError("it was drawn")

    monkeypatch.setattr("throughtime._support.memory.total_memory", lambda: 24 * 2**30)
    monkeypatch.setattr("throughtime.recurrence.reservoir_weights.ReservoirDesign.draw", draw)
    shape = Architecture(1, 1, "esn", hidden=60_000)
    with pytest.raises(InputError, match=r"memory, 24 GiB here; got 40\.2 GiB for its dense w"):
        shape.build(0)


WRONG = {
    "input_size": [0, -1, True],
    "output_size": [0],
    "hidden": [0],
    "depth": [0],
    "dense": [(4, 0)],
    "cell": ["lsmt"],
    "activation": ["Tanh"],
    "output": ["linear"],
    "init": ["torch"],
    "dtype": ["float16"],
    "radius": [-0.1, np.inf, np.nan],
    "leak": [0, 1.5],
    "input_scale": [-1.0],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in WRONG.items() for v in vs])
def test_architecture_refuses(name, value):
    shown = value[-1] if name == "dense" else value
    with pytest.raises(InputError) as caught:
        build(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"`{name}` must be ") and f"; got {shown}. " in message
