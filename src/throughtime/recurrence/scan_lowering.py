r"""The recurrences by `jax.lax.scan`: forward, the linearisation and its transpose.

What does not depend on the states is done for all steps at once, by one product each: the drive
$U x_t + b$, its perturbation, and the slopes by weights and inputs.

`scan`, `scan_tangent` and `scan_adjoint` take arrays with the time axis first, `(time, ...,
batch, units)`; the axes `...` are those of the weights, `W` of shape `(..., gates*hidden,
hidden)`. `run_scan`, `run_tangent` and `run_adjoint` are the same functions of the primitives'
arguments, `(ensemble, batch, time, units)`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from .step_equations import RECURRENCES, Arrays, cut


class Point(NamedTuple):
    """Where a recurrence is linearised: what its slopes depend on.

    Attributes
    ----------
    weights
        `(U, W)`; more may follow, the slopes do not need them.
    xs
        The inputs.
    start
        The state before the first step.
    states
        Those after every step.
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
    """The states after every step and, if asked, what each step saved.

    Without `lengths` every step counts. From its length on, a sequence keeps its state and
    saves zeros, whatever the inputs are there.
    """
    cell = RECURRENCES[kind]
    U, W, b, *d = weights
    active, product = _active(lengths, len(xs)), _product(W, *d)

    def step(state, at):
        drive, active = at
        new, saved = cell.step(product(state[0]), drive, state)
        new = _where(active, new, state)
        saved = _where(active, saved, _zeros(saved)) if save else ()
        return new, (new, saved)

    drive = _drive(U, b, _zeroed(active, xs))
    _, (states, saved) = jax.lax.scan(step, start, (drive, active))
    return states, saved


def saved_again(kind: str, point: Point) -> Arrays:
    """What every step saved, from the states that are known by now: all steps at once.

    Here the weights of the point are all of them.
    """
    U, W, b, *d = point.weights
    active, before = _active(point.lengths, len(point.xs)), _before(point)
    drive = _drive(U, b, _zeroed(active, point.xs))
    _, saved = RECURRENCES[kind].step(_product(W, *d)(before[0]), drive, before)
    return _where(active, saved, _zeros(saved))


def scan_tangent(
    kind: str, point: Point, dweights: Arrays, dxs: Array | None, dstart: Arrays
) -> Arrays:
    """Perturbations of weights, inputs and first state to those of all states.

    Inputs that are not perturbed have None.
    """
    cell = RECURRENCES[kind]
    U, W, *_ = point.weights
    dU, dW, db, *dd = dweights
    active, before = _active(point.lengths, len(point.xs)), _before(point)
    # The parts that do not depend on the perturbed states: a product for all steps.
    da = _drive(dU, db, _zeroed(active, point.xs))
    if dxs is not None:
        da = da + _times(_zeroed(active, dxs), U)
    da = da + cell.gain(_product(dW, *dd)(before[0]), point.saved)
    product = _product(W)

    def step(dstate, at):
        before, after, saved, da, active = at
        da = da + cell.gain(product(dstate[0]), saved)
        new = _where(active, cell.tangent(before, after, saved, da, dstate), dstate)
        return new, new

    return jax.lax.scan(step, dstart, (before, point.states, point.saved, da, active))[1]


def scan_adjoint(
    kind: str, point: Point, gstates: Arrays, inputs: bool
) -> tuple[Arrays, Arrays, Arrays]:
    """Slopes by all states to those by weights, inputs and first state: the scan backward.

    Those by the inputs are `()` if not asked for.
    """
    cell = RECURRENCES[kind]
    U, W, *_ = point.weights
    active, before = _active(point.lengths, len(point.xs)), _before(point)

    def step(gstate, at):
        gout, before, after, saved, active = at
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
    gU, gW = _outer(gdrive, _zeroed(active, point.xs)), _outer(gproduct, before[0])
    gd = (_total(gproduct[..., -W.shape[-1] :]),) if cell.bias else ()
    gxs = (_times(gdrive, jnp.swapaxes(U, -1, -2)),) if inputs else ()
    return (gU, gW, _total(gdrive), *gd), gxs, gstart


def _drive(U: Array, b: Array, xs: Array) -> Array:
    """U x + b, for all steps."""
    return _times(xs, U) + b[..., None, :]


