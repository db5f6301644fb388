r"""The equations of one step and of its slopes, written out; and what the primitives take.

With the lecture's letters, a step adds the *drive* $U x_t + b$ to the recurrent *product*
$W h_{t-1}$ (in the GRU's candidate, $W_n h_{t-1} + d$). What is left acts on each unit alone.
A `Recurrence` holds it three times: as it is (`step`), linearised (`tangent`), and the linear
map transposed (`adjoint`).

Here `da` and `ga` belong to the arguments of the gates. Only in the GRU does the product reach
an argument in another way than the drive, through the reset gate: `gain` is that factor. It is
diagonal, so tangent and adjoint share it.

The last axis is that of the units, whatever is in front of it.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

Arrays = tuple[Array, ...]
"""A state `(h,)` or `(h, c)`; weights `(U, W, b)` or `(U, W, b, d)`; what was saved, `()` or
one array."""


class Recurrence(NamedTuple):
    """One kind of cell, without its inputs.

    - `gates`, `states`, `saved`: blocks of the drive, arrays of the state, and numbers that a
      step keeps for its slopes, for each unit.
    - `bias`: whether the product has a bias of its own (the GRU's `d`).
    - `step(product, drive, state) -> state, saved`.
    - `gain(da, saved) -> da`: a change of the product as a change of the gates' arguments.
    - `tangent(before, after, saved, da, dbefore) -> dafter`: `before` and `after` are the
      states at t-1 and t; `dbefore` counts only where the state does not go through `W`.
    - `adjoint(before, after, saved, gafter) -> ga, gbefore`: its transpose.
    """

    gates: int
    states: int
    saved: int
    bias: bool
    step: Callable[[Array, Array, Arrays], tuple[Arrays, Arrays]]
    gain: Callable[[Array, Arrays], Array]
    tangent: Callable[[Arrays, Arrays, Arrays, Array, Arrays], Arrays]
    adjoint: Callable[[Arrays, Arrays, Arrays, Arrays], tuple[Array, Arrays]]


def _elman(activation, slope) -> Recurrence:
    """h' = activation(drive + product); `slope` is the derivative as a function of h'."""

    def step(product, drive, state):
        return (activation(drive + product),), ()

    def tangent(before, after, saved, da, dbefore):
        (h,) = after
        return (slope(h) * da,)

    def adjoint(before, after, saved, gafter):
        (h,), (gh,) = after, gafter
        return slope(h) * gh, (jnp.zeros_like(gh),)

    return Recurrence(1, 1, 0, False, step, _as_the_drive, tangent, adjoint)


def _as_the_drive(da: Array, saved: Arrays) -> Array:
    return da


def _gru_step(product, drive, state):
    (h,) = state
    product_r, product_z, m = jnp.split(product, 3, axis=-1)
    drive_r, drive_z, drive_n = jnp.split(drive, 3, axis=-1)
    r = jax.nn.sigmoid(drive_r + product_r)
    z = jax.nn.sigmoid(drive_z + product_z)
    n = jnp.tanh(drive_n + r * m)
    return ((1 - z) * n + z * h,), (jnp.concatenate((r, z, n, m), axis=-1),)


def _gru_gain(da, saved):
    r, _, _, _ = jnp.split(saved[0], 4, axis=-1)
    da_r, da_z, dm = jnp.split(da, 3, axis=-1)
    return jnp.concatenate((da_r, da_z, r * dm), axis=-1)


def _gru_tangent(before, after, saved, da, dbefore):
    (h,), (dh,) = before, dbefore
    r, z, n, m = jnp.split(saved[0], 4, axis=-1)
    da_r, da_z, da_n = jnp.split(da, 3, axis=-1)
    dr = r * (1 - r) * da_r
    dz = z * (1 - z) * da_z
    dn = (1 - n * n) * (da_n + m * dr)
    return ((1 - z) * dn + (h - n) * dz + z * dh,)


def _gru_adjoint(before, after, saved, gafter):
    (h,), (gh,) = before, gafter
    r, z, n, m = jnp.split(saved[0], 4, axis=-1)
    ga_n = (1 - n * n) * (1 - z) * gh
    ga_z = z * (1 - z) * (h - n) * gh
    ga_r = r * (1 - r) * m * ga_n
    return jnp.concatenate((ga_r, ga_z, ga_n), axis=-1), (z * gh,)


def _lstm_step(product, drive, state):
    _, c = state
    i, f, g, o = jnp.split(drive + product, 4, axis=-1)
    i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
    c = f * c + i * g
    return (o * jnp.tanh(c), c), (jnp.concatenate((i, f, g, o), axis=-1),)


def _lstm_tangent(before, after, saved, da, dbefore):
    (_, c), (_, dc) = before, dbefore
    y = jnp.tanh(after[1])
    i, f, g, o = jnp.split(saved[0], 4, axis=-1)
    da_i, da_f, da_g, da_o = jnp.split(da, 4, axis=-1)
    di, df, do = i * (1 - i) * da_i, f * (1 - f) * da_f, o * (1 - o) * da_o
    dg = (1 - g * g) * da_g
    dc = f * dc + c * df + i * dg + g * di
    return y * do + o * (1 - y * y) * dc, dc


def _lstm_adjoint(before, after, saved, gafter):
    (_, c), (gh, gc) = before, gafter
    y = jnp.tanh(after[1])
    i, f, g, o = jnp.split(saved[0], 4, axis=-1)
    gc = gc + o * (1 - y * y) * gh
    ga_i, ga_f, ga_o = i * (1 - i) * g * gc, f * (1 - f) * c * gc, o * (1 - o) * y * gh
    ga_g = (1 - g * g) * i * gc
    return jnp.concatenate((ga_i, ga_f, ga_g, ga_o), axis=-1), (jnp.zeros_like(gh), f * gc)


RECURRENCES: dict[str, Recurrence] = {
    "tanh": _elman(jnp.tanh, lambda h: 1 - h * h),
    "relu": _elman(jax.nn.relu, lambda h: (h > 0).astype(h.dtype)),
    "logistic": _elman(jax.nn.sigmoid, lambda h: h * (1 - h)),
    "identity": _elman(lambda a: a, jnp.ones_like),
    "gru": Recurrence(3, 1, 4, True, _gru_step, _gru_gain, _gru_tangent, _gru_adjoint),
    "lstm": Recurrence(4, 2, 4, False, _lstm_step, _as_the_drive, _lstm_tangent, _lstm_adjoint),
}
"""By the name of the cell, or for an Elman network of its activation."""


class Signature(NamedTuple):
    """Of a primitive: the arguments that are fixed, those it is linear in, and the results.

    By name, with a letter for each axis: E (ensemble), B (batch), T (time), I (input), H
    (hidden), G (gates times hidden), P (saved times hidden).
    """

    fixed: dict[str, str]
    linear: dict[str, str]
    results: dict[str, str]

    @property
    def arguments(self) -> dict[str, str]:
        """All of them, in order."""
        return self.fixed | self.linear


@functools.cache
def signatures(kind: str, save: bool = False, inputs: bool = True) -> dict[str, Signature]:
    """What the primitives take and give, in order.

    `save`: whether `unroll` also gives what the slopes need. `inputs`: whether the tangent
    takes a perturbation of the inputs, and the adjoint gives the slopes by them.
    """
    cell = RECURRENCES[kind]
    letters = "hc"[: cell.states]
    U_and_W, xs = {"U": "EGI", "W": "EGH"}, {"xs": "EBTI"}
    weights = U_and_W | {"b": "EG"} | ({"d": "EH"} if cell.bias else {})
    start, states = {f"{s}0": "EBH" for s in letters}, {f"{s}s": "EBTH" for s in letters}
    saved, lengths = {"saved": "EBTP"} if cell.saved else {}, {"lengths": "EB"}
    moved = weights | (xs if inputs else {}) | start
    point = lengths | U_and_W | xs | start | states | saved
    results = states | (saved if save else {})
    return {
        "unroll": Signature(lengths | weights | xs | start, {}, results),
        "unroll_tangent": Signature(point, _named("d", moved), _named("d", states)),
        "unroll_adjoint": Signature(point, _named("g", states), _named("g", moved)),
    }


def _named(letter: str, table: dict[str, str]) -> dict[str, str]:
    return {letter + name: axes for name, axes in table.items()}


def cut(things, *counts: int) -> tuple[tuple, ...]:
    """Cut a sequence in parts of so many each, and the rest."""
    things, parts, at = tuple(things), [], 0
    for count in counts:
        parts.append(things[at : at + count])
        at += count
    return (*parts, things[at:])
