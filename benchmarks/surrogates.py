"""A surrogate of the lecture's oscillator: its error, and its time beside Diffrax.

    python benchmarks/surrogates.py [--seeds 3] [--rounds 9]

A network that is trained by gradients learns 200 trajectories (30 of them choose the epoch) of
200 steps of .5, over ranges of damping, force and start, and solves 100 unseen ones of 1,000
steps, closed-loop. Then 1,000 of these as one batch: by that network, and by the default one,
whose readout is found by regression, with 500 and with 100 units, in both precisions. Beside
each the fastest scheme of Diffrax, over step sizes and tolerances, whose median NRMSE is no
larger. All are compiled and timed in turn, and the least of the rounds counts. All may use
every core: the kernels by threads; of Diffrax, in float32, the batch is solved in one piece,
over which XLA uses what cores it will, and in as many pieces on threads as there are cores, and
the quicker counts. The time of a network is that of its own, scaled numbers; `whole_seconds` is
from a start in the variables' units to a solution in them.
"""

import argparse
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from machine import cores, machine

from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.systems import system
from throughtime.dynamics.trajectories import sample_trajectories
from throughtime.forecasting.metrics import nrmse
from throughtime.lecture.oscillator import LONG, RANGES

OUT = Path(__file__).parent / "results" / "surrogates.json"
MANY, STEPS = 1000, 1000
NETWORKS = {
    f"esn, {units} units, {dtype}": {"hidden": units, "dtype": dtype}
    for units in (500, 100)
    for dtype in ("float64", "float32")
}
SLOW = 0.4
"""Seconds from which on a call is timed once: it is no candidate."""

STEPS_TRIED = (4.0, 3.0, 2.0, 1.5, 1.0, 0.75, 0.5, 0.25, 0.125)
SCHEMES = {
    "Heun": diffrax.Heun(),
    "Bosh3": diffrax.Bosh3(),
    "Tsit5": diffrax.Tsit5(),
    "Dopri8": diffrax.Dopri8(),
}


def median_error(truth: np.ndarray, solved: np.ndarray) -> float:
    """The median NRMSE over trajectories."""
    solved = np.nan_to_num(np.asarray(solved, np.float64), nan=1e9)
    return float(np.median([nrmse(a[1:], b[1:]) for a, b in zip(truth, solved, strict=True)]))


def solver(scheme: diffrax.AbstractSolver, step: float | None, tolerance: float | None):
    """Diffrax over all trajectories, by fixed steps or to a tolerance."""
    oscillator, times = system("oscillator"), LONG * jnp.arange(STEPS + 1)

    def one(start, own):
        p = {**oscillator.parameters, **own}

        def slope(t, y, _):
            return oscillator.law(t, y, p, oscillator.forcing(t, p))

        control: diffrax.AbstractStepSizeController = diffrax.ConstantStepSize()
        if tolerance is not None:
            control = diffrax.PIDController(rtol=tolerance, atol=tolerance)
        return diffrax.diffeqsolve(
            diffrax.ODETerm(slope), scheme, 0.0, times[-1], step, start,
            saveat=diffrax.SaveAt(ts=times), stepsize_controller=control,
            max_steps=20 * STEPS, throw=False,
        ).ys  # fmt: skip

    return jax.jit(jax.vmap(one))


def in_pieces(call, *arrays):
    """A call of the batch in as many pieces as there are cores, each on a thread."""
    pieces = [
        jax.tree.map(lambda a, i=i: a[i :: len(cores())], arrays) for i in range(len(cores()))
    ]
    pool = ThreadPoolExecutor(len(pieces))
    return lambda: list(pool.map(lambda piece: jax.block_until_ready(call(*piece)), pieces))


def timed_in_turn(calls: dict, rounds: int) -> dict[Any, dict]:
    """The least wall seconds of each call, and its processor seconds then, once compiled."""
    found = {name: (np.inf, np.inf) for name in calls}
    for n in range(rounds + 1):
        for name, call in calls.items():
            if SLOW < found[name][0] < np.inf:
                continue
            cpu, begun = time.process_time(), time.perf_counter()
            jax.block_until_ready(call())
            took = time.perf_counter() - begun, time.process_time() - cpu
            if n:
                found[name] = min(found[name], took)
    return {
        name: {"seconds": wall, "processor_seconds": cpu} for name, (wall, cpu) in found.items()
    }