def _product(W: Array, *d: Array) -> Callable[[Array], Array]:
    """h -> W h (+ d in the last block), for one step or for all."""
    blocks = W.shape[-2] - W.shape[-1]
    bias = [jnp.pad(one, [(0, 0)] * (one.ndim - 1) + [(blocks, 0)])[..., None, :] for one in d]

    def product(h: Array) -> Array:
        return sum(bias, _times(h, W))

    return product


def _times(x: Array, W: Array) -> Array:
    """W x, for one step or, with a time axis in front, for all."""
    time = "t" if x.ndim > W.ndim else ""
    return jnp.einsum(f"{time}...bi,...gi->{time}...bg", x, W)


def _outer(ga: Array, x: Array) -> Array:
    """The sum over steps and sequences of ga x'."""
    return jnp.einsum("t...bg,t...bi->...gi", ga, x)


def _total(ga: Array) -> Array:
    """The sum over steps and sequences."""
    return ga.sum(axis=(0, -2))


def _before(point: Point) -> Arrays:
    """The states before every step."""
    pairs = zip(point.start, point.states, strict=True)
    return tuple(jnp.concatenate((s[None], ss[:-1])) for s, ss in pairs)


def _active(lengths: Array | None, time: int) -> Array | None:
    """Which steps count, `(time, ..., batch, 1)`; None if all do."""
    if lengths is None:
        return None
    steps = jnp.arange(time).reshape(-1, *(1 for _ in lengths.shape))
    return (steps < lengths)[..., None]


def _zeroed(active: Array | None, xs: Array) -> Array:
    """The inputs with zeros for padding: in a product, or its slope, 0 * NaN would be NaN."""
    return _where(active, (xs,), _zeros((xs,)))[0]


def _where(active: Array | None, new: Arrays, old: Arrays) -> Arrays:
    if active is None:
        return new
    return tuple(jnp.where(active, n, o) for n, o in zip(new, old, strict=True))


def _zeros(arrays: Arrays) -> Arrays:
    return tuple(map(jnp.zeros_like, arrays))


def run_scan(lengths, *args, kind, save, masked, native):
    """`scan`, of the primitive's arguments and to its results; so the next ones."""
    there, back, lengths = _time_first(lengths, masked)
    weights, (xs,), start = cut(map(there, args), 3 + RECURRENCES[kind].bias, 1)
    states, saved = scan(kind, weights, xs, start, lengths, save)
    return back(*states, *saved)


def run_saved(lengths, *args, kind, masked, native):
    """What `unroll` saves, from its arguments and the states."""
    there, back, lengths = _time_first(lengths, masked)
    cell = RECURRENCES[kind]
    weights, (xs,), start, states = cut(map(there, args), 3 + cell.bias, 1, cell.states)
    return back(*saved_again(kind, Point(weights, xs, start, states, (), lengths)))


def run_tangent(lengths, *args, kind, inputs, masked, native):
    there, back, lengths = _time_first(lengths, masked)
    point, linear = _point(kind, map(there, args), lengths)
    dweights, dxs, dstart = cut(linear, 3 + RECURRENCES[kind].bias, inputs)
    return back(*scan_tangent(kind, point, dweights, dxs[0] if inputs else None, dstart))


def run_adjoint(lengths, *args, kind, inputs, masked, native):
    there, back, lengths = _time_first(lengths, masked)
    point, gstates = _point(kind, map(there, args), lengths)
    gweights, gxs, gstart = scan_adjoint(kind, point, gstates, inputs)
    return back(*gweights, *gxs, *gstart)


def _point(kind, args, lengths):
    """The point that the first arguments of tangent and adjoint are, and the others."""
    cell = RECURRENCES[kind]
    counts = 2, 1, cell.states, cell.states, bool(cell.saved)
    weights, (xs,), start, states, saved, linear = cut(args, *counts)
    return Point(weights, xs, start, states, saved, lengths), linear


def _time_first(lengths, masked):
    """Arrays as the scans take them, the way back for all results, and the lengths.

    A network alone goes without the axis E: plain products are faster than batched ones.
    """
    alone = lengths.shape[0] == 1
    timed = 3 if alone else 4  # axes of an array that has time

    def there(x):
        x = x[0] if alone else x
        return jnp.moveaxis(x, -2, 0) if x.ndim == timed else x

    def back(*results):
        results = (jnp.moveaxis(x, 0, -2) if x.ndim == timed else x for x in results)
        return [x[None] if alone else x for x in results]

    return there, back, there(lengths) if masked else None
