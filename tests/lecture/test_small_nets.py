"""The lecture's nets that need no training: programs by hand, three behaviours, three steps."""

import json

import jax
import jax.numpy as jnp
import matplotlib.image
import numpy as np
import pytest

from throughtime.dynamics.behaviour import CHAOTIC, OSCILLATES, SETTLES, behaviour
from throughtime.dynamics.maps import map_of_cell
from throughtime.lecture import by_hand, small_programs
from throughtime.lecture.behaviours import GAINS, net
from throughtime.lecture.small_programs import PROBLEMS, every_sequence, wrong


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_net_by_hand_is_right_on_every_short_sequence(name):
    build, symbols, _ = PROBLEMS[name]
    for length in range(1, 13 if len(symbols) == 2 else 7):
        xs = every_sequence(symbols, length)
        assert len(xs) == len(symbols) ** length
        assert wrong(name, build(), xs) == 0


def test_a_net_with_another_weight_is_wrong():
    """The check can fail: a net of one problem does not solve another."""
    build, symbols, _ = PROBLEMS["parity"]
    xs = every_sequence(symbols, 6)
    assert wrong("brackets", build(), 2 * xs - 1) > 0
    assert wrong("parity", PROBLEMS["brackets"][0](), xs) > 0


def test_the_right_answers():
    bits = np.array([[[1], [0], [1], [1]]])
    np.testing.assert_array_equal(PROBLEMS["parity"][2](bits), [[1, 1, 0, 1]])
    pair = np.array([[[1, 1], [1, 0], [0, 1]]])  # 3 + 5
    np.testing.assert_array_equal(PROBLEMS["addition"][2](pair), [[0, 0, 0]])
    signs = np.array([[[1], [-1], [-1], [1]]])
    np.testing.assert_array_equal(PROBLEMS["brackets"][2](signs), [[True, False, True, True]])


def test_three_gains_settle_oscillate_and_are_chaotic(float64):
    kinds = [behaviour(map_of_cell(net(gain), seed=0)) for gain in GAINS]
    assert [one.kind for one in kinds] == [SETTLES, OSCILLATES, CHAOTIC]
    assert kinds[0].spectrum.exponents[0] < -0.1 < 0.1 < kinds[2].spectrum.exponents[0]
    # at rest the slopes are 1: the exponent is the logarithm of the spectral radius
    radius = np.abs(np.linalg.eigvals(np.asarray(net(GAINS[0]).W))).max()
    assert abs(kinds[0].spectrum.exponents[0] - np.log(radius)) < 0.01


def test_the_three_nets_differ_in_the_gain_alone(float64):
    for gain in GAINS:
        np.testing.assert_allclose(net(gain).W, gain * np.asarray(net(1.0).W), rtol=1e-14)


def test_three_steps_by_hand(float64):
    """Against JAX, by a loop of the lecture's equations."""
    w = by_hand.WEIGHTS

    def loss(w, push):
        h, total = 0.0, 0.0
        for x, target, extra in zip(by_hand.INPUTS, by_hand.TARGETS, push, strict=True):
            h = jnp.tanh(w["U"] * x + w["W"] * h + w["b"] + extra)
            total += (w["V"] * h + w["c"] - target) ** 2 / 2
        return total

    forward, backward = by_hand.trace()
    weights, sums = jax.grad(loss, (0, 1))(w, jnp.zeros(3))
    for letter, gradient in weights.items():
        np.testing.assert_allclose(getattr(backward, letter).item(), gradient, atol=1e-12)
    np.testing.assert_allclose(backward.a[0, :, 0], sums, atol=1e-12)
    assert forward.a[0, 0, 0] == w["U"] * by_hand.INPUTS[0]
    text = by_hand.table(forward, backward).splitlines()
    assert [line.split()[0] for line in text[2:]] == ["1", "2", "3"]
    assert float(text[4].split()[-1]) == round(float(sums[2]), 4)


@pytest.mark.parametrize("program", [by_hand.by_hand, small_programs.small_programs])
def test_they_are_drawn(program, tmp_path):
    result = program(tmp_path / "new")
    json.dumps(result.figures)
    for path in result.pictures:
        image = matplotlib.image.imread(path)
        ink = (np.abs(image[..., :3] - image[0, 0, :3]) > 0.1).any(axis=2)
        assert min(image.shape[:2]) >= 200 and 0.005 < ink.mean() < 0.7