def tried_schemes(unseen, most: float) -> tuple[list[dict], dict]:
    """Every scheme with its error, and calls of those whose error is at most this."""
    y = jnp.asarray(unseen.states[:, 0], jnp.float32)
    own = {name: jnp.asarray(v, jnp.float32) for name, v in unseen.parameters.items()}
    tried, calls = [], {}
    settings = [(step, None) for step in STEPS_TRIED]
    settings += [(None, 10.0**-k) for k in range(1, 7)]
    for (name, scheme), (step, tolerance) in itertools.product(SCHEMES.items(), settings):
        call = solver(scheme, step, tolerance)
        row = {"scheme": name, "step": step, "tolerance": tolerance}
        row["nrmse"] = median_error(unseen.states, np.asarray(call(y, own)))
        if row["nrmse"] <= most:
            how = f"{name}, " + (f"steps of {step}" if step else f"to {tolerance:g}")
            calls[how, "one piece"] = lambda call=call: call(y, own)
            calls[how, "pieces"] = in_pieces(call, y, own)
            row["how"] = how
        tried.append(row)
    return tried, calls


def race(gru: Surrogate, rounds: int) -> dict:
    """1,000 rollouts by each network, and by the fastest scheme that is as accurate."""
    models = {"gru, 64 units, float32": gru}
    for name, options in NETWORKS.items():
        models[name] = Surrogate("oscillator", ranges=RANGES, dt=LONG, **options).fit()
    unseen = sample_trajectories(gru.system_, gru.ranges_, MANY, STEPS, LONG, 12345)
    start, inputs = unseen.states[:, 0], unseen.inputs
    networks, calls = [], {}
    for name, model in models.items():
        error = median_error(unseen.states, model.solve(start, STEPS, unseen.parameters))
        networks.append({"network": name, "nrmse": error})
        given = model.scale(start, inputs)
        calls[name] = lambda model=model, given=given: model.solve_scaled(*given)
        calls[name, "whole"] = lambda model=model: model._solve(start, inputs)
    tried, schemes = tried_schemes(unseen, max(row["nrmse"] for row in networks))
    times = timed_in_turn(calls | schemes, rounds)
    for row in tried:
        if "how" in row:
            ways = {way: times[row["how"], way] for way in ("one piece", "pieces")}
            quicker = min(ways, key=lambda way: ways[way]["seconds"])
            row |= {**ways[quicker], "batch": quicker, "ways": ways}
    for row in networks:
        row |= times[row["network"]]
        row["whole_seconds"] = times[row["network"], "whole"]["seconds"]
        accurate = [one for one in tried if "how" in one and one["nrmse"] <= row["nrmse"]]
        row["diffrax"] = min(accurate, key=lambda one: one["seconds"], default=None)
    return {"networks": networks, "tried": tried}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    rows, model = [], None
    for seed in range(options.seeds):
        model = Surrogate("oscillator", ranges=RANGES, dt=LONG, cell="gru", seed=seed).fit()
        judged = model.evaluate().to_json()
        rows.append({"seed": seed, "training_seconds": model.history_[-1].seconds, **judged})
        error = judged["nrmse"]
        print(
            f"seed {seed}: NRMSE {error['median']:.2g}, worst {error['worst']:.2g}", flush=True
        )
    assert model is not None
    found = race(model, options.rounds)
    linear = rows[-1]["linear_map"]["median"]
    print(f"A linear map with the same inputs has a median NRMSE of {linear:.2g}.")
    print(f"{MANY} rollouts of {STEPS} steps: NRMSE, seconds (of a processor)")
    for row in found["networks"]:
        print(f"  {row['network']:26} {line(row)}")
        fastest = row["diffrax"]
        print(f"  {fastest['how']:26} {line(fastest)}" if fastest else "  no scheme")
    options.out.write_text(
        json.dumps({"rows": rows, "race": found, **machine()}, indent=2) + "\n"
    )


def line(row: dict) -> str:
    return f"{row['nrmse']:.2g}, {row['seconds']:.3f} s ({row['processor_seconds']:.3f})"


if __name__ == "__main__":
    main()
