"""The lecture's small networks that are trained: gates, signs of a pen, a feed-forward one."""

import jax.numpy as jnp
import matplotlib.image
import numpy as np
import pytest

from throughtime.lecture import feed_forward, gates, strokes
from throughtime.recurrence.cells import GRU, LSTM
from throughtime.recurrence.unroll import unroll


def is_drawn(result, names):
    assert [path.name for path in result.pictures] == names
    for path in result.pictures:
        image = matplotlib.image.imread(path)
        ink = (np.abs(image[..., :3] - image[0, 0, :3]) > 0.1).any(axis=2)
        assert min(image.shape[:2]) >= 200 and 0.005 < ink.mean() < 0.7


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_the_gates_are_those_of_the_cell(kind):
    cell = kind(3, 5, key=0)
    xs = np.random.default_rng(0).normal(size=(12, 3))
    found = gates.gates(cell, xs)
    states, last = unroll(cell, jnp.asarray(xs, jnp.float32)[None])
    if kind is LSTM:
        np.testing.assert_allclose(found["memory"][-1], last.c[0], atol=1e-6)
        h = found["read"] * np.tanh(found["memory"])
        np.testing.assert_allclose(h, cell.hidden(states)[0], atol=1e-6)
    else:
        np.testing.assert_allclose(found["memory"], states[0], atol=1e-6)
    assert all(((g > 0) & (g < 1)).all() for name, g in found.items() if name != "memory")


def test_what_is_to_be_kept():
    xs, targets = gates.latch(50, np.random.default_rng(0))
    for x, target in zip(xs, targets[..., 0], strict=True):
        kept = None
        for (value, write, read), right in zip(x, target, strict=True):
            kept = value if write else kept
            assert right == (kept if read else 0)
    assert not (xs[..., 1] * xs[..., 2]).any() and xs[:, 0, 1].all()


def test_keep_gates_are_open_where_to_keep_and_closed_where_to_write(tmp_path):
    shown = []
    result = gates.gates_over_time(tmp_path, 0, lambda rows: shown.append(len(rows)))
    for kind in ("lstm", "gru"):
        error, without, keep, write = (
            result.figures[f"{kind}: {name}"]
            for name in (
                "RMSE where it is asked",
                "RMSE of 0, without a memory",
                "keep gate, mean where to keep",
                "keep gate, mean where to write",
            )
        )
        assert error < 0.2 * without
        assert keep - write > 0.4
    assert abs(without - np.sqrt(1 / 3)) < 0.05  # of what is uniform in [-1, 1]
    assert shown == 2 * list(range(1, gates.EPOCHS + 1))
    is_drawn(result, ["gates.png"])


def test_drawings_are_padded_and_named():
    xs, signs, lengths = strokes.drawn(30, np.random.default_rng(0), 2)
    assert (lengths >= 2 * strokes.SHORTEST).all() and (lengths <= 2 * strokes.LONGEST).all()
    assert len(np.unique(lengths)) > 10
    for x, sign, length in zip(xs, signs, lengths, strict=True):
        assert x[:length].any(axis=1).all() and not x[length:].any()
        assert (np.diff(sign[:length]) != 0).sum() <= 1
    assert set(np.unique(signs)) == set(range(len(strokes.SIGNS)))


def test_a_circle_ends_where_it_began():
    rng = np.random.default_rng(1)
    ends = [np.linalg.norm(strokes.stroke("circle", rng).sum(axis=0)) for _ in range(20)]
    lines = [np.linalg.norm(strokes.stroke("zigzag", rng).sum(axis=0)) for _ in range(20)]
    assert max(ends) < 8 < min(lines)  # a hand shakes by 0.3 at each of up to 45 steps


def test_the_confusion_matrix_counts():
    counts = strokes.confusion(np.array([0, 0, 3]), np.array([0, 1, 3]))
    assert counts.sum() == 3 and counts[0, 0] == counts[0, 1] == counts[3, 3] == 1


def test_signs_are_learned(tmp_path, monkeypatch):
    for name, value in (("TRAINING", 300), ("TEST", 100), ("EPOCHS", 15)):
        monkeypatch.setattr(strokes, name, value)
    result = strokes.strokes(tmp_path)
    figures = result.figures
    assert figures["accuracy after the last step"] > 0.85
    assert figures["accuracy of the commonest sign"] < 0.4
    assert 0.6 < figures["accuracy at every step of three signs in a row"] < 1
    rows = [line.split()[1:] for line in result.summary.splitlines()[-len(strokes.SIGNS) :]]
    counts = np.array(rows, int)
    assert counts.sum() == 100
    assert np.trace(counts) / 100 == pytest.approx(figures["accuracy after the last step"])
    is_drawn(result, ["confusion.png", "signs.png"])


def test_a_feed_forward_network_does_not_mind_the_order(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_forward, "EPOCHS", 20)
    figures = (result := feed_forward.feed_forward(tmp_path)).figures
    assert figures["feed-forward: largest change of W"] == 0
    ordered, shuffled = (
        figures[f"feed-forward, {how}: test RMSE"] for how in ("in order", "shuffled")
    )
    assert max(ordered, shuffled) < 0.05 and 0.5 < ordered / shuffled < 2
    assert figures["recurrent, in order: test RMSE"] < 0.05
    is_drawn(result, ["losses.png"])
