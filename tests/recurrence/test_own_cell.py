"""Cells of one's own: built by an architecture, checked in the words of who wrote them."""

import json
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from fast_compilation import quick_jit
from own_cells import LEM, CoRNN
from pydantic import TypeAdapter
from scipy.special import expit

from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cell_check import check_cell
from throughtime.recurrence.cells import GRU
from throughtime.recurrence.network import count_parameters
from throughtime.recurrence.own_cell import (
    OwnCell,
    cell_to_read,
    check_same_cell,
    describe_cell,
)
from throughtime.recurrence.unroll import unroll

KEY = jax.random.key(0)


def by_hand(cell, xs):
    """The states y of one sequence, in NumPy, from the papers' equations."""
    n, ys = cell.hidden_size, []
    y, z = np.zeros(n), np.zeros(n)
    w = {f: np.asarray(getattr(cell, f), np.float64) for f in ("W", "V", "b")}
    for x in xs:
        d = w["V"] @ x + w["b"]
        if isinstance(cell, CoRNN):
            force = np.tanh(w["W"] @ y + np.asarray(cell.Z, np.float64) @ z + d)
            z = z + cell.dt * (force - cell.gamma * y - cell.epsilon * z)
            y = y + cell.dt * z
        else:
            a = w["W"] @ y
            one, two = expit(a[:n] + d[:n]), expit(a[n : 2 * n] + d[n : 2 * n])
            z = (1 - cell.dt * one) * z + cell.dt * one * np.tanh(a[2 * n :] + d[2 * n : 3 * n])
            inner = np.tanh(np.asarray(cell.W_y, np.float64) @ z + d[3 * n :])
            y = (1 - cell.dt * two) * y + cell.dt * two * inner
        ys.append(y)
    return np.array(ys)


@pytest.mark.parametrize("kind", [CoRNN, LEM])
def test_a_cell_of_ones_own_runs_in_the_precision_asked_for(kind):
    network = Architecture(2, 1, cell=kind, hidden=5, dtype="float64").build(0)
    xs = np.random.default_rng(0).normal(size=(3, 40, 2))
    with jax.enable_x64(True):
        xs = jnp.asarray(xs)
    states, final = quick_jit(unroll)(network.cells[0], xs)
    assert states[0].dtype == np.float64
    for i in range(3):
        expected = by_hand(network.cells[0], np.asarray(xs[i]))
        np.testing.assert_allclose(states[0][i], expected, atol=1e-12)
    np.testing.assert_array_equal(final[0], states[0][:, -1])
    # in pieces, and where padding holds NaN
    lengths = jnp.array([40, 7, 0])
    padding = np.arange(40) >= np.asarray(lengths)[:, None]
    padded = jax.device_put(np.where(padding[..., None], np.nan, xs))
    _, short = quick_jit(unroll)(network.cells[0], padded, None, lengths)
    np.testing.assert_allclose(short[0][1], states[0][1, 6], atol=1e-13)
    assert not np.asarray(short[0][2]).any()


def test_a_class_a_function_and_an_instance_are_built():
    by_class = Architecture(2, 1, cell=CoRNN, hidden=5, depth=2).build(0)
    assert [c.input_size for c in by_class.cells] == [2, 5]
    again = Architecture(2, 1, cell=lambda i, h, key: CoRNN(i, h, key=key), hidden=5, depth=2)
    assert eqx.tree_equal(again.build(0), by_class)
    assert not eqx.tree_equal(again.build(1).cells, by_class.cells)
    slow = Architecture(2, 1, cell=partial(CoRNN, dt=0.05), hidden=5).build(0)
    assert slow.cells[0].dt == 0.05  # pyright: ignore
    cell = CoRNN(2, 7, key=KEY)
    shape = Architecture(2, 1, cell=cell)
    assert shape.hidden == 7 and eqx.tree_equal(shape.build(3).cells[0], cell)
    built_in = Architecture(2, 1, cell=GRU, hidden=5).build(0)
    assert type(built_in.cells[0]) is GRU
    assert "CoRNN" in by_class.summary()
    weights = 5 * 5 + 5 * 5 + 5 * 2 + 5
    assert count_parameters(slow) == weights + 6 and shape.fewest_weights() <= weights


def test_members_of_an_ensemble_share_what_is_no_weight():
    ensemble = Architecture(2, 2, cell=CoRNN, hidden=5).ensemble(3, 0)
    cell = ensemble.cells[0]
    assert (cell.dt, cell.W.shape) == (0.3, (3, 5, 5))  # pyright: ignore
    assert not np.allclose(cell.W[0], cell.W[1])  # pyright: ignore


class Changed(CoRNN):
    """A cell in which one method is another function."""

    method: str = eqx.field(static=True)
    function: object = eqx.field(static=True)

    def __init__(self, method, function):
        super().__init__(2, 4, key=KEY)
        self.method, self.function = method, function

    def _own(self, name):
        return self.function if self.method == name else getattr(super(), name)

    def drive(self, xs):
        return self._own("drive")(xs)

    def step(self, drive, state):
        return self._own("step")(drive, state)

    def initial_state(self, batch):
        return self._own("initial_state")(batch)

    def hidden(self, state):
        return self._own("hidden")(state)


