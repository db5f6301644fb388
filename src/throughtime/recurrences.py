r"""The equations of one step and of its slopes, written out; then the scans through time.

With the lecture's letters, a step adds the *drive* $U x_t + b$ to the recurrent *product*
$W h_{t-1}$ (in the GRU's candidate, $W_n h_{t-1} + d$). What is left acts on each unit alone.
A `Recurrence` holds it three times: as it is (`step`), linearised (`tangent`), and the linear
map transposed (`adjoint`).

Here `da` and `ga` belong to the arguments of the gates. Only in the GRU does the product reach
an argument in another way than the drive, through the reset gate: `gain` is that factor. It is
diagonal, so tangent and adjoint share it.

Arrays that have a time axis have it first, `(time, ..., batch, units)`. The axes `...` are
those of the weights, `W` of shape `(..., gates*hidden, hidden)`.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

Arrays = tuple[Array, ...]
"""A state `(h,)` or `(h, c)`; weights `(W,)` or `(W, d)`; what was saved, `()` or one array."""


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


class Point(NamedTuple):
    """Where a recurrence is linearised: what its slopes depend on.

    - `weights`: `(W,)`, for the GRU `(W, d)`; `d` may be left out, its slopes do not need it.
    - `start`: the state before the first step. `states`: those after every step.
    - `saved`: what the steps saved, `()` or one array.
    - `lengths`: how many steps of each sequence count; None if all do.
    """

    weights: Arrays
    start: Arrays
    states: Arrays
    saved: Arrays
    lengths: Array | None

    @property
    def before(self) -> Arrays:
        """The states before every step (time first)."""
        pairs = zip(self.start, self.states, strict=True)
        return tuple(jnp.concatenate((s[None], ss[:-1])) for s, ss in pairs)

    @property
    def active(self) -> Array | None:
        """Which steps count, `(time, ..., batch, 1)`; None if all do."""
        return _active(self.lengths, len(self.states[0]))


def scan(
    kind: str, weights: Arrays, drive: Array, start: Arrays, lengths: Array | None, save: bool
) -> tuple[Arrays, Arrays]:
    """The states after every step and, if asked, what each step saved.

    Without `lengths` every step counts. From its length on, a sequence keeps its state and
    saves zeros, whatever the drive is there.
    """
    cell = RECURRENCES[kind]
    product = _product(weights)

    def step(state, at):
        drive, active = at
        new, saved = cell.step(product(state[0]), drive, state)
        new = _where(active, new, state)
        saved = _where(active, saved, _zeros(saved)) if save else ()
        return new, (new, saved)

    _, (states, saved) = jax.lax.scan(step, start, (drive, _active(lengths, len(drive))))
    return states, saved


def saved_again(kind: str, point: Point, drive: Array) -> Arrays:
    """What every step saved, from the states that are known by now: all steps at once."""
    (drive,) = _where(point.active, (drive,), _zeros((drive,)))
    product = _product(point.weights)(point.before[0])
    _, saved = RECURRENCES[kind].step(product, drive, point.before)
    return _where(point.active, saved, _zeros(saved))


def scan_tangent(
    kind: str, point: Point, dweights: Arrays, ddrive: Array, dstart: Arrays
) -> Arrays:
    """Perturbations of weights, drive and first state to those of all states."""
    cell = RECURRENCES[kind]
    before, active = point.before, point.active
    # Zeroed, not only skipped: the slope of this function must not meet a NaN in the padding.
    (ddrive,) = _where(active, (ddrive,), _zeros((ddrive,)))
    # The weights' part does not depend on the perturbed states: one product for all steps.
    da = ddrive + cell.gain(_product(dweights)(before[0]), point.saved)
    product = _product(point.weights[:1])

    def step(dstate, at):
        before, after, saved, da, active = at
        da = da + cell.gain(product(dstate[0]), saved)
        new = _where(active, cell.tangent(before, after, saved, da, dstate), dstate)
        return new, new

    return jax.lax.scan(step, dstart, (before, point.states, point.saved, da, active))[1]


def scan_adjoint(kind: str, point: Point, gstates: Arrays) -> tuple[Arrays, Array, Arrays]:
    """Slopes by all states to those by weights, drive and first state: the scan backward."""
    cell = RECURRENCES[kind]
    W, before = point.weights[0], point.before

    def step(gstate, at):
        gout, before, after, saved, active = at
        gstate = tuple(map(jnp.add, gstate, gout))
        ga, (gh, *others) = cell.adjoint(before, after, saved, gstate)
        gh = gh + cell.gain(ga, saved) @ W
        gbefore = _where(active, (gh, *others), gstate)
        (ga,) = _where(active, (ga,), _zeros((ga,)))
        return gbefore, ga

    steps = (gstates, before, point.states, point.saved, point.active)
    gstart, gdrive = jax.lax.scan(step, _zeros(point.start), steps, reverse=True)
    gproduct = cell.gain(gdrive, point.saved)
    # One product over all steps is far cheaper than one for each.
    gW = jnp.einsum("t...bg,t...bh->...gh", gproduct, before[0])
    hidden = W.shape[-1]
    gd = (gproduct[..., -hidden:].sum(axis=(0, -2)),) if cell.bias else ()
    return (gW, *gd), gdrive, gstart


def _product(weights: Arrays) -> Callable[[Array], Array]:
    """h -> W h (+ d in the last block), for one step or, with a time axis in front, for all."""
    W, *d = weights
    blocks = W.shape[-2] - W.shape[-1]
    bias = [jnp.pad(one, [(0, 0)] * (one.ndim - 1) + [(blocks, 0)])[..., None, :] for one in d]

    def product(h: Array) -> Array:
        time = "t" if h.ndim > W.ndim else ""
        return sum(bias, jnp.einsum(f"{time}...bh,...gh->{time}...bg", h, W))

    return product


def _active(lengths: Array | None, time: int) -> Array | None:
    if lengths is None:
        return None
    steps = jnp.arange(time).reshape(-1, *(1 for _ in lengths.shape))
    return (steps < lengths)[..., None]


def _where(active: Array | None, new: Arrays, old: Arrays) -> Arrays:
    if active is None:
        return new
    return tuple(jnp.where(active, n, o) for n, o in zip(new, old, strict=True))


def _zeros(arrays: Arrays) -> Arrays:
    return tuple(map(jnp.zeros_like, arrays))


class Signature(NamedTuple):
    """Of a primitive: the arguments that are fixed, those it is linear in, and the results.

    By name, with a letter for each axis: E (ensemble), T (time), B (batch), H (hidden),
    G (gates times hidden), P (saved times hidden).
    """

    fixed: dict[str, str]
    linear: dict[str, str]
    results: dict[str, str]

    @property
    def arguments(self) -> dict[str, str]:
        """All of them, in order."""
        return self.fixed | self.linear


@functools.cache
def signatures(kind: str, save: bool = False) -> dict[str, Signature]:
    """What the primitives take and give, in order."""
    cell = RECURRENCES[kind]
    letters = "hc"[: cell.states]
    weights = {"W": "EGH"} | ({"d": "EH"} if cell.bias else {})
    start, states = {f"{s}0": "EBH" for s in letters}, {f"{s}s": "ETBH" for s in letters}
    saved = {"saved": "ETBP"} if cell.saved else {}
    lengths, moved = {"lengths": "EB"}, weights | {"drive": "ETBG"} | start
    point = lengths | {"W": "EGH"} | start | states | saved
    return {
        "unroll": Signature(lengths | moved, {}, states | (saved if save else {})),
        "unroll_tangent": Signature(point, _named("d", moved), _named("d", states)),
        "unroll_adjoint": Signature(point, _named("g", states), _named("g", moved)),
    }


def _named(letter: str, table: dict[str, str]) -> dict[str, str]:
    return {letter + name: axes for name, axes in table.items()}


def run_scan(lengths, *args, kind, save, masked, native):
    """`scan`, of the primitive's arguments and to its results; so the next ones."""
    there, back, lengths = _time_first(lengths, masked)
    cell = RECURRENCES[kind]
    weights, drive, start = cut(map(there, args), 1 + cell.bias, 1)
    states, saved = scan(kind, weights, drive[0], start, lengths, save)
    return back((*states, *saved))


