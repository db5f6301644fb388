r"""
From rest to chaos
==================

One hundred tanh units with random weights, left alone. Their weights are scaled by a gain: the
same network settles, oscillates with several frequencies, or is chaotic (Sompolinsky, Crisanti
and Sommers 1988).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import throughtime as tt

jax.config.update("jax_enable_x64", True)
rng = np.random.default_rng(3)
weights = rng.normal(size=(100, 100)) / 10
cell = tt.RNN(1, 100, dtype="float64", key=0)
cell = eqx.tree_at(lambda c: c.b, cell, jnp.zeros(100))

fig, axes = plt.subplots(3, figsize=(8, 5.4), sharex=True, layout="constrained")
for ax, gain in zip(axes, (0.8, 1.2, 2.5), strict=True):
    network = eqx.tree_at(lambda c: c.W, cell, jnp.asarray(gain * weights))
    found = tt.behaviour(tt.map_of_cell(network, seed=1))
    largest = found.spectrum.exponents[0]
    states = tt.map_of_cell(network, seed=1).run(150)
    ax.plot(np.asarray(states[:, :4]), lw=1)
    ax.set(ylim=(-1.05, 1.05), ylabel="h")
    ax.set_title(f"gain {gain}: {found.kind}, largest exponent {largest:.2g}", fontsize=10)
axes[-1].set(xlabel="step")
jax.config.update("jax_enable_x64", False)
