"""Networks on disk: what comes back is what was saved, or a clear refusal; no code is run."""

import json

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from killed import killed_at
from own_cells import LEM, CoRNN
from saved_run import contents

from throughtime.dynamics.save import save
from throughtime.forecasting.forecaster import load
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import GRU, LSTM
from throughtime.recurrence.ensemble import stack_networks
from throughtime.recurrence.network import Dense, Network, Readout
from throughtime.runs.saved_network import load_network, save_network
from throughtime.training.result import Fitted

OTHERS = {"depth": 2, "dense": (5,), "output": "softmax", "dtype": "float64"}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "esn"])
def test_a_network_comes_back_to_the_bit(cell, tmp_path):
    plain = {"activation": "relu"} if cell == "rnn" else {}
    plain |= {"leak": 0.3, "angles": (0.0, 0.7)} if cell == "esn" else {}
    one = Architecture(2, 2, cell=cell, hidden=4, residual=2, last=True, **plain).build(0)
    many = Architecture(2, 3, cell=cell, hidden=4, **OTHERS).ensemble(3, 0)
    for name, network in {"one": one, "many": many}.items():
        save_network(network, tmp_path / name)
        assert eqx.tree_equal(load_network(tmp_path / name), network)
        assert eqx.tree_equal(load_network(tmp_path / name, like=network), network)


def test_units_without_memory_come_back_without_it(tmp_path):
    network = Architecture(2, 2, cell="esn", hidden=4, radius=0.0).build(0)
    save_network(network, tmp_path / "run")
    read = load_network(tmp_path / "run")
    assert eqx.tree_equal(read, network) and not read.cells[0].connected
    other = Architecture(2, 2, cell="esn", hidden=4).build(0)
    with refuses("in its cell 1; got `connected` True"):
        load_network(tmp_path / "run", like=other)


def mixed(seed):
    """A network of cells of three kinds, two of them one's own."""
    shape = Architecture(1, 1, cell=CoRNN, hidden=3), Architecture(3, 1, cell=LEM, hidden=5)
    lower, middle = (each.build(seed).cells[0] for each in shape)
    upper = GRU(5, 2, key=seed)
    return Network((lower, middle, upper), Readout((Dense(2, 1, "tanh", key=seed),)))


def test_cells_of_ones_own_are_read_with_a_network_like_it(tmp_path):
    networks = [mixed(seed) for seed in (0, 1)]
    save(networks[0], tmp_path / "one")
    save(Fitted(stack_networks(networks), [], (1, 1), "done"), tmp_path / "many")
    assert eqx.tree_equal(load_network(tmp_path / "one", like=mixed(2)), networks[0])
    many = load_network(tmp_path / "many", like=mixed(2))
    assert eqx.tree_equal(many, stack_networks(networks))
    with refuses(
        "got none for `CoRNN`. Build one of the same shape and pass it: `load_network("
    ):
        load_network(tmp_path / "one")
    plain = json.loads((tmp_path / "one" / "network.json").read_text())
    assert plain["cells"][1]["own"]["values"]["dt"] == 1.0
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        "network.json",
        "weights.safetensors",
    }


def build(**changes):
    return Architecture(
        **{"input_size": 2, "output_size": 1, "cell": "gru", "hidden": 3} | changes
    )


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (build(cell="lstm").build(0), "in its cell 1; got `lstm`. Build it with `gru`."),
        (
            build(hidden=4).build(0),
            "in its cell 1; got `hidden_size` 4. Build it with `hidden_s",
        ),
        (build(depth=2).build(0), "got 2 cells. Build it with 1 cells."),
        (build(dense=(3,)).build(0), "got 2 layers."),
        (build(last=True).build(0), "got `last` True. Build it with `last` False."),
        (build(dtype="float64").build(0), "got `dtype` float64."),
        (build().ensemble(2, 0), "got an ensemble of 2. Pass one network, or 1 of them."),
        (build(output_size=2).build(0), "in its layer 1; got `output_size` 2."),
    ],
)
def test_a_network_of_another_shape_is_named(like, message, tmp_path):
    save_network(build().build(0), tmp_path / "run")
    with refuses(message):
        load_network(tmp_path / "run", like=like)


