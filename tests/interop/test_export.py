"""A network that JAX writes down is the network, and runs where there are no kernels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import throughtime as tt
from throughtime.recurrence.native_kernels import available

pytestmark = pytest.mark.usefixtures("float64", "quick_compile", "as_installed")
CONTEXT = np.random.default_rng(0).normal(size=(3, 9, 1))


def written(function, platforms=("cpu", "cuda"), vjp_order=0):
    """A function of a context of any batch, written down and read back."""
    (batch,) = export.symbolic_shape("batch")
    shape = jax.ShapeDtypeStruct((batch, *CONTEXT.shape[1:]), CONTEXT.dtype)
    made = export.export(jax.jit(function), platforms=platforms)(shape)
    return export.deserialize(made.serialize(vjp_order=vjp_order))


@pytest.mark.parametrize(
    ("cell", "carry"), [("rnn", True), ("gru", False), ("lstm", True), ("esn", False)]
)
def test_a_closed_loop_is_written_down_and_gives_the_same_numbers(cell, carry):
    network = tt.Architecture(1, 1, cell, hidden=5, depth=1, dtype="float64").build(0)

    def closed_loop(context):
        return tt.rollout(network, context, 6, carry=carry)

    again = written(closed_loop)
    assert "throughtime_unroll" not in again.mlir_module()
    for batch in 3, 1:
        ours = closed_loop(CONTEXT[:batch])
        np.testing.assert_allclose(again.call(CONTEXT[:batch]), ours, atol=1e-12)


def test_an_ensemble_is_written_down_whole():
    networks = [tt.Architecture(1, 1, hidden=4, dtype="float64").build(i) for i in range(2)]
    both = tt.stack_networks(networks)
    again = written(lambda context: both(context)[0])
    np.testing.assert_allclose(again.call(CONTEXT), both(CONTEXT)[0], atol=1e-12)


def test_its_gradient_is_written_down_with_it():
    network = tt.Architecture(1, 1, "lstm", hidden=4, dtype="float64").build(0)

    def error(context):
        return (network(context)[0] ** 2).sum()

    again = written(error, platforms=("cpu",), vjp_order=1)
    found = jax.grad(again.call)(jnp.asarray(CONTEXT))
    np.testing.assert_allclose(found, jax.grad(error)(jnp.asarray(CONTEXT)), atol=1e-12)


@pytest.mark.skipif(not available(), reason="no compiled kernels")
def test_what_runs_here_goes_on_by_the_kernels():
    network = tt.Architecture(1, 1, hidden=4, dtype="float64").build(0)
    run = jax.jit(lambda context: network(context)[0])
    written(lambda context: run(context))
    assert "throughtime_unroll" in run.lower(CONTEXT).as_text()
