r"""The recurrences by `jax.lax.scan`: forward, the linearisation and its transpose.

What does not depend on the states is done for all steps at once, by one product each: the drive
$U x_t + b$, its perturbation, and the gradients with respect to weights and inputs.

`scan`, `scan_tangent` and `scan_adjoint` take arrays with the time axis first, `(time, ...,
batch, units)`; the axes `...` are those of the weights, `W` of shape `(..., gates*hidden,
hidden)`. `lower_unroll`, `lower_tangent` and `lower_adjoint` call them with the primitives'
arguments, `(ensemble, batch, time, units)`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from .primitive_arguments import split_by_sizes
from .step_equations import RECURRENCES, Arrays


class Point(NamedTuple):
    """Where a recurrence is linearised: all that its derivatives depend on.

    Attributes
    ----------
    weights
        `(U, W)`; more may follow, which the derivatives do not need.
    xs
        The inputs.
    start
        The state before the first step.
    states
        The states after every step.
    saved
        What the steps saved, `()` or one array.
    lengths
        How many steps of each sequence count; None if all do.
    """

    weights: Arrays
    xs: Array
    start: Arrays
    states: Arrays
    saved: Arrays
    lengths: Array | None


def scan(
    kind: str, weights: Arrays, xs: Array, start: Arrays, lengths: Array | None, save: bool
) -> tuple[Arrays, Arrays]:
    """The states after every step and, with `save`, what each step saved.

    Without `lengths` every step counts. From its length on, a sequence keeps its state and
    saves zeros, whatever the inputs are there.
    """
    cell = RECURRENCES[kind]
    U, W, b, *d = weights
    active, product = _active(lengths, len(xs)), _product(W, *d)

    def step(state, drive_and_active):
        drive, active = drive_and_active
        new, saved = cell.step(product(state[0]), drive, state)
        new = _where(active, new, state)
        saved = _where(active, saved, _zeros(saved)) if save else ()
        return new, (new, saved)

    drive = _drive(U, b, _without_padding(active, xs))
    _, (states, saved) = jax.lax.scan(step, start, (drive, active))
    return states, saved


def saved_values(kind: str, point: Point) -> Arrays:
    """What every step saves, for all steps at once, from the states of the point.

    Here the weights of the point must be complete.
    """
    U, W, b, *d = point.weights
    active, before = _active(point.lengths, len(point.xs)), _states_before(point)
    drive = _drive(U, b, _without_padding(active, point.xs))
    _, saved = RECURRENCES[kind].step(_product(W, *d)(before[0]), drive, before)
    return _where(active, saved, _zeros(saved))


def scan_tangent(
    kind: str, point: Point, dweights: Arrays, dxs: Array | None, dstart: Arrays
) -> Arrays:
    """Perturbations of weights, inputs and first state to those of all states.

    `dxs` is None if the inputs are not perturbed.
    """
    cell = RECURRENCES[kind]
    U, W, *_ = point.weights
    dU, dW, db, *dd = dweights
    active, before = _active(point.lengths, len(point.xs)), _states_before(point)
    # The parts that do not depend on the perturbed states: a product for all steps.
    da = _drive(dU, db, _without_padding(active, point.xs))
    if dxs is not None:
        da = da + _apply(U, _without_padding(active, dxs))
    da = da + cell.gain(_product(dW, *dd)(before[0]), point.saved)
    product = _product(W)

    def step(dstate, arrays):
        before, after, saved, da, active = arrays
        da = da + cell.gain(product(dstate[0]), saved)
        new = _where(active, cell.tangent(before, after, saved, da, dstate), dstate)
        return new, new

    return jax.lax.scan(step, dstart, (before, point.states, point.saved, da, active))[1]


def scan_adjoint(
    kind: str, point: Point, gstates: Arrays, inputs: bool
) -> tuple[Arrays, Arrays, Arrays]:
    """Gradients by all states to those by weights, inputs and first state: the scan backward.

    The gradient with respect to the inputs is `()` without `inputs`.
    """
    cell = RECURRENCES[kind]
    U, W, *_ = point.weights
    active, before = _active(point.lengths, len(point.xs)), _states_before(point)

    def step(gstate, arrays):
        gout, before, after, saved, active = arrays
        gstate = tuple(map(jnp.add, gstate, gout))
        ga, (gh, *others) = cell.adjoint(before, after, saved, gstate)
        gh = gh + cell.gain(ga, saved) @ W
        gbefore = _where(active, (gh, *others), gstate)
        (ga,) = _where(active, (ga,), _zeros((ga,)))
        return gbefore, ga

    steps = (gstates, before, point.states, point.saved, active)
    gstart, gdrive = jax.lax.scan(step, _zeros(point.start), steps, reverse=True)
    gproduct = cell.gain(gdrive, point.saved)
    # One product over all steps is far cheaper than one for each.
    gU = _sum_of_outer(gdrive, _without_padding(active, point.xs))
    gW = _sum_of_outer(gproduct, before[0])
    gd = (_sum(gproduct[..., -W.shape[-1] :]),) if cell.bias else ()
    gxs = (_apply(jnp.swapaxes(U, -1, -2), gdrive),) if inputs else ()
    return (gU, gW, _sum(gdrive), *gd), gxs, gstart


def _drive(U: Array, b: Array, xs: Array) -> Array:
    """U x + b, for all steps."""
    return _apply(U, xs) + b[..., None, :]


def _product(W: Array, *d: Array) -> Callable[[Array], Array]:
    """The function h -> W h (+ d in the last block), of one step or of all."""
    blocks = W.shape[-2] - W.shape[-1]
    bias = [jnp.pad(one, [(0, 0)] * (one.ndim - 1) + [(blocks, 0)])[..., None, :] for one in d]

    def product(h: Array) -> Array:
        return sum(bias, _apply(W, h))

    return product


def _apply(W: Array, x: Array) -> Array:
    """W x, for one step or, with a time axis in front, for all."""
    time = "t" if x.ndim > W.ndim else ""
    return jnp.einsum(f"{time}...bi,...gi->{time}...bg", x, W)


def _sum_of_outer(ga: Array, x: Array) -> Array:
    """The sum over steps and sequences of ga x'."""
    return jnp.einsum("t...bg,t...bi->...gi", ga, x)


