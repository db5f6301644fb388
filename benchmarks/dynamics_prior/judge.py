"""500 points of an unseen flow: in-context networks beside the searched model.

    python benchmarks/dynamics_prior/judge.py --only searched copied
    python benchmarks/dynamics_prior/judge.py --only published mixture --networks /tmp/dynamics

The twelve flows of `trajectories.py`, clean and with noise of 2 %. Every method knows the first
500 points: `tt.Surrogate().fit` with its defaults is fitted to them, a network reads them as
its context. Then

- valid times of twelve free runs from later starts, at most eight Lyapunov times, each after a
  past of 500 points (the networks read its last 50), as in `trajectories.py`;
- a free run of 10,000 steps from their end, and its state-space divergence and
  spectrum distance from the last 10,000 points of the flow, without noise. `flow` is what the
  first 10,000 points have.

`copied` is no network: the free run repeats what followed the ten values of the context that
are nearest to the last ten (context parroting, Zhang and Gilpin 2025).
"""

import argparse
import json
import sys
import time
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from network import Mixture

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from chaotic_flows import JUDGED, measured  # noqa: E402
from machine import machine  # noqa: E402
from trajectories import FLOWS, PAST, TOTAL, noisy, starts, steps_to_judge, valid  # noqa: E402
from trajectories import POINTS as FITTED  # noqa: E402

import throughtime as tt  # noqa: E402

POINTS, LONG, READ, MATCHED = 500, 10_000, 50, 10
METHODS = "searched", "copied", "published", "mixture"


def searched(context, dt):
    """The library with its defaults; runs from a past of 500 points."""
    model = tt.Surrogate().fit(context, dt=dt)
    settings = model.measured_.model.settings
    found = f"units {settings.units}" if settings.units else "polynomial"
    return lambda pasts, steps: [model.predict(steps, past) for past in pasts], {"model": found}


def copied(context, dt):
    """What followed the nearest values of the context."""
    mean, scale = context.mean(axis=0), context.std(axis=0)
    z = (context - mean) / scale
    windows = np.lib.stride_tricks.sliding_window_view(z, MATCHED, axis=0)

    def run(past, steps):
        last = ((past[-MATCHED:] - mean) / scale).T
        # A match must leave something to repeat.
        after = np.square(windows[: len(z) * 3 // 4] - last).sum(axis=(1, 2)).argmin() + MATCHED
        return context[after + np.arange(steps) % (len(context) - after)]

    return lambda pasts, steps: [run(past, steps) for past in pasts], {}


def in_context(network, free):
    """A trained network, which reads the context and is not changed by it."""

    def method(context, dt):
        mean, scale, size = context.mean(axis=0), context.std(axis=0), context.shape[1]

        def padded(y):
            found = np.zeros((len(y), network.variables), np.float32)
            found[:, :size] = (y - mean) / scale
            return jnp.asarray(found)

        known = padded(context)

        def runs_from(pasts, steps):
            # Lengths are rounded up, so that few are compiled.
            last = jnp.stack([padded(past[-READ:]) for past in pasts])
            runs = free(network, known, last, -(-steps // 2000) * 2000)
            return np.asarray(runs, float)[:, :steps, :size] * scale + mean

        return runs_from, {}

    return method


def distances(truth, run) -> dict:
    """Divergence and spectrum of a free run, and whether it stays where the flow is."""
    half = np.abs(truth - truth.mean(axis=0)).max(axis=0)
    with np.errstate(invalid="ignore"):
        bounded = bool((np.abs(run - truth.mean(axis=0)) <= 2 * half).all())
    late = run[len(run) // 2 :]
    moves = bool(bounded and (late.std(axis=0) > 0.1 * truth.std(axis=0)).all())
    return {
        "divergence": tt.state_space_divergence(truth, run),
        "spectrum": tt.spectrum_distance(truth, run),
        "bounded": bounded,
        "moves": moves,
    }


def judge(method, flow, noise) -> dict:
    """All that is measured of one method on one flow."""
    data = noisy(flow["y"], noise)
    context = data[:POINTS]
    begun = time.process_time()
    runs_from, about = method(context, flow["dt"])
    row = {"processor_seconds": time.process_time() - begun} | about
    steps, spread = steps_to_judge(flow), flow["y"][:FITTED].std(axis=0)
    rows, unit = starts(steps), flow["dt"] * flow["exponent"]
    runs = runs_from([data[row - PAST : row] for row in rows], steps)
    row["valid"] = [
        unit * valid(flow["y"][at : at + steps], run, spread)
        for at, run in zip(rows, runs, strict=True)
    ]
    return row | distances(flow["y"][-LONG:], runs_from([context], LONG)[0])


def table(rows) -> None:
    """The median valid time, the divergence and the spectrum distance, a line for each flow."""
    for noise in sorted({row["noise"] for row in rows}):
        print(f"noise {noise}: median valid time, divergence, spectrum distance")
        for flow in JUDGED:
            print(f"{flow:22}", end="")
            for method in ("flow", *METHODS):
                for row in rows:
                    if (row["method"], row["flow"], row["noise"]) == (method, flow, noise):
                        valid = np.median(row.get("valid", np.nan))
                        apart = f"{row['divergence']:6.2f} {row['spectrum']:5.2f}"
                        print(f"{method:>11} {valid:5.2f} {apart}", end="")
            print()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--networks", type=Path, default=Path("/tmp/dynamics"))
    parser.add_argument("--folder", type=Path, default=FLOWS)
    parser.add_argument("--again", action="store_true")
    results = HERE.parent / "results" / "dynamics_prior.json"
    parser.add_argument("--out", type=Path, default=results)
    options = parser.parse_args()
    methods = {"searched": searched, "copied": copied}
    free = eqx.filter_jit(eqx.filter_vmap(Mixture.free, in_axes=(None, None, 0, None)))
    for name in {"published", "mixture"} & set(options.only):
        network = Mixture(name == "published")
        stored = options.networks / name / "network.eqx"
        methods[name] = in_context(eqx.tree_deserialise_leaves(stored, network), free)
    saved = json.loads(options.out.read_text()) if options.out.exists() else {"rows": []}
    rows = {(r["method"], r["flow"], r["noise"]): r for r in saved["rows"]}
    for name, law in JUDGED.items():
        flow = measured(name, law, TOTAL, options.folder)
        cap = steps_to_judge(flow) * flow["dt"] * flow["exponent"]
        about = {"method": "flow", "flow": name, "noise": 0.0, "cap": cap}
        apart = distances(flow["y"][-LONG:], flow["y"][:LONG])
        rows["flow", name, 0.0] = about | apart
        for noise in (0.0, 0.02):
            for method in options.only:
                key = method, name, noise
                if key not in rows or options.again:
                    about = dict(zip(("method", "flow", "noise"), key, strict=True))
                    rows[key] = about | judge(methods[method], flow, noise)
        print(name, flush=True)
        kept = {"rows": list(rows.values()), "training": saved.get("training", {})}
        for one in {"published", "mixture"} & set(options.only):
            history = options.networks / one / "history.jsonl"
            lines = history.read_text().splitlines() if history.exists() else []
            kept["training"][one] = [json.loads(line) for line in lines]
        saved = kept | machine()
        options.out.write_text(json.dumps(saved, indent=1) + "\n")
    table(list(rows.values()))


if __name__ == "__main__":
    main()
