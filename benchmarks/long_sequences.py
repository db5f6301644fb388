"""Long sequences: a million steps and their gradient, and all steps at once.

    python benchmarks/long_sequences.py [--cells gru] [--parts gradient newton linear]

- gradient: the gradient by all weights of a loss on every step, 32 units, one sequence,
  float32; by the compiled kernels and by `jax.lax.scan`, as it is and with `recompute`. Each is
  a process of its own: its peak of memory, with Python and JAX (`base`: before the gradient),
  and the seconds of processor and of clock that the compiled program takes.
- newton: `unroll_in_parallel` beside `unroll` by the kernels, forwards: iterations, seconds of
  processor and of clock, the least of the rounds. `stable` weights are those that a cell starts
  with; those of `chaotic` dynamics are 10 times as large.
- linear: a linear recurrence by the parallel scan beside a loop, float32.

Each part has a file of its own, `results/long_sequences_<part>.json`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from bptt import CELLS, INPUTS
from machine import machine
from rounds import HERE, options, pin, save

import throughtime as tt
from throughtime.recurrence.linear_recurrence import linear_recurrence

STEPS, HIDDEN = 1_000_000, 32
WAYS = {"kernels": {}, "scan": {"THROUGHTIME_NATIVE": "0"}}
TIMES, UNITS = (1_000, 10_000, 100_000), (4, 8, 32)
LARGEST = 2e7
"""Numbers of the Jacobians of a run, for each block of the state; more take too long."""
CHAOTIC = {1_000: 1_000, 10_000: 100}
"""Steps of chaotic dynamics of 8 units, and the most iterations."""


def seconds(run: Callable[[], object]) -> dict[str, float]:
    """What one call takes, of the processor and by the clock."""
    clock, processor = time.perf_counter(), time.process_time()
    jax.block_until_ready(run())
    return {
        "processor": time.process_time() - processor,
        "clock": time.perf_counter() - clock,
    }


def least(run: Callable[[], object], rounds: int) -> dict[str, float]:
    """The least of several calls, after one that is not timed."""
    jax.block_until_ready(run())
    taken = [seconds(run) for _ in range(rounds)]
    return {name: min(one[name] for one in taken) for name in taken[0]}


def inputs(steps: int, features: int) -> jax.Array:
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.standard_normal((1, steps, features), dtype=np.float32))


def gradient(cells: list[str]) -> list[dict]:
    """Memory and time of a gradient over a million steps."""
    rows = []
    print(f"{'cell':>6}{'by':>9}{'recomputed':>12}{'peak MiB':>10}{'base':>7}{'s':>8}")
    for cell in cells:
        for way, environment in WAYS.items():
            for recompute in (False, True):
                asked = json.dumps({"cell": cell, "recompute": recompute})
                command = [sys.executable, __file__, "--child", asked]
                said = subprocess.run(
                    command, env=os.environ | environment, stdout=subprocess.PIPE, check=True
                )
                row = {"cell": cell, "by": way, "recompute": recompute} | json.loads(
                    said.stdout
                )
                rows.append(row | {"steps": STEPS, "hidden": HIDDEN})
                peak, base = (row[name] / 2**20 for name in ("peak", "base"))
                print(f"{cell:>6}{way:>9}{recompute!s:>12}{peak:>10.0f}{base:>7.0f}", end="")
                print(f"{row['seconds']['processor']:>8.2f}", flush=True)
    return rows


def child(cell: str, recompute: bool) -> None:
    """Print the peak of the resident set of this process, before and after, and the time."""
    layer, xs = CELLS[cell](INPUTS, HIDDEN, key=0), inputs(STEPS, INPUTS)

    def loss(layer, xs):
        states, _ = tt.unroll(layer, xs, recompute=recompute)
        return jnp.mean(layer.hidden(states) ** 2)

    compiled = jax.jit(jax.grad(loss)).lower(layer, xs).compile()
    base = _peak()
    taken = seconds(partial(compiled, layer, xs))
    print(json.dumps({"base": base, "peak": _peak(), "seconds": taken}))


def _peak() -> int:
    """The largest resident set of this process so far, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def newton(cells: list[str], rounds: int) -> list[dict]:
    """All steps at once beside one after another."""
    points = [
        (cell, steps, units, "stable", 100)
        for cell in cells
        for units in UNITS
        for steps in TIMES
        if steps * units**2 <= LARGEST
    ]
    points += [
        (cell, steps, 8, "chaotic", most) for cell in cells for steps, most in CHAOTIC.items()
    ]
    rows = []
    print(f"\n{'cell':>6}{'units':>6}{'steps':>8}{'dynamics':>9}{'jacobians':>10}", end="")
    print(f"{'iterations':>11}{'s':>9}{'unroll s':>10}{'times':>8}")
    for cell, steps, units, dynamics, most in points:
        layer = CELLS[cell](INPUTS, units, key=0)
        if dynamics == "chaotic":
            layer = eqx.tree_at(lambda c: c.W, layer, 10 * layer.W)
        xs = inputs(steps, INPUTS)
        one_by_one = least(partial(jax.jit(tt.unroll), layer, xs), rounds)
        for jacobians in ("full", "diagonal"):
            run = partial(tt.unroll_in_parallel, jacobians=jacobians, iterations=most)
            run = partial(jax.jit(run), layer, xs)
            found, taken = run(), least(run, rounds if dynamics == "stable" else 1)
            row = {"cell": cell, "units": units, "steps": steps, "dynamics": dynamics}
            row |= {"jacobians": jacobians, "iterations": int(found.iterations)}
            row |= {"converged": bool(found.converged)}
            rows.append(row | {"seconds": taken, "one_by_one": one_by_one})
            count = f"{row['iterations']}{'' if row['converged'] else '+'}"
            times = taken["processor"] / one_by_one["processor"]
            print(
                f"{cell:>6}{units:>6}{steps:>8}{dynamics:>9}{jacobians:>10}{count:>11}", end=""
            )
            print(f"{taken['processor']:>9.4f}{one_by_one['processor']:>10.4f}{times:>8.1f}")
            sys.stdout.flush()
    return rows


