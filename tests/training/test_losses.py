"""Losses against SciPy and scikit-learn, and at the ends of the number range."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special
from sklearn import metrics as sk

from throughtime.errors import InputError
from throughtime.training.losses import (
    LOSSES,
    Loss,
    absolute_error,
    binary_cross_entropy,
    huber,
    loss,
    softmax_cross_entropy,
    squared_error,
)

numbers = hnp.arrays(np.float64, (4, 3), elements=st.floats(-50, 50))
shares = hnp.arrays(np.float64, (4, 3), elements=st.floats(0.01, 1))


@cache
def compiled(function):
    return jax.jit(lambda outputs, targets: function(outputs, targets))


def each(function, outputs, targets):
    """The loss of every row, in double precision."""
    with jax.enable_x64(True):
        return np.asarray(compiled(function)(outputs, targets))


@given(numbers, numbers)
@settings(max_examples=30)
def test_regression_losses(outputs, targets):
    close = {"rtol": 1e-12, "atol": 1e-12}
    columns = {"y_true": targets.T, "y_pred": outputs.T, "multioutput": "raw_values"}
    np.testing.assert_allclose(
        each(squared_error, outputs, targets), sk.mean_squared_error(**columns), **close
    )
    np.testing.assert_allclose(
        each(absolute_error, outputs, targets), sk.mean_absolute_error(**columns), **close
    )
    np.testing.assert_allclose(
        each(huber, outputs, targets),
        special.huber(1.0, outputs - targets).mean(axis=1),
        **close,
    )


@given(numbers, shares)
@settings(max_examples=30)
def test_cross_entropies(outputs, targets):
    p = targets / targets.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        each(softmax_cross_entropy, outputs, p),
        # H(p) + KL(p || softmax(y))
        special.entr(p).sum(axis=1)
        + (p * (np.log(p) - special.log_softmax(outputs, axis=1))).sum(axis=1),
        rtol=1e-11,
        atol=1e-11,
    )
    log_ones, log_zeros = special.log_expit(outputs), special.log_expit(-outputs)
    np.testing.assert_allclose(
        each(binary_cross_entropy, outputs, targets),
        -(targets * log_ones + (1 - targets) * log_zeros).mean(axis=1),
        rtol=1e-13,
    )


def test_labels_as_scikit_learn_scores_them(float64):
    rng = np.random.default_rng(0)
    outputs, labels = rng.normal(size=(40, 3)), rng.integers(3, size=40)
    ours = each(softmax_cross_entropy, outputs, np.eye(3)[labels]).mean()
    assert ours == pytest.approx(
        sk.log_loss(labels, special.softmax(outputs, axis=1)), rel=1e-12
    )
    flags = rng.integers(2, size=40)
    ours = each(binary_cross_entropy, outputs[:, :1], flags[:, None].astype(float)).mean()
    assert ours == pytest.approx(sk.log_loss(flags, special.expit(outputs[:, 0])), rel=1e-12)


@pytest.mark.parametrize("y", [1e-3, 1.0, 20.0, 80.0, 1e4, 1e30])
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_binary_cross_entropy_is_exact_in_single_precision(y, label, sign):
    """log(1 + exp(∓y)): of full relative accuracy, also where it is far below y's rounding."""
    y = np.float32(sign * y)
    ours = compiled(binary_cross_entropy)(np.array([y]), np.array([label], np.float32))
    exact = np.logaddexp(0, float(-y if label else y))
    np.testing.assert_allclose(ours, exact, rtol=1e-6, atol=1e-37)


@pytest.mark.parametrize("size", [1e2, 1e4, 1e30])
def test_softmax_cross_entropy_at_extreme_logits(size):
    y = np.array([size, 0.0, -size], np.float32)
    for target, wanted in zip(np.eye(3, dtype=np.float32), (0, size, 2 * size), strict=True):
        value, slope = value_and_slope(softmax_cross_entropy)(y, target)
        np.testing.assert_allclose(value, wanted, rtol=1e-6)
        assert np.isfinite(slope).all()


@cache
def value_and_slope(function):
    return jax.jit(jax.value_and_grad(lambda outputs, targets: function(outputs, targets)))


def test_slopes_of_the_cross_entropies_are_errors(float64):
    """d/dy = softmax(y) - p and (sigma(y) - p)/n: the lecture's reason to pair them."""
    rng = np.random.default_rng(1)
    y, p = rng.normal(0, 5, 6), rng.dirichlet(np.ones(6))
    slope = value_and_slope(softmax_cross_entropy)(y, p)[1]
    np.testing.assert_allclose(slope, special.softmax(y) - p, rtol=0, atol=1e-15)
    slope = value_and_slope(binary_cross_entropy)(y, p)[1]
    np.testing.assert_allclose(slope, (special.expit(y) - p) / 6, rtol=0, atol=1e-15)


def test_huber_is_smooth_at_its_joint(float64):
    slope = jax.jit(jax.vmap(jax.grad(lambda e: huber(e[None], jnp.zeros(1)))))
    errors = jnp.asarray([-5.0, -1.0, -0.5, 0.0, 0.5, 1.0, 5.0])
    np.testing.assert_allclose(slope(errors), np.clip(errors, -1, 1))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_one_number_for_each_step(name):
    """Rows do not mix: any leading axes, the same numbers."""
    rng = np.random.default_rng(2)
    outputs, targets = rng.normal(size=(2, 3, 4)), rng.random((2, 3, 4))
    function = compiled(LOSSES[name].function)
    together, alone = function(outputs, targets), function(outputs[1, 2], targets[1, 2])
    assert together.shape == (2, 3)
    np.testing.assert_allclose(np.asarray(together)[1, 2], alone, rtol=1e-6)


def test_by_name_and_your_own():
    assert all(loss(name).name == name for name in LOSSES)
    mine = Loss("mine", lambda outputs, targets: jnp.sum(outputs - targets, axis=-1))
    assert loss(mine) is mine
    with pytest.raises(InputError, match=r"got hubert\. Did you mean `huber`\?"):
        loss("hubert")
