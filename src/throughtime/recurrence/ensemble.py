"""Networks of one shape as one: their weights stacked along a leading axis, and back.

An ensemble is an ordinary `Network` whose arrays of weights have one more axis, the first, over
its members. All else (sizes, names, numbers that are no arrays) is the same for all of them.
"""

from collections.abc import Sequence
from typing import TypeVar

import equinox as eqx
import jax
import numpy as np

from throughtime.errors import InputError

from .initialisation import on_device

Module = TypeVar("Module", bound=eqx.Module)


def stack_networks(networks: Sequence[Module]) -> Module:
    """Stack the weights of networks of one shape along a new first axis.

    Raises
    ------
    InputError
        If the networks differ in more than the values of their weights.
    """
    parts = [eqx.partition(network, eqx.is_inexact_array) for network in networks]
    params, statics = zip(*parts, strict=True)
    shapes = {
        (jax.tree.structure(p), *(leaf.shape for leaf in jax.tree.leaves(p))) for p in params
    }
    if len(shapes) > 1 or not all(eqx.tree_equal(statics[0], other) for other in statics[1:]):
        rule = "the networks of an ensemble must differ in the values of their weights alone"
        remedy = (
            "Give them the same sizes and settings; what is drawn for each must be of floats."
        )
        raise InputError(rule, "networks of several kinds", remedy)

    def stack(*leaves):
        stacked = np.stack([np.asarray(leaf) for leaf in leaves])
        return on_device(stacked, stacked.dtype)

    return eqx.combine(jax.tree.map(stack, *params), statics[0])


def split_networks(stacked: Module) -> list[Module]:
    """The networks of an ensemble, one by one: the inverse of `stack_networks`."""
    params, static = eqx.partition(stacked, eqx.is_inexact_array)
    params = jax.tree.map(np.asarray, params)
    (members,) = {len(leaf) for leaf in jax.tree.leaves(params)}

    def member(i: int) -> Module:
        weights = jax.tree.map(lambda leaf: on_device(leaf[i], leaf.dtype), params)
        return eqx.combine(weights, static)

    return [member(i) for i in range(members)]
