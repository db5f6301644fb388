"""The flow of a gradient against theory: powers of rho, sums, the equations written out."""

import math
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime.dynamics.gradient_flow import VANISHING, GradientFlow, gradient_flow
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.bptt import bptt
from throughtime.training.batches import Batch, Sequences
from throughtime.training.losses import loss as loss_named
from throughtime.training.objective import Objective


def case(time=30, last=False, examples=3, **shape):
    shape = {"cell": "rnn", "hidden": 6, **shape}
    network = Architecture(2, 1, last=last, **shape).build(0)
    rng = np.random.default_rng(1)
    xs = rng.normal(size=(examples, time, 2)).astype(np.float32)
    ys = rng.normal(size=(examples, 1) if last else (examples, time, 1)).astype(np.float32)
    return network, Sequences(jnp.asarray(xs), jnp.asarray(ys))


def turning(rho, **options):
    """A linear network with W = rho Q, Q orthogonal, in float64."""
    network, data = case(activation="identity", **options)
    Q = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
    with jax.enable_x64(True):
        return eqx.tree_at(lambda n: n.cells[0].W, network, jnp.asarray(rho * Q)), data


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("rho", [0.5, 0.9, 1.0, 1.1])
def test_of_a_rotation_it_is_rho_to_the_lag(rho, last):
    flow = gradient_flow(*turning(rho, last=last))
    powers = rho ** np.arange(30)
    np.testing.assert_allclose(flow.signal, powers, rtol=1e-10)
    of_lags = np.asarray(flow.lags)
    np.testing.assert_allclose(
        flow.singular_values, np.repeat(rho ** of_lags[:, None], 6, axis=1), rtol=1e-10
    )
    assert flow.rate == pytest.approx(rho, rel=1e-9)


@pytest.mark.parametrize("rho, time", [(0.5, 30), (0.9, 30), (0.9, 120)])
def test_its_reach_is_the_theorys(rho, time):
    flow = gradient_flow(*turning(rho, time=time))
    lag = math.log(VANISHING) / math.log(rho)
    assert flow.reach == math.ceil(lag)
    known = math.ceil(lag) < time  # else it is a reach beyond the sequences, and no limit
    wanted = f"what happened {math.ceil(lag)} steps ago" if known else f"all {time - 1} steps"
    assert wanted in flow.verdict()
    assert f"tenfold every {round(math.log(10) / -math.log(rho))} steps" in flow.verdict()
    assert ("LSTM" in flow.verdict()) == known


def test_an_lstm_is_not_told_to_use_an_lstm():
    signal = 0.5 ** np.arange(30)
    flow = GradientFlow(signal, signal, signal, 1.0, (1,), np.ones((1, 1)), True)
    assert "keep gate" in flow.verdict() and "an LSTM" not in flow.verdict()
    flow = gradient_flow(*case(cell="lstm"))
    assert flow.has_memory_cell and not gradient_flow(*case(cell="gru")).has_memory_cell


def test_a_reservoir_is_told_of_its_radius_and_leak_and_both_lengthen_its_memory():
    def flow(**settings):
        return gradient_flow(*case(cell="esn", hidden=30, time=60, **settings))

    short = flow(radius=0.4)
    said = short.verdict()
    assert "(`radius`)" in said and "`leak`" in said and "`hidden`" in said
    assert "LSTM" not in said and "initialisation" not in said and "learn" not in said
    assert (
        flow(radius=0.7).reach > short.reach and flow(radius=0.4, leak=0.5).reach > short.reach
    )
    grows = replace(short, signal=1.1 ** np.arange(60))
    assert "Lower its spectral radius" in grows.verdict()
    assert "over all 59 steps" in replace(short, signal=np.ones(60)).verdict()


def test_what_grows_reaches_back_without_end_and_is_told_to_be_clipped():
    flow = gradient_flow(*turning(1.1))
    assert flow.reach == math.inf
    assert "grows tenfold every 24 steps" in flow.verdict() and "Clip" in flow.verdict()
    assert "keeps its size over all 29 steps" in gradient_flow(*turning(1.0)).verdict()


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("shape", [{}, {"depth": 2, "last": True}, {"residual": 1}])
def test_the_shares_are_parts_of_the_gradient(cell, shape, float64):
    network, data = case(cell=cell, dtype="float64", **shape)
    flow = gradient_flow(network, data, "mae")
    assert flow.share.sum() == pytest.approx(1, abs=1e-12)

    batch = data.batch(jnp.arange(3))

    @eqx.filter_grad
    def by_jax(network):
        return Objective(loss_named("mae"), lambda _: network)(jnp.zeros(1), batch)[0]

    gradients = by_jax(network)
    leaves = jax.tree.leaves(gradients.cells)
    norm = math.sqrt(sum(float((leaf**2).sum()) for leaf in leaves))
    assert flow.weight_norm == pytest.approx(norm, rel=1e-5)  # (data in single precision)


def test_the_slopes_are_those_of_the_equations_written_out(float64):
    network, data = case(dtype="float64")
    targets = data.targets.astype(jnp.float64)
    xs = np.asarray(data.inputs, np.float64)
    h = bptt(network, xs, lambda ys: jnp.mean((ys - targets) ** 2)).h
    flow = gradient_flow(network, data)
    np.testing.assert_allclose(flow.state_norms, np.sqrt((h**2).sum(axis=(0, 2))), rtol=1e-10)


def test_a_gradient_of_the_last_step_alone_comes_over_every_lag():
    network, data = case(last=True)
    flow = gradient_flow(network, data)
    assert len(flow.signal) == 30 and flow.signal[0] == 1
    assert (np.diff(flow.state_norms) > 0).mean() > 0.5  # it fades towards the first steps


def test_an_lstm_with_open_keep_gates_keeps_its_gradient():
    network, data = case(cell="lstm", last=True, init="keras")
    closed = gradient_flow(network, data)
    b = np.array(network.cells[0].b)
    b[6:12] = 8.0
    opened = eqx.tree_at(lambda n: n.cells[0].b, network, jnp.asarray(b))
    assert gradient_flow(opened, data).signal[-1] > 10 * closed.signal[-1]


def test_a_batch_may_be_given_and_only_so_many_examples_are_taken():
    network, data = case(examples=20)
    batch = Batch(data.inputs[:2], data.targets[:2], None, jnp.ones(2))
    one, other = gradient_flow(network, data, examples=2), gradient_flow(network, batch)
    np.testing.assert_allclose(one.signal, other.signal)


def test_what_has_no_gradient_is_refused():
    network, data = case(time=1)
    with refuses("two steps"):
        gradient_flow(network, data)
    network, data = case()
    ys, _ = network(data.inputs)
    flat = eqx.tree_at(lambda n: n.readout.layers[0].V, network, jnp.zeros((1, 6)))
    with refuses("a gradient that is not zero"):
        gradient_flow(flat, Sequences(data.inputs, ys))
