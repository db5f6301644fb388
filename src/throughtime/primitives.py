r"""Three primitives of JAX: a recurrence through time, its linearisation, and the transpose.

- `unroll`: drive and first state to all states.
- `unroll_tangent`: $J$, its slopes at one point, applied to perturbations $v$.
- `unroll_adjoint`: $J^\top$, backpropagation through time, so $\langle g, J v\rangle =
  \langle J^\top g, v\rangle$ for all $g$ and $v$.

The JVP rule of `unroll` binds `unroll_tangent`, whose transpose rule binds `unroll_adjoint`,
and back. So `grad`, `jvp`, `vmap`, `linearize` and all products of them come from these rules.
Each primitive has two lowerings: the scans of `recurrences.py`, on every platform, and on the
CPU the compiled kernels of `native.py`, for float32 and float64.

Shapes are written with the letters E (ensemble: networks run beside each other), T (time), B
(batch), H (hidden), G (gates times hidden) and P (saved times hidden).
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float, Int

from .errors import InputError, nearest
from .native import status
from .recurrences import (
    RECURRENCES,
    Point,
    Signature,
    cut,
    run_adjoint,
    run_saved,
    run_scan,
    run_tangent,
    signatures,
)

KINDS = tuple(RECURRENCES)
"""The order is the kernels' numbering."""

Lengths = Int[Array, "ensemble batch"]
Drive = Float[Array, "ensemble time batch blocks"]
Start = Float[Array, "ensemble batch hidden"]
States = Float[Array, "ensemble time batch hidden"]
Saved = Float[Array, "ensemble time batch saved"]


def unroll(
    kind: str,
    weights: tuple[Array, ...],
    drive: Drive,
    start: tuple[Start, ...],
    lengths: Lengths | None = None,
    *,
    save: bool = False,
    native: bool | None = None,
) -> tuple[tuple[States, ...], tuple[Saved, ...]]:
    r"""Run a recurrence: $s_t = \mathrm{step}(a_t, s_{t-1})$ with the drive $a_t = U x_t + b$.

    **Arguments:**

    - `kind`: `tanh`, `relu`, `logistic`, `identity` (the RNN's activations), `gru`, `lstm`.
    - `weights`: `(W,)`, of shape `(E, G, H)`; for the GRU `(W, d)`, with d of shape `(E, H)`.
    - `drive`: the input projections of all steps, `(E, T, B, G)`.
    - `start`: the state before the first step, `(h,)` or for the LSTM `(h, c)`, `(E, B, H)`.
    - `lengths`: how many steps of each sequence count. From there on it keeps its state, and
      what the drive holds there is never looked at.
    - `save`: also give what the slopes need.
    - `native`: whether to use the compiled kernels; by default, if there are any.

    **Returns:** the states after every step, `(hs,)` or `(hs, cs)`, each `(E, T, B, H)`; and
    what was saved, `(E, T, B, P)`, or `()`.

    **Raises:** `InputError` for an unknown kind, and for shapes or types that do not agree.
    """
    params = _params(kind, lengths, native)
    lengths = _lengths(lengths, drive)
    outs = unroll_p.bind(lengths, *weights, drive, *start, save=save, **params)
    states, saved = cut(outs, RECURRENCES[kind].states)
    return states, saved


def unroll_tangent(
    kind: str,
    point: Point,
    dweights: tuple[Array, ...],
    ddrive: Drive,
    dstart: tuple[Start, ...],
    *,
    native: bool | None = None,
) -> tuple[States, ...]:
    r"""$J v$: perturbations of weights, drive and first state to those of all states.

    Linear in the last three; they have the shapes of what they perturb. `point` holds what
    `unroll` was given and what it gave with `save=True`, with the axis E first.

    $$\dot s_t = \partial_s\,\mathrm{step}\,\dot s_{t-1}
        + \partial_a\,\mathrm{step}\,(\dot a_t + \dot W h_{t-1})$$
    """
    fixed, params = _at(kind, point, native)
    return tuple(unroll_tangent_p.bind(*fixed, *dweights, ddrive, *dstart, **params))


def unroll_adjoint(
    kind: str, point: Point, gstates: tuple[States, ...], *, native: bool | None = None
) -> tuple[tuple[Array, ...], Drive, tuple[Start, ...]]:
    r"""$J^\top g$: slopes of a scalar by all states to those by weights, drive, first state.

    Backpropagation through time, $\langle g, J v\rangle = \langle J^\top g, v\rangle$:

    $$\bar s_{t-1} = g_{t-1} + (\partial_s\,\mathrm{step})^\top \bar s_t, \qquad
      \bar a_t = (\partial_a\,\mathrm{step})^\top \bar s_t, \qquad
      \bar W = \sum_t \bar a_t h_{t-1}^\top$$

    (in the GRU the candidate's row of the last sum is times the reset gate).
    """
    fixed, params = _at(kind, point, native)
    outs = unroll_adjoint_p.bind(*fixed, *gstates, **params)
    weights, (drive, *start) = cut(outs, len(point.weights))
    return weights, drive, tuple(start)


