r"""Backpropagation through time on three steps, with numbers that fit on a sheet of paper.

One unit, one input, one output and a target at each step:

$$a_t = U x_t + W h_{t-1} + b, \quad h_t = \tanh a_t, \quad y_t = V h_t + c, \quad
  L = \tfrac12 \sum_t (y_t - \text{target}_t)^2$$
"""

from pathlib import Path

import numpy as np

from throughtime._support.precision import precision
from throughtime.recurrence.bptt import Activities, Gradients, activities, bptt
from throughtime.recurrence.network import Network
from throughtime.recurrence.simple_network import simple_network

from .program import ProgramResult, Show, load_figures, show_nothing

WEIGHTS = {"U": 1.0, "W": 0.5, "b": 0.0, "V": 2.0, "c": -0.5}
INPUTS, TARGETS = np.array([1.0, 0.0, -1.0]), np.array([1.0, 0.0, -1.0])


def network() -> Network:
    """The network of one unit, in double precision."""
    U, W, V = (np.array([[WEIGHTS[letter]]]) for letter in "UWV")
    b, c = (np.array([WEIGHTS[letter]]) for letter in "bc")
    return simple_network(U, W, b, V, c, dtype="float64")


def trace() -> tuple[Activities, Gradients]:
    """What the forward pass puts on the stack, and what the backward pass takes off it."""
    xs, targets = INPUTS[None, :, None], TARGETS[None, :, None]
    with precision("float64"):
        unit = network()
        return activities(unit, xs), bptt(unit, xs, lambda ys: ((ys - targets) ** 2).sum() / 2)


def by_hand(folder: Path, seed: int = 0, show: Show = show_nothing) -> ProgramResult:
    """Go three steps forward and back through a network of one unit, and draw it unrolled.

    Parameters
    ----------
    folder
        Folder of the pictures.
    seed
        Not used: the weights are given.
    show
        Not called: nothing is trained.

    Returns
    -------
    ProgramResult
        The trace as a table, the gradients by the weights and the picture.
    """
    loading = load_figures()
    forward, backward = trace()
    figures = {"L": backward.loss}
    for letter in WEIGHTS:
        figures[f"dL/d{letter}, the sum over the steps"] = getattr(backward, letter).item()
    loading.result()
    return ProgramResult(table(forward, backward), figures, _draw(folder, forward, backward))


def table(forward: Activities, backward: Gradients) -> str:
    """The trace: forward from the first step down, backward from the last step up."""
    given = ", ".join(f"{letter} = {weight:g}" for letter, weight in WEIGHTS.items())
    names = ["t", "x_t", "a_t", "h_t", "y_t", "target", "dL/dy_t", "dL/dh_t", "dL/da_t"]
    columns = (forward.a, forward.h, forward.y, None, backward.y, backward.h, backward.a)
    lines = [given, "".join(f"{name:>9}" for name in names)]
    for t, (x, target) in enumerate(zip(INPUTS, TARGETS, strict=True)):
        values = [x, *(target if part is None else part[0, t, 0] for part in columns)]
        lines.append(f"{t + 1:>9}" + "".join(f"{value:>9.4f}" for value in values))
    return "\n".join(lines)


def _draw(folder: Path, forward: Activities, backward: Gradients) -> list[Path]:
    """Draw the network unrolled, with the numbers at its nodes."""
    from throughtime.reports import figure_style, lecture_figures  # here: Matplotlib is slow

    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / "unrolled.png"
    steps, back = [], []
    for t, (x, target) in enumerate(zip(INPUTS, TARGETS, strict=True)):
        a, h, y = (part[0, t, 0] for part in forward)
        loss = (y - target) ** 2 / 2
        steps.append(
            {
                "x": f"x = {x:g}",
                "h": f"a = {a:.3f}\nh = {h:.3f}",
                "y": f"y = {y:.3f}",
                "L": f"L = {loss:.3f}",
            }
        )
        grad_a, grad_h, grad_y = (getattr(backward, name)[0, t, 0] for name in "ahy")
        hidden = f"dL/dh {grad_h:.3f}\ndL/da {grad_a:.3f}"
        back.append({"h": hidden, "y": f"dL/dy {grad_y:.3f}"})
    figure = lecture_figures.unrolled("Three steps of one unit, forward and back", steps, back)
    figure_style.save(figure, picture)
    return [picture]
