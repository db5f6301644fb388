"""The page to play with: its numbers are the library's, and it can be used by everyone."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command_line import fails, succeeds
from pages import Page

from throughtime.lecture.playground import playground, write_playground
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.bptt import bptt
from throughtime.recurrence.spectral_radius import spectral_radius

UNITS, STEPS = 6, 75


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("play") / "playground.html"
    write_playground(path)
    return path


@pytest.fixture
def tab(tab):
    """The tab, left empty: a page that trains would go on beside the other tests."""
    yield tab
    tab.call("Page.navigate", url="about:blank")


def test_it_is_one_small_file_that_fetches_nothing():
    text = playground()
    page = Page(text)
    assert len(text.encode()) <= 200_000
    assert not {"link", "img", "iframe"} & set(page.tags) and page.tags.count("script") == 1
    assert "http:" not in text and "https:" not in text and "eval(" not in text
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]


@pytest.fixture
def network(float64):
    return Architecture(1, 1, cell="rnn", hidden=UNITS, dtype="float64").build(3)


def give(tab, network):
    """Put a network of the library on the page."""
    cell, (layer,) = network.cells[0], network.readout.layers
    weights = {"U": cell.U, "W": cell.W, "b": cell.b, "V": layer.V, "c": layer.c}
    plain = {name: np.asarray(value).tolist() for name, value in weights.items()}
    tab.ask(f"play.network = {json.dumps(plain)}; play.restart()")


def test_states_eigenvalues_and_gradients_are_the_librarys(tab, path, network):
    tab.open(path)
    give(tab, network)
    xs = np.sin(2 * np.pi * np.arange(STEPS + 1) / 25)[None, :, None]
    inputs, targets = xs[:, :-1], xs[:, 1:]
    ys, _ = network(jnp.asarray(inputs))
    found = tab.ask("play.closedLoop(play.network, 75, 75)")
    np.testing.assert_allclose(found, ys[0], atol=1e-6)

    cell = network.cells[0]
    by_numpy = np.linalg.eigvals(np.asarray(cell.W))
    by_page = [complex(*z) for z in tab.ask("play.eigenvalues(play.network.W)")]
    assert len(by_page) == UNITS
    for value in by_page:
        assert np.abs(by_numpy - value).min() < 1e-6
    for value in by_numpy:
        assert np.abs(by_page - value).min() < 1e-6
    assert max(map(abs, by_page)) == pytest.approx(
        float(spectral_radius(np.asarray(cell.W))), abs=1e-6
    )

    wanted = bptt(network, inputs, lambda ys: jnp.mean((ys - targets) ** 2))
    call = "play.lossAndGradient(play.network, play.inputs, play.targets)"
    found = tab.ask(call)
    assert found["loss"] == pytest.approx(wanted.loss, abs=1e-6)
    for name in "UWbVc":
        exact = np.asarray(getattr(wanted, name))
        np.testing.assert_allclose(found["gradient"][name], exact, atol=1e-6)

    last = bptt(network, inputs, lambda ys: ys[0, -1, 0]).h[0, ::-1]
    norms = np.linalg.norm(last, axis=1)
    by_lag = tab.ask("play.gradientByLag(play.network, play.inputs)")
    np.testing.assert_allclose(by_lag, norms / norms[0], rtol=1e-6, atol=1e-12)
    assert tab.faults() == []


@pytest.mark.parametrize("size", [1, 2, 6])
def test_eigenvalues_of_any_small_matrix(tab, path, size):
    tab.open(path)
    rng = np.random.default_rng(size)
    for scale in (0.01, 1.0, 3.0):
        W = scale * rng.normal(size=(size, size))
        found = np.array([complex(*z) for z in tab.ask(f"play.eigenvalues({W.tolist()})")])
        wanted = np.linalg.eigvals(W)
        for one, other in ((found, wanted), (wanted, found)):
            assert np.abs(one[:, None] - other).min(axis=1).max() < 1e-6 * scale
    assert tab.ask(f"play.eigenvalues({np.zeros((size, size)).tolist()})") == [[0, 0]] * size


def test_a_rollout_is_the_librarys(tab, path, network):
    from throughtime.recurrence.rollout import rollout

    tab.open(path)
    give(tab, network)
    found = tab.ask("play.closedLoop(play.network, 75, 100)")
    context = np.sin(2 * np.pi * np.arange(STEPS) / 25)[None, :, None]
    ahead = jax.jit(rollout, static_argnames="steps")(network, context, steps=26)
    np.testing.assert_allclose(np.ravel(found)[74:], np.ravel(ahead), atol=1e-6)


def test_keys_move_the_gain_and_training_learns_the_sine(tab, path):
    tab.open(path)
    radius = "Math.max(...play.eigenvalues(play.network.W).map(z => Math.hypot(...z)))"
    tab.ask("document.getElementById('gain').focus()")
    before = tab.ask(radius)
    assert before == pytest.approx(1.2, abs=1e-6)
    tab.ask(
        "const gain = document.getElementById('gain'); gain.value = 0.5;"
        "gain.dispatchEvent(new Event('input'))"
    )
    assert tab.ask(radius) == pytest.approx(0.5, abs=1e-6)
    text = tab.ask("document.getElementById('states-text').textContent")
    assert text == "The states have come to rest."
    assert "0 of 6" in tab.ask("document.getElementById('plane-text').textContent")
    assert "vanished" in tab.ask("document.getElementById('lags-text').textContent")
    tab.press("Tab", "Tab", "Tab")
    assert tab.ask("document.activeElement.id") == "train"
    assert tab.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.press("Enter")
    tab.ask("new Promise(done => { const wait = () => play.losses.length > 300 ? done()"
            " : setTimeout(wait, 50); wait(); })")  # fmt: skip
    tab.press("Enter")
    losses = tab.ask("play.losses")
    assert losses[-1] < 0.02 < losses[0]
    assert tab.ask("play.running") is False and tab.faults() == []


def test_a_finger_starts_the_training_on_a_narrow_page(tab, path):
    tab.open(path, 340, dark=True)
    assert tab.ask("document.documentElement.scrollWidth") <= 340
    sizes = tab.ask(
        "[...document.querySelectorAll('button, input')].map(e => e.getBoundingClientRect())"
        ".map(r => r.height)"
    )
    assert min(sizes) >= 20 and len(sizes) == 5
    tab.ask("document.getElementById('train').scrollIntoView({block: 'center'})")
    found = "document.getElementById('train').getBoundingClientRect()"
    x, y = tab.ask(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({found})")
    tab.touch("Start", (x, y))
    tab.touch("End")
    assert tab.ask("play.running") is True and tab.faults() == []


def test_the_command_writes_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert succeeds("play", "--no-browser", "--out", "a/b.html").out == "a/b.html\n"
    assert Path("a/b.html").read_text() == playground()
    Path("file").touch()
    rule = "the page must be written to a file"
    fails("play", "--no-browser", "--out", "file/b.html", rule=rule, got="file", remedy="--out")
    Path("data.csv").write_text("t,y\n1,2\n")
    rule = "only such a page is overwritten"
    fails("play", "--no-browser", "--out", "data.csv", rule=rule, got="`data.csv`, another")
    Path("a/b.html").write_text(playground() + "<!-- earlier -->")
    succeeds("play", "--no-browser", "--out", "a/b.html")
    assert Path("a/b.html").read_text() == playground()
