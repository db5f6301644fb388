"""The recurrent prior as a forecaster: zero-shot, from any origin, for any lead time.

The weights are shipped with the package. They were trained on synthetic series alone; see
`docs/prior.md` for what the prior saw, and for what it cannot do.
"""

from dataclasses import dataclass, field
from functools import lru_cache, partial
from importlib import resources
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import load as load_tensors

from throughtime._support.quick_compilation import quick_filter_jit
from throughtime.errors import InputError
from throughtime.recurrence.initialisation import on_device

from .prior_features import READ, ask, read
from .prior_network import MEDIAN, QUANTILES, SHARES, PriorNetwork

CONTEXT = 1024
"""Steps before an origin that are read at least, where there are as many."""

BLOCK = 512
"""Steps whose origins share one run of the network."""

LENGTHS = (64, 128, 256, 512, 1024, CONTEXT + BLOCK)
ORIGINS = (1, 32, BLOCK)
LEADS = (32, 128)
"""Sizes to which arrays are padded, so that few programs are compiled."""

BATCH = 64
"""Origins whose forecasts are fed back side by side."""

WEIGHTS = "prior_weights.safetensors"


@dataclass(frozen=True, eq=False)
class Prior:
    """The recurrent prior for a series of known seasons.

    Attributes
    ----------
    seasons
        The seasons in steps, shortest first; the first two are used.
    network
        The network; the one shipped by default.
    name
        Its name in tables.
    mean
        Whether it forecasts the mean of its quantiles instead of their median. The median of a
        series that is mostly 0 is 0, whatever is sold.
    """

    seasons: tuple[int, ...] = ()
    network: PriorNetwork = field(default_factory=lambda: shipped_network(), repr=False)
    name: str = "prior"
    mean: bool = False

    def __reduce__(self):
        """Another process has the shipped network already."""
        if self.network is shipped_network():
            return partial(Prior, mean=self.mean), (self.seasons,)
        return Prior, (self.seasons, self.network, self.name, self.mean)

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """The medians, or means, of the values after each origin; see `Component.forecast`."""
        return self.center(self.quantiles(values, origins, steps))

    def center(
        self, quantiles: Float[np.ndarray, "origin steps quantile"]
    ) -> Float[np.ndarray, "origin steps"]:
        """What it forecasts, where its quantiles are known."""
        return quantiles @ SHARES if self.mean else quantiles[..., MEDIAN]

    def quantiles(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps quantile"]:
        """The quantiles `QUANTILES` of the values after each origin.

        Parameters
        ----------
        values
            The series, in its own unit. NaN stands for a value that was not measured.
        origins
            How many of the values are known at each origin, at least 1.
        steps
            The longest lead time. Beyond 128, the medians are read as if they had been
            measured, and the network goes on from there.

        Raises
        ------
        InputError
            If an origin or `steps` is out of range, or nothing was measured before an origin.
        """
        values = np.asarray(values, np.float64)
        origins = np.asarray(origins)
        _check(values, origins, steps)
        if steps > LEADS[-1]:
            return self._rolled(values, origins, steps)
        result = np.empty((len(origins), steps, len(QUANTILES)))
        order = np.argsort(origins, kind="stable")
        edges = np.flatnonzero(np.diff(origins[order] // BLOCK)) + 1
        for first, end in pairwise([0, *edges, len(order)] if len(order) else []):
            chosen = order[first:end]
            result[chosen] = self._block(values, origins[chosen], steps)
        return result

    def _block(self, values, origins, steps):
        """Quantiles from origins within a block, by one run of the network."""
        start = max(0, origins.min() - CONTEXT)
        known = values[start : origins.max()]
        unknown = np.isnan(known)
        start += np.argmin(unknown) if unknown.any() else 0  # from the first measured value
        known = values[start : origins.max()]
        base = known[0]
        past = known[: max(origins.min() - start, 1)] - base
        scale = np.nanmax(np.abs(past)) or np.nanmax(np.abs(known - base)) or 1.0
        z = (known - base) / scale
        origins = (origins - start - 1).astype(np.int32)
        leads = np.arange(1, _size(steps, LEADS) + 1)
        seasons = np.array([[*self.seasons[:2], 1, 1][:2]])
        reading = read(np.nan_to_num(z)[None], ~np.isnan(z)[None], seasons)
        question = ask(reading, _padded(origins, ORIGINS), leads)
        x = _padded(reading.features[0], LENGTHS)[None]
        change = np.asarray(_quantiles(self.network, x, question), np.float64)
        answers = (
            question.values[0, :, None, None] + change[0] * question.unit[0, :, None, None]
        )
        return answers[: len(origins), :steps] * scale + base

    def _rolled(self, values, origins, steps):
        """Quantiles for many steps, with the medians fed back; a batch of origins at a time."""
        result = np.empty((len(origins), steps, len(QUANTILES)))
        contexts = np.minimum(origins, CONTEXT)
        for context in np.unique(contexts):
            alike = np.flatnonzero(contexts == context)
            for first in range(0, len(alike), BATCH):
                chosen = alike[first : first + BATCH]
                rows = origins[chosen, None] + np.arange(-context, 0)
                result[chosen] = self._roll(values[rows], steps)
        return result

    def _roll(self, paths, steps):
        """Quantiles of the steps after paths of one length, each a series of its own."""
        parts, longest, context = [], LEADS[-1], paths.shape[1]
        for k in range(0, steps, longest):
            ahead = self._after(paths[:, -CONTEXT:])
            median = ahead[..., [MEDIAN]]
            # What is fed back adds to what was not known before.
            widths = (ahead[:, [-1]] - median[:, [-1]]) * np.sqrt(k / longest)
            spread = np.sign(ahead - median) * np.hypot(ahead - median, widths)
            parts.append(median + spread)
            paths = np.concatenate([paths, median[..., 0]], axis=1)[:, -max(context, CONTEXT) :]
        return np.concatenate(parts, axis=1)[:, :steps]

    def _after(self, paths):
        """Quantiles of all trained lead times after paths of one length."""
        filled, known = np.nan_to_num(paths), ~np.isnan(paths)
        first = np.argmax(known, axis=1)
        base = paths[np.arange(len(paths)), first][:, None]
        known[:, 0] = True  # as if it were the first one measured
        filled = np.where(np.arange(paths.shape[1]) < first[:, None], base, filled) - base
        scale = np.abs(filled).max(axis=1, keepdims=True)
        scale = np.where(scale > 0, scale, 1.0)
        seasons = np.tile([*self.seasons[:2], 1, 1][:2], (len(paths), 1))
        reading = read(filled / scale, known, seasons)
        last = np.array([paths.shape[1] - 1], np.int32)
        question = ask(reading, last, np.arange(1, LEADS[-1] + 1))
        change = np.asarray(_quantiles(self.network, reading.features, question), np.float64)
        answers = question.values[..., None, None] + change * question.unit[..., None, None]
        return answers[:, 0] * scale[..., None] + base[..., None]


def _check(values, origins, steps):
    """Refuse origins and steps that are out of range, and origins without a measured value."""
    if steps < 1:
        raise InputError("`steps` must be at least 1", steps, "Raise `steps`.")
    if not len(origins):
        return
    first, last = origins.min(), origins.max()
    if first < 1 or last > len(values):
        rule = "`origins` must be numbers of known values"
        got = f"{first} to {last} of {len(values)} values"
        raise InputError(rule, got, f"Pass whole numbers from 1 to {len(values)}.")
    if np.isnan(values[max(0, first - CONTEXT) : first]).all():
        rule = "a forecast needs a value that was measured before its origin"
        raise InputError(rule, f"none before {first}", "Pass later origins, or more values.")


@quick_filter_jit
def _quantiles(network, x, question):
    single = jax.tree.map(_in_single_precision, (x, question))
    return network(*single)


def _in_single_precision(x):
    return x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else x


def _size(n, sizes):
    """The smallest of the sizes that holds n."""
    return next(size for size in sizes if size >= n)


def _padded(x, sizes):
    """An array with its last value repeated up to the next of the sizes."""
    return np.concatenate([x, np.repeat(x[-1:], _size(len(x), sizes) - len(x), axis=0)])


@lru_cache(maxsize=1)
def shipped_network() -> PriorNetwork:
    """The network whose weights are shipped with the package."""
    data = resources.files("throughtime.models").joinpath(WEIGHTS).read_bytes()
    return network_from(load_tensors(data))


def tensors_of(network: PriorNetwork) -> dict[str, np.ndarray]:
    """The weights of a network by name, such as `cell.W`."""
    leaves = jax.tree_util.tree_leaves_with_path(eqx.filter(network, eqx.is_array))
    return {_name(path): np.asarray(leaf) for path, leaf in leaves}


def network_from(tensors: dict[str, np.ndarray]) -> PriorNetwork:
    """A network from its weights by name."""
    hidden, features = tensors["reader.A"].shape
    if features != READ:
        raise ValueError(f"weights for {features} features, not {READ}")
    width = len(tensors["inner.a"])
    empty = eqx.filter_eval_shape(PriorNetwork, hidden, width, key=0)
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: (
            on_device(tensors[_name(path)], leaf.dtype)
            if isinstance(leaf, jax.ShapeDtypeStruct)
            else leaf
        ),
        empty,
    )


def _name(path):
    return ".".join(key.name for key in path)
