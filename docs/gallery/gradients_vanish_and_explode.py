r"""
Gradients vanish and explode
============================

Of the gradient at the last step, how much arrives so many steps earlier? For :math:`W = \rho Q`
with a rotation :math:`Q` and no squashing, exactly :math:`\rho` to the number of steps. An LSTM
whose keep gate starts open lets more through.
"""

import equinox as eqx
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import throughtime as tt

rng = np.random.default_rng(0)
inputs = jnp.asarray(rng.normal(size=(8, 60, 1)), jnp.float32)
data = tt.Sequences(inputs, inputs)
Q = np.linalg.qr(rng.normal(size=(32, 32)))[0]


def linear(size):
    """A network without squashing whose recurrent weights are `size` times a rotation."""
    network = tt.Architecture(1, 1, cell="rnn", hidden=32, activation="identity").build(key=0)
    return eqx.tree_at(lambda n: n.cells[0].W, network, jnp.asarray(size * Q, jnp.float32))


networks = {f"linear, W = {size} Q": linear(size) for size in (0.8, 0.95, 1.0, 1.05)}
networks["tanh"] = tt.Architecture(1, 1, cell="rnn", hidden=32).build(key=0)
networks["LSTM"] = tt.Architecture(1, 1, cell="lstm", hidden=32, init="keras").build(key=0)

fig, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
for name, network in networks.items():
    signal = tt.gradient_flow(network, data).signal
    ax.semilogy(signal, label=name, ls="-" if "linear" in name else "--")
ax.set(xlabel="steps back", ylabel="gradient that arrives", ylim=(1e-9, 1e2))
ax.legend(frameon=False, ncols=2)
