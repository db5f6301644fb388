r"""Small programs: networks that count, add binary numbers and tell parity, written by hand.

With enough units and time, recurrent networks compute whatever a computer can. Nothing is
trained here: the weights are small whole numbers, and each network is exact on sequences of any
length. The units are relu units, $r(a) = \max(a, 0)$. With a whole number s they tell

$$r(s) - r(s - 1) = [s \geq 1], \qquad r(s) - 2 r(s - 1) + 2 r(s - 2) = s \bmod 2
  \quad (0 \leq s \leq 3)$$

so that the units r(s), r(s - 1), ... of a sum s are enough to know its carry and its digit.
"""

import itertools
from pathlib import Path

import numpy as np

from throughtime.recurrence.bptt import Activities, activities
from throughtime.recurrence.network import Network
from throughtime.recurrence.simple_network import simple_network

from .program import ProgramResult, Show, load_figures, show_nothing

LENGTH, LONG = 10, 10_000
"""Steps of which every input is tried, and steps of random inputs."""

DRAWN = "(()())((()))()(()))(())("
"""Brackets that match, now and then, until one closes that was not opened."""


def parity() -> Network:
    r"""Whether the bits read so far have an odd number of ones.

    With $s_t = p_{t-1} + x_t$ the units are $r(s_t)$ and $r(s_t - 1)$, and the parity
    $p_t = r(s_t) - 2 r(s_t - 1)$ is 0, 1, 0 for $s_t$ = 0, 1, 2.
    """
    V = [[1, -2]]
    return _relu(U=[[1], [1]], W=V * 2, b=[0, -1], V=V)


def adder() -> Network:
    r"""The sum of two binary numbers, whose digits come from the lowest on.

    With the carry k, $s_t = x_t + x'_t + k_{t-1}$; the units are $r(s_t)$, $r(s_t - 1)$ and
    $r(s_t - 2)$. The carry is $k_t = r(s_t - 1) - r(s_t - 2)$, the digit $s_t \bmod 2$.
    """
    return _relu(U=[[1, 1]] * 3, W=[[0, 1, -1]] * 3, b=[0, -1, -2], V=[[1, -2, 2]])


def brackets() -> Network:
    r"""A count that tells whether brackets match: 1 opens and -1 closes.

    With the depth $d_t$, the units are $r(d_{t-1} + x_t)$, $r(-(d_{t-1} + x_t))$, which is 1
    where a bracket closes that was not opened, and the sum of these up to the step before. The
    brackets match if and only if the output, the sum of the units, is 0. No machine with a
    fixed number of states can do this.
    """
    W = [[1, 0, 0], [-1, 0, 0], [0, 1, 1]]
    return _relu(U=[[1], [-1], [0]], W=W, b=[0, 0, 0], V=[[1, 1, 1]])


def _relu(U, W, b, V) -> Network:
    """A network of relu units from lists of weights."""
    U, W, b, V = (np.array(weight, float) for weight in (U, W, b, V))
    return simple_network(U, W, b, V, np.zeros(1), "relu")


def odd(bits: np.ndarray) -> np.ndarray:
    """The parity of the bits up to each step, `(batch, time)`."""
    return np.cumsum(bits[..., 0], axis=1) % 2


def digits_of_sum(pairs: np.ndarray) -> np.ndarray:
    """The digits of the sum of two numbers, from the lowest on, by Python's whole numbers."""
    found = []
    for rows in pairs.astype(int):
        first, second = (sum(int(b) << i for i, b in enumerate(row)) for row in rows.T)
        found.append([(first + second) >> i & 1 for i in range(len(rows))])
    return np.array(found)


def mismatch(signs: np.ndarray) -> np.ndarray:
    """Whether the brackets up to each step do not match, by a loop over them."""
    found = []
    for row in signs[..., 0]:
        depth, broken, line = 0, False, []
        for sign in row:
            depth += int(sign)
            broken = broken or depth < 0
            depth = max(depth, 0)
            line.append(broken or depth > 0)
        found.append(line)
    return np.array(found)


PROBLEMS = {
    "parity": (parity, ((0.0,), (1.0,)), odd),
    "addition": (adder, tuple(itertools.product((0.0, 1.0), repeat=2)), digits_of_sum),
    "brackets": (brackets, ((1.0,), (-1.0,)), mismatch),
}
"""For each name the network, what it can read at a step, and the right answers."""


def every_sequence(symbols: tuple[tuple[float, ...], ...], length: int) -> np.ndarray:
    """All sequences of these symbols, `(sequence, time, feature)`."""
    return np.array(list(itertools.product(symbols, repeat=length)))


def answers(name: str, network: Network, xs: np.ndarray) -> np.ndarray:
    """What the network says at each step: its output, or for brackets whether it is not 0."""
    ys = activities(network, xs).y[..., 0]
    return ys != 0 if name == "brackets" else ys


def wrong(name: str, network: Network, xs: np.ndarray) -> int:
    """The number of sequences of which any answer is not exactly the right one."""
    return int((answers(name, network, xs) != PROBLEMS[name][2](xs)).any(axis=1).sum())


def small_programs(folder: Path, seed: int = 0, show: Show = show_nothing) -> ProgramResult:
    """Try the three networks on every short sequence and on long random ones, and draw them.

    Parameters
    ----------
    folder
        Folder of the pictures.
    seed
        Seed of the long sequences.
    show
        Not called: nothing is trained.

    Returns
    -------
    ProgramResult
        The number of sequences and of mistakes, and the pictures.
    """
    loading, rng = load_figures(), np.random.default_rng(seed)
    figures, shown, lines = {}, {}, []
    for name, (build, symbols, _) in PROBLEMS.items():
        network, length = build(), LENGTH if len(symbols) == 2 else LENGTH // 2
        short = every_sequence(symbols, length)
        long = np.array(symbols)[rng.integers(len(symbols), size=(1, LONG))]
        figures[f"{name}: all sequences of {length} steps"] = float(len(short))
        figures[f"{name}: of these wrong"] = float(wrong(name, network, short))
        figures[f"{name}: wrong answers in {LONG} random steps"] = int(
            (answers(name, network, long) != PROBLEMS[name][2](long)).sum()
        )
        xs = np.array(symbols)[rng.integers(len(symbols), size=(1, len(DRAWN)))]
        if name == "brackets":  # random ones hardly ever match
            xs = np.array([[[1.0 if sign == "(" else -1.0] for sign in DRAWN]])
        shown[name] = xs[0], activities(network, xs)
        lines.append(f"{name}: {len(network.cells[0].b)} relu units, weights by hand")
    loading.result()
    return ProgramResult("\n".join(lines), figures, _draw(folder, shown))


def _draw(folder: Path, shown: dict[str, tuple[np.ndarray, Activities]]) -> list[Path]:
    """Draw, for each network, what it reads, its units and what it says."""
    from throughtime.reports import figure_style, lecture_figures  # here: Matplotlib is slow

    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / "small-programs.png"
    panels = {
        f"{name}, {what}": values.T
        for name, (xs, found) in shown.items()
        for what, values in (("input", xs), ("units", found.h[0]), ("output", found.y[0]))
    }
    figure = lecture_figures.tables("Three networks whose weights are whole numbers", panels)
    figure_style.save(figure, picture)
    return [picture]
