"""Every cell against its own equation, written once more in NumPy, and in its limits."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fast_compilation import quick_jit
from scipy.special import expit

from throughtime.errors import InputError
from throughtime.recurrence.architecture import CELLS
from throughtime.recurrence.cells import ACTIVATIONS, GRU, LSTM, RNN, LSTMState
from throughtime.recurrence.echo_state_cell import EchoState
from throughtime.recurrence.unroll import unroll

INPUT, HIDDEN, BATCH, TIME = 3, 4, 2, 6

SIGMA = {
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "logistic": expit,
    "identity": lambda a: a,
}


def numpy_rnn(cell, x, state):
    h = SIGMA[cell.activation](cell.U @ x + cell.W @ state + cell.b)
    return h, h


def numpy_gru(cell, x, state):
    h, n = state, HIDDEN
    U_r, U_z, U_n = cell.U[:n], cell.U[n : 2 * n], cell.U[2 * n :]
    W_r, W_z, W_n = cell.W[:n], cell.W[n : 2 * n], cell.W[2 * n :]
    b_r, b_z, b_n = cell.b[:n], cell.b[n : 2 * n], cell.b[2 * n :]
    r = expit(U_r @ x + W_r @ h + b_r)
    z = expit(U_z @ x + W_z @ h + b_z)
    candidate = np.tanh(U_n @ x + b_n + r * (W_n @ h + cell.d))
    h = (1 - z) * candidate + z * h
    return h, h


def numpy_lstm(cell, x, state):
    h, c = state
    gate = {}
    for k, name in enumerate("ifgo"):
        rows = slice(k * HIDDEN, (k + 1) * HIDDEN)
        gate[name] = cell.U[rows] @ x + cell.W[rows] @ h + cell.b[rows]
    c = expit(gate["f"]) * c + expit(gate["i"]) * np.tanh(gate["g"])
    h = expit(gate["o"]) * np.tanh(c)
    return h, (h, c)


def numpy_esn(cell, x, state):
    a, h = cell.leak, state
    h = (1 - a) * h + a * np.tanh(cell.W @ h + cell.U @ x + cell.b)
    return h, h


TABLE = {f"rnn-{name}": (RNN, {"activation": name}, numpy_rnn) for name in ACTIVATIONS}
TABLE |= {"gru": (GRU, {}, numpy_gru), "lstm": (LSTM, {}, numpy_lstm)}
TABLE |= {"esn": (EchoState, {"leak": 0.3, "incoming": 3}, numpy_esn)}

every_cell = pytest.mark.parametrize("name", TABLE)


def build(name, dtype=jnp.float64, seed=0):
    kind, extra, _ = TABLE[name]
    return kind(INPUT, HIDDEN, **extra, dtype=dtype, key=jax.random.key(seed))


run = quick_jit(unroll)


def random_array(*shape, seed=1, dtype=jnp.float64):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def state_like(cell, batch, seed=2):
    zeros, rng = jax.eval_shape(lambda: cell.initial_state(batch)), np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), zeros)


def test_the_table_holds_every_cell():
    assert {kind for kind, _, _ in TABLE.values()} == set(CELLS.values())
    assert set(SIGMA) == set(ACTIVATIONS)


@every_cell
def test_equation(name, float64):
    cell, xs = build(name), random_array(BATCH, TIME, INPUT)
    start = state_like(cell, BATCH)
    states, final = run(cell, xs, start)
    # In NumPy from here: comparing is not a program to compile.
    hs, end, xs = map(np.asarray, (cell.hidden(states), cell.hidden(final), xs))
    cell, final, start = jax.tree.map(np.asarray, (cell, final, start))
    for row in range(BATCH):
        state = jax.tree.map(lambda leaf, row=row: leaf[row], start)
        for t in range(TIME):
            h, state = TABLE[name][2](cell, xs[row, t], state)
            np.testing.assert_allclose(hs[row, t], h, rtol=0, atol=1e-12)
        np.testing.assert_allclose(end[row], h, rtol=0, atol=1e-12)
        for ours, plain in zip(jax.tree.leaves(final), np.atleast_2d(state), strict=True):
            np.testing.assert_allclose(ours[row], plain, rtol=0, atol=1e-12)


@every_cell
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_one_dtype_from_the_weights_to_the_states(name, dtype, float64):
    cell = build(name, dtype)
    states, final = run(cell, random_array(BATCH, TIME, INPUT, dtype=dtype))
    floats = jax.tree.leaves((eqx.filter(cell, eqx.is_array), states, final))
    assert {leaf.dtype for leaf in floats} == {jnp.dtype(dtype)}
    zeros = jax.tree.leaves(cell.initial_state(BATCH))
    assert all(leaf.shape == (BATCH, HIDDEN) and not leaf.any() for leaf in zeros)


@every_cell
def test_a_step_of_the_drive_is_a_step_of_unroll(name, float64):
    cell, xs = build(name), random_array(BATCH, 1, INPUT)
    start = state_like(cell, BATCH)
    once = cell.step(cell.drive(jnp.swapaxes(xs, 0, 1))[0], start)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-14),
        once,
        run(cell, xs, start)[1],
    )


@every_cell
def test_saturated_inputs_give_finite_states_and_slopes(name):
    cell = build(name, jnp.float32)
    xs = 1e6 * random_array(BATCH, TIME, INPUT, dtype=jnp.float32)

    @quick_jit
    @eqx.filter_value_and_grad(has_aux=True)
    def total(cell):
        states, _ = unroll(cell, xs)
        return jnp.sum(cell.hidden(states)), states

    (_, states), slope = total(cell)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((states, slope)))


def test_linear_cell_is_a_sum_of_powers(float64):
    r"""$h_T = W^T h_0 + \sum_k W^k (U x_{T-k} + b)$."""
    cell, xs = build("rnn-identity"), random_array(BATCH, TIME, INPUT)
    start = state_like(cell, BATCH)
    U, W, b = (np.asarray(weight) for weight in (cell.U, cell.W, cell.b))
    expected = np.asarray(start) @ np.linalg.matrix_power(W, TIME).T
    for k in range(TIME):
        driven = np.asarray(xs[:, TIME - 1 - k]) @ U.T + b
        expected = expected + driven @ np.linalg.matrix_power(W, k).T
    np.testing.assert_allclose(run(cell, xs, start)[1], expected, rtol=0, atol=1e-13)


def rows(k):
    return slice(k * HIDDEN, (k + 1) * HIDDEN)


def test_gru_with_its_keep_gate_open_keeps_its_state(float64):
    cell = build("gru")
    cell = eqx.tree_at(lambda c: c.b, cell, cell.b.at[rows(1)].set(1e3))
    start = state_like(cell, BATCH)
    states, _ = run(cell, random_array(BATCH, TIME, INPUT), start)
    np.testing.assert_array_equal(states, np.repeat(start[:, None], TIME, axis=1))


def test_gru_with_its_reset_gate_closed_forgets_the_state_in_its_candidate(float64):
    cell = build("gru")
    b = cell.b.at[rows(0)].set(-1e3).at[rows(1)].set(-1e3)
    cell = eqx.tree_at(lambda c: c.b, cell, b)
    xs = random_array(BATCH, TIME, INPUT)
    expected = np.tanh(np.asarray(xs) @ np.asarray(cell.U[rows(2)]).T + np.asarray(b[rows(2)]))
    np.testing.assert_allclose(run(cell, xs, state_like(cell, BATCH))[0], expected, atol=1e-14)


def test_lstm_that_keeps_and_does_not_write_holds_its_memory(float64):
    cell = build("lstm")
    b = cell.b.at[rows(0)].set(-1e3).at[rows(1)].set(1e3)
    cell = eqx.tree_at(lambda c: c.b, cell, b)
    start = state_like(cell, BATCH)
    states, _ = run(cell, random_array(BATCH, TIME, INPUT), start)
    assert isinstance(states, LSTMState)
    np.testing.assert_array_equal(states.c, np.repeat(start.c[:, None], TIME, axis=1))


def test_lstm_that_does_not_read_is_silent(float64):
    cell = build("lstm")
    cell = eqx.tree_at(lambda c: c.b, cell, cell.b.at[rows(3)].set(-1e3))
    states, _ = run(cell, random_array(BATCH, TIME, INPUT))
    assert not states.h.any() and states.c.all()


@every_cell
def test_keys_decide_the_weights(name):
    same, again, other = (build(name, jnp.float32, seed) for seed in (0, 0, 1))
    assert eqx.tree_equal(same, again)
    for a, b in zip(jax.tree.leaves(same), jax.tree.leaves(other), strict=True):
        absent = np.asarray(a == 0) | np.asarray(b == 0)  # a sparse W
        assert ((np.asarray(a) != np.asarray(b)) | absent).all() and (a != b).any()


def test_a_reservoir_is_drawn_as_its_numbers_say(float64):
    scales = {"radius": 1.3, "leak": 0.25, "input_scale": 0.5, "bias_scale": 0.1, "incoming": 7}
    cell = EchoState(2, 50, **scales, dtype=jnp.float64, key=3)
    U, W, b = (np.asarray(weight) for weight in (cell.U, cell.W, cell.b))
    np.testing.assert_allclose(np.abs(np.linalg.eigvals(W)).max(), 1.3, rtol=1e-10)
    assert ((W != 0).sum(axis=1) == 7).all()
    assert 0.45 < np.abs(U).max() <= 0.5 and 0.09 < np.abs(b).max() <= 0.1
    assert cell.leak == 0.25
    small = EchoState(1, 3, dtype=jnp.float64, key=0)  # fewer units than weights into each
    assert np.asarray(small.W != 0).all()


def test_no_gradient_reaches_a_reservoir(float64):
    """But it passes through, to the inputs."""
    cell, xs = build("esn"), random_array(BATCH, TIME, INPUT)

    @quick_jit
    @eqx.filter_grad
    def slope(cell_and_inputs):
        cell, xs = cell_and_inputs
        return jnp.sum(cell.hidden(unroll(cell, xs)[0]))

    of_cell, of_inputs = slope((cell, xs))
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(of_cell))
    assert np.asarray(of_inputs).all()


@pytest.mark.parametrize(
    "wrong",
    [{"radius": -0.1}, {"leak": 0}, {"leak": 1.5}, {"input_scale": -1}, {"incoming": 0}],
)
def test_a_reservoir_refuses(wrong):
    with pytest.raises(InputError, match=f"`{next(iter(wrong))}` must be"):
        EchoState(INPUT, HIDDEN, **wrong, key=0)


def test_unknown_activation():
    with pytest.raises(
        InputError, match=r"got sigmid\. .*Known: identity, logistic, relu, tanh"
    ):
        RNN(INPUT, HIDDEN, "sigmid", key=jax.random.key(0))
    with pytest.raises(InputError, match=r"got tahn\. Did you mean `tanh`\?"):
        RNN(INPUT, HIDDEN, "tahn", key=jax.random.key(0))


@pytest.mark.parametrize("kind", CELLS.values())
def test_the_docstring_holds_an_equation(kind):
    assert "$$" in inspect.getdoc(kind)