def _sum(ga: Array) -> Array:
    """The sum over steps and sequences."""
    return ga.sum(axis=(0, -2))


def _states_before(point: Point) -> Arrays:
    """The state before every step."""
    pairs = zip(point.start, point.states, strict=True)
    return tuple(jnp.concatenate((s[None], ss[:-1])) for s, ss in pairs)


def _active(lengths: Array | None, time: int) -> Array | None:
    """Which steps count, `(time, ..., batch, 1)`; None if all do."""
    if lengths is None:
        return None
    steps = jnp.arange(time).reshape(-1, *(1 for _ in lengths.shape))
    return (steps < lengths)[..., None]


def _without_padding(active: Array | None, xs: Array) -> Array:
    """The inputs with zeros for padding: in a product, or its gradient, 0 * NaN is NaN."""
    return _where(active, (xs,), _zeros((xs,)))[0]


def _where(active: Array | None, new: Arrays, old: Arrays) -> Arrays:
    if active is None:
        return new
    return tuple(jnp.where(active, n, o) for n, o in zip(new, old, strict=True))


def _zeros(arrays: Arrays) -> Arrays:
    return tuple(map(jnp.zeros_like, arrays))


def lower_unroll(lengths, *args, kind, save, masked, native):
    """The primitive `unroll`: `scan` with the axes of the primitive's arguments."""
    to_scan, from_scan, lengths = _time_first(lengths, masked)
    sizes = 3 + RECURRENCES[kind].bias, 1
    weights, (xs,), start = split_by_sizes(map(to_scan, args), *sizes)
    states, saved = scan(kind, weights, xs, start, lengths, save)
    return from_scan(*states, *saved)


def lower_saved(lengths, *args, kind, masked, native):
    """What the primitive `unroll` saves, from its arguments and the states."""
    to_scan, from_scan, lengths = _time_first(lengths, masked)
    cell = RECURRENCES[kind]
    sizes = 3 + cell.bias, 1, cell.states
    weights, (xs,), start, states = split_by_sizes(map(to_scan, args), *sizes)
    return from_scan(*saved_values(kind, Point(weights, xs, start, states, (), lengths)))


def lower_tangent(lengths, *args, kind, inputs, masked, native):
    """The primitive `unroll_tangent`: `scan_tangent` with the axes of its arguments."""
    to_scan, from_scan, lengths = _time_first(lengths, masked)
    point, linear = _point(kind, map(to_scan, args), lengths)
    dweights, dxs, dstart = split_by_sizes(linear, 3 + RECURRENCES[kind].bias, inputs)
    return from_scan(*scan_tangent(kind, point, dweights, dxs[0] if inputs else None, dstart))


def lower_adjoint(lengths, *args, kind, inputs, masked, native):
    """The primitive `unroll_adjoint`: `scan_adjoint` with the axes of its arguments."""
    to_scan, from_scan, lengths = _time_first(lengths, masked)
    point, gstates = _point(kind, map(to_scan, args), lengths)
    gweights, gxs, gstart = scan_adjoint(kind, point, gstates, inputs)
    return from_scan(*gweights, *gxs, *gstart)


def _point(kind, args, lengths):
    """The point, from the first arguments of tangent and adjoint, and the linear arguments."""
    cell = RECURRENCES[kind]
    sizes = 2, 1, cell.states, cell.states, bool(cell.saved)
    weights, (xs,), start, states, saved, linear = split_by_sizes(args, *sizes)
    return Point(weights, xs, start, states, saved, lengths), linear


def _time_first(lengths, masked):
    """A function to arrays as the scans take them, the way back, and the lengths.

    A single network goes without the axis E: plain products are faster than batched ones.
    """
    single = lengths.shape[0] == 1
    timed = 3 if single else 4  # axes of an array that has time

    def to_scan(x):
        x = x[0] if single else x
        return jnp.moveaxis(x, -2, 0) if x.ndim == timed else x

    def from_scan(*results):
        results = (jnp.moveaxis(x, 0, -2) if x.ndim == timed else x for x in results)
        return [x[None] if single else x for x in results]

    return to_scan, from_scan, to_scan(lengths) if masked else None
