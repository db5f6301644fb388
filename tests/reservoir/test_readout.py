"""Readouts by regression, against NumPy's own on states that are computed anew."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime.recurrence.architecture import Architecture
from throughtime.reservoir.readout import check_memory, fit_readout, fit_readouts
from throughtime.tasks.error_count import count_errors
from throughtime.tasks.long_range import task
from throughtime.tasks.sampling import TaskData
from throughtime.training.batches import Batch, Sequences, Streams, Windows
from throughtime.training.train import evaluate

pytestmark = pytest.mark.usefixtures("quick_compile")

EXAMPLES, TIME, UNITS = 7, 9, 6
MEMORY = "throughtime._support.memory.total_memory"


def build(inputs=2, outputs=2, **options):
    options = {"cell": "esn", "hidden": UNITS, "leak": 0.5, "dtype": "float64"} | options
    return Architecture(inputs, outputs, **options).build(3)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def states(network, xs, state=None):
    """The reservoir's equation, step by step, of one sequence."""
    (cell,) = network.cells
    U, W, b, a = *map(np.asarray, (cell.U, cell.W, cell.b)), cell.leak
    h, hs = np.zeros(len(b)) if state is None else state, []
    for x in xs:
        h = (1 - a) * h + a * np.tanh(W @ h + U @ x + b)
        hs.append(h)
    return np.array(hs)


def ridge(X, Y, penalty, w=None):
    """V and c of the weighted ridge regression, by least squares on rows more."""
    w = np.ones(len(X)) if w is None else w
    A = np.concatenate([X, np.ones((len(X), 1))], axis=1) * np.sqrt(w)[:, None]
    A = np.concatenate([A, np.sqrt(penalty) * np.eye(*[A.shape[1]] * 2)[:-1]])
    B = np.concatenate([Y * np.sqrt(w)[:, None], np.zeros((X.shape[1], Y.shape[1]))])
    solution = np.linalg.lstsq(A, B, rcond=None)[0]
    return solution[:-1].T, solution[-1]


