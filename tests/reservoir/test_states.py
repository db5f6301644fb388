"""The states of a reservoir against a plain loop, and the kernel against `step`."""

import numpy as np
import pytest
import scipy.sparse as sparse
from conftest import refuses
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.recurrence import native_kernels
from throughtime.recurrence.reservoir_weights import Reservoir, ReservoirDesign, Settings
from throughtime.reservoir.states import _check_shapes, as_columns, drive, run

TOPOLOGIES = ("sparse", "dense", "cycle")


def driven(design, steps=30, seed=0):
    """A reservoir, data for it and a first state."""
    rng = np.random.default_rng(seed)
    reservoir = design.draw(seed)
    inputs = rng.normal(size=(steps, design.inputs))
    feedback = rng.normal(size=(steps, design.outputs))
    return reservoir, inputs, feedback, rng.uniform(-1, 1, design.units)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("activation", ["tanh", "linear"])
def test_states_are_those_of_a_plain_loop(topology, activation):
    design = ReservoirDesign(
        12, 2, 1, topology, 4, 0.8, 0.3, bias_scale=0.5, activation=activation
    )
    reservoir, x, y, h = driven(design)
    noise = 0.01 * np.random.default_rng(5).normal(size=(len(x), 12))
    found = run(reservoir, drive(reservoir, x, y), h, noise)
    W = reservoir.W.toarray() if sparse.issparse(reservoir.W) else reservoir.W
    f = np.tanh if activation == "tanh" else lambda z: z
    for t in range(len(x)):
        new = np.empty(12)
        for i in range(12):
            z = reservoir.b[i]
            for j in range(12):
                z += W[i, j] * h[j]
            z += sum(reservoir.U[i, j] * x[t, j] for j in range(2))
            z += reservoir.F[i, 0] * y[t, 0]
            new[i] = 0.7 * h[i] + 0.3 * f(z) + noise[t, i]
        h = new
        np.testing.assert_allclose(found[t], h, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_runs_of_many_settings_are_the_runs_of_each(topology):
    design = ReservoirDesign(9, 1, 1, topology, 3, 0.9, bias_scale=0.2)
    reservoir, x, y, h = driven(design)
    leak, radius, scale = np.array([0.2, 0.7, 1.0]), np.array([1.1, 0.5, 1.0]), [1.0, 2.0, 0.1]
    each = Settings(leak, radius, np.array(scale))
    together = run(reservoir, drive(reservoir, x, y), np.stack([h] * 3), settings=each)
    assert together.shape == (30, 3, 9)
    for i in range(3):
        alone = Reservoir(
            reservoir.W * radius[i],
            reservoir.U * scale[i],
            reservoir.F * scale[i],
            reservoir.b,
            float(leak[i]),
        )
        states = run(alone, drive(alone, x, y), h)
        np.testing.assert_allclose(together[:, i], states, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_states_in_single_precision_are_near_those_in_double(topology):
    reservoir, x, y, h = driven(ReservoirDesign(20, 1, 1, topology, 5))
    single = reservoir.astype(np.float32)
    found = run(single, drive(single, x, y), h.astype(np.float32))
    assert found.dtype == single.dtype == np.float32
    np.testing.assert_allclose(found, run(reservoir, drive(reservoir, x, y), h), atol=1e-4)


@pytest.mark.skipif(not native_kernels.available(), reason="there are no compiled kernels")
@settings(max_examples=40)
@given(
    topology=st.sampled_from(TOPOLOGIES),
    units=st.integers(1, 80),
    runs=st.sampled_from([None, 1, 2, 9]),
    noisy=st.booleans(),
    linear=st.booleans(),
    dtype=st.sampled_from(["float64", "float32"]),
    seed=st.integers(0, 2**40),
)
def test_the_kernel_is_the_loop(topology, units, runs, noisy, linear, dtype, seed):
    activation = "linear" if linear else "tanh"
    design = ReservoirDesign(
        units, 2, 1, topology, min(units, 5), bias_scale=0.3, activation=activation
    )
    reservoir, inputs, feedback, state = driven(design, steps=8, seed=seed)
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(8, units)) if noisy else None
    various = None
    if runs is not None:
        state = np.stack([state] * runs)
        various = Settings(*rng.uniform(0.1, 1, (3, runs)))
    reservoir, state = reservoir.astype(dtype), state.astype(dtype)
    d = drive(reservoir, inputs, feedback)
    fast = run(reservoir, d, state, noise, various)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(native_kernels.SWITCH, "0")
        plain = run(reservoir, d, state, noise, various)
    assert fast.dtype == plain.dtype == dtype
    assert fast.shape == plain.shape
    np.testing.assert_allclose(fast, plain, rtol=0, atol=200 * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    ("drive_shape", "noise_shape", "state_shape"),
    [
        ((5, 3), None, (4,)),
        ((5, 4), (4, 4), (4,)),
        ((5, 4), None, (3,)),
        ((5, 4), None, (1, 1, 4)),
    ],
)
def test_arrays_of_another_shape_are_refused(drive_shape, noise_shape, state_shape):
    noise = None if noise_shape is None else np.zeros(noise_shape)
    with refuses("drive and noise must be (time, 4)"):
        _check_shapes(4, np.zeros(drive_shape), np.zeros(state_shape), noise)


@pytest.mark.parametrize(
    "kind", ["csc_array", "coo_array", "lil_array", "csr_matrix", "csc_matrix"]
)
@pytest.mark.parametrize("compiled", [True, False])
def test_every_sparse_format_gives_the_states_of_the_same_dense_matrix(
    kind, compiled, monkeypatch
):
    if not compiled:
        monkeypatch.setenv(native_kernels.SWITCH, "0")
    drawn, x, y, h = driven(ReservoirDesign(12, 2, 1, incoming=3, bias_scale=0.2))
    weights = drawn.U, drawn.F, drawn.b
    dense = Reservoir(drawn.W.toarray(), *weights)
    other = Reservoir(getattr(sparse, kind)(drawn.W), *weights)
    assert isinstance(other.W, sparse.csr_array)
    found, expected = (run(r, drive(r, x, y), h) for r in (other, dense))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("count", "runs"), [(1, 2), (3, 2), (2, 1), (2, None)])
