r"""What a network does when left alone: three tanh nets that differ in the size of W alone.

$$h_t = \tanh(g W h_{t-1})$$

With a small gain g every state shrinks to rest. With a larger one the units keep each other
going, and with a still larger one neighbouring states part (Sompolinsky, Crisanti and Sommers
1988).
"""

from pathlib import Path
from typing import Any

import numpy as np

from throughtime._support.precision import precision
from throughtime.dynamics.behaviour import Behaviour, behaviour
from throughtime.dynamics.maps import map_of_cell
from throughtime.recurrence.simple_network import simple_network

from .program import ProgramResult, Show, load_figures, show_nothing

GAINS = (0.5, 1.0, 1.5)
UNITS, SPREAD, DRAW = 50, 1.5, 16
"""Units; the spread of the weights at gain 1, times the root of the units; the draw.

Which behaviour a gain gives depends on the draw of so few units: with this one the three gains
give the three behaviours.
"""


def net(gain: float) -> Any:
    """The net of a gain, an `RNN` in double precision; nothing drives it."""
    rng = np.random.default_rng(DRAW)
    W = gain * SPREAD * rng.normal(size=(UNITS, UNITS)) / np.sqrt(UNITS)
    column, none = np.zeros((UNITS, 1)), np.zeros(UNITS)
    network = simple_network(column, W, none, column.T, none[:1], dtype="float64")
    return network.cells[0]


def behaviours(folder: Path, seed: int = 0, show: Show = show_nothing) -> ProgramResult:
    """Let the three nets run on by themselves, and tell what they do.

    Parameters
    ----------
    folder
        Folder of the pictures.
    seed
        Seed of the first state; that of the weights is fixed.
    show
        Not called: nothing is trained.

    Returns
    -------
    ProgramResult
        A sentence for each net, its spectral radius and its largest Lyapunov exponent, and the
        pictures.
    """
    loading = load_figures()
    figures, found, lines, paths = {}, {}, [], {}
    with precision("float64"):
        for gain in GAINS:
            cell = net(gain)
            dynamics = map_of_cell(cell, seed=seed)
            found[gain] = behaviour(dynamics)
            paths[gain] = np.asarray(dynamics.run(120))
            radius = np.abs(np.linalg.eigvals(np.asarray(cell.W))).max()
            figures[f"gain {gain}: spectral radius"] = float(radius)
            exponent = float(found[gain].spectrum.exponents[0])
            figures[f"gain {gain}: largest Lyapunov exponent"] = exponent
            lines.append(f"gain {gain}: {found[gain].describe()}")
    loading.result()
    return ProgramResult("\n".join(lines), figures, _draw(folder, found, paths))


def _draw(
    folder: Path, found: dict[float, Behaviour], paths: dict[float, np.ndarray]
) -> list[Path]:
    """Draw the first states of four units of each net."""
    from throughtime.reports import figure_style, lecture_figures  # here: Matplotlib is slow

    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / "behaviours.png"
    panels = {
        f"gain {gain}: it {one.kind}": {f"unit {i + 1}": paths[gain][:, i] for i in range(4)}
        for gain, one in found.items()
    }
    figure = lecture_figures.panels("The same net with three gains, left alone", panels, "h")
    figure_style.save(figure, picture)
    return [picture]
