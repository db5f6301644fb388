"""Initialisations: bounds by formula, distributions by test, orthogonality by product."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from throughtime.cells import GRU, LSTM, RNN
from throughtime.errors import InputError
from throughtime.initialise import (
    INITIALISATIONS,
    Initialisation,
    glorot,
    initialisation,
    orthogonal,
    orthogonal_stack,
    small_normal,
    uniform_bias,
    uniform_fan_in,
    uniform_hidden,
    zeros,
)
from throughtime.network import Dense

INPUT, HIDDEN = 30, 50
KEY = 7
GATES = {RNN: 1, GRU: 3, LSTM: 4}
cells = pytest.mark.parametrize("kind", GATES)


def rng(seed=KEY):
    return np.random.default_rng(seed)


def assert_uniform(values, bound):
    """Inside the bound, and by Kolmogorov and Smirnov's test uniform (fixed seeds)."""
    values = np.asarray(values, np.float64).ravel()
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    assert stats.kstest(values, stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("rule", "bound"),
    [
        (uniform_fan_in, 1 / math.sqrt(INPUT)),
        (uniform_hidden, 1 / math.sqrt(HIDDEN)),
        (glorot, math.sqrt(6 / (INPUT + 4 * HIDDEN))),
    ],
)
def test_uniform_matrices(rule, bound):
    drawn = rule(rng(), 4, HIDDEN, INPUT)
    assert drawn.shape == (4 * HIDDEN, INPUT)
    assert_uniform(drawn, bound)
    # Mean and variance of the uniform, to five standard errors.
    n, sd = drawn.size, bound / math.sqrt(3)
    assert abs(float(drawn.mean())) < 5 * sd / math.sqrt(n)
    assert float(drawn.var()) == pytest.approx(sd**2, rel=5 * math.sqrt(0.8 / n))


def test_glorot_keeps_the_variance_forward_and_backward_on_average():
    """Variance 2 / (fan in + fan out): the harmonic compromise of Glorot and Bengio."""
    drawn = glorot(rng(), 1, 200, 300)
    assert float(drawn.var()) == pytest.approx(2 / 500, rel=0.03)


def test_uniform_bias():
    assert_uniform(uniform_bias(rng(), 2000, INPUT), 1 / math.sqrt(INPUT))


def test_small_normal():
    drawn = small_normal(rng(), 3, HIDDEN, INPUT).ravel()
    assert stats.kstest(drawn, stats.norm(0, 0.001).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("rows", "columns"), [(6, 6), (9, 4), (4, 9)])
def test_each_orthogonal_block(rows, columns):
    """The shorter side is orthonormal, and the blocks differ."""
    blocks = np.split(orthogonal(rng(), 3, rows, columns), 3)
    for block in blocks:
        gram = block.T @ block if rows >= columns else block @ block.T
        np.testing.assert_allclose(gram, np.eye(min(rows, columns)), atol=1e-13)
    assert not np.allclose(blocks[0], blocks[1])


def test_orthogonal_stack_is_one_isometry():
    """Keras draws (hidden, gates hidden) with orthonormal rows; ours is its transpose."""
    W = orthogonal_stack(rng(), 4, 6, 6)
    np.testing.assert_allclose(W.T @ W, np.eye(6), atol=1e-13)


def test_orthogonal_is_spread_evenly():
    """Haar measure: an entry of an n by n orthogonal matrix has mean 0 and variance 1/n."""
    drawn = orthogonal(rng(), 500, 4, 4)
    assert abs(drawn.mean()) < 5 * 0.5 / math.sqrt(drawn.size)
    assert drawn.var() == pytest.approx(1 / 4, rel=0.06)


def assert_bias(values, biases):
    """The sum of so many draws that are uniform in ±1/sqrt(hidden), to five standard errors."""
    values = np.asarray(values, np.float64).ravel()
    bound, n = 1 / math.sqrt(HIDDEN), values.size
    variance = biases * bound**2 / 3
    assert np.abs(values).max() <= biases * bound * (1 + 1e-6)
    assert abs(values.mean()) < 5 * math.sqrt(variance / n)
    kurtosis = 3 - 1.2 / biases  # the excess of a uniform is -1.2, of a sum of two half of it
    assert values.var() == pytest.approx(variance, rel=5 * math.sqrt((kurtosis - 1) / n))
    one, two = stats.uniform(-bound, 2 * bound), stats.triang(0.5, -2 * bound, 4 * bound)
    assert stats.kstest(values, (one if biases == 1 else two).cdf).pvalue > 1e-3


@cells
def test_pytorch(kind):
    """torch.nn.RNN, GRU, LSTM: weights and both biases uniform in 1/sqrt(hidden).

    The biases are added up where PyTorch adds them, before any gate: a triangle. The GRU's
    candidate has its reset gate between them, so `b` and `d` are one uniform each.
    """
    drawn = [kind(INPUT, HIDDEN, init="pytorch", key=seed) for seed in range(40)]
    for weight in (drawn[0].U, drawn[0].W):
        assert_uniform(weight, 1 / math.sqrt(HIDDEN))
    blocks = np.stack([np.asarray(cell.b).reshape(-1, HIDDEN) for cell in drawn])
    two = blocks[:, :2] if kind is GRU else blocks
    for gate in range(two.shape[1]):
        assert_bias(two[:, gate], biases=2)
    if kind is GRU:
        b, d = blocks[:, 2], np.stack([np.asarray(cell.d) for cell in drawn])
        assert_bias(b, biases=1)
        assert_bias(d, biases=1)
        assert abs(np.corrcoef(b.ravel(), d.ravel())[0, 1]) < 5 / math.sqrt(b.size)