def raises(*arguments):
    raise KeyError("gate")


@pytest.mark.parametrize(
    ("method", "function", "message"),
    [
        ("initial_state", lambda n: jnp.zeros((4, n)), "must return arrays (batch, ...), here"),
        ("initial_state", lambda n: (), "got no array. Put these axes first."),
        ("drive", lambda xs: xs[0], "must return arrays (time, batch, ...)"),
        (
            "drive",
            lambda xs: xs @ jnp.ones((3, 4)),
            "`drive` of `Changed` must run on (3, 5, 2)",
        ),
        (
            "step",
            lambda d, s: s[0],
            "must return a state like that of `initial_state`; got (5,",
        ),
        ("step", lambda d, s: (s[0], s[1][:, :2]), "got (5, 4) and (5, 2) from (5, 4) and (5,"),
        ("step", raises, "got KeyError: 'gate'. Run it by hand on arrays of these shapes."),
        ("hidden", lambda s: s, "`hidden` of `Changed` must be (..., batch, 4)"),
        ("hidden", lambda s: s[0][:, :2], "got (5, 2) of states (5, 4) and (5, 4)"),
        ("hidden", lambda s: s[0].reshape(-1, 4), "must be (..., batch, 4); got (15, 4) of"),
    ],
)
def test_a_method_that_does_not_do_what_it_must_is_named(method, function, message):
    with refuses(message):
        Architecture(2, 1, cell=Changed(method, function)).build(0)


class Complex(CoRNN):
    def __init__(self, input_size, hidden_size, *, key):
        super().__init__(input_size, hidden_size, key=key)
        self.b = jnp.zeros(hidden_size, jnp.complex64)


class Tall(CoRNN):
    def __init__(self, input_size, hidden_size, *, key):
        super().__init__(input_size, 2 * hidden_size, key=key)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Complex, "the weights of `Complex` must be real; got complex ones"),
        (Tall, "`hidden_size` of `Tall` must be 4 here; got 8"),
        (
            lambda i, h: None,
            "is made by `cell(input_size, hidden_size, key=key)`; got `make_cell`",
        ),
        (
            lambda i, h, key: object(),
            "must be a subclass of `throughtime.Cell`; got a `object`",
        ),
        (
            CoRNN(3, 4, key=KEY),
            "`CoRNN` must read the values and the inputs, 2 in all; got an in",
        ),
        (3.5, "must be a `Cell`, or a function that makes one; got a value of type `float`"),
    ],
)
def test_what_is_no_cell_of_these_sizes_is_refused(cell, message):
    with refuses(message):
        Architecture(2, 1, cell=cell, hidden=4).build(0)


def test_a_cell_that_is_built_is_the_only_one():
    with refuses("got `depth` 2. Pass `depth=1`, or the class: `cell=CoRNN`"):
        Architecture(2, 1, cell=CoRNN(2, 4, key=KEY), depth=2)


@pytest.mark.parametrize("kind", [CoRNN, LEM, GRU])
def test_cells_that_work_pass_the_check(kind, float64):
    check_cell(kind(3, 4, key=KEY), 3, 4)


def test_a_file_keeps_plain_values_and_no_code():
    shape = Architecture(2, 1, cell=partial(CoRNN, gamma=2.5), hidden=5)
    plain = json.loads(json.dumps(shape.to_json()))
    values = {"dt": 0.3, "gamma": 2.5, "epsilon": 1.0, "input_size": 2, "hidden_size": 5}
    assert plain["cell"] == {"own": "CoRNN", "type": "CoRNN", "values": values}
    read = TypeAdapter(Architecture).validate_python(plain)
    assert read.to_json() == plain
    with refuses("read with that cell; got no cell for `CoRNN`. Pass it in Python: `through"):
        read.build(0)
    assert cell_to_read("gru", None) == "gru"
    with refuses("got one with the cell `gru`. Leave out `cell`."):
        cell_to_read("gru", CoRNN)
    known = OwnCell.of({"own": "CoRNN"})
    with refuses("got no cell for `CoRNN`"):
        cell_to_read(known, None)
    assert cell_to_read(known, CoRNN).source is CoRNN  # pyright: ignore


def test_another_cell_than_the_one_that_was_trained_is_named():
    stored = describe_cell(CoRNN(1, 3, key=KEY))
    check_same_cell("cell", describe_cell(CoRNN(1, 3, key=jax.random.key(1))), stored)
    with refuses("got `cell` with `dt` 0.2. Pass it with `dt` 0.3, as it was trained."):
        check_same_cell("cell", describe_cell(CoRNN(1, 3, dt=0.2, key=KEY)), stored)
    with refuses("got a `LEM`. Pass `CoRNN`."):
        check_same_cell("cell", describe_cell(LEM(1, 3, key=KEY)), stored)
