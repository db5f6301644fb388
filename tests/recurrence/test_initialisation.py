"""Initialisations: bounds by formula, distributions by test, orthogonality by product."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from throughtime.errors import InputError
from throughtime.recurrence.cells import GRU, LSTM, RNN
from throughtime.recurrence.initialisation import (
    INITIALISATIONS,
    Initialisation,
    chrono,
    echo_state,
    glorot,
    initialisation,
    normal,
    orthogonal,
    orthogonal_stack,
    sparse,
    sparse_of_radius,
    uniform_bias,
    uniform_fan_in,
    uniform_hidden,
    zeros,
)
from throughtime.recurrence.network import Dense

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


def test_normal():
    drawn = normal(0.001)(rng(), 3, HIDDEN, INPUT).ravel()
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


def test_the_irnn_has_no_other_memory_than_the_identity():
    """Le, Jaitly and Hinton (2015): all other weights N(0, 0.001), no bias."""
    cell = RNN(INPUT, 400, "relu", init="identity", key=KEY)
    readout = Dense(400, 30, init="identity", key=KEY)
    for weights in (cell.U, readout.V):
        drawn = np.asarray(weights, np.float64).ravel()
        assert stats.kstest(drawn, stats.norm(0, 0.001).cdf).pvalue > 1e-3
    assert not cell.b.any() and not readout.c.any()


def spectral_radius(W):
    return np.abs(np.linalg.eigvals(np.asarray(W, np.float64))).max()


@pytest.mark.parametrize(
    ("columns", "incoming"), [(100, 15), (40, 7), (15, 15), (4, 4), (1, 1)]
)
def test_sparse(columns, incoming):
    """So many weights a unit, each as likely, N(0, 1) times the scale."""
    drawn = sparse(0.5, min(incoming, 15))(rng(8), 2, 300, columns)
    assert drawn.shape == (600, columns)
    assert ((drawn != 0).sum(axis=1) == incoming).all()
    assert stats.kstest(drawn[drawn != 0], stats.norm(0, 0.5).cdf).pvalue > 1e-3
    if incoming < columns:
        # A column is hit by a binomial number of the 600 rows: to five standard errors.
        share = incoming / columns
        hits, sd = (drawn != 0).sum(axis=0), math.sqrt(600 * share * (1 - share))
        assert np.abs(hits - 600 * share).max() < 5 * sd


@given(
    units=st.integers(1, 60),
    blocks=st.integers(1, 4),
    incoming=st.integers(1, 20),
    radius=st.floats(0.1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_block_has_the_spectral_radius(units, blocks, incoming, radius, seed):
    W = sparse_of_radius(radius, incoming)(rng(seed), blocks, units, units)
    assert ((W != 0).sum(axis=1) == min(incoming, units)).all()
    for block in np.split(W, blocks):
        # One weight a unit gives large Jordan blocks: their eigenvalues are ill-conditioned.
        tolerance = 1e-12 if incoming > 1 else 1e-6
        assert spectral_radius(block) == pytest.approx(radius, rel=tolerance)


@cells
def test_echo_state(kind, float64):
    """Sutskever et al. (2013): exactly 1.1, in each block of a gated cell."""
    cell = kind(INPUT, 100, init="echo-state", dtype=jnp.float64, key=KEY)
    for block in np.split(np.asarray(cell.W), GATES[kind]):
        assert ((block != 0).sum(axis=1) == 15).all()
        assert abs(spectral_radius(block) - 1.1) < 1e-12
    assert stats.kstest(np.ravel(cell.U), stats.norm(0, 0.1).cdf).pvalue > 1e-3
    opened = np.asarray(cell.b).reshape(GATES[kind], 100)
    assert opened.sum() == (100 if kind is LSTM else 0)
    readout = Dense(100, 20, init="echo-state", dtype=jnp.float64, key=KEY)
    assert stats.kstest(np.ravel(readout.V), stats.norm(0, 0.1).cdf).pvalue > 1e-3
    assert not readout.c.any()


def test_echo_state_of_other_scales():
    """The same draws, with the scale of the adding problem and another radius."""
    plain, other = (
        RNN(INPUT, 40, init=i, key=KEY) for i in (echo_state(), echo_state(1e-3, 2))
    )
    np.testing.assert_allclose(other.U, 0.01 * plain.U, rtol=1e-6)
    np.testing.assert_allclose(other.W, 2 / 1.1 * plain.W, rtol=1e-6)
    plain, other = (
        Dense(40, 3, init=i, key=KEY) for i in (echo_state(), echo_state(outputs=0.01))
    )
    np.testing.assert_allclose(other.V, 0.1 * plain.V, rtol=1e-6)


def test_a_nilpotent_draw_is_drawn_again():
    """A strictly triangular matrix has the eigenvalue 0 alone: no scale gives it a radius."""

    class Stub:
        def __init__(self):
            self.draws, self.random = 0, rng()

        def normal(self, size):
            self.draws += 1
            drawn = self.random.normal(size=size)
            return np.tril(drawn, -1) if self.draws < 3 else drawn

        def permuted(self, x, axis):
            return x

    stub = Stub()
    W = sparse_of_radius(1.1)(stub, 1, 6, 6)
    assert stub.draws == 3 and spectral_radius(W) == pytest.approx(1.1, rel=1e-12)


@cells
def test_sparse_cells(kind):
    """Martens and Sutskever (2011): 15 incoming weights N(0, 1) / sqrt(15), a quarter for U.

    So the sum that reaches a unit from units of size 1 has variance 1, whatever their number.
    """
    cell = kind(20, 400, init="sparse", key=KEY)
    for weights, scale in ((cell.U, 0.25), (cell.W, 1.0)):
        weights = np.asarray(weights, np.float64)
        assert ((weights != 0).sum(axis=1) == 15).all()
        drawn = weights[weights != 0] * math.sqrt(15)
        assert stats.kstest(drawn, stats.norm(0, scale).cdf).pvalue > 1e-3
        n = drawn.size
        assert (weights**2).sum(axis=1).mean() == pytest.approx(
            scale**2, rel=5 * math.sqrt(2 / n)
        )


@pytest.mark.parametrize(("kind", "gates"), [(GRU, (1,)), (LSTM, (1, 0))])
def test_chrono(kind, gates):
    """Tallec and Ollivier (2018): a gate keeps for 1 + e^b steps, uniform in [2, longest]."""
    init = Initialisation(normal(0.1), normal(0.1), chrono(200), normal(0.1), zeros)
    b = np.asarray(kind(1, 1000, init=init, key=KEY).b, np.float64).reshape(-1, 1000)
    keep = 1 / (1 + np.exp(-b[gates[0]]))
    assert stats.kstest(1 / (1 - keep), stats.uniform(2, 198).cdf).pvalue > 1e-3
    if kind is LSTM:
        np.testing.assert_array_equal(b[0], -b[1])
    others = [i for i in range(len(b)) if i not in gates]
    assert not b[others].any()


@pytest.mark.parametrize("kind", [GRU, LSTM, RNN])
def test_chrono_that_would_be_drawn_twice_is_refused(kind):
    init = initialisation("pytorch")._replace(b=chrono(200))
    with refuses("a bias of `chrono` must be drawn once; got `biases` 2. Set `biases=1`."):
        kind(1, 5, init=init, key=KEY)


def test_chrono_of_a_cell_without_gates():
    init = initialisation("keras")._replace(b=chrono(200))
    assert not RNN(2, 5, init=init, key=KEY).b.any()


def test_numbers_out_of_range():
    for wrong in (0.0, -1.0, math.inf, math.nan):
        with refuses(f"`inputs` must be positive and finite; got {wrong}."):
            echo_state(wrong)
        with refuses(f"`radius` must be positive and finite; got {wrong}."):
            echo_state(radius=wrong)
        with refuses(f"`outputs` must be positive and finite; got {wrong}."):
            echo_state(outputs=wrong)
    with refuses("`incoming` must be at least 1; got 0."):
        echo_state(incoming=0)
    with refuses("only a square matrix has a spectral radius; got 3 by 4."):
        sparse_of_radius(1.1)(rng(), 1, 3, 4)
    for wrong in (2, math.inf, math.nan):
        with refuses("`longest` must be finite and above 2 steps"):
            chrono(wrong)


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


def matrices(rule):
    """Each matrix of an initialisation, with a number of columns that it may have."""
    return [(rule.U, 3), (rule.W, 4), (rule.V, 3)]


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_rules_draw_in_double_precision_on_the_host(name):
    rule = initialisation(name)
    drawn = [matrix(rng(), 2, 4, columns) for matrix, columns in matrices(rule)]
    assert [array.shape for array in drawn] == [(8, 3), (8, 4), (8, 3)]
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
