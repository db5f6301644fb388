"""Random numbers from a seed, drawn on the host.

NumPy draws the initial weights and the shuffles. So they are the same on every device and
version of JAX, and nothing needs to be compiled before training can start.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from throughtime.errors import InputError

Key = int | np.integer | np.random.Generator | PRNGKeyArray
"""What can seed: a whole number, a NumPy generator, or a `jax.random` key."""


def seed_integers(key: Key) -> tuple[int, ...]:
    """The seed as whole numbers, as `numpy.random.default_rng` takes them.

    A generator gives its next numbers, and so a different seed each time.
    """
    if isinstance(key, np.random.Generator):
        return tuple(key.integers(2**32, size=4).tolist())
    if isinstance(key, int | np.integer):
        if key < 0:
            raise InputError("a seed must not be negative", key, "Pass 0 or more.")
        return (int(key),)
    data = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return tuple(np.asarray(data).ravel().tolist())


def generator(key: Key, *stream: int) -> np.random.Generator:
    """A NumPy generator for a seed, or for one of its independent streams.

    Parameters
    ----------
    key
        The seed. Without `stream`, a generator is returned as it is.
    stream
        Numbers that name one of the independent streams of the seed. NumPy ignores zeros at the
        end of a seed, so stream 0 gives the same numbers as no stream.
    """
    if isinstance(key, np.random.Generator) and not stream:
        return key
    return np.random.default_rng([*seed_integers(key), *stream])
