r"""A mixture of almost-linear recurrent networks that reads a system from its context.

Expert j of state z with M numbers, of which the first N are the variables (Brenner et al.
2024; Hemmer and Durstewitz 2025):

$$z^j = A_j \odot z + W_j \phi(z) + U_j e + h_j$$

where phi is the ReLU for the last P numbers and the identity for the others. A gate weighs the
experts, $z_{t+1} = \sum_j w_j z^j$. It looks into the context c where that is near to the
variables y,

$$a_s \propto \exp(-|c_s - y|_1 / \tau), \qquad e = \sum_s a_s k(c)_s, \qquad
w = \mathrm{softmax}(-B\, \phi(C [e, z]) / \tau')$$

with a convolution k over two steps. No gradient goes through y, as published. `published` is
that network without U. The other has fewer experts of fewer numbers; for three widths of
attention it also has how far the context that is attended to lies from y and where it goes
next, and its experts read e too. Both have about 10,000 weights.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

VARIABLES = 5
"""Of the largest system; those that a smaller one lacks are 0."""

SIZES = {True: {"state": 30, "experts": 10}, False: {"state": 24, "experts": 6}}
"""Of the published network, and of the other."""


def in_pairs(context: Float[Array, "time variable"]) -> Float[Array, "two_variables time-1"]:
    """Each value with the next one."""
    return jnp.concatenate([context[:-1], context[1:]], axis=1).T


class Mixture(eqx.Module):
    """The network; see above."""

    A: Float[Array, "expert state"]
    W: Float[Array, "expert state state"]
    U: Float[Array, "expert state read"] | None
    h: Float[Array, "expert state"]
    kernel: Float[Array, "two_variables variable"]
    kernel_bias: Float[Array, " variable"]
    C: Float[Array, "expert gated"]
    B: Float[Array, "expert expert"]
    widths: Float[Array, " width"]
    temperature: Float[Array, ""]
    variables: int = eqx.field(static=True)
    bent: int = eqx.field(static=True)

    def __init__(self, published=True, variables=VARIABLES, bent=2, seed=0):
        keys = iter(jax.random.split(jax.random.key(seed), 8))
        state, experts = SIZES[published]["state"], SIZES[published]["experts"]
        reads = variables if published else 7 * variables

        def small(*shape):
            return 0.01 * jax.random.normal(next(keys), shape)

        R = jax.random.normal(next(keys), (experts, state, state))
        K = jnp.einsum("eij,eik->ejk", R, R) / state + jnp.eye(state)
        top = jnp.linalg.eigvalsh(K)[:, -1]
        self.A = jnp.diagonal(K, axis1=1, axis2=2) / top[:, None]
        self.W = small(experts, state, state)
        self.U = None if published else small(experts, state, reads)
        self.h = jnp.zeros((experts, state))
        self.kernel = 10 * small(2 * variables, variables) / jnp.sqrt(2.0 * variables)
        self.kernel_bias = jnp.zeros(variables)
        self.C = small(experts, reads + state)
        self.B = small(experts, experts)
        self.widths = jnp.array([0.1] if published else [0.03, 0.1, 0.3])
        self.temperature = jnp.array(0.1)
        self.variables, self.bent = variables, bent
        if self.U is not None:  # it begins where it is; `train.begun` adds where to go
            self.A = self.A.at[:, :variables].set(1.0)

    def attended(self, pairs: Float[Array, "two_variables time"], y) -> Float[Array, " read"]:
        """What the context says near y; `pairs` are its values and the next ones."""
        at, size = jax.lax.stop_gradient(y), self.variables
        distance = jnp.abs(pairs[:size] - at[:, None]).sum(axis=0)
        nearest = jax.lax.stop_gradient(distance.min())
        a = jnp.exp((nearest - distance) / jnp.abs(self.widths)[:, None])
        # Attention and convolution are both linear: the attended pair is convolved.
        found = a @ pairs.T / a.sum(axis=1, keepdims=True)
        e = found[0] @ self.kernel + self.kernel_bias
        if self.U is None:
            return e
        here, there = found[:, :size], found[:, size:]
        return jnp.concatenate([e, (here - at).ravel(), 10 * (there - here).ravel()])

    def __call__(self, pairs, z: Float[Array, " state"]) -> Float[Array, " state"]:
        """The next state."""
        e = self.attended(pairs, z[: self.variables])
        gate = self.B @ jax.nn.relu(self.C @ jnp.concatenate([e, z]))
        w = jax.nn.softmax(-gate / jnp.abs(self.temperature))
        phi = jnp.concatenate([z[: -self.bent], jax.nn.relu(z[-self.bent :])])
        each = self.A * z + self.W @ phi + self.h
        if self.U is not None:
            each = each + self.U @ e
        return w @ each

    def forced(self, z, y, known):
        """The state with its variables replaced where they are known."""
        return jnp.where(known, z.at[: self.variables].set(y), z)

    def run(self, context, y, known) -> tuple[Array, Float[Array, "time variable"]]:
        """The last state, and one step after each `y`, of which those that are `known` are
        read. All numbers but the variables begin as 0."""
        pairs = in_pairs(context)

        def step(z, now):
            z = self(pairs, self.forced(z, *now))
            return z, z[: self.variables]

        return jax.lax.scan(step, jnp.zeros(self.A.shape[1]), (y, known))

    def free(self, context, past, steps: int, every=10):
        """A free run after a past, which is read with the forcing of the training."""
        known = (jnp.arange(len(past)) - (len(past) - 1)) % every == 0
        z, _ = self.run(context, past, known.at[0].set(True))
        pairs = in_pairs(context)

        def step(z, _):
            return self(pairs, z), z[: self.variables]

        return jax.lax.scan(step, z, None, length=steps)[1]
