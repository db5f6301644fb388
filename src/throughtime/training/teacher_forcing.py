r"""Teacher forcing: what a network reads while it learns, the data or what it said itself.

A network that will be left to itself reads its own outputs, but learns from data. Between the
two, at each step

$$x_t = m_t\, y_t + (1 - m_t)\, \hat y_t$$

with y the data and $\hat y$ what the network said at the step before:

- `full`: $m_t = 1$ (Williams and Zipser 1989).
- `scheduled`, `scheduled:END`: 1 at random, in a share that falls from 1 to END, 0 if not
  given, over the epochs (Bengio et al. 2015).
- `sparse:TAU`: 1 at every TAU-th step, else 0 (Mikhaeil, Monfared and Durstewitz 2022).
- `generalised:ALPHA`, `generalised:FROM:TO`: ALPHA, or from FROM to TO over the epochs (Doya
  1992; Hess et al. 2023, who mix latent states: here what is fed back is mixed, and the hidden
  state is the network's own).
- `free`, `free:STEPS`: 0 at the last steps, of which there is one in the first epoch and STEPS,
  all if not given, in the last.

The first steps of a sequence, those that the loss does not count, are always forced, so that a
free run starts from a state that knows the past.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from throughtime.errors import InputError, nearest

from .batches import Batch

FORCINGS = ("full", "scheduled", "sparse", "generalised", "free")

Share = Float[Array, ""]


@dataclass(frozen=True)
class Forcing:
    """A way to force; see `forcing`, which reads it from text.

    Attributes
    ----------
    name
        One of `FORCINGS`.
    numbers
        Those after it, if any.
    """

    name: str
    numbers: tuple[float, ...] = ()

    def weights(
        self, shape: tuple[int, int], done: Any, key: Any, warm: Any, lengths: Any = None
    ) -> Float[Array, "batch time"]:
        """m for each sequence and step.

        **Arguments:** `shape`, sequences and steps; `done`, the share of the epochs that are
        done, from 0 in the first to 1 in the last; `key`, of what is random (if None, its mean
        is taken); `warm`, the steps that are forced whatever comes; `lengths`, of each
        sequence, all steps if None.
        """
        time = jnp.arange(shape[1])
        rule: Callable[..., Array] = getattr(self, f"_{self.name}")
        ends = jnp.full(shape[0], shape[1]) if lengths is None else lengths
        last = ends - 1 - warm  # of each sequence, counted as `time - warm` is
        m = jnp.broadcast_to(rule(time - warm, last, shape, done, key), shape)
        return jnp.where(time <= warm, 1.0, m)

    def _scheduled(self, time, last, shape, done, key):
        (end,) = self.numbers or (0.0,)
        share = 1 - (1 - end) * done
        if key is None:
            return jnp.asarray(share, float)
        return jax.random.bernoulli(key, share, shape).astype(float)

    def _sparse(self, time, last, shape, done, key):
        (every,) = self.numbers
        return (time % int(every) == 0).astype(float)

    def _generalised(self, time, last, shape, done, key):
        first, last = self.numbers[0], self.numbers[-1]
        return jnp.asarray(first + (last - first) * done, float)

    def _free(self, time, last, shape, done, key):
        longest = last if not self.numbers else jnp.minimum(self.numbers[0], last)
        free = 1 + jnp.round((longest - 1) * done)
        return (time <= (last - free)[:, None]).astype(float)


def forced(batch: Batch, by: Forcing, done: Any, key: Any) -> Batch:
    """A batch with its `forced`; the steps that are warm are the first that count nothing."""
    counts = jnp.broadcast_to((batch.weights > 0).T, batch.inputs.shape[1::-1]).T
    warm = jnp.argmax(counts.any(axis=0))
    batch_size, time = counts.shape
    weights = by.weights((batch_size, time), done, key, warm, batch.lengths)
    return batch._replace(forced=weights)


def forcing(text: "str | Forcing | None") -> Forcing | None:
    """A forcing by its text, as at the head of this module; None of `full`, no change.

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
    name, *rest = text.split(":")
    if name not in FORCINGS:
        raise InputError("`forcing` must be a known one", text, nearest(name, FORCINGS))
    try:
        numbers = tuple(float(part) for part in rest)
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
    sound = whole and all(least <= number <= largest for number in numbers)
    if not (fewest <= len(numbers) <= most and sound):
        examples = {
            "full": "`full`", "scheduled": "`scheduled` or `scheduled:0.2`, a share",
            "sparse": "`sparse:20`, a number of steps", "free": "`free` or `free:50`, steps",
            "generalised": "`generalised:0.1` or `generalised:1:0.05`, from 0 to 1",
        }  # fmt: skip
        rule = f"the forcing `{name}` must have the numbers that it takes"
        raise InputError(rule, f"`{text}`", f"Write {examples[name]}.")
    return None if name == "full" else Forcing(name, numbers)
