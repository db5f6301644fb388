"""Sequence estimators and the forecaster inside scikit-learn."""

import numpy as np
import pytest
from conftest import refuses
from joblib import parallel_config
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import r2_score
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import throughtime as tt
from throughtime.interop.sequence_arrays import padded_sequences

pytestmark = pytest.mark.usefixtures("quick_compile")
QUICK = {"hidden": 6, "epochs": 60, "rate": 0.03, "batch_size": 16}
ALONE = {"core": None, "prior": None, "hidden": 4, "ensemble": 1, "epochs": 2, "window": 8}


def sequences(n=60, seed=0):
    """Sequences of 2 to 6 steps, and their sums: what a linear recurrence can tell."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=int(rng.integers(2, 7))) for _ in range(n)]
    return X, np.array([one.sum() for one in X])


@pytest.fixture(scope="module")
def regressor():
    return tt.SequenceRegressor(**QUICK).fit(*sequences())


@pytest.fixture(scope="module")
def classifier():
    X, sums = sequences()
    return tt.SequenceClassifier(**QUICK).fit(X, np.where(sums > 0, "up", "down"))


def test_a_regressor_learns_sums(regressor):
    X, sums = sequences(seed=1)
    assert regressor.score(X, sums) > 0.8
    assert regressor.score(X, sums) == pytest.approx(r2_score(sums, regressor.predict(X)))
    assert regressor.predict(X).shape == sums.shape and regressor.n_features_in_ == 1


def test_a_classifier_learns_signs(classifier):
    X, sums = sequences(seed=1)
    wanted = np.where(sums > 0, "up", "down")
    assert classifier.classes_.tolist() == ["down", "up"]
    assert classifier.score(X, wanted) > 0.8
    probabilities = classifier.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (classifier.classes_[probabilities.argmax(axis=1)] == classifier.predict(X)).all()


def test_padding_and_the_company_of_others_change_nothing(regressor):
    X, _ = sequences(n=5, seed=2)
    together = regressor.predict(X)
    alone = np.concatenate([regressor.predict([one]) for one in X])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_several_numbers_are_told_at_once():
    X, sums = sequences()
    y = np.column_stack([sums, -2 * sums])
    found = tt.SequenceRegressor(**QUICK | {"epochs": 1}).fit(X, y).predict(X[:3])
    assert found.shape == (3, 2)


def test_a_table_is_sequences_of_one_feature():
    table = np.arange(12.0).reshape(3, 4)
    read = padded_sequences(table)
    assert read.values.shape == (3, 4, 1) and read.columns == 4
    np.testing.assert_array_equal(read.values, padded_sequences([*table]).values)
    assert padded_sequences(table[:, :, None]).columns == 1


def test_they_are_cloned_and_told_apart(regressor, classifier):
    copy = clone(regressor)
    assert copy.get_params() == regressor.get_params() and not hasattr(copy, "network_")
    assert not hasattr(tt.Forecaster(), "n_features_in_")
    assert is_regressor(regressor) and is_classifier(classifier)
    assert "SequenceClassifier" in classifier._repr_html_()
    with refuses("must be fitted before it predicts"):
        copy.predict([[1.0]])


def test_a_pipeline_and_a_random_search_with_two_jobs():
    """In threads: processes of a process of pytest may die with it, and are waited for then."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5))
    y = X.sum(axis=1)
    pipeline = make_pipeline(StandardScaler(), tt.SequenceRegressor(**QUICK | {"epochs": 3}))
    search = RandomizedSearchCV(
        pipeline, {"sequenceregressor__hidden": [3, 5]}, n_iter=2, cv=2, n_jobs=2,
        random_state=0, error_score="raise",
    )  # fmt: skip
    with parallel_config(backend="threading"):
        search.fit(X, y)
    assert search.best_params_["sequenceregressor__hidden"] in (3, 5)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X).shape == y.shape


def wave(n=90):
    return np.sin(np.arange(n) / 3) + 0.01 * np.random.default_rng(0).normal(size=n)