def test_pytorch_dense():
    """torch.nn.Linear: weights and bias uniform in 1/sqrt(fan in)."""
    layer = Dense(INPUT, 200, init="pytorch", key=KEY)
    assert_uniform(layer.V, 1 / math.sqrt(INPUT))
    assert_uniform(layer.c, 1 / math.sqrt(INPUT))


@cells
def test_keras(kind):
    """Glorot over all gates, one orthogonal stack, no bias but the LSTM's keep gate at 1."""
    cell, gates = kind(INPUT, HIDDEN, init="keras", key=KEY), GATES[kind]
    assert_uniform(cell.U, math.sqrt(6 / (INPUT + gates * HIDDEN)))
    np.testing.assert_allclose(cell.W.T @ cell.W, np.eye(HIDDEN), atol=1e-5)
    keep = np.zeros(gates * HIDDEN)
    if kind is LSTM:
        keep[HIDDEN : 2 * HIDDEN] = 1
    np.testing.assert_array_equal(cell.b, keep)
    if kind is GRU:
        assert not cell.d.any()


@cells
def test_orthogonal_cells(kind):
    cell = kind(INPUT, HIDDEN, init="orthogonal", key=KEY)
    for block in np.split(np.asarray(cell.W), GATES[kind]):
        np.testing.assert_allclose(block @ block.T, np.eye(HIDDEN), atol=1e-5)
    opened = np.asarray(cell.b).reshape(GATES[kind], HIDDEN)
    assert opened.sum() == (HIDDEN if kind is LSTM else 0)


def test_identity():
    """The IRNN: a relu cell that starts as a near-perfect memory."""
    cell = RNN(INPUT, HIDDEN, "relu", init="identity", key=KEY)
    np.testing.assert_array_equal(cell.W, np.eye(HIDDEN))
    h = jnp.asarray(rng().random((2, HIDDEN)), jnp.float32)
    np.testing.assert_array_equal(cell.step(jnp.zeros((2, HIDDEN)), h), h)


def test_keep_bias_is_added_to_the_drawn_bias():
    plain = LSTM(INPUT, HIDDEN, init="pytorch", key=KEY)
    open_gate = initialisation("pytorch")._replace(keep=2.5)
    opened = LSTM(INPUT, HIDDEN, init=open_gate, key=KEY)
    difference = np.asarray(opened.b - plain.b).reshape(4, HIDDEN)
    np.testing.assert_allclose(difference, np.outer([0, 2.5, 0, 0], np.ones(HIDDEN)), atol=1e-6)


def test_your_own_initialisation():
    def constant(rng, blocks, rows, columns):
        return np.full((blocks * rows, columns), 0.5)

    mine = Initialisation(constant, constant, zeros, constant, zeros)
    assert initialisation(mine) is mine
    cell = GRU(INPUT, HIDDEN, init=mine, key=KEY)
    assert (cell.U == 0.5).all() and (cell.W == 0.5).all() and not cell.b.any()
    assert (Dense(INPUT, 2, init=mine, key=KEY).V == 0.5).all()


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_rules_draw_in_double_precision_on_the_host(name):
    rule = initialisation(name)
    drawn = [matrix(rng(), 2, 3, 4) for matrix in (rule.U, rule.W, rule.V)]
    assert {array.shape for array in drawn} == {(6, 4)}
    drawn += [vector(rng(), 3, 4) for vector in (rule.b, rule.c)]
    assert {type(array) for array in drawn} == {np.ndarray}
    assert {array.dtype for array in drawn} == {np.dtype("float64")}


@pytest.mark.parametrize("name", INITIALISATIONS)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_dtype(name, dtype, float64):
    """A dtype rounds what is drawn: the numbers are the same."""
    gru, dense = (kind(3, 3, init=name, dtype=dtype, key=KEY) for kind in (GRU, Dense))
    exact = GRU(3, 3, init=name, dtype=jnp.float64, key=KEY)
    drawn = [gru.U, gru.W, gru.b, gru.d, dense.V, dense.c]
    assert {array.dtype for array in drawn} == {jnp.dtype(dtype)}
    for ours, double in zip(drawn, (exact.U, exact.W, exact.b, exact.d), strict=False):
        np.testing.assert_array_equal(ours, np.asarray(double).astype(dtype))


@pytest.mark.parametrize("draw", [initialisation, lambda name: GRU(2, 2, init=name, key=KEY)])
def test_unknown_name(draw):
    with pytest.raises(InputError, match=r"got ortogonal\. Did you mean `orthogonal`\?"):
        draw("ortogonal")
