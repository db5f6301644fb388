"""Angles that turn: found where a law is periodic, and solved for any number of turns."""

import numpy as np
import pytest

import throughtime as tt
from throughtime.dynamics.equations import equations
from throughtime.dynamics.simulate import solution
from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.trajectories import sample_trajectories
from throughtime.dynamics.turning_angles import turning_angles

SMALL = {"trajectories": 40, "steps": 100, "hidden": 120}
ROTATING = "θ'' + sin θ = 0; θ'(0) = 3"


@pytest.fixture(scope="module")
def rotating():
    return Surrogate(ROTATING, **SMALL).fit(verbose=False)


def turning(text, ranges, steps=50):
    system = equations(text)
    return turning_angles(system, sample_trajectories(system, ranges, 20, steps, 0.1)).tolist()


@pytest.mark.parametrize(
    ("text", "ranges", "expected"),
    [
        ("θ'' + sin θ = 0", {"θ'": (3, 4)}, [True, False]),
        ("θ'' + sin(2 θ) = F; F = cos t", {"θ'": (3, 4)}, [True, False]),
        ("θ'' + sin(5 θ) = 0", {"θ'": (3, 4)}, [True, False]),
        # Huge far from the training, or not finite there.
        ("θ' = v; v' = exp(20 v) - sin θ - exp(20 v)", {"v": (3, 4)}, [True, False]),
        ("θ' = v; v' = - sin θ - 0.001 θ - (v - 3)^9", {"v": (3, 4)}, [False, False]),
        ("a' = w + sin(b - a); b' = 2 w + sin(a - b); w = 4", {"w": (3, 4)}, [True, True]),
        # It stays within a turn.
        ("θ'' + sin θ = 0", {"θ'": (0, 1)}, [False, False]),
        # Other periods, or none.
        ("θ'' + sin(k θ) = 0; k = 1", {"θ'": (3, 4), "k": (1, 2)}, [False, False]),
        ("θ'' + sin θ + 0.001 θ = 0", {"θ'": (3, 4)}, [False, False]),
        ("x' = -x", {"x": (-9, 9)}, [False]),
        (
            "x' = 10 (y - x); y' = x (28 - z) - y; z' = x y - 8/3 z; x(0) = 1",
            {"x": (-9, 9)},
            [False, False, False],
        ),
        # The law does not read it.
        ("x' = v; v' = -v", {"x": (-9, 9), "v": (0, 1)}, [False, False]),
    ],
)
def test_an_angle_is_what_the_law_is_periodic_in(text, ranges, expected):
    assert turning(text, ranges) == expected


def test_a_pendulum_that_rotates_is_solved(rotating):
    system = rotating.system_
    assert rotating.architecture_.angles == (rotating.scaler_.std[0], 0.0)
    start = np.array([[0.0, 3.0], [1.0, 2.5]])
    truth = solution(system, 1000, dt=rotating.dt_, start=start).states
    found = rotating.solve(start, 1000)
    assert truth[0, -1, 0] > 30 * 2 * np.pi
    assert np.abs(found - truth).max() < 1e-3


def test_its_law_is_the_same_a_turn_further(rotating):
    there = rotating.solve([100 * 2 * np.pi, 3.0], 100)
    np.testing.assert_allclose(
        there - [100 * 2 * np.pi, 0], rotating.solve([0, 3.0], 100), atol=1e-6
    )


def test_it_is_saved_with_its_angles(rotating, tmp_path):
    tt.save_surrogate(rotating, tmp_path / "run")
    read = tt.load_surrogate(tmp_path / "run")
    assert read.architecture_ == rotating.architecture_
    own = rotating.solve([0.0, 3.0], 200)
    np.testing.assert_array_equal(read.solve([0.0, 3.0], 200), own)