def test_the_values_of_a_cell_are_compared(tmp_path):
    cell = CoRNN(1, 3, key=jnp.array([0, 1], jnp.uint32))
    network = Architecture(1, 1, cell=cell).build(0)
    save_network(network, tmp_path / "run")
    slower = Architecture(1, 1, cell=lambda i, h, key: CoRNN(i, h, dt=0.1, key=key), hidden=3)
    with refuses("got `CoRNN` with `dt` 0.1. Pass it with `dt` 0.3, as it was trained."):
        load_network(tmp_path / "run", like=slower.build(0))


def test_damage_is_found(tmp_path):
    network = build().build(0)
    save_network(network, tmp_path / "run")
    for file in ("network.json", "weights.safetensors"):
        path = tmp_path / "run" / file
        content = path.read_bytes()
        for position in np.random.default_rng(0).integers(len(content), size=25):
            changed = bytearray(content)
            changed[position] ^= 1 << (position % 8)
            path.write_bytes(changed)
            with refuses("of a run must be as it was written"):
                load_network(tmp_path / "run")
            path.write_bytes(content[:position])
            with refuses("of a run must be as it was written"):
                load_network(tmp_path / "run")
        path.write_bytes(content)
    assert eqx.tree_equal(load_network(tmp_path / "run"), network)


@pytest.mark.parametrize("number", range(12))
def test_a_kill_while_it_is_overwritten_leaves_the_old_network_or_the_new_one(number, tmp_path):
    """Whichever call of the system is the last one; and it can be overwritten again."""
    folder, both = tmp_path / "run", [build().build(0), build(hidden=4).build(1)]
    save_network(both[0], folder)
    with killed_at(number):
        save_network(both[1], folder, overwrite=True)
    found = load_network(folder)
    assert any(eqx.tree_equal(found, one) for one in both)
    save_network(both[1], folder, overwrite=True)
    assert sorted(contents(folder)) == ["network.json", "weights.safetensors"]


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f["cells"][0].update(hidden_size=10**9),
        lambda f: f["cells"][0].update(input_size=10**9),
        lambda f: f["cells"][0].update(cell="lstm"),
        lambda f: f["layers"][0].update(output_size=10**9),
        lambda f: f.update(members=10**9),
        lambda f: f.update(cells=f["cells"] * 2),
        lambda f: f.update(cells=[]),
        lambda f: f["cells"][0].update(cell="os.system"),
        lambda f: f.update(residual=7),
        lambda f: f.update(dtype="float16"),
        lambda f: f["layers"][0].update(activation="exec"),
    ],
)
def test_a_forged_shape_is_refused_before_it_is_built(change, tmp_path):
    save_network(build().build(0), tmp_path / "run")
    forge(tmp_path / "run", change)
    with refuses("of a run must be as it was written"):
        load_network(tmp_path / "run")


def forge(folder, change):
    from throughtime._support.integrity import write_json

    plain = json.loads((folder / "network.json").read_text())
    del plain["digest"]
    change(plain)
    write_json(folder / "network.json", plain)


def test_a_folder_of_another_kind_is_named(tmp_path):
    save_network(build().build(0), tmp_path / "run")
    with refuses("must hold a forecasting run; got"):
        load(tmp_path / "run")
    with refuses("the output folder must be new or empty"):
        save_network(build().build(1), tmp_path / "run")
    other = Network((LSTM(1, 2, key=0),), Readout((Dense(2, 1, key=0),)))
    save_network(other, tmp_path / "run", overwrite=True)
    assert eqx.tree_equal(load_network(tmp_path / "run"), other)
    (tmp_path / "run" / "network.json").rename(tmp_path / "run" / "run.json")
    with refuses("the folder must hold a network; got"):
        load_network(tmp_path / "run")
