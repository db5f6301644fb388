"""Closed-loop forecasts of an ensemble, from many origins of many series in few programs."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from throughtime._support.precision import precision
from throughtime._support.quick_compilation import quick_filter_jit
from throughtime.data.scaler import Scaler
from throughtime.recurrence.network import Network
from throughtime.recurrence.rollout import rollout
from throughtime.recurrence.unroll import in_kernels

from .splits import SplitData

CHUNKS = (64, 512)
"""Origins rolled out at a time: two sizes to compile, and bounded memory."""


class Asked(NamedTuple):
    """Origins of one series to forecast from.

    Attributes
    ----------
    measured
        Values up to each origin: targets, and inputs of the past.
    inputs
        Inputs of the context and of the steps ahead.
    scaler
        That of the series.
    """

    measured: Float[np.ndarray, "origin time measured"]
    inputs: Float[np.ndarray, "origin span input"]
    scaler: Scaler


def mean_rollouts(
    networks: Network, data: SplitData, asked: Sequence[Asked], steps: int
) -> list[Float[np.ndarray, "origin steps target"]]:
    """The ensemble's mean forecasts from the origins of each series, in its units.

    Series whose contexts are of one length are rolled out together.
    """
    found: list = [None] * len(asked)
    lengths = [one.measured.shape[1] for one in asked]
    for length in sorted(set(lengths)):
        alike = [i for i, one in enumerate(lengths) if one == length]
        parts = [asked[i] for i in alike]
        past = np.concatenate([data.scaled(one.measured, one.scaler) for one in parts])
        known = np.concatenate([data.input_scaler.transform(one.inputs) for one in parts])
        made = _in_chunks(
            networks, past.astype(data.dtype), known.astype(data.dtype), steps, data
        )
        ends = np.cumsum([len(one.measured) for one in parts])[:-1]
        for i, one in zip(alike, np.split(made, ends), strict=True):
            scaler = asked[i].scaler
            found[i] = scaler.inverse(one[..., : len(scaler.mean)])
    return found


def blocks_of_program(blocks: int) -> int:
    """The blocks of the program that forecasts so many: 1, 2, 3, 4, 6, 8, 12, 16, ...

    No block depends on a later one. To run a few more takes less time than to compile a
    program for each number.
    """
    power = 1 << (blocks - 1).bit_length()  # the next power of 2
    between = power * 3 // 4
    return between if blocks <= between else power


def _in_chunks(networks, past, known, steps, data):
    """The forecasts `(origin, steps, measured)` in scaled units, a chunk at a time."""
    count = len(past)
    if not count:
        return np.empty((0, steps, past.shape[2]))
    size = CHUNKS[count > CHUNKS[0]]
    padding = -count % size  # whole chunks, so that one program serves them all
    past, known = (np.concatenate([v, v[:1].repeat(padding, axis=0)]) for v in (past, known))
    made = data.horizon * blocks_of_program(-(-steps // data.horizon))
    known = np.concatenate([known, np.repeat(known[:, -1:], made - steps, axis=1)], axis=1)
    run = _quick_mean_rollout if in_kernels(networks.cells) else _mean_rollout
    chunks = []
    with precision(data.dtype):
        for i in range(0, len(past), size):
            xs, us = jax.device_put((past[i : i + size], known[i : i + size]))
            chunks.append(run(networks, xs, us, made, data.truncated))
    forecasts = np.concatenate([np.asarray(chunk)[:, :steps] for chunk in chunks])
    return forecasts[:count].astype(np.float64)


def _rollout_members(
    networks: Network,
    past: Float[Array, "origin time measured"],
    known: Float[Array, "origin span input"],
    steps: int,
    carry: bool,
) -> Float[Array, "origin steps measured"]:
    """The closed-loop forecast of each member, averaged over the ensemble."""
    params, static = eqx.partition(networks, eqx.is_inexact_array)

    def one(member):
        return rollout(eqx.combine(member, static), past, steps, known, carry=carry)

    return jnp.mean(jax.lax.map(one, params), axis=0)


_mean_rollout = eqx.filter_jit(_rollout_members)
_quick_mean_rollout = quick_filter_jit(_rollout_members)
