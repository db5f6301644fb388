"""The lecture's equations against automatic differentiation, and what it says of them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from fast_compilation import quick_jit

from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.bptt import activities, bptt


def case(activation="tanh", output="identity"):
    shape = Architecture(
        2, 3, cell="rnn", hidden=5, activation=activation, output=output, dtype="float64"
    )
    rng = np.random.default_rng(1)
    return shape.build(0), rng.normal(size=(4, 12, 2)), jnp.asarray(rng.normal(size=(4, 12, 3)))


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "identity"])
def test_it_is_the_gradient(activation, float64):
    network, xs, targets = case(activation)

    def loss(ys):
        return jnp.mean((ys - targets) ** 2)

    found = bptt(network, xs, loss)

    @quick_jit
    @eqx.filter_value_and_grad
    def by_jax(network):
        return loss(network(jnp.asarray(xs))[0])

    value, gradients = by_jax(network)
    cell, layer = gradients.cells[0], gradients.readout.layers[0]
    assert found.loss == pytest.approx(float(value), abs=1e-12)
    for ours, theirs in [
        (found.U, cell.U), (found.W, cell.W), (found.b, cell.b), (found.V, layer.V),
        (found.c, layer.c),
    ]:  # fmt: skip
        np.testing.assert_allclose(ours, theirs, atol=1e-12, rtol=0)


def test_it_is_the_gradient_of_a_cross_entropy(float64):
    network, xs, _ = case(output="softmax")
    classes = jnp.asarray(np.random.default_rng(2).integers(0, 3, (4, 12)))

    def loss(ys):
        logs = jax.nn.log_softmax(ys)
        return -jnp.take_along_axis(logs, classes[..., None], axis=-1).mean()

    by_jax = quick_jit(eqx.filter_grad(lambda n: loss(n(jnp.asarray(xs), activate=False)[0])))
    by_jax = by_jax(network)
    np.testing.assert_allclose(bptt(network, xs, loss).W, by_jax.cells[0].W, atol=1e-12)


def test_the_backward_pass_is_linear(float64):
    network, xs, targets = case()
    once = bptt(network, xs, lambda ys: jnp.sum(ys * targets))
    twice = bptt(network, xs, lambda ys: 2 * jnp.sum(ys * targets))
    for one, two in zip(once, twice, strict=True):
        np.testing.assert_allclose(2 * np.asarray(one), two, rtol=1e-13)


def test_small_weights_shrink_it_and_large_ones_blow_it_up(float64):
    network, xs, _ = case("identity")
    Q = np.linalg.qr(np.random.default_rng(3).normal(size=(5, 5)))[0]
    for rho in (0.5, 1.0, 2.0):
        scaled = eqx.tree_at(lambda n: n.cells[0].W, network, jnp.asarray(rho * Q))
        h = bptt(scaled, xs, lambda ys: ys[:, -1].sum()).h
        norms = np.linalg.norm(h, axis=-1)
        np.testing.assert_allclose(norms[:, :-1] / norms[:, 1:], rho, rtol=1e-10)


def test_the_forward_pass_fixes_the_slopes(float64):
    """Saturated units pass nothing on."""
    network, xs, _ = case("tanh")
    pushed = eqx.tree_at(lambda n: n.cells[0].b, network, jnp.full(5, 50.0))
    h = bptt(pushed, xs, lambda ys: ys[:, -1].sum()).h
    assert np.abs(h[:, -1]).max() > 0.01 and np.abs(h[:, :-1]).max() < 1e-12


def test_other_networks_are_refused(float64):
    _, xs, _ = case()
    other = Architecture(2, 3, cell="gru", hidden=5).build(0)
    with refuses("one RNN"):
        bptt(other, xs, jnp.sum)


def test_the_stack_and_what_comes_off_it(float64):
    """a, h and y by JAX's loop; the gradient by a is that of a push at each step."""
    network, xs, targets = case()
    cell, layer = network.cells[0], network.readout.layers[0]

    def run(push):
        h, rows = jnp.zeros((4, 5)), []
        for t in range(12):
            a = xs[:, t] @ cell.U.T + h @ cell.W.T + cell.b + push[:, t]
            h = jnp.tanh(a)
            rows.append((a, h, h @ layer.V.T + layer.c))
        return [jnp.stack(part, axis=1) for part in zip(*rows, strict=True)]

    def loss(ys):
        return jnp.sum((ys - targets) ** 2)

    still = jnp.zeros((4, 12, 5))
    for ours, theirs in zip(activities(network, xs), run(still), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    found = bptt(network, xs, loss)
    by_jax = quick_jit(jax.grad(lambda push: loss(run(push)[2])))(still)
    np.testing.assert_allclose(found.a, by_jax, atol=1e-12)
    np.testing.assert_allclose(found.y, 2 * (activities(network, xs).y - targets), atol=1e-12)