def test_settings_of_another_number_of_runs_are_refused(count, runs, compiled, monkeypatch):
    if not compiled:
        monkeypatch.setenv(native_kernels.SWITCH, "0")
    reservoir, x, y, h = driven(ReservoirDesign(6, 1, 1, incoming=2))
    state = h if runs is None else np.stack([h] * runs)
    of = Settings(0.5, np.full(count, 0.9))
    with refuses(f"one for each of {runs or 1} runs; got shape ({count},). Pass as many"):
        run(reservoir, drive(reservoir, x, y), state, settings=of)


def test_a_series_is_columns_of_finite_numbers():
    np.testing.assert_array_equal(as_columns("y", [1, 2.5]), [[1.0], [2.5]])
    np.testing.assert_array_equal(as_columns("y", np.arange(3)), [[0.0], [1.0], [2.0]])
    table = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(as_columns("y", table), table)
    for shape in ((), (2, 3, 4)):
        with refuses(f"`y` must be of shape (time, columns); got shape {shape}. Pass several"):
            as_columns("y", np.zeros(shape))
    with refuses("`y` must have steps; got 0"):
        as_columns("y", [])
    with refuses("`y` must have 3 columns, like the data of the fit; got 2"):
        as_columns("y", table, 3)
    for value, said in ((np.nan, "NaN"), (-np.inf, "-inf")):
        holed = table.copy()
        holed[1, 1] = holed[2, 0] = value
        with refuses(f"`y` must be finite; got {said} in column 1 at step 1. Put"):
            as_columns("y", holed)
