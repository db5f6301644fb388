"""
Why it learns or not
====================

The lecture's claims about gradients, each as a few lines that can be run.
"""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import throughtime as tt
from throughtime.dynamics.flow_record import FlowRecord
from throughtime.dynamics.gradient_flow import VANISHING
from throughtime.reports import dynamics_figures, figure_style

rng = np.random.default_rng(0)
inputs = jnp.asarray(rng.normal(size=(8, 60, 1)), jnp.float32)
data = tt.Sequences(inputs, jnp.roll(inputs, 20, axis=1))  # what was read 20 steps ago
Q = np.linalg.qr(rng.normal(size=(32, 32)))[0]


def cell(size, activation="identity"):
    """A network whose recurrent weights are `size` times a rotation."""
    shape = tt.Architecture(1, 1, cell="rnn", hidden=32, activation=activation)
    W = jnp.asarray(size * Q, jnp.float32)
    return eqx.tree_at(lambda n: n.cells[0].W, shape.build(key=0), W)


# %%
# Small weights shrink a gradient and large ones blow it up, each step by the same factor.

signals = {}
for size in (0.5, 0.9, 1.0, 1.1):
    flow = tt.gradient_flow(cell(size), data)
    signals[f"W = {size:g} Q"] = flow.signal
    print(f"W = {size:g} Q: {flow.rate:.6f} a step. {flow.verdict()}")

# %%
# The forward pass fixes the derivatives: driven hard, tanh is flat, and nothing comes back.

for gain in (0.1, 5.0):
    quiet = cell(1.0, "tanh")
    loud = eqx.tree_at(lambda n: n.cells[0].U, quiet, gain * quiet.cells[0].U)
    print(f"tanh, inputs times {gain:g}: {tt.gradient_flow(loud, data).rate:.2f} a step")

# %%
# The backward pass is linear: twice the error at the outputs is twice the gradient.

network, batch = cell(0.9, "tanh"), data.batch(jnp.arange(8))
params, static = eqx.partition(network, eqx.is_inexact_array)
_, back = jax.vjp(lambda p: eqx.combine(p, static)(batch.inputs)[0], params)
error = jnp.asarray(rng.normal(size=(8, 60, 1)), jnp.float32)
once, twice = back(error)[0].cells[0].W, back(2 * error)[0].cells[0].W
print(f"twice the error, less twice the gradient: {abs(twice - 2 * once).max():.1g}")

# %%
# While an LSTM learns to repeat what it read 20 steps ago, its gradients begin to reach there.

lstm = tt.Architecture(1, 1, cell="lstm", hidden=32, init="keras").build(key=0)
record = FlowRecord(lstm, data, every=5)
many = jnp.asarray(rng.normal(size=(256, 60, 1)), jnp.float32)
lagged = tt.Sequences(many, jnp.roll(many, 20, axis=1).at[:, :20].set(0))
method = tt.method("adam", rate=1e-2, clip=1.0)
fitted = tt.train(
    lstm, lagged, method=method, epochs=150, batch_size=32, key=1, on_epoch=record
)
print(f"loss {fitted.history[0].loss:.2f} to {fitted.history[-1].loss:.2f}")
for epoch, signal in zip(record.epochs, record.signals, strict=True):
    if epoch in (0, 150):
        print(f"epoch {epoch}: {signal[20]:.1e} of the gradient arrives 20 steps back")

# %%
# Both as pictures.

folder = Path("runs/examples")
folder.mkdir(parents=True, exist_ok=True)
falling = dynamics_figures.gradient_by_lag(signals, VANISHING)
figure_style.save(falling, folder / "gradient_flow.png")
heat = dynamics_figures.gradient_heat_map(record.epochs, np.array(record.signals))
figure_style.save(heat, folder / "gradient_heat.png")
