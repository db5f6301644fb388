"""A map of random features in closed loop: the kernel, NumPy and JAX compute the same."""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime._support.precision import precision
from throughtime.recurrence import native_kernels
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.flow_map import Features, run_flow_map
from throughtime.recurrence.rollout import rollout

SIZES = {"readouts": 2, "trajectories": 11, "steps": 6, "variables": 2, "inputs": 1, "units": 9}


def problem(
    dtype: Any = "float64",
    seed=0,
    angles=0,
    *,
    readouts,
    trajectories,
    steps,
    variables,
    inputs,
    units,
):
    """Random features, readouts, starts and inputs."""
    rng = np.random.default_rng(seed)
    angles = min(angles, variables)
    U, b = rng.normal(size=(units, variables + inputs + angles)), rng.normal(size=units)
    V = rng.normal(size=(readouts, variables, units)) / units
    c = rng.normal(size=(readouts, variables))
    start = rng.normal(size=(trajectories, variables))
    us = rng.normal(size=(trajectories, steps, inputs))
    U, b, V, c, start, us = (a.astype(dtype) for a in (U, b, V, c, start, us))
    rates = (0.0,) * (variables - angles) + tuple(map(float, range(1, 1 + angles)))
    return Features(U, b, rates if angles else ()), V, c, start, us


def by_loops(features, V, c, start, us, bound=math.inf):
    """The definition, number by number."""
    ys = np.empty((len(V), *us.shape[:2], V.shape[1]))
    for r, p in np.ndindex(ys.shape[:2]):
        y = start[p]
        for n in range(us.shape[1]):
            turned = [(k, y[k] * rate) for k, rate in enumerate(features.angles) if rate]
            read = [*y, *us[p, n], *(np.cos(angle) for _, angle in turned)]
            for k, angle in turned:
                read[k] = np.sin(angle)
            h = np.tanh(features.U @ read + features.b)
            y = np.clip(y + c[r] + V[r] @ h, -bound, bound)
            ys[r, p, n] = y
    return ys


def weights_of(network):
    cell, layer = network.cells[0], network.readout.layers[0]
    return cell.U, cell.b, layer.V, layer.c


@given(
    readouts=st.integers(1, 3),
    trajectories=st.integers(1, 35),
    steps=st.integers(1, 5),
    variables=st.integers(1, 9),
    inputs=st.integers(0, 3),
    units=st.integers(1, 40),
    angles=st.integers(0, 3),
    bound=st.sampled_from([math.inf, 0.5]),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 9),
)
def test_the_kernel_is_the_loop(bound, dtype, **sizes):
    given = problem(dtype=dtype, **sizes)
    fast = run_flow_map(*given, bound)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(native_kernels.SWITCH, "0")
        plain = run_flow_map(*given, bound)
    expected = by_loops(*given, bound)
    eps = np.finfo(dtype).eps
    for found in (fast, plain):
        assert found.dtype == dtype and found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1000 * eps, atol=1000 * eps)


@pytest.mark.parametrize("angles", [0, 1])
def test_it_is_the_network_in_closed_loop(angles):
    features, V, c, start, us = problem(**{**SIZES, "readouts": 1}, angles=angles)
    known = {"hidden": 9, "radius": 0, "residual": 2, "dtype": "float64"}
    shape = Architecture(3, 2, cell="esn", angles=features.angles, **known)
    with precision("float64"):
        network = eqx.tree_at(
            lambda n: (
                n.cells[0].U,
                n.cells[0].b,
                n.readout.layers[0].V,
                n.readout.layers[0].c,
            ),
            shape.build(0),
            tuple(map(jnp.asarray, (features.U, features.b, V[0], c[0]))),
        )
        known = jnp.pad(jnp.asarray(us), ((0, 0), (1, 0), (0, 0)))
        expected = rollout(network, jnp.asarray(start)[:, None], us.shape[1], known, carry=True)
    np.testing.assert_allclose(
        run_flow_map(features, V, c, start, us)[0], expected, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf])
def test_a_trajectory_that_is_spoilt_stays_alone(spoilt, compiled, monkeypatch):
    if not compiled:
        monkeypatch.setenv(native_kernels.SWITCH, "0")
    features, V, c, start, us = problem(**{**SIZES, "variables": 1, "inputs": 0})
    clean = run_flow_map(features, V, c, start, us)
    start[4] = spoilt
    found = run_flow_map(features, V, c, start, us)
    np.testing.assert_array_equal(np.delete(found, 4, axis=1), np.delete(clean, 4, axis=1))
    # tanh(inf) is 1, and what is added to infinity is lost.
    np.testing.assert_array_equal(found[:, 4], np.full_like(found[:, 4], spoilt))


def test_a_trajectory_does_not_depend_on_those_beside_it():
    features, V, c, start, us = problem(**{**SIZES, "trajectories": 100, "steps": 50})
    together = run_flow_map(features, V, c, start, us)
    for p in (0, 37, 99):
        alone = run_flow_map(features, V, c, start[p : p + 1], us[p : p + 1])
        np.testing.assert_array_equal(alone[:, 0], together[:, p])
