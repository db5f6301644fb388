"""Fixed points and cycles against those known in closed form."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses

from throughtime.dynamics import maps
from throughtime.dynamics.fixed_points import FixedPoint, fixed_points
from throughtime.dynamics.systems import system
from throughtime.recurrence.cells import RNN

pytestmark = pytest.mark.usefixtures("float64")


def test_of_lorenz_63():
    found = fixed_points(maps.map_of_system(system("lorenz63")).settled())
    c = np.sqrt(72)
    expected = [[-c, -c, 27], [0, 0, 0], [c, c, 27]]
    seen = sorted(one.observed[0].round(6).tolist() for one in found)
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    assert not any(one.stable for one in found)
    origin = next(one for one in found if abs(one.observed).max() < 1e-3)
    # the slopes of the flow at the origin, over a time step
    rates = np.linalg.eigvals([[-10, 10, 0], [28, -1, 0], [0, 0, -8 / 3]])
    np.testing.assert_allclose(
        sorted(origin.eigenvalues.real), sorted(np.exp(0.02 * rates)), rtol=1e-4
    )
    assert "unstable in 1 of 3 directions" in origin.describe()
    assert origin.kind == "saddle"
    assert {one.kind for one in found if one is not origin} == {"saddle focus"}


@pytest.mark.parametrize(
    ("eigenvalues", "kind"),
    [
        ([0.9, 0.5], "stable node"), ([0.5 + 0.5j, 0.5 - 0.5j], "stable focus"),
        ([1.2, 1.1], "unstable node"), ([1 + 0.5j, 1 - 0.5j], "unstable focus"),
        ([1.2, 0.5], "saddle"), ([1 + 0.5j, 1 - 0.5j, 0.2], "saddle focus"),
        ([0.6 + 0.8j, 0.6 - 0.8j], "centre"), ([1, 0.5], "neutral point"),
    ],
)  # fmt: skip
def test_each_kind_of_point(eigenvalues, kind):
    states = np.zeros((1, len(eigenvalues)))
    assert FixedPoint(states, states, np.array(eigenvalues, complex), 0.0, 1).kind == kind


def test_of_the_logistic_map():
    logistic = maps.map_of_system(system("logistic"))
    zero, other = sorted(one.observed[0, 0] for one in fixed_points(logistic))
    assert (zero, other) == (pytest.approx(0, abs=1e-9), pytest.approx(0.75, abs=1e-9))
    (two,) = fixed_points(logistic, 2)
    np.testing.assert_allclose(
        sorted(two.observed.ravel()), [(5 - np.sqrt(5)) / 8, (5 + np.sqrt(5)) / 8], atol=1e-8
    )
    assert two.eigenvalues[0] == pytest.approx(-4) and two.period == 2
    assert len(fixed_points(logistic, 3)) == 2
    for cycle in fixed_points(logistic, 3):
        assert abs(cycle.eigenvalues[0]) == pytest.approx(8)  # 2 to the period


def test_a_stable_cycle_holds():
    (cycle,) = fixed_points(maps.map_of_system(system("logistic", r=3.2)), 2)
    assert cycle.stable and cycle.starts > 10
    assert "cycle of 2 steps" in cycle.describe() and ": stable" in cycle.describe()


def test_of_a_contraction_there_is_one():
    cell = RNN(1, 20, dtype="float64", key=0)
    small = eqx.tree_at(lambda c: c.W, cell, 0.5 * cell.W / np.linalg.norm(cell.W, 2))
    (found,) = fixed_points(maps.map_of_cell(small))
    assert found.stable and found.starts == 64
    h = jnp.asarray(found.states[0])
    np.testing.assert_allclose(small.step(small.b[None], h[None])[0], h, atol=1e-9)
    slopes = np.diag(1 - np.asarray(h) ** 2) @ np.asarray(small.W)
    assert abs(found.eigenvalues[0]) == pytest.approx(max(abs(np.linalg.eigvals(slopes))))


def test_bad_arguments_are_refused():
    with refuses("`period`"):
        fixed_points(maps.map_of_system(system("logistic")), 0)
    with refuses("stay finite"):
        fixed_points(maps.Map(lambda n, s: s + jnp.inf, jnp.ones(1), lambda s: s))
