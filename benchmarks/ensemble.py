"""16 small networks trained as one program, beside 16 trainings in a row, on all cores.

    python benchmarks/ensemble.py [--members 16] [--epochs 20]

The lecture's sine: windows of 20 steps, 64 tanh units, a readout of the last step, Adam,
batches of 32. Both ways in this process, in turn, with the same epochs. "without compilation"
is the time of the epochs after the first, scaled up to all of them; "compiled once" adds to it
what else one call of `train` took, the first in a row; "as called" is all that the calls took:
`train` compiles once for the ensemble, and for each of the trainings in a row.
"""

import os
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from machine import machine
from rounds import options, pin, save

import throughtime as tt

WINDOW = 20
TRAINED = "without compilation"
SHAPE = tt.Architecture(1, 1, cell="rnn", hidden=64, last=True)


def data() -> tuple[tt.Windows, tt.Windows]:
    """Training and validation windows of `throughtime example sine`."""
    wave = jnp.asarray(np.sin(np.linspace(0, 4 * np.pi, 1000, dtype=np.float32))[:, None])

    def windows(part):
        nothing, starts = jnp.zeros((len(part), 0)), jnp.arange(len(part) - WINDOW)
        return tt.Windows(part, nothing, starts, WINDOW, 1)

    return windows(wave[:800]), windows(wave[800:])


def timed(network: tt.Network, epochs: int, **extra) -> dict:
    """Seconds of one call of `train`, and the last losses."""
    training, validation = data()
    ends, clock = [], time.perf_counter()
    fitted = tt.train(
        network,
        training,
        validation=validation,
        epochs=epochs,
        keep="last",
        on_epoch=lambda *_: ends.append(time.perf_counter()),
        **extra,
    )
    jax.block_until_ready(fitted.network)
    whole = time.perf_counter() - clock
    trained = (ends[-1] - ends[0]) * epochs / (epochs - 1)
    losses = [row.validation_loss for row in fitted.history if row.epoch == epochs]
    return {TRAINED: trained, "as called": whole, "losses": losses}


def together(members: int, epochs: int) -> dict:
    run = timed(SHAPE.ensemble(members, 0), epochs, ensemble=members, key=1)
    return run | {"compiled once": run["as called"]}


def in_a_row(members: int, epochs: int) -> dict:
    networks = [SHAPE.build(np.random.default_rng([0, i])) for i in range(members)]
    each = [timed(network, epochs, key=i) for i, network in enumerate(networks)]
    total = {name: sum(one[name] for one in each) for name in (TRAINED, "as called")}
    once = total[TRAINED] + each[0]["as called"] - each[0][TRAINED]
    return total | {"compiled once": once, "losses": [one["losses"][0] for one in each]}


def main() -> None:
    parser = options(__doc__, "ensemble")
    parser.add_argument("--members", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=20, help="at least 2 (20)")
    parser.add_argument("--threads", default="all", help="cores to use (all)")
    asked = parser.parse_args()
    if asked.epochs < 2:
        parser.error("the first epoch compiles: ask for at least 2")
    os.environ["JAX_PLATFORMS"] = "cpu"
    jax.config.update("jax_platforms", "cpu")
    cores, started = pin(asked.threads), machine()
    ways = {"together": together, "in a row": in_a_row}
    runs = {name: [] for name in ways}
    for turn in range(asked.rounds):
        for name in list(ways)[:: 1 if turn % 2 else -1]:
            runs[name].append(ways[name](asked.members, asked.epochs))
    size = f"{asked.members} networks, {asked.epochs} epochs, {cores} cores"
    print(f"{size}: seconds, median of {asked.rounds}\n")
    print(f"{'':<20}{'together':>12}{'in a row':>12}{'ratio':>10}")
    summary = {}
    for what in (TRAINED, "compiled once", "as called"):
        found = {name: statistics.median(run[what] for run in runs[name]) for name in ways}
        summary[what] = found | {"ratio": found["together"] / found["in a row"]}
        figures = "".join(f"{seconds:>12.3g}" for seconds in found.values())
        print(f"{what:<20}{figures}{summary[what]['ratio']:>10.3f}")
    for name, found in runs.items():
        losses = statistics.median(loss for run in found for loss in run["losses"])
        print(f"validation loss, {name}: median {losses:.3g}")
    asked_for = {"members": asked.members, "epochs": asked.epochs, "threads": cores}
    facts = {"benchmark": "ensemble", **asked_for, "summary": summary, "runs": runs}
    save(asked.out, asked.peer, started, **facts)


if __name__ == "__main__":
    main()