def linear(rounds: int) -> list[dict]:
    """A linear recurrence by the parallel scan, and by a loop."""
    rows, steps = [], 100_000

    def loop(A, b):
        def step(s, of):
            A, b = of
            s = b + (A * s if A.ndim == s.ndim else jnp.einsum("...ij,...j->...i", A, s))
            return s, s

        return jax.lax.scan(step, jnp.zeros_like(b[0]), (A, b))[1]

    print(f"\n{'matrices':>9}{'units':>6}{'steps':>8}{'parallel s':>12}{'loop s':>9}")
    for diagonal in (True, False):
        for units in UNITS:
            b = jnp.swapaxes(inputs(steps, units), 0, 1)
            A = 0.9 * jnp.cos(b if diagonal else b[..., None] * jnp.arange(units)) / units
            taken = {
                name: least(partial(jax.jit(run), A, b), rounds)
                for name, run in (("parallel", linear_recurrence), ("loop", loop))
            }
            kind = "diagonal" if diagonal else "full"
            rows.append({"matrices": kind, "units": units, "steps": steps, "seconds": taken})
            both = (taken[name]["processor"] for name in ("parallel", "loop"))
            print(f"{kind:>9}{units:>6}{steps:>8}{next(both):>12.4f}{next(both):>9.4f}")
    return rows


def main() -> None:
    parser = options(__doc__, None)
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parts = ("gradient", "newton", "linear")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    os.environ["JAX_PLATFORMS"] = "cpu"
    jax.config.update("jax_platforms", "cpu")
    if asked.child:
        return child(**json.loads(asked.child))
    started = machine()
    pin("1")
    measured = {
        "gradient": partial(gradient, asked.cells),
        "newton": partial(newton, asked.cells, asked.rounds),
        "linear": partial(linear, asked.rounds),
    }
    for part in asked.parts:
        out = HERE / "results" / f"long_sequences_{part}.json"
        save(out, asked.peer, started, benchmark="long_sequences", **{part: measured[part]()})


if __name__ == "__main__":
    main()
