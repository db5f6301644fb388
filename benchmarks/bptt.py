"""Forward plus backward through time of one layer, beside a scan in JAX, PyTorch and Keras.

    python benchmarks/bptt.py --peer PYTHON_WITH_TORCH [--threads all] [--keras] [--device gpu]

Float32, inputs of 8 features that need no gradient, a mean square of the states of every step
as loss, the gradient by all weights. All sides run in turn on the same cores; compilation is
not timed. "limit" is the time for the multiply-adds of recurrence and projection at the
multiply-add peak, the best that was measured before, between and after the points; "of peak"
is the share of it that the primitives alone reach (forward and adjoint, gradients by weights
and first state). On a GPU precisions are left at the libraries' defaults, and there is no peak.
"""

import os
import statistics
import sys
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from machine import Peak, machine
from peers import bptt_scan
from rounds import HERE, Local, Peer, geometric_mean, in_turn, options, peer, pin, save

import throughtime as tt
from throughtime.recurrence.primitives import unroll

INPUTS = 8
CELLS = {"rnn": tt.RNN, "gru": tt.GRU, "lstm": tt.LSTM}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
SIZES = ("32x20x64", "16x100x32", "64x100x128", "128x200x256", "1x1000x64")


class Point(NamedTuple):
    """A layer and its data; `str` is as in the table."""

    cell: str
    batch: int
    time: int
    hidden: int

    @classmethod
    def of(cls, cell: str, size: str) -> "Point":
        return cls(cell, *map(int, size.split("x")))

    def __str__(self) -> str:
        return f"{self.cell} {self.batch}x{self.time}x{self.hidden}"

    @property
    def flop(self) -> float:
        """W h: forward, and twice backward (to the state and to W). U x: forward, and once
        backward, for inputs take no gradient."""
        units = self.batch * self.time * GATES[self.cell] * self.hidden
        return 2.0 * units * (3 * self.hidden + 2 * INPUTS)


def layer(point: Point) -> Callable[[], object]:
    """`throughtime.unroll`: loss over every step and its gradient by all weights."""
    cell = CELLS[point.cell](INPUTS, point.hidden, key=0)
    xs = _normal(point.batch, point.time, INPUTS)

    def loss(cell, xs):
        states, _ = tt.unroll(cell, xs)
        return jnp.mean(cell.hidden(states) ** 2)

    gradient = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(gradient(cell, xs))


def primitives(point: Point) -> Callable[[], object]:
    """The recurrence with its projection, and no loss: forward and adjoint."""
    kind = "tanh" if point.cell == "rnn" else point.cell
    cell = CELLS[point.cell](INPUTS, point.hidden, key=0)
    weights = (cell.U, cell.W, cell.b, *((cell.d,) if kind == "gru" else ()))
    weights = tuple(one[None] for one in weights)
    xs = _normal(1, point.batch, point.time, INPUTS)
    zeros = jnp.zeros((1, point.batch, point.hidden))
    begin = (zeros, zeros) if kind == "lstm" else (zeros,)
    slopes = _normal(1, point.batch, point.time, point.hidden)  # of a loss, by every h

    @jax.jit
    def both(weights, xs, begin, slopes):
        def forward(weights, begin):
            states, _ = unroll(kind, weights, xs, begin)
            return states[0]

        hs, adjoint = jax.vjp(forward, weights, begin)
        return hs, adjoint(slopes)

    return lambda: jax.block_until_ready(both(weights, xs, begin, slopes))


def _normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))


def measure(
    point: Point, peers: dict[str, Peer], rounds: int, seconds: float, peak: Peak
) -> dict:
    """Seconds of every call of every side."""
    sizes = {**point._asdict(), "inputs": INPUTS}
    sides = {"ours": Local(layer(point)), "scan": Local(bptt_scan.prepare(**sizes))}
    sides |= {name: one.prepare(what="layer", **sizes) for name, one in peers.items()}
    sides["primitives"] = Local(primitives(point))
    taken = in_turn(sides, rounds, seconds, peak.measure)
    return {**point._asdict(), "seconds": taken}


