"""What a layer costs against its sizes, its memory against time, and what more cores bring.

    python benchmarks/scaling.py [--cells gru] [--parts cost memory threads]

- cost: forward plus backward (`bptt.py` says of what) on one core, in nanoseconds for each
  multiply-add of the recurrence (E T B G H^2, three times), one size varied at a time. Members
  of an ensemble are a `vmap`.
- memory: the resident set's peak while a gradient is computed, less what it was before, each in
  a process of its own after compilation; as it is, and recomputed in pieces.
- threads: steps of sequences a second on one core and on all, two processes in turn.
"""

import argparse
import inspect
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from bptt import CELLS, GATES, INPUTS
from machine import machine
from rounds import Local, Peer, in_turn, options, pin, save, serve

import throughtime as tt

BASE = {"ensemble": 1, "batch": 32, "time": 100, "hidden": 64}
VARIED = {
    "time": (1, 10, 100, 1000, 3000),
    "batch": (1, 4, 16, 32, 64, 256),
    "hidden": (8, 16, 32, 64, 100, 128, 256),
    "ensemble": (1, 2, 4, 16, 64),
}
TIMES = (250, 500, 1000, 2000, 4000, 8000)
BATCHES = (16, 32, 64, 128, 256)
RECOMPUTES = "recompute" in inspect.signature(tt.unroll).parameters


def layer(cell: str, ensemble: int, batch: int, time: int, hidden: int, recompute=False):
    """Loss over every step and its gradient by all weights: a function of no arguments."""
    members = [CELLS[cell](INPUTS, hidden, key=seed) for seed in range(ensemble)]
    rng = np.random.default_rng(0)
    xs = jnp.asarray(rng.standard_normal((ensemble, batch, time, INPUTS), dtype=np.float32))
    extra = {"recompute": True} if recompute else {}

    def loss(cell, xs):
        states, _ = tt.unroll(cell, xs, **extra)
        return jnp.mean(cell.hidden(states) ** 2)

    gradient = jax.grad(loss)
    if ensemble == 1:
        cells, xs = members[0], xs[0]
    else:
        cells, gradient = jax.tree.map(lambda *w: jnp.stack(w), *members), jax.vmap(gradient)
    compiled = jax.jit(gradient).lower(cells, xs).compile()
    return lambda: jax.block_until_ready(compiled(cells, xs))


def cost(cells: list[str], rounds: int) -> list[dict]:
    """Nanoseconds for each multiply-add, one size varied at a time."""
    rows = []
    for cell in cells:
        for name, values in VARIED.items():
            sizes = {str(value): {**BASE, name: value} for value in values}
            sides = {key: Local(layer(cell, **one)) for key, one in sizes.items()}
            print(f"\n{cell}: ns a multiply-add against {name} (others {BASE})")
            for key, taken in in_turn(sides, rounds, 0.1).items():
                products = (
                    3 * GATES[cell] * sizes[key]["hidden"] * np.prod([*sizes[key].values()])
                )
                row = {"cell": cell, "varied": name, **sizes[key], "seconds": taken}
                rows.append(row | {"ns": 1e9 * min(taken) / float(products)})
                print(f"{key:>8}{1e3 * min(taken):>12.4g} ms{rows[-1]['ns']:>10.4f} ns")
    return rows


def memory(cells: list[str]) -> list[dict]:
    """MiB above the start while a gradient is computed, against the steps."""
    rows = []
    for cell in cells:
        print(f"\n{cell}: MiB for a gradient at batch 32, hidden 64")
        print(f"{'time':>8}{'as it is':>12}" + f"{'recomputed':>12}" * RECOMPUTES)
        for time in TIMES:
            point = {"cell": cell, **BASE, "time": time}
            found = {}
            for recompute in (False, True)[: 1 + RECOMPUTES]:
                asked = json.dumps({**point, "recompute": recompute})
                command = [sys.executable, __file__, "--child", asked]
                said = subprocess.run(command, capture_output=True, text=True, check=True)
                found["recomputed" if recompute else "as it is"] = json.loads(said.stdout)
            rows.append({**point, "bytes": found})
            print(f"{time:>8}" + "".join(f"{one / 2**20:>12.1f}" for one in found.values()))
    if not RECOMPUTES:
        print("(this `throughtime.unroll` cannot recompute)")
    return rows


def child(asked: str) -> None:
    """Print the bytes by which one gradient raises the resident set's peak."""
    run = layer(**json.loads(asked))
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():  # no Linux: the peak of the whole life, compilation included
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        return

    def kilobytes(name):
        lines = [line.split() for line in status.read_text().splitlines()]
        return next(int(words[1]) for words in lines if words[0] == f"{name}:")

    reset.write_text("5")  # the peak starts anew from what is resident now
    before = kilobytes("VmRSS")
    run()
    print(1024 * (kilobytes("VmHWM") - before))


def threads(cells: list[str], rounds: int) -> list[dict]:
    """Steps a second of one core and of all."""
    workers = {name: Peer(sys.executable, __file__, "--worker", name) for name in ("1", "all")}
    cores = workers["all"].about["cores"]
    rows = []
    for cell in cells:
        print(f"\n{cell}: thousand steps a second at time 100, hidden 128")
        print(f"{'batch':>8}{'1 core':>12}{f'{cores} cores':>12}{'speed-up':>10}")
        for batch in BATCHES:
            point = {"cell": cell, "ensemble": 1, "batch": batch, "time": 100, "hidden": 128}
            sides = {name: worker.prepare(**point) for name, worker in workers.items()}
            taken = in_turn(sides, rounds, 0.2)
            rate = {name: batch * 100 / min(times) / 1e3 for name, times in taken.items()}
            gain = rate["all"] / rate["1"]
            rows.append({**point, "seconds": taken, "cores": cores, "speed_up": gain})
            print(f"{batch:>8}{rate['1']:>12.4g}{rate['all']:>12.4g}{gain:>10.2f}")
    return rows


def main() -> None:
    parser = options(__doc__, "scaling")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parts = ("cost", "memory", "threads")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    os.environ["JAX_PLATFORMS"] = "cpu"
    jax.config.update("jax_platforms", "cpu")
    if asked.child:
        return child(asked.child)
    if asked.worker:
        return serve({"cores": pin(asked.worker)}, layer)
    started, result = machine(), {}
    if "threads" in asked.parts:  # before this process keeps itself to one core
        result["threads"] = threads(asked.cells, asked.rounds)
    pin("1")
    if "cost" in asked.parts:
        result["cost"] = cost(asked.cells, asked.rounds)
    if "memory" in asked.parts:
        result["memory"] = memory(asked.cells)
    save(asked.out, asked.peer, started, benchmark="scaling", base=BASE, **result)


if __name__ == "__main__":
    main()