def _at(kind, point, native):
    """The first arguments of tangent and adjoint, and their parameters."""
    params = _params(kind, point.lengths, native)
    lengths = _lengths(point.lengths, point.states[0])
    return (lengths, point.weights[0], *point.start, *point.states, *point.saved), params


def _params(kind: str, lengths: Array | None, native: bool | None) -> dict[str, Any]:
    if kind not in RECURRENCES:
        raise InputError("`kind` must be a known recurrence", kind, nearest(kind, RECURRENCES))
    native = _native(native)
    return {"kind": kind, "masked": lengths is not None, "native": native}


def _native(asked: bool | None) -> bool:
    """Whether to use the kernels: as asked, or if they are there."""
    if asked is False:
        return False
    found = status()
    if asked and not found.available:
        rule = "`native=True` needs the compiled kernels"
        raise InputError(rule, f"none: {found.why}", str(found.remedy))
    return found.available


def _lengths(lengths: Array | None, timed: Array) -> Array:
    if len(timed.shape) != 4:
        rule = "drive and states must have the axes (ensemble, time, batch, units)"
        raise InputError(rule, timed.shape, "For one network, add the first: `x[None]`.")
    if lengths is None:
        ensemble, time, batch, _ = timed.shape
        return jnp.full((ensemble, batch), time, jnp.int32)
    lengths = jnp.asarray(lengths)
    if not jnp.issubdtype(lengths.dtype, jnp.integer):
        rule = "`lengths` must be whole numbers"
        raise InputError(rule, lengths.dtype, "Convert them to int32.")
    return lengths.astype(jnp.int32)


def _signature(primitive: Primitive, params: dict[str, Any]) -> Signature:
    return signatures(params["kind"], params.get("save", False))[primitive.name]


def _shapes(primitive: Primitive, *avals, **params):
    """The shapes of the results, when those of the arguments agree."""
    signature = _signature(primitive, params)
    names = signature.arguments
    if len(avals) != len(names):
        rule = f"`{primitive.name}` of {params['kind']} takes {', '.join(names)}"
        raise InputError(rule, f"{len(avals)} arrays", "Give one array for each.")
    given = dict(zip(names, avals, strict=True))
    sizes = _sizes(params["kind"], names, given)
    for name, axes in names.items():
        expected = tuple(sizes[a] for a in axes)
        if given[name].shape != expected:
            _refuse(params["kind"], name, axes, expected, given[name].shape)
    dtype = given["W"].dtype
    for name, aval in given.items():
        if aval.dtype != (jnp.int32 if name == "lengths" else dtype):
            rule = f"the arrays of {params['kind']} must be of one type, `lengths` int32"
            got = f"`{name}` {aval.dtype} beside `W` {dtype}"
            raise InputError(rule, got, "Convert one of them.")
    if not jnp.issubdtype(dtype, jnp.floating):
        raise InputError("weights must be real", dtype, "Convert them to float32.")
    results = signature.results.values()
    return [ShapedArray(tuple(sizes[a] for a in axes), dtype) for axes in results]


def _sizes(kind: str, names: dict[str, str], given: dict[str, Any]) -> dict[str, int]:
    """The size of every axis: E and H from W, T and B from the first array that has time."""
    timed = next(name for name, axes in names.items() if "T" in axes)
    for name, rank in (("W", 3), (timed, 4)):
        if len(given[name].shape) != rank:
            _refuse(kind, name, names[name], f"{rank} axes", given[name].shape)
    cell = RECURRENCES[kind]
    ensemble, _, hidden = given["W"].shape
    _, time, batch, _ = given[timed].shape
    if time < 1:
        raise InputError("a recurrence must run at least one step", 0, "Give it inputs.")
    blocks = {"G": cell.gates * hidden, "P": cell.saved * hidden}
    return {"E": ensemble, "T": time, "B": batch, "H": hidden} | blocks


def _refuse(kind, name, axes, expected, got):
    rule = f"`{name}` of {kind} must have the shape ({', '.join(axes)}) = {expected}"
    raise InputError(rule, got, "E and H are those of `W`; T and B those of the drive.")


# The rules.


def _unroll_jvp(primals, tangents, *, save, **params):
    cell = RECURRENCES[params["kind"]]
    outs = unroll_p.bind(*primals, save=True, **params)
    moved = [ad.instantiate_zeros(t) for t in tangents[1:]]
    point = (*primals[:2], *primals[-cell.states :], *outs)
    dstates = unroll_tangent_p.bind(*point, *moved, **params)
    if not save:
        return outs[: cell.states], dstates
    states = outs[: cell.states]
    # What a step saves is a function of states that are known by now: all steps at once.
    function = functools.partial(run_saved, primals[0], **params)
    _, dsaved = jax.jvp(function, (*primals[1:], *states), (*moved, *dstates))
    return outs, [*dstates, *dsaved]


