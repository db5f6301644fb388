"""Networks: what they compute, what they count, and what they refuse."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fast_compilation import quick_jit
from scipy import special

from throughtime.errors import InputError
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import GRU, LSTM
from throughtime.recurrence.network import Dense, Network, Readout, count_parameters
from throughtime.recurrence.unroll import unroll

BATCH, TIME, INPUT, HIDDEN = 3, 5, 2, 4
KEY = jax.random.key(0)


def build(**options):
    shape = {"input_size": INPUT, "output_size": 3, "hidden": HIDDEN, "dtype": "float64"}
    return Architecture(**{**shape, **options}).build(KEY)


@quick_jit
def run(network, *arguments, **options):
    return network(*arguments, **options)


unrolled = quick_jit(unroll)


def inputs(seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(BATCH, TIME, INPUT)))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_depth_is_composition(cell, float64):
    network, xs = build(cell=cell, depth=3), inputs()
    ys, finals = run(network, xs)
    assert [c.input_size for c in network.cells] == [INPUT, HIDDEN, HIDDEN]
    for layer, expected in zip(network.cells, finals, strict=True):
        stack, final = unrolled(layer, xs)
        xs = layer.hidden(stack)
        jax.tree.map(np.testing.assert_array_equal, final, expected)
    V, c = network.readout.layers[-1].V, network.readout.layers[-1].c
    np.testing.assert_allclose(ys, np.asarray(xs) @ np.asarray(V).T + c, atol=1e-14)


def test_dense_layers_are_relu_between_cells_and_readout(float64):
    network, xs = build(dense=(6, 5)), inputs()
    hs = np.asarray(unrolled(network.cells[0], xs)[0].h)
    first, second, last = network.readout.layers
    for layer in (first, second):
        hs = np.maximum(hs @ np.asarray(layer.V).T + np.asarray(layer.c), 0)
    assert hs.shape[-1] == 5 and (hs == 0).any() and (hs > 0).any()
    expected = hs @ np.asarray(last.V).T + np.asarray(last.c)
    np.testing.assert_allclose(run(network, xs)[0], expected, atol=1e-14)


@pytest.mark.parametrize(("depth", "lengths"), [(1, None), (1, [5, 1, 3]), (2, [5, 1, 3])])
def test_last_reads_the_last_step_that_counts(depth, lengths, float64):
    last, every = (build(cell="rnn", depth=depth, last=last) for last in (True, False))
    assert eqx.tree_equal(last.cells, every.cells)
    ends = [TIME - 1] * BATCH if lengths is None else [n - 1 for n in lengths]
    xs = inputs()
    if lengths is not None:
        padding = np.arange(TIME)[None, :] >= np.array(lengths)[:, None]
        xs = jnp.asarray(np.where(padding[..., None], np.nan, xs))
        lengths = jnp.array(lengths)
    one, all_steps = (run(each, xs, lengths=lengths)[0] for each in (last, every))
    assert one.shape == (BATCH, 3) and all_steps.shape == (BATCH, TIME, 3)
    np.testing.assert_allclose(one, np.asarray(all_steps)[np.arange(BATCH), ends], atol=1e-14)


@pytest.mark.parametrize(
    ("output", "sigma"),
    [
        ("identity", lambda y: y),
        ("logistic", special.expit),
        ("softmax", lambda y: special.softmax(y, axis=-1)),
    ],
)
def test_outputs(output, sigma, float64):
    network, xs = build(output=output), inputs()
    before, after = (np.asarray(run(network, xs, activate=a)[0]) for a in (False, True))
    np.testing.assert_allclose(after, sigma(before), atol=1e-15)
    assert output == "identity" or not np.allclose(after, before)


@pytest.mark.parametrize(("last", "lengths"), [(False, None), (True, None), (True, [5, 1, 3])])
def test_residual_adds_the_first_inputs_to_every_block_of_outputs(last, lengths, float64):
    sizes = {"input_size": 3, "output_size": 4, "cell": "rnn", "last": last}
    plain, added = build(**sizes), build(**sizes, residual=2)
    xs = jnp.asarray(np.concatenate([inputs(), np.asarray(inputs(1))[..., :1]], axis=-1))
    ends = np.array([TIME] * BATCH if lengths is None else lengths) - 1
    lengths = None if lengths is None else jnp.array(lengths)
    now = np.asarray(xs)[..., [0, 1, 0, 1]]
    now = now[np.arange(BATCH), ends] if last else now
    one, other = (np.asarray(run(each, xs, lengths=lengths)[0]) for each in (added, plain))
    np.testing.assert_allclose(one - other, now, atol=1e-14)


def test_states_carry_from_piece_to_piece(float64):
    network, xs = build(depth=2), inputs()
    whole, end = run(network, xs)
    xs = np.asarray(xs)
    first, state = run(network, jnp.asarray(xs[:, :2]))
    second, last = run(network, jnp.asarray(xs[:, 2:]), state)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, atol=1e-14)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-14), last, end)
    zeros = network.initial_state(BATCH)
    np.testing.assert_array_equal(run(network, jnp.asarray(xs), zeros)[0], whole)


@pytest.mark.parametrize("last", [False, True])
def test_centred_networks_do_not_see_the_level(last, float64):
    """What is added to the centred inputs is added to the outputs, and nothing else moves."""
    sizes = {"input_size": 3, "output_size": 4, "cell": "rnn", "last": last, "centred": 2}
    xs = np.concatenate([inputs(), np.asarray(inputs(1))[..., :1]], axis=-1)
    level = np.array([3.0, -5.0])
    raised = xs + np.append(level, 0.0)
    for network in (build(**sizes), build(**sizes, residual=2)):
        low, high = (np.asarray(run(network, jnp.asarray(x))[0]) for x in (xs, raised))
        np.testing.assert_allclose(high - low, np.broadcast_to(np.tile(level, 2), low.shape))
    # The network is a plain one that reads differences and whose outputs get the first value.
    first = np.append(xs[0, 0, :2], 0.0)
    plain, centred = build(**{**sizes, "centred": 0}), build(**sizes)
    wanted = run(plain, jnp.asarray(xs - first))[0][0] + np.tile(first[:2], 2)
    np.testing.assert_allclose(run(centred, jnp.asarray(xs))[0][0], wanted, atol=1e-13)


def parameters(cell, size, n):
    """Closed forms: gates times (inputs + hidden + bias); a GRU has its candidate's d too."""
    return {
        "rnn": n * (size + n + 1),
        "gru": 3 * n * (size + n + 1) + n,
        "lstm": 4 * n * (size + n + 1),
        "esn": 0,  # none is trained
    }[cell]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "esn"])
