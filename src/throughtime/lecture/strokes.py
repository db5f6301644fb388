r"""Sequences of unequal length: which sign did a pen draw, and which is it drawing now?

A sign is a sequence of movements (dx, dy) of a pen, between 15 and 45 of them; its size, tilt,
direction and speed are random, and the hand shakes. One network says the sign after the last
movement (many to one), another at every movement of several signs in a row (many to many).
"""

from pathlib import Path

import jax
import numpy as np

from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.network import Network
from throughtime.training.batches import Sequences
from throughtime.training.methods import training_method
from throughtime.training.train import train

from .program import ProgramResult, Show, load_figures, show_nothing

SHORTEST, LONGEST, IN_A_ROW = 15, 45, 3
HIDDEN, EPOCHS, TRAINING, TEST = 24, 30, 600, 400


def _circle(s):
    return np.cos(2 * np.pi * s), np.sin(2 * np.pi * s)


def _eight(s):
    return np.sin(2 * np.pi * s), np.sin(4 * np.pi * s) / 2


def _spiral(s):
    return s * np.cos(4 * np.pi * s), s * np.sin(4 * np.pi * s)


def _zigzag(s):
    return 2 * s - 1, 2 * np.abs((4 * s) % 2 - 1) - 1


SIGNS = {"circle": _circle, "eight": _eight, "spiral": _spiral, "zigzag": _zigzag}
"""The way of the pen for each sign, for s from 0 to 1."""


def stroke(sign: str, rng: np.random.Generator) -> np.ndarray:
    """The movements of a pen that draws a sign, `(time, 2)`."""
    steps = int(rng.integers(SHORTEST, LONGEST + 1))
    speed = 1 + 0.3 * np.sin(2 * np.pi * (np.arange(steps) / steps + rng.random()))
    s = np.concatenate([[0.0], np.cumsum(speed) / speed.sum()])
    points = np.stack(SIGNS[sign](s[::-1] if rng.random() < 0.5 else s), axis=-1)
    tilt, size = rng.uniform(-0.4, 0.4), rng.uniform(0.6, 1.4, 2)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    points = size * points @ turn.T
    moves = np.diff(points, axis=0) * 10
    return (moves + 0.3 * rng.standard_normal(moves.shape)).astype(np.float32)


def drawn(
    count: int, rng: np.random.Generator, in_a_row: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Padded movements, the sign of each as a number, and the lengths.

    Returns
    -------
    xs
        `(example, time, 2)`, zeros beyond the end of an example.
    signs
        `(example, time)`, the sign at each step.
    lengths
        `(example,)`.
    """
    names = list(SIGNS)
    xs = np.zeros((count, in_a_row * LONGEST, 2), np.float32)
    signs, lengths = np.zeros(xs.shape[:2], int), np.zeros(count, np.int32)
    for example in range(count):
        for sign in rng.integers(len(names), size=in_a_row):
            moves, end = stroke(names[sign], rng), lengths[example]
            part = slice(end, end + len(moves))
            xs[example, part], signs[example, part] = moves, sign
            lengths[example] += len(moves)
    return xs, signs, lengths


def confusion(true: np.ndarray, said: np.ndarray) -> np.ndarray:
    """How often each was said (columns) for each (rows)."""
    counts = np.zeros((len(SIGNS), len(SIGNS)), int)
    np.add.at(counts, (true, said), 1)
    return counts


def strokes(folder: Path, seed: int = 0, show: Show = show_nothing) -> ProgramResult:
    """Learn the signs from 600 drawings, and judge on 400 others.

    Parameters
    ----------
    folder
        Folder of the pictures.
    seed
        Seed of the drawings and weights.
    show
        Called with the history of each training after each epoch.

    Returns
    -------
    ProgramResult
        The networks, their accuracies and the confusion matrix, and the pictures.
    """
    loading, rng = load_figures(), np.random.default_rng(seed)
    one, test = drawn(TRAINING, rng), drawn(TEST, rng)
    whole = _learn(one[0], one[1][:, 0], one[2], seed, show)
    said = _say(whole, test)
    counts = confusion(test[1][:, 0], said)
    rows, new = drawn(TRAINING, rng, IN_A_ROW), drawn(TEST, rng, IN_A_ROW)
    each = _learn(*rows, seed, show)
    now, inside = _say(each, new), np.arange(new[0].shape[1]) < new[2][:, None]
    commonest = np.bincount(test[1][:, 0]).max() / TEST
    figures = {
        "lengths of the test drawings, shortest": float(test[2].min()),
        "lengths of the test drawings, longest": float(test[2].max()),
        "accuracy after the last step": float((said == test[1][:, 0]).mean()),
        "accuracy of the commonest sign": float(commonest),
        "accuracy at every step of three signs in a row": float((now == new[1])[inside].mean()),
    }
    lines = [whole.summary(), f"{'true':>8}  said: " + " ".join(f"{n:>7}" for n in SIGNS)]
    for name, row in zip(SIGNS, counts, strict=True):
        lines.append(f"{name:>8}        " + " ".join(f"{count:>7}" for count in row))
    loading.result()
    return ProgramResult("\n".join(lines), figures, _draw(folder, counts, new, now))


def _learn(xs, signs, lengths, seed: int, show: Show) -> Network:
    """A GRU that says the sign after the last step, or at each, as the targets are given."""
    targets = np.eye(len(SIGNS), dtype=np.float32)[signs]
    network = Architecture(
        2, len(SIGNS), cell="gru", hidden=HIDDEN, output="softmax", last=signs.ndim == 1
    ).build(seed)
    return train(
        network,
        Sequences(*jax.device_put((xs, targets, lengths))),
        "cross_entropy",
        training_method("adam", 0.01, 1.0),
        epochs=EPOCHS,
        key=seed,
        on_epoch=lambda _, history: show(history),
    ).network


def _say(network: Network, drawings: tuple) -> np.ndarray:
    """The most probable sign, after the last step or at each."""
    xs, _, lengths = drawings
    ys, _ = network(jax.device_put(xs), None, jax.device_put(lengths))
    return np.asarray(ys).argmax(axis=-1)


def _draw(folder: Path, counts: np.ndarray, new: tuple, now: np.ndarray) -> list[Path]:
    """Draw the confusion matrix, and a row of signs with what was said at each step.

    The row is the first that has as many different signs as any.
    """
    from throughtime.reports import figure_style, lecture_figures  # here: Matplotlib is slow

    folder.mkdir(parents=True, exist_ok=True)
    (xs, signs, lengths), names = new, list(SIGNS)
    different = [len({*of[:end]}) for of, end in zip(signs, lengths, strict=True)]
    shown = int(np.argmax(different))
    row = shown, slice(lengths[shown])
    figures = {
        "confusion.png": lecture_figures.confusion(counts, names),
        "signs.png": lecture_figures.signs(
            np.cumsum(xs[row], axis=0), signs[row], now[row], names
        ),
    }
    for name, figure in figures.items():
        figure_style.save(figure, folder / name)
    return [folder / name for name in figures]