def run_saved(lengths, *args, kind, masked, native):
    """What `unroll` saves, from its arguments and the states."""
    there, back, lengths = _time_first(lengths, masked)
    cell = RECURRENCES[kind]
    counts = 1 + cell.bias, 1, cell.states
    weights, drive, start, states = cut(map(there, args), *counts)
    return back(saved_again(kind, Point(weights, start, states, (), lengths), drive[0]))


def run_tangent(lengths, *args, kind, masked, native):
    there, back, lengths = _time_first(lengths, masked)
    cell = RECURRENCES[kind]
    point, linear = cut(map(there, args), 1 + 2 * cell.states + bool(cell.saved))
    dweights, ddrive, dstart = cut(linear, 1 + cell.bias, 1)
    point = _point(point, cell.states, lengths)
    return back(scan_tangent(kind, point, dweights, ddrive[0], dstart))


def run_adjoint(lengths, *args, kind, masked, native):
    there, back, lengths = _time_first(lengths, masked)
    cell = RECURRENCES[kind]
    point, gstates = cut(map(there, args), 1 + 2 * cell.states + bool(cell.saved))
    point = _point(point, cell.states, lengths)
    gweights, gdrive, gstart = scan_adjoint(kind, point, gstates)
    return back((*gweights, gdrive, *gstart))


def _point(args, states, lengths):
    weights, start, states, saved = cut(args, 1, states, states)
    return Point(weights, start, states, saved, lengths)


def _time_first(lengths, masked):
    """Arrays as the scans take them, the way back for all results, and the lengths.

    A network alone goes without the axis E: plain products are faster than batched ones.
    """
    alone = lengths.shape[0] == 1

    def there(x):
        return x[0] if alone else jnp.swapaxes(x, 0, 1) if x.ndim == 4 else x

    def back(xs):
        return [x[None] if alone else there(x) for x in xs]

    return there, back, there(lengths) if masked else None


def cut(things, *counts: int) -> tuple[tuple, ...]:
    """Cut a sequence in parts of so many each, and the rest."""
    things, parts, at = tuple(things), [], 0
    for count in counts:
        parts.append(things[at : at + count])
        at += count
    return (*parts, things[at:])