def _linear_jvp(primitive, function):
    """The JVP of a primitive that is linear in its last arguments: the product rule.

    By the linear arguments it is itself; by the others, the slope of its scan.
    """

    def rule(primals, tangents, **params):
        fixed = len(_signature(primitive, params).fixed)
        outs = primitive.bind(*primals, **params)
        terms = []
        if any(_is_nonzero(t) for t in tangents[fixed:]):
            linear = map(ad.instantiate_zeros, tangents[fixed:])
            terms.append(primitive.bind(*primals[:fixed], *linear, **params))
        moved = [i for i in range(1, fixed) if _is_nonzero(tangents[i])]
        if moved:

            def at(*values):
                args = list(primals)
                for i, value in zip(moved, values, strict=True):
                    args[i] = value
                return function(*args, **params)

            here, along = [primals[i] for i in moved], [tangents[i] for i in moved]
            terms.append(jax.jvp(at, here, along)[1])
        return outs, [sum(parts[1:], parts[0]) for parts in zip(*terms, strict=True)]

    return rule


def _is_nonzero(tangent) -> bool:
    return not isinstance(tangent, ad.Zero)


def _transpose(primitive, other):
    """The rule of a primitive linear in its last arguments; `other` is its transpose."""

    def rule(cotangents, *args, **params):
        fixed = len(_signature(primitive, params).fixed)
        given = map(ad.instantiate_zeros, cotangents)
        outs = other.bind(*args[:fixed], *given, **params)
        asked = map(ad.is_undefined_primal, args[fixed:])
        return [None] * fixed + [o if a else None for o, a in zip(outs, asked, strict=True)]

    return rule


def _batch(primitive, args, dims, **params):
    """A mapped axis becomes part of the ensemble; with one set of weights, of the batch."""
    signature = _signature(primitive, params)
    names = signature.arguments
    axes = list(names.values())
    size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
    shared = all(d is None for d, a in zip(dims, axes, strict=True) if "B" not in a)
    into = "B" if shared and primitive is not unroll_adjoint_p else "E"

    def fold(x, dim, axes):
        at = axes.find(into)
        if at < 0:  # the weights, of which there is one set
            return x
        x = jnp.expand_dims(x, at) if dim is None else jnp.moveaxis(x, dim, at)
        shape = list(x.shape)
        shape[at] = size
        x = jnp.broadcast_to(x, shape)
        return x.reshape(*shape[:at], size * shape[at + 1], *shape[at + 2 :])

    outs = primitive.bind(*map(fold, args, dims, axes), **params)
    ats = [a.index(into) for a in signature.results.values()]
    split = [
        x.reshape(*x.shape[:at], size, x.shape[at] // size, *x.shape[at + 1 :])
        for x, at in zip(outs, ats, strict=True)
    ]
    return split, ats


# Lowerings.


@functools.cache
def _compiled(primitive: Primitive, **params) -> Callable:
    return jax.jit(functools.partial(primitive.bind, **params))


def _evaluate(primitive: Primitive, *args, **params):
    """Outside `jit`: a program of this primitive alone."""
    with jax.disable_jit(False):
        return _compiled(primitive, **params)(*args)


def _on_cpu(primitive, function):
    """The compiled kernel where it is asked for and knows the type, else the scan."""
    by_scan = mlir.lower_fun(function, multiple_results=True)

    def rule(context, *operands, **params):
        drive = context.avals_in[1]
        known = drive.dtype in (np.float32, np.float64)
        empty = any(0 in aval.shape for aval in context.avals_in)
        if not params["native"] or not known or empty:
            return by_scan(context, *operands, **params)
        attributes = {"cell": np.int32(KINDS.index(params["kind"]))}
        if "save" in params:
            attributes["save"] = np.int32(params["save"])
        kernel = jax.ffi.ffi_lowering(f"throughtime_{primitive.name}")
        return kernel(context, *operands, **attributes)

    return rule


def _primitive(name: str, function: Callable) -> Primitive:
    primitive = Primitive(name)
    primitive.multiple_results = True
    primitive.def_impl(functools.partial(_evaluate, primitive))
    primitive.def_abstract_eval(functools.partial(_shapes, primitive))
    batching.primitive_batchers[primitive] = functools.partial(_batch, primitive)
    mlir.register_lowering(primitive, mlir.lower_fun(function, multiple_results=True))
    mlir.register_lowering(primitive, _on_cpu(primitive, function), platform="cpu")
    return primitive


unroll_p = _primitive("unroll", run_scan)
unroll_tangent_p = _primitive("unroll_tangent", run_tangent)
unroll_adjoint_p = _primitive("unroll_adjoint", run_adjoint)

ad.primitive_jvps[unroll_p] = _unroll_jvp
for _p, _function, _other in (
    (unroll_tangent_p, run_tangent, unroll_adjoint_p),
    (unroll_adjoint_p, run_adjoint, unroll_tangent_p),
):
    ad.primitive_jvps[_p] = _linear_jvp(_p, _function)
    ad.primitive_transposes[_p] = _transpose(_p, _other)
