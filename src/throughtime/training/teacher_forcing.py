r"""Teacher forcing: how much of each input is data, and how much the network's own output.

Once trained, a network that runs free reads its own outputs; while it learns, it may read the
data. Between the two, at each step, it reads

$$x_t = m_t\, y_t + (1 - m_t)\, \hat y_t$$

with y the data, $\hat y_t$ the network's forecast of $y_t$, its output at the step before, and
$m_t$ the forcing weight:

- `full`: $m_t = 1$ (Williams and Zipser 1989).
- `scheduled`, `scheduled:END`: 1 at random steps, else 0. The share of ones falls from 1 to END
  (by default 0) over the epochs (Bengio et al. 2015).
- `sparse:TAU`: 1 at every TAU-th step, else 0 (Mikhaeil, Monfared and Durstewitz 2022).
- `generalised:ALPHA`, `generalised:FROM:TO`: ALPHA, or from FROM to TO over the epochs (Doya
  1992; Hess et al. 2023, who mix latent states: here the inputs are mixed, and the hidden
  state is the network's own).
- `free`, `free:STEPS`: 0 at the last steps of a sequence. One step is free in the first epoch,
  and STEPS (by default all) in the last.

The warm-up is always forced, so that a free run starts from a state that reflects the past: the
first steps of a sequence, as long as the loss does not count them, and one more. A
sequence of which nothing counts, such as a chunk before the validation part, is all warm-up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from throughtime.errors import InputError, did_you_mean

from .batches import Batch

FORCINGS = ("full", "scheduled", "sparse", "generalised", "free")


@dataclass(frozen=True)
class Forcing:
    """A kind of teacher forcing; `forcing` reads it from text.

    Attributes
    ----------
    name
        One of `FORCINGS`.
    numbers
        The numbers that follow the name, if any.
    """

    name: str
    numbers: tuple[float, ...] = ()

    def weights(
        self, shape: tuple[int, int], progress: Any, key: Any, warmup: Any, lengths: Any = None
    ) -> Float[Array, "batch time"]:
        """The forcing weights m of each sequence and step.

        Parameters
        ----------
        shape
            The number of sequences and of steps.
        progress
            The share of the training that is done, from 0 in the first epoch to 1 in the last.
        key
            A `jax.random` key for what is random; if None, its mean is taken.
        warmup
            Steps at the start that are forced in any case; the one after them is forced too.
            One number, or one for each sequence.
        lengths
            Steps of each sequence, `(batch,)`; all of them when None.

        Returns
        -------
        Array, (batch, time)
            Weights from 0 (the network's output) to 1 (the data).
        """
        warmup = jnp.broadcast_to(jnp.asarray(warmup), shape[:1])[:, None]
        time = jnp.arange(shape[1]) - warmup  # (batch, time), from 0 after the warm-up
        ends = jnp.full(shape[0], shape[1]) if lengths is None else lengths
        last = ends[:, None] - 1 - warmup
        rule: Callable[..., Array] = getattr(self, f"_{self.name}")
        m = jnp.broadcast_to(rule(time, last, shape, progress, key), shape)
        return jnp.where(time <= 0, 1.0, m)

    def _scheduled(self, time, last, shape, progress, key):
        (end,) = self.numbers or (0.0,)
        share = 1 - (1 - end) * progress
        if key is None:
            return jnp.asarray(share, float)
        return jax.random.bernoulli(key, share, shape).astype(float)

    def _sparse(self, time, last, shape, progress, key):
        (interval,) = self.numbers
        return (time % int(interval) == 0).astype(float)

    def _generalised(self, time, last, shape, progress, key):
        initial, final = self.numbers[0], self.numbers[-1]
        return jnp.asarray(initial + (final - initial) * progress, float)

    def _free(self, time, last, shape, progress, key):
        longest = last if not self.numbers else jnp.minimum(self.numbers[0], last)
        free_steps = 1 + jnp.round((longest - 1) * progress)
        return (time <= last - free_steps).astype(float)


def add_forcing(batch: Batch, forcing: Forcing, progress: Any, key: Any) -> Batch:
    """The batch with its forcing weights; the steps before any counts in the loss are warm-up.

    `progress` and `key` are as in `Forcing.weights`.
    """
    counts = jnp.broadcast_to((batch.weights > 0).T, batch.inputs.shape[1::-1]).T
    batch_size, time = counts.shape
    warmup = jnp.where(counts.any(axis=1), jnp.argmax(counts, axis=1), time)
    weights = forcing.weights((batch_size, time), progress, key, warmup, batch.lengths)
    return batch._replace(forcing_weights=weights)


def forcing(text: "str | Forcing | None") -> Forcing | None:
    """The forcing that a text names, such as `sparse:20`; None for `full`, which mixes nothing.

    Parameters
    ----------
    text
        One of `FORCINGS` with its numbers, as at the head of this module. A `Forcing`, or None,
        is returned as it is.

    Returns
    -------
    Forcing or None
        The forcing.

    Raises
    ------
    InputError
        For an unknown name, or numbers that it does not take.

    Examples
    --------
    >>> forcing("sparse:20")
    Forcing(name='sparse', numbers=(20.0,))
    """
    if text is None or isinstance(text, Forcing):
        return text
    name, *parts = text.split(":")
    if name not in FORCINGS:
        raise InputError("`forcing` must be a known one", text, did_you_mean(name, FORCINGS))
    try:
        numbers = tuple(float(part) for part in parts)
    except ValueError:
        numbers = (float("nan"),)
    fewest, most, least, largest = {
        "full": (0, 0, 0, 0),
        "scheduled": (0, 1, 0, 1),
        "sparse": (1, 1, 1, 1e9),
        "generalised": (1, 2, 0, 1),
        "free": (0, 1, 1, 1e9),
    }[name]
    whole = name not in ("sparse", "free") or all(n.is_integer() for n in numbers)
    in_range = whole and all(least <= number <= largest for number in numbers)
    if not (fewest <= len(numbers) <= most and in_range):
        examples = {
            "full": "`full`", "scheduled": "`scheduled` or `scheduled:0.2`, a share",
            "sparse": "`sparse:20`, a number of steps", "free": "`free` or `free:50`, steps",
            "generalised": "`generalised:0.1` or `generalised:1:0.05`, from 0 to 1",
        }  # fmt: skip
        rule = f"the forcing `{name}` must have the numbers that it takes"
        raise InputError(rule, f"`{text}`", f"Write {examples[name]}.")
    return None if name == "full" else Forcing(name, numbers)
