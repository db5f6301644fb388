"""The lecture's own programs: the networks, the data and the errors that it shows."""

import math
from importlib import import_module

import jax.numpy as jnp
import matplotlib.image
import numpy as np
import pytest
from conftest import refuses

from throughtime.dynamics.surrogate import Surrogate
from throughtime.lecture import feed_forward, gates, programs, strokes
from throughtime.lecture.noisy_sine import noisy_sine
from throughtime.lecture.oscillator import oscillator

EPOCHS = 100
SINE, NOISY_SINE = "throughtime.lecture.sine", "throughtime.lecture.noisy_sine"


class Run:
    """A program that was run, and what it trained on."""

    def __init__(self, name, module, folder):
        self.trained, self.shown = {}, []
        with pytest.MonkeyPatch.context() as patch:
            original = import_module(module).train

            def train(network, data, *arguments, **options):
                self.trained = {"network": network, "data": data, **options}
                return original(network, data, *arguments, **options)

            patch.setattr(f"{module}.train", train)
            self.program = programs.program(name)
            self.result = self.program.run(folder, 0, lambda rows: self.shown.append(len(rows)))


@pytest.fixture(scope="module")
def sine(tmp_path_factory, quick_compile):
    return Run("sine", SINE, tmp_path_factory.mktemp("sine"))


@pytest.fixture(scope="module")
def noisy(tmp_path_factory, quick_compile):
    return Run("noisy-sine", NOISY_SINE, tmp_path_factory.mktemp("noisy") / "new" / "folder")


def test_the_sine_is_learned(sine):
    figures = sine.result.figures
    assert 0 < figures["training MSE, last epoch"] < 1e-3
    assert 0 < figures["validation MSE, last epoch"] < 1e-3
    truth = np.sin(np.linspace(0, 4 * np.pi, 1000))[800:]
    # Better than to forecast zero. No less: the lecture's network drifts when left alone.
    assert 0 < figures["closed-loop RMSE over 200 steps"] < np.sqrt(np.mean(truth**2))
    assert 0 < figures["seconds of training"] < 300


def test_the_noisy_sine_is_learned_as_far_as_noise_allows(noisy):
    figures = noisy.result.figures
    least = figures["variance of the noise, the least MSE"]
    assert math.isclose(least, 1 / 3)
    assert 0.8 * least < figures["test MSE"] < 0.6
    assert 0.8 * least < figures["training MSE"] < 0.6


def test_the_networks_have_the_sizes_of_the_lecture(sine, noisy):
    assert "4,289" in sine.result.summary
    assert "1,457" in noisy.result.summary


def test_every_epoch_is_shown(sine, noisy):
    for ran in (sine, noisy):
        assert ran.program.epochs == EPOCHS
        assert ran.shown == list(range(1, EPOCHS + 1))


def test_the_sine_s_data(sine):
    """1,000 points over two periods; windows of 20 steps, the value after each."""
    wave = np.sin(np.linspace(0, 4 * np.pi, 1000))
    for data, part in (
        (sine.trained["data"], wave[:800]),
        (sine.trained["validation"], wave[800:]),
    ):
        batch = data.batch(jnp.arange(len(part) - 20))
        assert batch.inputs.shape == (len(part) - 20, 20, 1)
        windows = np.lib.stride_tricks.sliding_window_view(part, 20)[:-1]
        np.testing.assert_allclose(batch.inputs[:, :, 0], windows, atol=1e-6)
        np.testing.assert_allclose(np.ravel(batch.targets), part[20:], atol=1e-6)


def test_the_noisy_sine_s_data(noisy):
    """Four values at once, as features of one step, and the value after."""
    data = noisy.trained["data"]
    assert data.inputs.shape == (800, 1, 4) and data.targets.shape == (800, 1)
    assert data.inputs.dtype == np.float32
    inputs, targets = np.asarray(data.inputs)[:, 0], np.asarray(data.targets)[:, 0]
    np.testing.assert_array_equal(inputs[1:, :3], inputs[:-1, 1:])
    np.testing.assert_array_equal(inputs[1:, 3], targets[:-1])
    values = np.concatenate([inputs[0], targets])[:800]
    noise = values - np.sin(0.02 * np.arange(800))
    assert 0 <= noise.min() < 0.02 and 1.98 < noise.max() < 2
    assert abs(noise.var() - 1 / 3) < 0.03
    np.testing.assert_array_equal(targets[-4:], values[-1])  # the last value is repeated


