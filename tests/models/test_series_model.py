"""The models of one series: nothing from the future, no level, no unit, short series too."""

from dataclasses import dataclass

import numpy as np
import pytest

from throughtime.models.model_kinds import Transformed
from throughtime.models.series_model import SeriesModel
from throughtime.models.traits import Recipe, read_traits
from throughtime.models.transforms import Transform


def monthly(n=96, seed=0, growing=False):
    t = np.arange(n)
    noise = np.random.default_rng(seed).normal(size=n)
    y = 10 + 0.05 * t + 3 * np.sin(2 * np.pi * t / 12) + 0.3 * noise
    return np.exp(y / 5) if growing else y


@dataclass(frozen=True)
class LastSeason:
    """Repeats the last twelve values."""

    name: str = "last season"

    def forecast(self, values, origins, steps):
        return values[origins[:, None] - 12 + np.arange(steps) % 12]


def test_a_model_behind_a_transform_sees_and_returns_the_right_values():
    y = monthly(growing=True)
    transform = Transform.fit(y, 0.0)
    model = Transformed(LastSeason(), transform, "last season")
    found = model.forecast(y, np.array([90]), 12)
    np.testing.assert_allclose(found[0], y[78:90])


def test_a_growing_season_is_seen_through_a_transform_too():
    model = SeriesModel.fit(monthly(growing=True), 12)
    assert model.traits.seasons == (12,) and model.traits.transform.power < 1
    seen = [isinstance(one, Transformed) for one in model.combination.components]
    assert sum(seen) == len(seen) / 2


def test_a_forecast_has_no_part_of_the_future():
    y = monthly()
    changed = np.concatenate([y[:80], 100 * y[80:]])
    models = [SeriesModel.fit(v[:80], 6) for v in (y, changed)]
    one, two = (
        m.forecast(v, np.array([80]), 6) for m, v in zip(models, (y, changed), strict=True)
    )
    np.testing.assert_array_equal(one, two)
    carried = models[0].forecast(changed, np.array([60, 80]), 6)
    np.testing.assert_allclose(carried[1], one[0])


@pytest.mark.parametrize(("factor", "level"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e6)])
def test_level_and_unit_change_nothing(factor, level):
    y = monthly()
    recipe = Recipe(transform="none")
    plain = SeriesModel.fit(y, 6, recipe).forecast(y, np.array([96]), 6)
    moved = factor * y + level
    found = SeriesModel.fit(moved, 6, recipe).forecast(moved, np.array([96]), 6)
    np.testing.assert_allclose(found, factor * plain + level, atol=0.05 * factor * np.std(y))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13])
def test_a_short_series_is_forecast_with_what_it_allows(n):
    y = monthly(n)
    model = SeriesModel.fit(y, 6)
    found = model.forecast(y, np.array([n]), 6)
    lower, upper = model.intervals(y, np.array([n]), found, [0.9]).at(0.9)
    assert np.isfinite([found, lower, upper]).all() and (lower <= found).all()
    assert np.abs(found - y.mean()).max() < 10 * (np.ptp(y) + 1)


def test_a_constant_series_stays_where_it_is():
    y = np.full(60, 7.0)
    found = SeriesModel.fit(y, 5).forecast(y, np.array([60]), 5)
    np.testing.assert_allclose(found, 7, atol=1e-3)


def test_one_value_that_is_plainly_wrong_does_not_carry_the_forecast():
    y = monthly()
    wrong = y.copy()
    wrong[90] = 1000 * y[90]
    model, clean = SeriesModel.fit(wrong, 6), SeriesModel.fit(y, 6)
    assert list(model.traits.wrong) == [90]
    found = model.forecast(model.known(wrong), np.array([96]), 6)
    np.testing.assert_allclose(found, clean.forecast(y, np.array([96]), 6), atol=1)
    longer = np.append(wrong, [1.0, 2.0])
    np.testing.assert_array_equal(model.known(longer)[-2:], [1, 2])
    np.testing.assert_array_equal(model.known(-wrong), -wrong)  # another series


def test_what_is_asked_for_is_not_chosen():
    y = monthly(growing=True)
    traits, _ = read_traits(y, None, Recipe(season=(7, 1), transform="log"))
    assert traits.seasons == (7,) and traits.transform.power == 0
    traits, _ = read_traits(y, None, Recipe(season=(1,), transform="none"))
    assert traits.seasons == () and traits.transform.power == 1


@pytest.mark.parametrize(
    ("recipe", "groups"),
    [(Recipe(prior=False), {"core"}), (Recipe(core=False), {"prior"})],
)
def test_each_part_can_be_left_out(recipe, groups):
    y = monthly()
    model = SeriesModel.fit(y, 6, recipe)
    assert set(model.combination.groups) == groups
    assert (model.prior is None) == ("prior" not in groups)
    assert np.isfinite(model.forecast(y, np.array([96]), 6)).all()


def test_a_code_for_missing_does_not_hide_the_season():
    rng = np.random.default_rng(0)
    y = 20 + 8 * np.sin(2 * np.pi * np.arange(120) / 12) + rng.normal(size=120)
    clean, _ = read_traits(y, None, Recipe())
    holed = y.copy()
    holed[[17, 55, 90]] = -999
    traits, values = read_traits(holed, None, Recipe())
    assert traits.seasons == clean.seasons == (12,)
    assert traits.wrong.tolist() == [17, 55, 90]
    np.testing.assert_allclose(values, y, atol=5)
    assert read_traits(holed, None, Recipe(season=(1,)))[0].seasons == ()
