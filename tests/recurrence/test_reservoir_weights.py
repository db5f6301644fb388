"""Reservoirs: their weights are those of the design, and unsound ones are refused."""

import numpy as np
import pytest
import scipy.sparse as sparse
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime._support.memory import require_memory
from throughtime.recurrence.reservoir_weights import (
    Reservoir,
    ReservoirDesign,
    aperiodic_signs,
)

TOPOLOGIES = ("sparse", "dense", "cycle")


def modulus(W):
    W = W.toarray() if sparse.issparse(W) else W
    return np.abs(np.linalg.eigvals(W)).max()


@settings(max_examples=40)
@given(
    topology=st.sampled_from(TOPOLOGIES),
    units=st.integers(1, 60),
    inputs=st.integers(0, 3),
    outputs=st.integers(0, 2),
    radius=st.floats(0.01, 3),
    seed=st.integers(0, 2**40),
)
def test_a_drawn_reservoir_has_its_shapes_and_radius(
    topology, units, inputs, outputs, radius, seed
):
    incoming = min(units, 2 + seed % 6)  # of one weight a unit the radius may be rounding
    design = ReservoirDesign(units, inputs, outputs, topology, incoming, radius)
    reservoir = design.draw(seed)
    assert reservoir.W.shape == (units, units)
    assert reservoir.U.shape == (units, inputs) and reservoir.F.shape == (units, outputs)
    assert sparse.issparse(reservoir.W) == (topology != "dense")
    np.testing.assert_allclose(modulus(reservoir.W), radius, rtol=1e-8)
    if topology == "sparse":
        assert (np.diff(reservoir.W.indptr) == incoming).all()
        assert (np.count_nonzero(reservoir.W.toarray(), axis=1) == incoming).all()
    if topology == "cycle":
        ring = np.roll(np.eye(units), 1, axis=0)
        np.testing.assert_allclose(reservoir.W.toarray(), radius * ring)
        np.testing.assert_array_equal(np.abs(reservoir.U), 1)


def test_weights_lie_within_their_scales_and_follow_the_seed():
    design = ReservoirDesign(
        400, 2, 1, input_scale=0.3, feedback_scale=2.0, bias_scale=0.1, leak=0.5
    )
    one, again, other = design.draw(3), design.draw(3), design.draw(4)
    for name, scale in (("U", 0.3), ("F", 2.0), ("b", 0.1)):
        weights = getattr(one, name)
        assert 0.97 * scale < np.abs(weights).max() <= scale
        assert abs(weights.mean()) < 0.15 * scale
        np.testing.assert_array_equal(weights, getattr(again, name))
        assert (weights != getattr(other, name)).all()
    np.testing.assert_array_equal(one.W.toarray(), again.W.toarray())


def test_signs_are_those_of_the_decimals_of_pi():
    decimals = "14159265358979323846264338327950288419716939937510"
    expected = [1 if int(digit) >= 5 else -1 for digit in decimals]
    np.testing.assert_array_equal(aperiodic_signs(50), expected)
    # the six nines of decimals 762 to 767, and a digit either side
    np.testing.assert_array_equal(aperiodic_signs(5000)[760:768], [-1, 1, 1, 1, 1, 1, 1, 1])
    assert len(aperiodic_signs(0)) == 0


def test_what_cannot_be_drawn_is_refused():
    with refuses("`leak` must be above 0 and at most 1; got 0"):
        ReservoirDesign(5, leak=0, incoming=2).draw(0)
    with refuses("`leak` must be above 0 and at most 1; got 1.5"):
        ReservoirDesign(5, leak=1.5, incoming=2).draw(0)
    with refuses("`radius` must be 0 or more, and finite; got -1"):
        ReservoirDesign(5, incoming=2, radius=-1).draw(0)
    with refuses("`units` must be at least 1; got 0"):
        ReservoirDesign(0).draw(0)
    with refuses("`incoming` must be from 1 to the number of units, 5; got 10"):
        ReservoirDesign(5).draw(0)
    with refuses("`input_scale` must be 0 or more"):
        ReservoirDesign(5, incoming=2, input_scale=-0.1).draw(0)
    with refuses("a reservoir must fit in memory"):
        ReservoirDesign(10_000_000, topology="dense").draw(0)
    with refuses("1.07e+09 GiB for its weights. Use fewer units"):
        require_memory(2.0**60, "its weights")
    ring = sparse.csr_array(np.roll(np.eye(3), 1, axis=0))
    with refuses("and W as many columns; got W (3, 3), U (2, 1)"):
        Reservoir(ring, np.ones((2, 1)), np.ones((2, 0)), np.zeros(2))


@pytest.mark.parametrize("name", ["W", "U", "F", "b"])
@pytest.mark.parametrize("topology", ["sparse", "dense"])
def test_weights_of_several_dtypes_are_refused(name, topology):
    drawn = ReservoirDesign(5, 1, 1, topology, 2).draw(0)
    weights = {letter: getattr(drawn, letter) for letter in "WUFb"}
    weights[name] = weights[name].astype(np.float32)
    with refuses("W, U, F and b must be of one dtype, float64 or float32; got float"):
        Reservoir(**weights)


def test_weights_of_half_precision_are_refused():
    drawn = ReservoirDesign(5, 1, 1, "dense").draw(0)
    with refuses("one dtype, float64 or float32; got float16, float16, float16, float16"):
        drawn.astype(np.float16)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array])
def test_a_sparse_matrix_with_a_column_that_is_not_there_is_refused(kind):
    W = kind((np.ones(1), np.array([0]), np.array([0, 1, 1])), shape=(2, 2))
    W.indices[0] = 7
    with refuses("a sparse W must have valid indices"):
        Reservoir(W, np.zeros((2, 0)), np.zeros((2, 0)), np.zeros(2))
