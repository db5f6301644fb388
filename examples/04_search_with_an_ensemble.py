"""
A search as one program
=======================

Which rate, and which scale of the first weights? Nine networks are trained as one program.
"""

import jax
import jax.numpy as jnp
import numpy as np

import throughtime as tt

wave = jnp.asarray(np.sin(np.arange(0, 100, 0.1))[:, None])  # (time, feature)
none = jnp.zeros((1000, 0))  # no inputs known ahead
training = tt.Windows(wave, none, jnp.arange(700), window=20, horizon=1)
validation = tt.Windows(wave, none, jnp.arange(720, 970), window=20, horizon=1)

# %%
# One rate and one scale for each member. A member that diverges ends alone.

rates, scales = (grid.ravel() for grid in np.meshgrid([0.1, 3e-3, 1e-4], [0.3, 1.0, 3.0]))
shape = tt.Architecture(1, 1, cell="rnn", hidden=16, last=True)
fitted = tt.train(
    shape.ensemble(len(rates), key=0, scale=scales),
    training,
    method=tt.method("adam", rate=rates, clip=1.0),
    epochs=10,
    validation=validation,
    ensemble=len(rates),
    key=1,
)

# %%
# The best validation loss of each member.

best = np.full(len(rates), np.inf)  # a loss for each member
for row in fitted.history:
    best[row.member] = np.fmin(best[row.member], row.validation_loss)
print("rate    scale  validation loss")
for rate, scale, loss in zip(rates, scales, best, strict=True):
    print(f"{rate:<7g} {scale:<6g} {loss:.2g}")
print(fitted.stopped)

# %%
# Members are rows of the leading axis of every array.

winner = jax.tree.map(lambda weights: weights[np.argmin(best)], fitted.network)
print("the best, evaluated again:", f"{tt.evaluate(winner, validation):.2g}")
