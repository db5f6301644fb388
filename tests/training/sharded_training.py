"""A training over the processes of a cluster: `sharded_training.py RANK PROCESSES PORT OUT`.

The first process writes the losses and weights of an ensemble and of a single network. With
one process there is no mesh at all.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import throughtime as tt
from throughtime.training.sharding import Placement

NAMES = ("losses", "validation", "weights")


def fit(ensemble, mesh, stop=None):
    """Eight examples in batches of four: history and weights."""
    rng = np.random.default_rng(0)
    xs = jnp.asarray(rng.normal(size=(12, 9, 2)))
    data = tt.Sequences(xs[:8], jnp.cumsum(xs[:8], axis=1) / 3)
    held_out = tt.Sequences(xs[8:], jnp.cumsum(xs[8:], axis=1) / 3)
    shape = tt.Architecture(2, 2, cell="gru", hidden=5, dtype="float64")
    network = shape.build(key=3) if ensemble is None else shape.ensemble(ensemble, key=3)
    found = tt.train(
        network, data, method="adam", epochs=4, batch_size=4, validation=held_out,
        ensemble=ensemble, key=1, mesh=mesh, on_epoch=stop,
    )  # fmt: skip
    if mesh is not None:  # each process has a half: of the batch, or of the ensemble
        rows = np.zeros((ensemble or 1, 2, 4), np.int32)
        plan, _ = Placement(mesh, ensemble).plan(rows, rows[:, 0, :2])
        part = plan.addressable_shards[0].data
        assert part.size == rows.size / len(jax.devices())
    weights = [np.ravel(leaf) for leaf in jax.tree.leaves(found.network) if np.ndim(leaf)]
    rows = found.history
    return [row.loss for row in rows], [row.validation_loss for row in rows], weights


def main(rank, processes, port, out):
    if processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"localhost:{port}", processes, rank)
    jax.config.update("jax_enable_x64", True)
    results = {}
    for name, ensemble, devices in (("single", None, (1, 2)), ("ensemble", 2, (2, 1))):
        mesh = jax.make_mesh(devices, ("member", "batch")) if processes > 1 else None
        losses, validation, weights = fit(ensemble, mesh)
        parts = zip(NAMES, (losses, validation, np.concatenate(weights)), strict=True)
        results |= {f"{name} {part}": values for part, values in parts}
    if rank == 0:
        np.savez(out, **results)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
