"""Ten series fitted one after another: ours, Keras and PyTorch, each in a process of its own.

    python benchmarks/second_fit.py --peer PYTHON_WITH_KERAS_AND_TORCH

A series has 200 rows, of which 128 train and 32 validate; the network is a GRU of 32 units
that reads windows of 40 steps and is trained for 5 epochs by Adam, every prediction after the
10th step counting. Each fit begins with a new network. Ours also reads, splits and scales the
series. The first fit of a process compiles where a library compiles; the disk cache is off,
but on, and filled, in the row `cached`. A new model of Keras compiles again, so there are only
three of them; in the row `keras again` one model gets its first weights back instead. Wall
seconds grow with the load of the machine, seconds of the processor hardly do.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np
from machine import machine
from rounds import HERE, options, save

FITS, ROWS, TRAIN, VALIDATION, WINDOW, WASHOUT, HIDDEN, EPOCHS, BATCH = (
    *(10, 200, 128, 160, 40, 10, 32, 5, 32),
)
SIDES = {
    "throughtime": ("second_fit.py", "--one", "fresh"),
    "cached": ("second_fit.py", "--one", "cached"),
    "keras": ("peers/second_fit_keras.py", "new"),
    "keras again": ("peers/second_fit_keras.py", "again"),
    "torch": ("peers/second_fit_torch.py",),
}


def series(seed: int) -> np.ndarray:
    """A noisy oscillation with a period of its own, `(200,)`."""
    rng = np.random.default_rng(seed)
    phase = np.arange(ROWS) * 2 * np.pi / rng.uniform(8, 30)
    return (np.sin(phase) + 0.1 * rng.normal(size=ROWS)).astype(np.float32)


def windows(values: np.ndarray):
    """Windows and what follows each of their steps: those that train, those that validate.

    Scaled by the training part.
    """
    scaled = (values - values[:TRAIN].mean()) / values[:TRAIN].std()
    found = []
    for first, end in (0, TRAIN), (TRAIN - WINDOW, VALIDATION):
        starts = np.arange(first, end - WINDOW)[:, None] + np.arange(WINDOW)
        found += [scaled[starts][..., None], scaled[starts + 1][..., None]]
    return found


def timed(fit, fits: int = FITS) -> None:
    """Print seconds of each fit, by the wall and by the processor."""
    seconds = []
    for seed in range(fits):
        values = series(seed)
        before = time.perf_counter(), time.process_time()
        fit(values)
        seconds.append((time.perf_counter() - before[0], time.process_time() - before[1]))
    print(json.dumps(seconds))


def ours(cached: bool) -> None:
    if not cached:
        os.environ["THROUGHTIME_CACHE"] = "0"
    import throughtime as tt

    settings = {"core": None, "prior": None, "ensemble": 1, "hidden": HIDDEN}
    settings |= {"epochs": EPOCHS, "window": WINDOW, "washout": WASHOUT, "batch_size": BATCH}
    timed(lambda values: tt.Forecaster(**settings).fit(values, verbose=False))


def main() -> None:
    parser = options(__doc__, "second_fit")
    parser.add_argument("--one", choices=("fresh", "cached"), help=f"our {FITS} fits alone")
    asked = parser.parse_args()
    if asked.one:
        return ours(asked.one == "cached")
    started, found = machine(), {side: [] for side in SIDES}
    _seconds(sys.executable, SIDES["cached"])  # it fills the cache
    for _ in range(asked.rounds):
        for side, command in SIDES.items():
            python = sys.executable if command[0] == "second_fit.py" else asked.peer
            found[side].append(_seconds(python, command))
    print(f"seconds, medians of {asked.rounds} (of the processor)")
    print(f"{'':<14}{'first fit':>18}{'second fit':>18}{'ten fits':>18}")
    for side, runs in found.items():
        cells = []
        for pick in (lambda run: run[:1], lambda run: run[1:2], lambda run: run):
            sums = [[sum(one[kind] for one in pick(run)) for run in runs] for kind in (0, 1)]
            wall, own = map(statistics.median, sums)
            cells.append(f"{wall:.2f} ({own:.2f})" if len(pick(runs[0])) in (1, FITS) else "-")
        print(f"{side:<14}" + "".join(f"{one:>18}" for one in cells))
    save(asked.out, asked.peer, started, benchmark="second_fit", seconds=found)


def _seconds(python: str, command: tuple[str, ...]) -> list[list[float]]:
    script, *rest = command
    line = [python, str(HERE / script), *rest]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
