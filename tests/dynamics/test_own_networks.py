"""Surrogates with cells of one's own, and networks that are diagnosed as they are."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from own_cells import LEM, CoRNN

from throughtime.dynamics.diagnose import diagnose
from throughtime.dynamics.maps import map_of_cell, map_of_network, map_of_states
from throughtime.dynamics.save import save
from throughtime.dynamics.saved_surrogate import load_surrogate
from throughtime.dynamics.surrogate import Surrogate
from throughtime.recurrence.architecture import Architecture
from throughtime.training.batches import Sequences

pytestmark = pytest.mark.usefixtures("quick_compile")
CIRCLE = "x' = v; v' = -x; x(0) = 1"
QUICK = {"trajectories": 10, "steps": 20, "window": 10, "epochs": 30, "hidden": 6}


def test_a_surrogate_with_a_cell_of_ones_own(tmp_path):
    model = Surrogate(CIRCLE, cell=CoRNN, dt=0.2, rate=1e-2, **QUICK).fit()
    assert model.history_[-1].loss < 0.5 * model.history_[0].loss
    path = model.solve([1.0, 0.0], 20)
    save(model, tmp_path / "run")
    plain = json.loads((tmp_path / "run" / "surrogate.json").read_text())
    assert plain["settings"]["cell"] == {"own": "CoRNN"}
    assert plain["own_cell"]["values"]["gamma"] == 1.0
    again = load_surrogate(tmp_path / "run", cell=CoRNN)
    np.testing.assert_array_equal(again.solve([1.0, 0.0], 20), path)
    with refuses("got no cell for `CoRNN`. Pass it in Python"):
        load_surrogate(tmp_path / "run")
    with refuses("the cell must be the one that was trained; got a `LEM`"):
        load_surrogate(tmp_path / "run", cell=LEM)


def test_a_cell_of_another_size_is_named():
    with refuses(
        "`CoRNN` must read the values and the inputs, 2 in all; got an input size of 1"
    ):
        Surrogate(CIRCLE, cell=CoRNN(1, 4, key=jax.random.key(0)), **QUICK).fit()


@pytest.mark.parametrize("kind", [CoRNN, "rnn"])
def test_states_at_inputs_of_zero_are_those_of_the_cell(kind, float64):
    network = Architecture(2, 3, cell=kind, hidden=4, dtype="float64").build(0)
    ours, other = map_of_states(network, seed=3), map_of_cell(network.cells[0], seed=3)
    states = other.run(30)
    np.testing.assert_allclose(ours.run(30), states, atol=1e-13)
    layer = network.readout.layers[0]
    read = np.asarray(other.observe(states)) @ np.asarray(layer.V).T + np.asarray(layer.c)
    np.testing.assert_allclose(ours.observe(states), read, atol=1e-13)


def test_a_network_is_diagnosed_in_closed_loop():
    """A linear network that rotates: its free run is a rotation that is known."""
    angle, decay = 0.3, 0.98
    network = Architecture(2, 2, cell="rnn", hidden=2, activation="identity").build(0)
    turn = decay * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    zeros, eye = jnp.zeros((2, 2)), jnp.eye(2)
    cell, dense = network.cells[0], network.readout.layers[0]
    network = jax.tree.map(lambda w: w, network)
    values = {"U": jnp.asarray(turn, jnp.float32), "W": zeros, "b": jnp.zeros(2)}
    for name, value in values.items():
        object.__setattr__(cell, name, value)
    object.__setattr__(dense, "V", eye)
    object.__setattr__(dense, "c", jnp.zeros(2))
    rotating = type(network)((cell,), type(network.readout)((dense,)))
    found = diagnose(rotating, steps=128)
    assert found.behaviour is not None
    exponents = found.behaviour.spectrum.exponents
    np.testing.assert_allclose(exponents[:2], np.log(decay), atol=1e-4)
    assert any("white noise" in sentence for sentence in found.sentences())
    xs = jnp.asarray(np.random.default_rng(0).normal(size=(3, 20, 2)), jnp.float32)
    known = diagnose(rotating, steps=64, data=Sequences(xs, xs))
    assert not any("white noise" in sentence for sentence in known.sentences())
    assert known.flow is not None and known.flow.signal[1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "shape",
    [
        Architecture(1, 1, cell=LEM, hidden=4),
        Architecture(1, 1, cell="gru", hidden=4, centred=1),
        Architecture(3, 1, cell=CoRNN, hidden=4, last=True, output="logistic"),
    ],
)
def test_any_network_is_diagnosed(shape):
    found = diagnose(shape.build(0), steps=64)
    sentences = found.sentences()
    closed = shape.output_size <= shape.input_size and not shape.last
    start = "In a free run" if closed else "With its inputs held at zero"
    assert any(sentence.startswith(start) for sentence in sentences)
    assert np.isnan(found.divergence) and found.to_json()["name"]
    assert found.free_run.shape[1] == shape.output_size


def test_of_an_ensemble_the_first_is_diagnosed():
    ensemble = Architecture(1, 1, cell="rnn", hidden=3).ensemble(2, 0)
    sentences = diagnose(ensemble, steps=64).sentences()
    assert sentences[-1] == "This is the first of 2 networks."
    with refuses("takes one network; got an ensemble of 2"):
        map_of_network(ensemble, np.zeros((3, 1)))
