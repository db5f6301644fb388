"""Random numbers from a seed, drawn on the host.

Weights and shuffles are drawn by NumPy: the same on every device and version of JAX, and
there is nothing to compile before a training can start.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from throughtime.errors import InputError

Key = int | np.integer | np.random.Generator | PRNGKeyArray
"""What seeds: a whole number, a NumPy generator, or a `jax.random` key."""


def words(key: Key) -> tuple[int, ...]:
    """The seed as whole numbers; a generator gives its next ones."""
    if isinstance(key, np.random.Generator):
        return tuple(key.integers(2**32, size=4).tolist())
    if isinstance(key, int | np.integer):
        if key < 0:
            raise InputError("a seed must not be negative", key, "Pass 0 or more.")
        return (int(key),)
    data = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return tuple(np.asarray(data).ravel().tolist())


def generator(key: Key, *stream: int) -> np.random.Generator:
    """A generator; `stream` names one of many independent ones of the same seed.

    To NumPy, zeros at the end are no part of a seed: stream 0 is the seed without a stream.
    """
    if isinstance(key, np.random.Generator) and not stream:
        return key
    return np.random.default_rng([*words(key), *stream])