def assert_reads(fit, V, c, tolerance=1e-9):
    last = fit.network.readout.layers[-1]
    np.testing.assert_allclose(last.V, V, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(last.c, c, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("penalty", [0, 0.3])
@pytest.mark.parametrize("options", [{}, {"last": True}, {"residual": 2}, {"centred": 1}])
@pytest.mark.parametrize("lengths", [None, [9, 3, 5, 9, 8, 9, 6]])
def test_the_readout_is_that_of_ridge_regression(penalty, options, lengths, float64):
    network, xs = build(**options), drawn(EXAMPLES, TIME, 2)
    ends = [TIME] * EXAMPLES if lengths is None else lengths
    last = network.readout.last
    targets = drawn(EXAMPLES, 2, seed=1) if last else drawn(EXAMPLES, TIME, 2, seed=1)
    X, Y = [], []
    for x, y, end in zip(xs, targets, ends, strict=True):
        x = x[:end]
        first = x[:1] * [1, 0] if network.centred else 0 * x[:1]
        hs = states(network, x - first)
        added = x if network.residual else np.full_like(x, first[0, 0])
        X.append(hs[-1:] if last else hs)
        Y.append(y[None] - added[-1:] if last else y[:end] - added)
    X, Y = np.concatenate(X), np.concatenate(Y)
    penalty = penalty or (0.01 if last else 0)  # there is hardly a row more than features
    padding = np.arange(TIME)[None, :] >= np.array(ends)[:, None]
    xs = np.where(padding[..., None], np.nan, xs)
    targets = targets if last else np.where(padding[..., None], np.nan, targets)
    lengths = None if lengths is None else jnp.array(lengths)
    data = Sequences(jnp.asarray(xs), jnp.asarray(targets), lengths)
    fit = fit_readout(network, data, ridges=[penalty], batch_size=3)
    V, c = ridge(X, Y, penalty)
    assert_reads(fit, V, c)
    assert fit.ridge == penalty and np.isnan(fit.validation_loss)
    np.testing.assert_allclose(fit.loss, np.mean((Y - X @ V.T - c) ** 2), rtol=1e-9)
    np.testing.assert_allclose(fit.loss, evaluate(fit.network, data), rtol=1e-9)
    assert eqx.tree_equal(fit.network.cells, network.cells)


class Weighted(eqx.Module):
    """Data of one's own: a weight for every step."""

    sequences: Sequences
    weights: jax.Array

    @property
    def stateful(self):
        return False

    def plan(self, batch_size, rng):
        return self.sequences.plan(batch_size, rng)

    def batch(self, row):
        batch = self.sequences.batch(row)
        return batch._replace(weights=self.weights[row] * batch.weights[:, None])


def sequences(seed=0, inputs=2, outputs=2):
    xs = drawn(EXAMPLES, TIME, inputs, seed=seed)
    ys = drawn(EXAMPLES, TIME, outputs, seed=seed + 50)
    return Sequences(jnp.asarray(xs), jnp.asarray(ys))


def test_weights_count_as_in_the_loss(float64):
    network, data = build(), sequences()
    weights = np.random.default_rng(4).uniform(0, 3, (EXAMPLES, TIME))
    weights[:, :2] = 0
    fit = fit_readout(network, Weighted(data, jnp.asarray(weights)), ridges=[0.3])
    X = np.concatenate([states(network, x) for x in np.asarray(data.inputs)])
    Y, w = np.asarray(data.targets).reshape(-1, 2), weights.ravel()
    V, c = ridge(X, Y, 0.3, w)
    assert_reads(fit, V, c)
    expected = np.average(np.mean((Y - X @ V.T - c) ** 2, axis=1), weights=w)
    np.testing.assert_allclose(fit.loss, expected, rtol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_how_batches_are_split_does_not_matter(size, float64):
    network, data, validation = build(), sequences(), sequences(5)
    one = fit_readout(network, data, validation=validation)
    other = fit_readout(network, data, validation=validation, batch_size=size)
    assert one.ridge == other.ridge
    assert_reads(other, *(np.asarray(w) for w in jax.tree.leaves(one.network.readout)))
    np.testing.assert_allclose(other.validation_loss, one.validation_loss, rtol=1e-12)


@pytest.mark.parametrize("chunk", [5, 40])
def test_states_are_carried_along_streams(chunk, float64):
    network, xs, ys = build(), drawn(37, 2), drawn(37, 2, seed=1)
    data = Streams.cut(jnp.asarray(xs), jnp.asarray(ys), chunk)
    assert_reads(fit_readout(network, data, ridges=[0.1]), *ridge(states(network, xs), ys, 0.1))


def test_windows_with_a_washout(float64):
    network, y = build(1, 1, centred=1), drawn(30, 1)
    data = Windows(
        jnp.asarray(y), jnp.zeros((30, 0)), jnp.arange(21), 8, 1, every=True, washout=5
    )
    X = [states(network, y[i : i + 8] - y[i])[5:] for i in range(21)]
    Y = [y[i + 6 : i + 9] - y[i] for i in range(21)]
    fit = fit_readout(network, data, ridges=[0.1], batch_size=4)
    assert_reads(fit, *ridge(np.concatenate(X), np.concatenate(Y), 0.1))


def test_dense_layers_below_the_last_are_features(float64):
    network, data = build(dense=(5,)), sequences()
    hidden = network.readout.layers[0]
    hs = np.concatenate([states(network, x) for x in np.asarray(data.inputs)])
    X = np.maximum(hs @ np.asarray(hidden.V).T + np.asarray(hidden.c), 0)
    fit = fit_readout(network, data, ridges=[0.1])
    assert_reads(fit, *ridge(X, np.asarray(data.targets).reshape(-1, 2), 0.1))
    assert eqx.tree_equal(fit.network.readout.layers[0], hidden)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_readout_of_any_network_is_a_stationary_point_of_its_loss(cell, float64):
    """No gradient by V and c is left, whatever the cells: there the mean error is least."""
    network, data = build(cell=cell, depth=2), sequences()
    fitted = fit_readout(network, data, ridges=[0]).network

    @eqx.filter_jit
    @eqx.filter_grad
    def slope(readout):
        ys, _ = eqx.tree_at(lambda n: n.readout, fitted, readout)(data.inputs)
        return jnp.mean((ys - data.targets) ** 2)

    for leaf in jax.tree.leaves(slope(fitted.readout)):
        np.testing.assert_allclose(leaf, 0, atol=1e-10)


def test_the_validation_data_decides_the_penalty(float64):
    network, data, validation = build(), sequences(), sequences(5)
    ridges = [1e-3, 0.1, 10.0, 1e3]
    fit = fit_readout(network, data, validation=validation, ridges=ridges)
    losses = [
        evaluate(fit_readout(network, data, ridges=[one]).network, validation) for one in ridges
    ]
    assert fit.ridge == ridges[int(np.argmin(losses))] != ridges[0]
    np.testing.assert_allclose(fit.validation_loss, min(losses), rtol=1e-12)


def test_without_validation_data_cross_validation_decides(float64):
    """Against its definition: the hat matrix, in full."""
    network, data, ridges = build(), sequences(), [1e-3, 0.1, 3.0, 10.0, 30.0, 1e3]
    X = np.concatenate([states(network, x) for x in np.asarray(data.inputs)])
    Y = np.asarray(data.targets).reshape(-1, 2)
    X = X - X.mean(axis=0)
    scores = []
    for one in ridges:
        H = X @ np.linalg.solve(X.T @ X + one * np.eye(UNITS), X.T) + 1 / len(X)
        error = np.mean((Y - H @ Y) ** 2, axis=0) / (1 - np.trace(H) / len(X)) ** 2
        scores.append((error / Y.var(axis=0)).sum())
    assert fit_readout(network, data, ridges=ridges).ridge == ridges[int(np.argmin(scores))]


def test_members_are_fitted_as_if_alone(float64):
    shape = Architecture(2, 2, cell="esn", hidden=UNITS, dtype="float64")
    networks, data, validation = shape.ensemble(3, 0), sequences(), sequences(5)
    fitted = fit_readouts(networks, data, validation=validation)
    for i, row in enumerate(fitted.history):
        own, found = (
            jax.tree.map(lambda w, i=i: w[i], every) for every in (networks, fitted.network)
        )
        alone = fit_readout(own, data, validation=validation)
        assert eqx.tree_equal(found, alone.network)
        assert row[:4] == (i, 1, alone.loss, alone.validation_loss)
        assert row.quantities == {"ridge": alone.ridge}
    assert fitted.best_epochs == (1, 1, 1) and "ridge regression" in fitted.stopped


class Names(NamedTuple):
    """Data that notes whether an epoch of a training, or fixed data, was asked for."""

    asked: list
    stateful: bool = False

    def plan(self, batch_size, rng):
        self.asked.append(rng is not None)
        return np.zeros((1, 1), np.int64)

    def batch(self, row):
        return Batch(jnp.ones((1, 4, 2)), jnp.ones((1, 4, 2)), None, jnp.ones(1))


def test_drawn_data_is_not_the_fixed_data_of_tests():
    data, validation = Names([]), Names([])
    fit_readout(build(dtype="float32"), data, validation=validation)
    assert data.asked == [True] and validation.asked == [False]


def test_a_task_is_learned_by_regression_on_one_hot_targets():
    """The symbol that came first is still in the states at the end of a short sequence."""
    asked = task("random_permutation", 3)
    shape = (asked.input_size, asked.output_size)
    network = Architecture(*shape, cell="esn", hidden=100, last=asked.last).build(0)
    data, test = (TaskData(asked, n, key=k) for n, k in ((2000, 0), (500, 1)))
    assert count_errors(fit_readout(network, data).network, test).share < 0.1


def test_sums_that_memory_does_not_hold_are_refused_before_any_state(monkeypatch):
    network, data = build(dtype="float32"), Names([])
    squares = 8 * (UNITS + 2) ** 2
    monkeypatch.setattr(MEMORY, lambda: 5 * squares - 1)
    with refuses("GiB for the sums of its regression. Use fewer units"):
        fit_readout(network, data)
    assert data.asked == []
    monkeypatch.setattr(MEMORY, lambda: 5 * squares)
    fit_readout(network, data, validation=Names([]))
    assert data.asked == [True]


def test_an_ensemble_that_memory_does_not_hold_is_refused(monkeypatch):
    shape = Architecture(1, 1, cell="esn", hidden=UNITS, depth=2)
    sums, weights = 5 * 8 * (UNITS + 1) ** 2, 4 * (UNITS * (1 + 2 * UNITS) + UNITS)
    monkeypatch.setattr(MEMORY, lambda: sums + 2 * 3 * weights)
    check_memory(shape, 3)
    with refuses("for its weights and the sums of its regression"):
        check_memory(shape, 4)


@pytest.mark.parametrize("output", ["softmax", "logistic"])
def test_another_output_than_identity_is_refused(output):
    network = build(output=output, dtype="float32")
    with refuses(f"must have an identity output; got {output}. Build the network with"):
        fit_readout(network, sequences())


def test_streams_are_refused_by_a_centred_network():
    ones = jnp.ones((12, 2))
    with refuses("cannot read streams; got `Streams`. Build the network with `centred=0`."):
        fit_readout(build(centred=1, dtype="float32"), Streams.cut(ones, ones, 4))


def test_data_that_cannot_be_regressed_on_is_refused(float64):
    data = sequences()
    with refuses("a regression needs steps of a weight above 0, after the washout; got none."):
        fit_readout(build(), Weighted(data, jnp.zeros((EXAMPLES, TIME))))
    missing = Sequences(data.inputs, data.targets.at[0, 0].set(jnp.nan))
    with refuses("states and targets must be finite; got NaN or infinity. Fill missing"):
        fit_readout(build(), missing)


@pytest.mark.parametrize("validation", [None, "same"])
def test_a_singular_regression_is_refused(validation, float64):
    data = Sequences(jnp.zeros((1, 4, 2)), jnp.ones((1, 4, 2)))
    given = None if validation is None else data
    with refuses("the regression must not be singular; got `ridge` 0."):
        fit_readout(build(), data, ridges=[0], validation=given)
