"""
The parts under the forecaster
==============================

Windows of a series, a network, training, and a closed loop: the parts compose.
"""

import jax.numpy as jnp
import numpy as np

import throughtime as tt

wave = jnp.asarray(np.sin(np.arange(0, 100, 0.1))[:, None])  # (time, feature)
none = jnp.zeros((1000, 0))  # no inputs known ahead

# %%
# Each example is a window of 20 steps and the step after it. Training and validation are parts
# of the same series, cut by time.

training = tt.Windows(wave, none, jnp.arange(700), window=20, horizon=1)
validation = tt.Windows(wave, none, jnp.arange(720, 970), window=20, horizon=1)

# %%
# A network is a pytree of arrays. The readout sees the last hidden state of a window.

network = tt.Architecture(1, 1, cell="gru", hidden=16, last=True).build(key=0)
print(network.summary())

# %%
# An epoch is one compiled program. Training ends when the validation loss has not fallen for
# five epochs; the best weights are kept.

fitted = tt.train(network, training, epochs=20, validation=validation, patience=5, key=1)
print(fitted.stopped, "with a validation loss of", fitted.history[-1].validation_loss)

# %%
# Closed loop: every prediction is fed back as the next input.

ahead = tt.rollout(fitted.network, wave[None, -20:], steps=100)  # (1, 100, 1)
truth = np.sin(np.arange(100, 110, 0.1))
print(
    "closed-loop RMSE over 100 steps:", float(np.sqrt(np.mean((ahead[0, :, 0] - truth) ** 2)))
)