def test_a_grid_search_chooses_a_forecaster_by_what_came_after():
    search = GridSearchCV(
        tt.Forecaster(**ALONE), {"hidden": [2, 4]}, cv=TimeSeriesSplit(2), error_score="raise"
    ).fit(wave())
    assert search.best_params_["hidden"] in (2, 4)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.predict(3).mean.shape == (3, 1)
    assert "Forecaster" in estimator_html_repr(search)


def test_the_score_of_a_forecaster_is_r_squared_of_the_steps_after_its_series():
    y = wave()
    model = tt.Forecaster(**ALONE).fit(y[:70])
    wanted = r2_score(y[70:], model.predict(20).mean[:, 0])
    assert model.score(y[70:]) == pytest.approx(wanted) and model.n_features_in_ == 1
    assert not hasattr(tt.Forecaster(), "n_features_in_")
    pipeline = make_pipeline(StandardScaler(), tt.Forecaster(**ALONE)).fit(y[:70, None])
    assert np.isfinite(pipeline.score(y[70:, None]))
    scores = cross_val_score(tt.Forecaster(**ALONE), y, cv=TimeSeriesSplit(2))
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([[1.0, 2.0], [3.0]], [1.0], "a row for each of the 2 sequences"),
        ([[1.0], []], [1.0, 2.0], "must have a step or more"),
        (np.zeros((2, 2, 2, 2)), [1.0, 2.0], "must have a step or more"),
        ([np.zeros((3, 2)), np.zeros((3, 1))], [1.0, 2.0], "must have 1 feature; got 1, 2"),
        ([[1.0], [np.nan]], [1.0, 2.0], "must hold finite numbers"),
        ([["a"], ["b"]], [1.0, 2.0], "must be arrays of numbers"),
        ([[1.0], [2.0]], [1.0, np.nan], "targets of sequences must be finite"),
        (None, [1.0], "must be arrays of numbers"),
    ],
)
def test_what_is_no_sequences_is_refused(X, y, message):
    with refuses(message):
        tt.SequenceRegressor(epochs=1).fit(X, y)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("estimator", "settings", "y", "message"),
    [
        ("Regressor", {}, ["a"] * 20, "of a regressor must be numbers; got `a`"),
        ("Regressor", {}, [[1.0], [1.0, 2.0]] * 10, "`y` must be an array"),
        ("Classifier", {}, [None] * 20, "each sequence must have a target"),
        ("Classifier", {}, np.array([1, "a"] * 10, object), "must be of one kind"),
        ("Regressor", {"validation": "a"}, np.ones(20), "`validation` must be at least 0"),
        ("Regressor", {"random_state": "a"}, np.ones(20), "`random_state` must be"),
        ("Regressor", {"random_state": -1}, np.ones(20), "`random_state` must be"),
    ],
)
def test_wrong_targets_and_settings_are_told(estimator, settings, y, message):
    model = getattr(tt, f"Sequence{estimator}")(**settings)
    with refuses(message):
        model.fit(np.ones((20, 5, 1)), y)


def test_a_random_state_is_drawn_from_as_everywhere():
    X, y = np.random.default_rng(0).normal(size=(20, 5, 1)), np.arange(20.0)
    made = [
        tt.SequenceRegressor(hidden=2, epochs=1, random_state=state).fit(X, y).predict(X)
        for state in (np.random.RandomState(3), np.random.RandomState(3), None, None)
    ]
    np.testing.assert_array_equal(made[0], made[1])
    assert (made[2] != made[3]).any()


def test_one_class_a_wrong_share_and_targets_beside_a_series_are_refused():
    with refuses("two classes or more; got 1 class"):
        tt.SequenceClassifier(epochs=1).fit([[1.0], [2.0]], ["a", "a"])
    with refuses("`validation` must be at least 0 and below 1"):
        tt.SequenceClassifier(epochs=1, validation=1.0).fit([[1.0], [2.0]], ["a", "b"])
    with refuses("takes no `y`"):
        tt.Forecaster(**ALONE).fit(wave()[:, None], wave())
