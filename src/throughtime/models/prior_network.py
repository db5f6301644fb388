r"""The recurrent prior: a GRU that has learned how series go on, and its quantiles.

$$x_t = \text{features}, \quad e_t = \gamma(A x_t + a), \quad h_t = \text{GRU}(e_t, h_{t-1}),
  \quad g_t = \gamma(B [h_t + e_t, x_t] + b)$$

with $\gamma$ the Gaussian error linear unit. For the lead time k from the origin t, a readout
of $g_t$ and of the features $q_{tk}$ of the question puts out a weight of each simple forecast
$f^j_{tk}$, two corrections in the two units of the series, and the width of the quantiles:

$$d_{tk} = \gamma(D \gamma(P g_t + Q q_{tk} + c) + d), \qquad
  \hat y_{t+k} = y_t + \sum_j w^j_{tk} f^j_{tk} + u_{tk} s_t + v_{tk} s'_t$$

The quantiles stand below and above this median by sums of positive steps, so they never cross.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from throughtime._support.seeds import Key, generator
from throughtime.recurrence.cells import GRU
from throughtime.recurrence.unroll import unroll

from .prior_features import ASKED, BASES, READ, Question

QUANTILES = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
"""The shares of the future values that are to lie below the quantiles."""

MEDIAN = QUANTILES.index(0.5)
SHARES = np.diff([0.0, *(np.add(QUANTILES[1:], QUANTILES[:-1]) / 2), 1.0])
"""The probability that each quantile stands for: their mean with these weights is the mean."""
OUTPUTS = BASES + 2 + len(QUANTILES)  # weights, corrections, a width, and a step a quantile


class Affine(eqx.Module):
    """An affine map of the last axis, $A x + a$."""

    A: Float[Array, "out in"]
    a: Float[Array, " out"]

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator, scale: float = 1.0):
        bound = scale / np.sqrt(inputs)
        self.A = jnp.asarray(rng.uniform(-bound, bound, (outputs, inputs)), jnp.float32)
        self.a = jnp.zeros(outputs, jnp.float32)

    def __call__(self, x: Float[Array, "*n in"]) -> Float[Array, "*n out"]:
        return x @ self.A.T + self.a


class PriorNetwork(eqx.Module):
    """The network of the prior; see the equations of this module.

    Parameters
    ----------
    hidden
        Units of the GRU and of the dense layers around it.
    width
        Units of the readout of a lead time.
    key
        A seed, a NumPy generator or a `jax.random` key.
    """

    reader: Affine
    cell: GRU
    state: Affine
    of_state: Affine
    of_question: Affine
    inner: Affine
    output: Affine

    def __init__(self, hidden: int, width: int, *, key: Key):
        rng = generator(key)
        self.reader = Affine(READ, hidden, rng)
        self.cell = GRU(hidden, hidden, key=rng)
        self.state = Affine(hidden + READ, hidden, rng)
        self.of_state = Affine(hidden, width, rng)
        self.of_question = Affine(ASKED, width, rng)
        self.inner = Affine(width, width, rng)
        output = Affine(width, OUTPUTS, rng, scale=0.1)
        start = jnp.zeros(OUTPUTS).at[0].set(0.5).at[2].set(0.4)
        self.output = eqx.tree_at(lambda layer: layer.a, output, start)

    def __call__(
        self, x: Float[Array, "batch time read"], question: Question
    ) -> Float[Array, "batch origin lead quantile"]:
        """Quantiles of what is asked, given the features of a series; see `answer`."""
        return self.answer(self.states(x)[:, question.origins], question)

    def states(self, x: Float[Array, "batch time read"]) -> Float[Array, "batch time hidden"]:
        """What the network knows after each step."""
        e = jax.nn.gelu(self.reader(x))
        h, _ = unroll(self.cell, e)
        return jax.nn.gelu(self.state(jnp.concatenate([h + e, x], axis=-1)))

    def answer(
        self, states: Float[Array, "batch origin hidden"], question: Question
    ) -> Float[Array, "batch origin lead quantile"]:
        """Quantiles of the changes from the values at the origins, given the states there.

        They are in the unit of each series at its origin.
        """
        d = self.of_state(states)[:, :, None] + self.of_question(jnp.asarray(question.features))
        out = self.output(jax.nn.gelu(self.inner(jax.nn.gelu(d))))
        weights, u, v = out[..., :BASES], out[..., BASES], out[..., BASES + 1]
        median = (weights * question.bases).sum(axis=-1) + u + v * question.fineness[..., None]
        width = jnp.exp(jnp.clip(out[..., BASES + 2], -8, 8))
        steps = jax.nn.softplus(out[..., BASES + 3 :]) * width[..., None]
        below = -jnp.cumsum(steps[..., :MEDIAN], axis=-1)[..., ::-1]
        above = jnp.cumsum(steps[..., MEDIAN:], axis=-1)
        around = jnp.concatenate([below, jnp.zeros_like(below[..., :1]), above], axis=-1)
        return median[..., None] + around
