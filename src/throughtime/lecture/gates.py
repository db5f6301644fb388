r"""Gates over time: an LSTM and a GRU that must write a value, keep it, and read it on request.

At each step a network reads a value, a flag that says "write" and one that says "read". When it
is told to read, it must say the value of the last step at which it was told to write; else 0.
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.cells import LSTM
from throughtime.recurrence.network import Network
from throughtime.training.batches import Sequences
from throughtime.training.methods import training_method
from throughtime.training.train import train

from .program import ProgramResult, Show, load_figures, show_nothing

STEPS, SEQUENCES, EPOCHS, HIDDEN = 30, 512, 150, 8


def latch(sequences: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (value, write, read), `(sequence, time, 3)`, and targets, `(sequence, time, 1)`.

    Something is written at the first step, and later at a tenth of the steps; at a fifth it is
    asked for.
    """
    values = rng.uniform(-1, 1, (sequences, STEPS))
    write, read = (rng.random((sequences, STEPS)) < share for share in (0.1, 0.2))
    write[:, 0] = True
    read &= ~write
    targets = np.zeros((sequences, STEPS))
    kept = np.zeros(sequences)
    for t in range(STEPS):
        kept = np.where(write[:, t], values[:, t], kept)
        targets[:, t] = kept * read[:, t]
    xs = np.stack([values, write, read], axis=-1)
    return xs.astype(np.float32), targets[..., None].astype(np.float32)


def gates(cell: Any, xs: Float[np.ndarray, "time input"]) -> dict[str, np.ndarray]:
    """The gates of an LSTM or a GRU and what it keeps, by name, `(time, unit)`."""
    U, W, b = (np.asarray(weight) for weight in (cell.U, cell.W, cell.b))
    h = c = np.zeros(cell.hidden_size)
    rows = []
    for x in xs:
        if isinstance(cell, LSTM):
            i, f, g, o = np.split(U @ x + W @ h + b, 4)
            write, keep, read = _logistic(i), _logistic(f), _logistic(o)
            c = keep * c + write * np.tanh(g)
            h = read * np.tanh(c)
            rows.append({"write": write, "keep": keep, "read": read, "memory": c})
        else:
            drive, recurrent = np.split(U @ x + b, 3), np.split(W @ h, 3)
            reset, keep = (_logistic(drive[n] + recurrent[n]) for n in (0, 1))
            candidate = np.tanh(drive[2] + reset * (recurrent[2] + np.asarray(cell.d)))
            h = (1 - keep) * candidate + keep * h
            rows.append({"reset": reset, "keep": keep, "memory": h})
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def memory_unit(found: dict[str, np.ndarray], kept: np.ndarray) -> int:
    """The unit whose memory follows most closely what is to be kept."""
    memory, kept = found["memory"] - found["memory"].mean(axis=0), kept - kept.mean()
    size = np.linalg.norm(memory, axis=0)
    return int(np.argmax(np.abs(kept @ memory) / np.where(size > 0, size, 1)))


def _logistic(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def gates_over_time(folder: Path, seed: int = 0, show: Show = show_nothing) -> ProgramResult:
    """Train an LSTM and a GRU to write, keep and read, and draw their gates over a sequence.

    Parameters
    ----------
    folder
        Folder of the pictures.
    seed
        Seed of the sequences and weights.
    show
        Called with the history of each training after each epoch.

    Returns
    -------
    ProgramResult
        The errors on new sequences, the mean keep gate of the unit that remembers where it is
        to keep and where it is to write, and the picture.
    """
    loading, rng = load_figures(), np.random.default_rng(seed)
    data = Sequences(*jax.device_put(latch(SEQUENCES, rng)))
    test, example = latch(200, rng), latch(1, rng)
    figures, shown, lines = {}, {}, []
    for kind in ("lstm", "gru"):
        network = Architecture(3, 1, cell=kind, hidden=HIDDEN, init="keras").build(seed)
        fitted = train(
            network,
            data,
            method=training_method("adam", 0.01, 1.0),
            epochs=EPOCHS,
            key=seed,
            on_epoch=lambda _, history: show(history),
        )
        figures |= _figures(kind, fitted.network, test)
        shown[kind] = _panels(kind, fitted.network, *example)
        lines.append(network.summary())
    loading.result()
    return ProgramResult("\n".join(lines), figures, _draw(folder, example, shown))


def _kept(xs: np.ndarray) -> np.ndarray:
    """What is to be kept at each step of one sequence."""
    kept, line = 0.0, []
    for value, write, _ in xs:
        kept = value if write else kept
        line.append(kept)
    return np.array(line)


def _figures(kind: str, network: Network, test: tuple[np.ndarray, np.ndarray]) -> dict:
    """The error where it is asked, and the mean keep gate of the unit that remembers."""
    xs, targets = test
    ys = np.asarray(network(jax.device_put(xs))[0])
    asked = xs[..., 2] == 1
    one = xs[:20].reshape(-1, 3)  # many sequences after each other: each begins with a write
    found, write = gates(network.cells[0], one), one[:, 1] == 1
    keep = found["keep"][:, memory_unit(found, _kept(one))]
    error = np.sqrt(((ys - targets)[asked] ** 2).mean())
    return {
        f"{kind}: RMSE where it is asked": float(error),
        f"{kind}: RMSE of 0, without a memory": float(np.sqrt((targets[asked] ** 2).mean())),
        f"{kind}: keep gate, mean where to keep": float(keep[~write].mean()),
        f"{kind}: keep gate, mean where to write": float(keep[write].mean()),
    }


def _panels(kind: str, network: Network, xs: np.ndarray, targets: np.ndarray) -> dict:
    """The gates of the unit that remembers, its memory and the output, for the picture."""
    found = gates(network.cells[0], xs[0])
    unit = memory_unit(found, _kept(xs[0]))
    memory = found.pop("memory")[:, unit]
    ys = np.asarray(network(jax.device_put(xs))[0])[0, :, 0]
    name = kind.upper()
    return {
        f"{name}, gates of unit {unit + 1}": {key: g[:, unit] for key, g in found.items()},
        f"{name}, its memory and the output": {
            "memory": memory,
            "output": ys,
            "target": targets[0, :, 0],
        },
    }


def _draw(folder: Path, example: tuple[np.ndarray, np.ndarray], shown: dict) -> list[Path]:
    """Draw what was read, the gates, and what was said."""
    from throughtime.reports import figure_style, lecture_figures  # here: Matplotlib is slow

    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / "gates.png"
    names = ("value", "write!", "read!")
    panels: dict[str, Any] = {"Input": dict(zip(names, example[0][0].T, strict=True))}
    for more in shown.values():
        panels |= more
    figure = lecture_figures.panels("A value is written, kept and read", panels)
    figure_style.save(figure, picture)
    return [picture]