def test_the_noisy_sine_s_training(noisy):
    assert noisy.trained["method"] == "rmsprop"
    assert noisy.trained["batch_size"] == 16 and noisy.trained["epochs"] == EPOCHS


def test_a_seed_gives_one_noise(tmp_path, monkeypatch):
    data = []

    def train(network, training, *_, **__):
        data.append(np.asarray(training.targets))
        raise InterruptedError

    monkeypatch.setattr(f"{NOISY_SINE}.train", train)
    for seed in (0, 0, 1):
        with pytest.raises(InterruptedError):
            noisy_sine(tmp_path, seed)
    np.testing.assert_array_equal(data[0], data[1])
    assert (data[0] != data[2]).any()


def test_the_pictures_are_drawn(sine, noisy):
    for ran in (sine, noisy):
        names = [path.name for path in ran.result.pictures]
        assert names == ["prediction.png", "losses.png"]
        for path in ran.result.pictures:
            assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
            image = matplotlib.image.imread(path)
            height, width = image.shape[:2]
            assert height >= 200 and width >= 400
            ink = (np.abs(image[..., :3] - image[0, 0, :3]) > 0.1).any(axis=2)
            assert 0.005 < ink.mean() < 0.5
            # Curves reach over most of the picture.
            assert ink.any(axis=0).mean() > 0.7 and ink.any(axis=1).mean() > 0.6


@pytest.fixture(scope="module")
def newton(tmp_path_factory, quick_compile):
    """The lecture's equation, its surrogate trained for a few epochs on a few trajectories."""
    few = {"trajectories": 20, "steps": 40, "epochs": 5, "hidden": 8}
    options_used, shown = {}, []

    class Small(Surrogate):
        def __init__(self, *arguments, **options):
            options_used.update(options)
            super().__init__(*arguments, **options, **few)

        def evaluate(self, *_):
            return super().evaluate(5, 130)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("throughtime.dynamics.surrogate.Surrogate", Small)
        folder = tmp_path_factory.mktemp("newton") / "new"
        result = oscillator(folder, 0, lambda rows: shown.append(len(rows)))
    assert shown == [1, 2, 3, 4, 5] and options_used["dt"] == 0.5
    return result


def test_eulers_scheme_is_a_linear_cell(newton):
    figures = newton.figures
    assert figures["Euler's velocity less the linear cell's, largest"] < 1e-13
    W = figures["W of Euler's scheme, 1 - eta dt"]
    assert math.isclose(W, 1 - 0.2 * 0.05)
    assert abs(figures["W learned from Euler's steps"] - W) < 1e-6


def test_the_oscillators_figures_and_pictures(newton):
    figures = newton.figures
    median, worst = (
        figures[f"network, steps of 0.5: {name} NRMSE"] for name in ("median", "worst")
    )
    assert 0 < median <= worst
    # |1 + h lambda|^2 = 1 - eta h + h^2 is above 1: Euler's scheme with long steps grows
    assert figures["Euler, steps of 0.5: median NRMSE"] > 1
    names = [path.name for path in newton.pictures]
    assert names == ["prediction.png", "portrait.png", "losses.png"]
    for path in newton.pictures:
        image = matplotlib.image.imread(path)
        ink = (np.abs(image[..., :3] - image[0, 0, :3]) > 0.1).any(axis=2)
        assert min(image.shape[:2]) >= 200 and 0.005 < ink.mean() < 0.5


def test_the_epochs_that_are_listed_are_those_that_are_run():
    """Listed without the programs' own modules, which are imported when they run."""
    of_modules = {"feed-forward": feed_forward, "gates": gates, "strokes": strokes}
    for name, module in of_modules.items():
        assert programs.program(name).epochs == module.EPOCHS
    assert programs.program("oscillator").epochs == Surrogate("x").epochs


def test_an_unknown_example():
    with refuses(
        "an example must be a known one; got sinus. Did you mean `sine`? "
        "Known: behaviours, by-hand, feed-forward, gates, noisy-sine, "
        "oscillator, sine, small-programs, strokes."
    ):
        programs.program("sinus")
