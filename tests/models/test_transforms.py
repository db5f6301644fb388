"""Transforms: inverses of each other, increasing, finite, and chosen where they are due."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from throughtime.models.transforms import POWERS, Transform, choose_transform

powers = st.sampled_from(POWERS.tolist())
positive = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=40).map(np.array)
units = st.sampled_from([1e-9, 1.0, 1e9])


@given(values=positive, power=powers, unit=units)
def test_the_inverse_gives_the_values_back(values, power, unit):
    transform = Transform.fit(unit * values, power)
    z = transform.apply(unit * values)
    np.testing.assert_allclose(transform.invert(z), unit * values, rtol=1e-9, atol=1e-12 * unit)


@given(values=positive, power=powers, unit=units)
def test_the_unit_does_not_matter(values, power, unit):
    one, other = Transform.fit(values, power), Transform.fit(unit * values, power)
    z = one.apply(values)
    size = 1e-6 * (1 + np.abs(z).max() + np.abs(one.location / one.scale))
    np.testing.assert_allclose(other.apply(unit * values), z, atol=size)


@given(
    values=positive, power=powers, more=st.lists(st.floats(0, 1e5), min_size=2).map(np.array)
)
def test_it_is_increasing_and_so_is_its_inverse(values, power, more):
    transform = Transform.fit(values, power)
    for f in (transform.apply, transform.invert):
        assert (np.diff(f(np.sort(more))) >= 0).all()


@given(
    values=positive,
    power=powers,
    z=st.lists(st.floats(allow_nan=False), min_size=1).map(np.array),
)
def test_an_inverse_is_finite_and_in_range(values, power, z):
    transform = Transform.fit(values, power)
    found = transform.invert(z)
    assert np.isfinite(found).all() and np.isfinite(transform.apply(z)).all()
    assert (found >= transform.lowest).all() and (found <= transform.highest).all()
    assert power == 1 or (found >= 0).all()
    assert power > 0 or (found > 0).all()


@pytest.mark.parametrize("power", [0.0, 0.25, 0.5])
def test_it_is_the_transform_of_box_and_cox(power):
    values = np.random.default_rng(0).gamma(3, size=50)
    transform = Transform.fit(values, power)
    expected = special.boxcox(values / np.median(values), power)
    expected = (expected - expected.mean()) / expected.std()
    np.testing.assert_allclose(transform.apply(values), expected, atol=1e-12)


def test_zeros_have_a_root_and_come_back():
    values = np.array([0.0, 1.0, 4.0, 9.0])
    transform = Transform.fit(values, 0.5)
    np.testing.assert_allclose(transform.invert(transform.apply(values)), values, atol=1e-12)


def test_a_small_season_on_a_huge_level_keeps_its_digits():
    values = 1e9 + np.sin(np.arange(100.0))
    z = Transform.fit(values).apply(values)
    assert abs(z.std() - 1) < 1e-6 and abs(z.mean()) < 1e-6


@pytest.mark.parametrize("values", [np.zeros(0), np.zeros(5), np.full(30, 7.0), np.ones(1)])
def test_what_is_constant_or_empty_passes_unchanged(values):
    transform = choose_transform(values, ())
    assert transform.power == 1
    np.testing.assert_array_equal(transform.invert(transform.apply(values)), values)


def share(make, powers, seasons, trials=20):
    rng = np.random.default_rng(0)
    return np.mean(
        [choose_transform(make(rng), seasons).power in powers for _ in range(trials)]
    )


t = np.arange(144)
wave = np.sin(2 * np.pi * t / 12)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_growth_of_season_and_noise_asks_for_a_logarithm_or_little_more(unit):
    def grows(rng):
        return unit * np.exp(0.015 * t + 0.2 * wave + 0.05 * rng.normal(size=144))

    assert share(grows, (0, 0.25), (12,)) >= 0.9


def test_squares_ask_for_a_root():
    def squares(rng):
        return (3 + 0.05 * t + 0.5 * wave + 0.2 * rng.normal(size=144)) ** 2

    assert share(squares, (0.25, 0.5, 0.75), (12,)) >= 0.9


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: 10 + t + 5 * wave + rng.normal(size=144),
        lambda rng: 300 + np.cumsum(rng.normal(size=144)),
        lambda rng: 50 + 15 * wave + 2 * rng.normal(size=144),
        lambda rng: 1 + 10 * wave * t,  # negative values
    ],
    ids=["trend and season", "random walk", "temperatures", "negative"],
)
def test_there_is_none_where_the_spread_does_not_follow_the_level(make):
    assert share(make, (1,), (12,)) >= 0.95


def test_only_powers_that_zeros_allow_are_chosen():
    rng = np.random.default_rng(1)
    values = (rng.random(300) < 0.5) * rng.gamma(2, 5, size=300)
    assert choose_transform(values, ()).power >= 0.5