def test_summary_counts_the_parameters(cell):
    network = Architecture(7, 3, cell, hidden=40, depth=2, dense=(16,), last=True).build(KEY)
    counts = [parameters(cell, 7, 40), parameters(cell, 40, 40), 16 * 41, 3 * 17]
    assert count_parameters(network) == sum(counts)
    lines = network.summary().splitlines()
    assert len({len(line) for line in lines}) == 1  # a table: all lines equally long
    cells = [line.split() for line in lines if line.strip("-")]
    assert [row[-1] for row in cells] == [
        "Parameters",
        *(f"{n:,}" for n in [*counts, sum(counts)]),
    ]
    title = {"rnn": "RNN (tanh)", "gru": "GRU", "lstm": "LSTM", "esn": "EchoState"}[cell]
    assert lines[2].startswith(title) and "(batch, time, 40)" in lines[2]
    assert "Dense (relu)" in lines[4] and "(batch, 16)" in lines[4]
    assert "Readout (identity)" in lines[5] and "(batch, 3)" in lines[5]
    assert "(batch, time, 3)" in Architecture(7, 3).build(KEY).summary()
    assert (network.input_size, network.output_size) == (7, 3)


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean `lstm`"):
        Architecture(1, 1, cell="lsmt")
    with pytest.raises(InputError, match="Did you mean `tanh`"):
        Dense(1, 1, "tanhh", key=KEY)
    with pytest.raises(InputError, match="Did you mean `softmax`"):
        Readout((Dense(1, 1, key=KEY),), "sofmax")


def test_wrong_number_of_states_or_features(float64):
    network = build(depth=2)
    with pytest.raises(InputError, match="got 3 features"):
        network(jnp.zeros((1, TIME, 3)))
    with pytest.raises(ValueError, match="state of each of the 2 cells; got 1 of them"):
        network(inputs(), network.initial_state(BATCH)[:1])


def test_cells_of_different_kinds_stack(float64):
    gru = GRU(INPUT, 6, dtype=jnp.float64, key=KEY)
    lstm = LSTM(6, HIDDEN, dtype=jnp.float64, key=KEY)
    network = Network((gru, lstm), Readout((Dense(HIDDEN, 1, dtype=jnp.float64, key=KEY),)))
    hs = unrolled(lstm, unrolled(gru, inputs())[0])[0].h
    dense = network.readout.layers[0]
    wanted = np.asarray(hs) @ np.asarray(dense.V).T + np.asarray(dense.c)
    np.testing.assert_allclose(run(network, inputs())[0], wanted, atol=1e-14)


def test_a_centred_network_takes_no_state():
    network = Architecture(1, 1, hidden=2, centred=1).build(0)
    with pytest.raises(InputError, match="takes no state"):
        network(jnp.ones((1, 3, 1)), network.initial_state(1))


@pytest.mark.parametrize("last", [False, True])
def test_padding_of_nan_reaches_no_gradient_of_a_residual_network(last):
    network = Architecture(1, 1, cell="rnn", hidden=2, residual=1, last=last).build(0)
    xs, lengths = jnp.array([[[1.0], [2.0], [jnp.nan]]]), jnp.array([2])

    @quick_jit
    @eqx.filter_grad
    def gradient(network):
        ys, _ = network(xs, lengths=lengths)
        return jnp.sum(ys[:, :2] ** 2)

    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradient(network)))


@pytest.mark.parametrize("last", [True, False])
def test_a_trace_shows_y_and_the_hidden_states_of_every_cell(last, float64):
    network, xs, lengths = build(depth=2, output="softmax", last=last), inputs(), [5, 1, 3]
    trace = quick_jit(lambda n, xs, lengths: n.trace(xs, None, lengths))
    ys, hs, finals = trace(network, xs, jnp.array(lengths))
    plain, again = run(network, xs, lengths=jnp.array(lengths), activate=False)
    np.testing.assert_array_equal(ys, plain)
    jax.tree.map(np.testing.assert_array_equal, finals, again)
    below = xs
    for cell, h in zip(network.cells, hs, strict=True):
        stack, _ = unrolled(cell, below, None, jnp.array(lengths))
        below = cell.hidden(stack)
        np.testing.assert_allclose(h, below, atol=1e-14)
