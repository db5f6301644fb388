"""A surrogate of the lecture's oscillator: its error, and its time beside Diffrax.

    python benchmarks/surrogates.py [--seeds 3] [--rounds 5]

One network, trained by gradients, learns 200 trajectories (30 of them choose the epoch) of 200
steps of .5, over ranges of damping, force and start, and solves 100 unseen ones of 1,000 steps,
closed-loop. Then
1,000 of these as one batch, beside Diffrax at equal accuracy: of its schemes and step sizes or
tolerances the fastest whose median NRMSE is no larger than the network's. Both are compiled,
both in float32, timed in turn; the least of the rounds counts.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from machine import machine

from throughtime.dynamics.surrogate import Surrogate
from throughtime.dynamics.systems import system
from throughtime.dynamics.trajectories import sample_trajectories
from throughtime.forecasting.metrics import nrmse
from throughtime.lecture.oscillator import LONG, RANGES

OUT = Path(__file__).parent / "results" / "surrogates.json"
MANY, STEPS = 1000, 1000
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


def least(call, rounds: int) -> float:
    """Seconds of a call, once it is compiled."""
    jax.block_until_ready(call())
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        jax.block_until_ready(call())
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def timed(model: Surrogate, rounds: int) -> dict:
    """1,000 rollouts by the network, and by the fastest scheme that is as accurate."""
    unseen = sample_trajectories(model.system_, model.ranges_, MANY, STEPS, LONG, 12345)
    start, inputs = unseen.states[:, 0], unseen.inputs
    solved = model.solve(start, STEPS, unseen.parameters)
    error = median_error(unseen.states, solved)
    first, known = model.scale(start, inputs)
    seconds = least(lambda: model.solve_scaled(first, known), rounds)
    y = jnp.asarray(start, jnp.float32)
    own = {name: jnp.asarray(v, jnp.float32) for name, v in unseen.parameters.items()}
    tried = []
    fixed = [(step, None) for step in (2.0, 1.0, 0.5, 0.25, 0.125)]
    adaptive = [(None, 10.0**-k) for k in range(1, 7)]
    for (name, scheme), (step, tolerance) in itertools.product(
        SCHEMES.items(), fixed + adaptive
    ):
        call = solver(scheme, step, tolerance)
        row = {"scheme": name, "step": step, "tolerance": tolerance}
        row["nrmse"] = median_error(unseen.states, np.asarray(call(y, own)))
        if row["nrmse"] <= error:
            row["seconds"] = least(lambda call=call: call(y, own), rounds)
        tried.append(row)
    accurate = [row for row in tried if "seconds" in row]
    fastest = min(accurate, key=lambda row: row["seconds"], default=None)
    return {"nrmse": error, "seconds": seconds, "diffrax": fastest, "tried": tried}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--rounds", type=int, default=5)
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
    race = timed(model, options.rounds)
    fastest = race["diffrax"]
    if fastest is None:
        raise SystemExit("No scheme of Diffrax was as accurate.")
    how = f"steps of {fastest['step']}" if fastest["step"] else f"to {fastest['tolerance']:g}"
    linear = rows[-1]["linear_map"]["median"]
    print(f"A linear map with the same inputs has a median NRMSE of {linear:.2g}.")
    print(f"{MANY} rollouts of {STEPS} steps, median NRMSE {race['nrmse']:.2g}:")
    print(f"  network {race['seconds']:.3f} s")
    print(f"  Diffrax {fastest['seconds']:.3f} s ({fastest['scheme']}, {how})")
    options.out.write_text(
        json.dumps({"rows": rows, "race": race, **machine()}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
