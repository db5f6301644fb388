"""A saved forecaster keeps what it fitted, and forecasts the same digits with it."""

import re
from pathlib import Path

import numpy as np
import pytest
from forged_arrays import forgeries
from safetensors.numpy import save
from tampering import rewrite

from throughtime.data.series import Series
from throughtime.errors import InputError
from throughtime.forecasting import conformal, kept_models
from throughtime.forecasting.forecaster import Forecaster
from throughtime.models.series_model import JudgedModels
from throughtime.runs.run_folder import MODELS
from throughtime.stamps.time_axis import Times
from throughtime.training.checkpoint import load_tensors, metadata_of

TINY = {"hidden": 4, "ensemble": 2, "epochs": 2, "window": 12}


def series(kind: str) -> Series:
    """100 steps with a season; with an input, or many zeros, if asked."""
    rng, t = np.random.default_rng(3), np.arange(100)
    y = 50 + 0.1 * t + 9 * np.sin(2 * np.pi * t / 12) + rng.normal(size=100)
    inputs, names = np.zeros((100, 0)), ()
    if kind == "input":
        inputs, names = rng.normal(size=(100, 1)), ("u",)
    if kind == "intermittent":
        y = np.where(rng.random(100) < 0.3, rng.poisson(4, 100), 0).astype(float)
    if kind == "log":
        y = np.exp(y / 20)
    return Series(y[:, None], ("y",), inputs, names, Times.count(100))


@pytest.fixture
def no_fits(monkeypatch):
    """Fail when models are fitted or calibrated."""

    def refuse(*arguments, **more):
        raise AssertionError("something was fitted again")

    def on():
        monkeypatch.setattr(JudgedModels, "of", refuse)
        monkeypatch.setattr(conformal, "validation_residuals", refuse)
        monkeypatch.setattr("throughtime.forecasting.predict.validation_residuals", refuse)

    return on


@pytest.mark.parametrize("kind", ["plain", "input", "intermittent", "log"])
@pytest.mark.parametrize("settings", [{}, {"core": None, "prior": None}])
def test_a_loaded_forecaster_fits_nothing_again(kind, settings, tmp_path, no_fits):
    model = Forecaster(**TINY, **settings).fit(series(kind))
    ahead = np.full((5, 1), 0.5) if kind == "input" else None
    before = model.predict(5, inputs=ahead)
    model.save(tmp_path / "run")
    assert (tmp_path / "run" / MODELS).is_file()
    loaded = Forecaster.load(tmp_path / "run")
    no_fits()
    after = loaded.predict(5, inputs=ahead)
    for part in ("mean", "lower", "upper"):
        np.testing.assert_array_equal(getattr(after, part), getattr(before, part))
    np.testing.assert_array_equal(after.sample(3), before.sample(3))


def test_a_forecaster_that_never_forecast_keeps_no_models(tmp_path):
    Forecaster(**TINY).fit(series("plain")).save(tmp_path / "run")
    assert not (tmp_path / "run" / MODELS).exists()


def test_models_are_read_by_the_version_that_fitted_them_alone(tmp_path, monkeypatch):
    """Also when it was not the version that trained the networks and wrote the run first."""
    model = Forecaster(**TINY).fit(series("plain"))
    mean = model.predict(5).mean
    model.save(tmp_path / "run")
    with monkeypatch.context() as later:
        later.setattr(kept_models, "package_versions", lambda: {"numpy": "0"})
        loaded = Forecaster.load(tmp_path / "run")
        assert not loaded.models_
        np.testing.assert_allclose(loaded.predict(5).mean, mean, rtol=1e-6)
        loaded.save(tmp_path / "again")
        again = Forecaster.load(tmp_path / "again")
        assert again.models_ and again.record().versions == model.record().versions
    assert not Forecaster.load(tmp_path / "again").models_
    assert Forecaster.load(tmp_path / "run").models_


TREES = [
    "[1, 2]",
    "{}}",
    '{"models": [[1]]}',
    '{"models": [[{"class": "Popen"}, 1]]}',
    '{"models": [[{"class": "Smoothing", "args": ["ls"]}, 1]]}',
    '{"models": [[{"array": "9"}, 1]]}',
    '{"models": [[{"array": "0"}, 1]]}',  # an array is no key
    '{"models": [[{"array": [1]}, 1]]}',
]


@pytest.mark.parametrize("tree", TREES)
def test_a_file_of_something_else_is_damaged(tree, tmp_path):
    content = save({"0": np.zeros(2)}, {"kept": tree, "versions": kept_models.stamp()})
    with pytest.raises(InputError, match="models"):
        kept_models.from_file(tmp_path / MODELS, content)
    with pytest.raises(InputError, match="safetensors"):
        kept_models.from_file(tmp_path / MODELS, b"\x00" * 30)


@pytest.mark.filterwarnings("error")
def test_models_of_other_sizes_are_refused_even_with_right_digests(tmp_path):
    """Or the forecast is made all the same."""
    model, folder = Forecaster(**TINY).fit(series("input")), tmp_path / "run"
    ahead = np.full((5, 1), 0.5)
    model.predict(5, inputs=ahead)
    model.save(folder)
    content = (folder / MODELS).read_bytes()
    refused = 0
    for what, forged in forgeries(content, 30):
        rewrite(folder, lambda _: None, models=forged)
        try:
            mean = Forecaster.load(folder).predict(5, inputs=ahead).mean
            assert mean.shape == (5, 1), what
        except InputError as error:
            assert "but it does not hold fitted models" in str(error), what
            refused += 1
    assert refused > 15


def test_a_class_that_is_not_listed_is_not_written():
    with pytest.raises(TypeError, match="Times"):
        kept_models.to_file({"models": {1: Times.count(3)}})


def test_numbers_come_back_to_the_last_digit():
    tree = {"a": {("x", 3): (0.1 + 0.2, np.float64(1e-300), -np.inf, None, True, (1, (2,)))}}
    assert kept_models.from_file(Path(MODELS), kept_models.to_file(tree)) == tree


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [1e300, np.inf, np.nan])
def test_values_that_no_series_has_are_refused(value, tmp_path):
    model = Forecaster(**TINY).fit(series("input"))
    model.predict(5, inputs=np.full((5, 1), 0.5))
    model.save(tmp_path)
    content = (tmp_path / MODELS).read_bytes()
    tensors, metadata = load_tensors(tmp_path / MODELS, content), metadata_of(content)
    name = re.search(r'"class": "SeriesModel".*?"values": {"array": "(\d+)"}', metadata["kept"])
    assert name
    tensors[name[1]] = np.where(np.arange(len(tensors[name[1]])) == 3, value, tensors[name[1]])
    with pytest.raises(InputError, match="it does not hold fitted models"):
        kept_models.from_file(tmp_path / MODELS, save(tensors, metadata))
