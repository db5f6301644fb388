r"""One step of each built-in cell and its derivatives, written out for the primitives.

`cells.py` has the same steps as a reader would write them, and is the place to begin; the tests
hold the two equal. Here each step is split as the kernels need it. With the lecture's letters,
it adds the *drive* $U x_t + b$ to the recurrent *product* $W h_{t-1}$ (in the GRU's candidate,
$W_n h_{t-1} + d$). All else acts on each unit alone. A `Recurrence` holds that part three
times: as it is (`step`), linearised (`tangent`), and the linear map transposed (`adjoint`).

`da` is a perturbation of the gates' arguments, `ga` the gradient with respect to them. Only in
the GRU does the product reach an argument in another way than the drive does, through the reset
gate: `gain` multiplies by that factor. It is diagonal, so tangent and adjoint share it.

The last axis is that of the units; any axes may stand in front of it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

Arrays = tuple[Array, ...]
"""A state, `(h,)` or `(h, c)`; weights, `(U, W, b)` or `(U, W, b, d)`; or the saved values of a
step, `()` or one array."""


class Recurrence(NamedTuple):
    """One kind of cell, without its inputs.

    Attributes
    ----------
    gates
        Blocks of the drive, each of one number a unit.
    states
        Arrays of the state: 1 for `(h,)`, 2 for `(h, c)`.
    saved
        Numbers for each unit that a step saves for its derivatives.
    bias
        Whether the product has a bias of its own (the GRU's `d`).
    step
        `step(product, drive, state) -> state, saved`.
    gain
        `gain(da, saved) -> da`: a perturbation of the product as one of the gates' arguments.
    tangent
        `tangent(before, after, saved, da, dbefore) -> dafter`, where `before` and `after` are
        the states at t-1 and t. `dbefore` acts only where the state does not pass through `W`.
    adjoint
        `adjoint(before, after, saved, gafter) -> ga, gbefore`: the transpose of `tangent`.
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
    """h_t = activation(drive + product); `slope` is the derivative as a function of h_t."""

    def step(product, drive, state):
        return (activation(drive + product),), ()

    def tangent(before, after, saved, da, dbefore):
        (h,) = after
        return (slope(h) * da,)

    def adjoint(before, after, saved, gafter):
        (h,), (gh,) = after, gafter
        return slope(h) * gh, (jnp.zeros_like(gh),)

    return Recurrence(1, 1, 0, False, step, _unit_gain, tangent, adjoint)


def _unit_gain(da: Array, saved: Arrays) -> Array:
    return da


def _gru_step(product, drive, state):
    """The step of `cells.GRU`; m is $W_n h_{t-1} + d$, which the reset gate r multiplies."""
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
    """The step of `cells.LSTM`."""
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
    "lstm": Recurrence(4, 2, 4, False, _lstm_step, _unit_gain, _lstm_tangent, _lstm_adjoint),
}
"""By the name of the cell, or of the activation for an Elman network."""