def judge(row: dict, peak: float) -> dict:
    """Least and median times, limit, share of the peak, and ratios to the best of the peers."""
    point = Point(*(row[name] for name in Point._fields))
    least = {name: min(taken) for name, taken in row["seconds"].items()}
    median = {name: statistics.median(taken) for name, taken in row["seconds"].items()}

    def ratio(times):
        return min(v for k, v in times.items() if k in ("scan", "torch")) / times["ours"]

    return {
        "min_ms": {name: 1e3 * value for name, value in least.items()},
        "median_ms": {name: 1e3 * value for name, value in median.items()},
        "limit_ms": 1e3 * point.flop / peak,
        "of_peak": point.flop / least["primitives"] / peak,
        "ratio": ratio(least),
        "ratio_of_medians": ratio(median),
    }


def show(rows: list[dict], names: list[str]) -> None:
    print(f"{'ms, min (median)':<18}" + "".join(f"{name:>18}" for name in names), end="")
    print(f"{'limit':>9}{'of peak':>9}{'best peer / ours':>18}")
    for row in rows:
        times = [f"{row['min_ms'][k]:.3g} ({row['median_ms'][k]:.3g})" for k in names]
        size = str(Point(*(row[name] for name in Point._fields)))
        print(f"{size:<18}" + "".join(f"{one:>18}" for one in times), end="")
        ratios = f"{row['ratio']:.2f} ({row['ratio_of_medians']:.2f})"
        figures = f"{row['limit_ms']:>9.3g}{row['of_peak']:>9.0%}".replace("nan%", "nan")
        print(f"{figures.replace('nan', 'n/a')}{ratios:>18}")


def main() -> None:
    parser = options(__doc__, None)
    parser.add_argument("--threads", help="cores to use, or all (one; on a GPU all)")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--keras", action="store_true", help="Keras on JAX as well")
    parser.add_argument("--only", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--points", nargs="+", default=SIZES, help="batch x time x hidden")
    parser.add_argument("--seconds", type=float, default=0.2, help="of a side's turn (0.2)")
    asked = parser.parse_args()
    gpu = asked.device == "gpu"
    threads = pin(asked.threads or ("all" if gpu else "1"))
    started, peak = machine(), Peak(wanted=not gpu)
    where = start(gpu)
    peers = beside(asked, threads)
    rows = []
    for point in [Point.of(cell, size) for size in asked.points for cell in asked.only]:
        rows.append(measure(point, peers, asked.rounds, asked.seconds, peak))
        print(point, file=sys.stderr)
    rows = [{**row, **judge(row, peak.best * threads)} for row in rows]
    rate = f"{peak.best / 1e9:.4g} GFLOP/s" if peak.all else "n/a"
    print(f"{where}, {threads} core(s), multiply-add peak of one: {rate}\n")
    show(rows, list(rows[0]["seconds"]))
    ratios = {key: [row[key] for row in rows] for key in ("ratio", "ratio_of_medians")}
    summary = {k: {"mean": geometric_mean(v), "least": min(v)} for k, v in ratios.items()}
    for name, found in summary.items():
        print(f"{name}: geometric mean {found['mean']:.2f}, least {found['least']:.2f}")
    whole = (set(asked.only), set(asked.points)) == (set(CELLS), set(SIZES))
    whole = whole and (gpu or "torch" in peers)
    name = "bptt" + ("_gpu" if gpu else f"_{threads}_threads" if threads > 1 else "")
    out = asked.out or (HERE / "results" / f"{name}.json" if whole else None)
    facts = {"device": where, "threads": threads, "native": peak.status, "peak": peak.best}
    facts |= {"peaks": peak.all, "peers": {name: one.about for name, one in peers.items()}}
    save(out, asked.peer, started, benchmark="bptt", **facts, summary=summary, rows=rows)


def start(gpu: bool) -> str:
    """Have JAX use the device asked for, here and in the peers; its name."""
    os.environ["JAX_PLATFORMS"] = "" if gpu else "cpu"
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # peers need memory too
    jax.config.update("jax_platforms", None if gpu else "cpu")
    if gpu and jax.default_backend() != "gpu":
        raise SystemExit(f"JAX finds no GPU, only {jax.devices()[0]}")
    return jax.devices()[0].device_kind if gpu else "CPU"


def beside(asked, threads: int) -> dict[str, Peer]:
    """The peers that are there."""
    settings = {"threads": threads, "device": "cuda" if asked.device == "gpu" else "cpu"}
    peers = {"torch": peer("bptt_torch", asked.peer, "torch", **settings)}
    if asked.keras:
        peers["keras"] = peer("bptt_keras", asked.peer, "keras", **settings)
    return {name: one for name, one in peers.items() if one}


if __name__ == "__main__":
    main()
