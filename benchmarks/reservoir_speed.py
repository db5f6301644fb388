"""Fitting and searching echo state networks, beside ReservoirPy on NumPy and on JAX.

    python benchmarks/reservoir_speed.py --peer PYTHON_WITH_RESERVOIRPY [--threads all]

One step ahead of 8,000 steps of Mackey-Glass (tau 17, tanh(y - 1)), 10 weights into each unit,
float64, one penalty, on all sides; the libraries' own draws differ. All sides run in turn on
the same cores.

- fit: states along the series and the regression, of reservoirs drawn before. Ours by the Gram
  matrix, as ReservoirPy's, and by QR, which keeps all digits. Beside them the limit of the
  first: the product X'X alone, by NumPy's BLAS, as ReservoirPy's. Its ratio is what a fit
  would have that took no time but for it.
- search: `search` with all that it does (drawing, fits, errors on 1,000 more steps, one step
  ahead, and the network of the best settings), for 200 settings of leak, radius, input scale
  and penalty: 200 reservoirs with one penalty each, and 25 with 8 each. ReservoirPy's 200 fits
  in a row are its fit with its drawing, for each setting needs its own weights, and its fit
  without, multiplied by 200; no errors are computed.
"""

import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from machine import machine
from reservoir import mackey_glass
from rounds import Local, Peer, in_turn, options, peer, pin, save
from threadpoolctl import threadpool_limits

from throughtime.recurrence.reservoir_weights import ReservoirDesign
from throughtime.reservoir.echo_state import EchoStateNetwork
from throughtime.reservoir.echo_state_fitting import Training
from throughtime.reservoir.search_space import Space
from throughtime.reservoir.settings_search import Search, search

STEPS, VALIDATION, WASHOUT, SETTINGS = 8000, 1000, 100, 200
SHARED = {"leak": 0.4, "radius": 0.9, "input_scale": 1.0, "bias": 0.5, "incoming": 10}
RIDGE = 1e-6
LIMIT = "limit: X'X alone"


def design(units: int) -> ReservoirDesign:
    return ReservoirDesign(
        units, 0, 1, radius=SHARED["radius"], leak=SHARED["leak"], bias_scale=SHARED["bias"]
    )


def fitting(y: np.ndarray, units: int, regression) -> Callable[[], object]:
    reservoir, training = design(units).draw(0), Training(WASHOUT, regression=regression)
    return lambda: EchoStateNetwork.fit(reservoir, y[:STEPS], None, RIDGE, training)


def searching(y: np.ndarray, units: int, penalties: int) -> Callable[[], object]:
    space = Space(ridges=tuple(RIDGE * 10.0**i for i in range(penalties)))
    trials = SETTINGS // penalties
    training = Training(WASHOUT, regression="gram")
    asked = Search(VALIDATION, 1, trials, (0,), space, training=training)
    return lambda: search(design(units), y, asked)


def beside(peers: dict[str, Peer], path: Path, units: int, drawn: bool) -> dict[str, Peer]:
    """ReservoirPy's fit on each backend, set up."""
    point = {"series": str(path), "units": units, "ridge": RIDGE, "washout": WASHOUT}
    point |= {"drawn": drawn, **SHARED}
    return {name: side.prepare(backend=name, **point) for name, side in peers.items()}


def judge(taken: dict[str, list[float]], times: int = 1) -> dict:
    """Least and median times, and the best of the peers, so many times, over each of ours."""
    least = {name: min(seconds) for name, seconds in taken.items()}
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    peers = [name for name in taken if not name.startswith("ours") and name != LIMIT]
    ratios, ratios_of_medians = (
        {name: times * min(of[k] for k in peers) / of[name] for name in of if name not in peers}
        if peers
        else {}
        for of in (least, medians)
    )
    found = {"min_s": least, "median_s": medians, "peer_times": times}
    return {**found, "ratio": ratios, "ratio_of_medians": ratios_of_medians}


def fits(y: np.ndarray, peers: dict[str, Peer], asked, path: Path, units: int) -> dict:
    """Seconds of a fit, of every side."""
    ours = {f"ours, {r}": Local(fitting(y, units, r)) for r in ("gram", "qr")}
    Z = np.random.default_rng(0).normal(size=(STEPS - WASHOUT, units))
    limit = {LIMIT: Local(lambda: Z.T @ Z)}
    theirs = beside(peers, path, units, drawn=True)
    taken = in_turn(ours | limit | theirs, asked.rounds, asked.seconds, most=10)
    return {"what": "fit", "units": units, "seconds": taken, **judge(taken)}


def searches(
    y: np.ndarray, peers: dict[str, Peer], asked, path: Path, units: int
) -> Iterator[dict]:
    """Seconds of our searches, and of one fit of theirs, with its drawing and without."""
    ours = {
        f"ours, {SETTINGS // penalties} x {penalties}": Local(searching(y, units, penalties))
        for penalties in (1, 8)
    }
    once = {name: side.times(asked.searches) for name, side in ours.items()}
    for drawn in (False, True):
        theirs = beside(peers, path, units, drawn)
        taken = once | in_turn(theirs, asked.rounds, asked.seconds, most=5)
        what = "search, fits without drawing" if drawn else "search"
        yield {"what": what, "units": units, "seconds": taken, **judge(taken, SETTINGS)}


def show(row: dict) -> None:
    times = "   ".join(f"{name} {1e3 * s:.4g}" for name, s in row["min_s"].items())
    ratios = ", ".join(f"{name} {ratio:.2f}" for name, ratio in row["ratio"].items())
    print(f"{row['what']}, {row['units']} units: {times}   ratios: {ratios}", flush=True)


def main() -> None:
    parser = options(__doc__, "reservoir_speed")
    parser.add_argument("--threads", default="all", help="cores to use (all)")
    parser.add_argument("--units", type=int, nargs="*", default=[100, 500, 1000, 2000])
    parser.add_argument("--search-units", type=int, nargs="*", default=[100, 500])
    parser.add_argument("--searches", type=int, default=3, help="of ours that are timed (3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a side's turn (1)")
    asked = parser.parse_args()
    threads, started = pin(asked.threads), machine()
    threadpool_limits(threads)  # BLAS was loaded, with a thread for every core, before `pin`
    y = np.tanh(mackey_glass(0, 1, STEPS + VALIDATION, 17) - 1).T
    print(f"{threads} core(s); least milliseconds, and the best of the peers over ours")
    names = ("numpy", "jax")  # a process each
    peers = {name: peer("reservoirpy_fit", asked.peer, "reservoirpy") for name in names}
    peers = {name: side for name, side in peers.items() if side}
    about, rows = {name: side.about for name, side in peers.items()}, []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.npy"
        np.save(path, y[: STEPS + 1])  # theirs: the last is the target of the step before
        for units in asked.units:
            rows.append(fits(y, peers, asked, path, units))
            show(rows[-1])
        for units in asked.search_units:
            for row in searches(y, peers, asked, path, units):
                rows.append(row)
                show(row)
    facts = {"steps": STEPS, "settings": SHARED, "ridge": RIDGE, "threads": threads}
    facts |= {"peers": about}
    save(asked.out, asked.peer, started, benchmark="reservoir_speed", **facts, rows=rows)


if __name__ == "__main__":
    main()
