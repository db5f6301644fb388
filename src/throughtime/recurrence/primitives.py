r"""Three primitives of JAX: a recurrence through time, its linearisation, and the transpose.

- `unroll`: weights, inputs and first state to all states.
- `unroll_tangent`: $J$, its slopes at one point, applied to perturbations $v$.
- `unroll_adjoint`: $J^\top$, backpropagation through time, so $\langle g, J v\rangle =
  \langle J^\top g, v\rangle$ for all $g$ and $v$.

The JVP rule of `unroll` binds `unroll_tangent`, whose transpose rule binds `unroll_adjoint`,
and back. So `grad`, `jvp`, `vmap`, `linearize` and all products of them come from these rules.
Each primitive has two lowerings: `scan_lowering.py`, on every platform, and on the CPU the
compiled kernels (`native_kernels.py`), for float32 and float64. Weights and inputs meet inside
the primitives: a kernel need not write $U x_t + b$ of all steps to memory, nor its slopes.

Shapes are written with the letters E (ensemble: networks run beside each other), B (batch), T
(time), I (input), H (hidden), G (gates times hidden) and P (saved times hidden).
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

from throughtime.errors import InputError, nearest

from .native_kernels import status
from .scan_lowering import Point, run_adjoint, run_saved, run_scan, run_tangent
from .step_equations import RECURRENCES, Signature, cut, signatures

KINDS = tuple(RECURRENCES)  # in the order of the kernels' numbering

Lengths = Int[Array, "ensemble batch"]
Inputs = Float[Array, "ensemble batch time input"]
Start = Float[Array, "ensemble batch hidden"]
States = Float[Array, "ensemble batch time hidden"]
Saved = Float[Array, "ensemble batch time saved"]


def unroll(
    kind: str,
    weights: tuple[Array, ...],
    xs: Inputs,
    start: tuple[Start, ...],
    lengths: Lengths | None = None,
    *,
    save: bool = False,
    native: bool | None = None,
) -> tuple[tuple[States, ...], tuple[Saved, ...]]:
    r"""Run a recurrence: $s_t = \mathrm{step}(U x_t + b, W h_{t-1}, s_{t-1})$.

    Parameters
    ----------
    kind
        `tanh`, `relu`, `logistic`, `identity` (the RNN's activations), `gru`, `lstm`.
    weights
        `(U, W, b)`, of shapes `(E, G, I)`, `(E, G, H)` and `(E, G)`; for the GRU `(U, W, b,
        d)`, with d of shape `(E, H)`.
    xs
        The inputs, `(E, B, T, I)`.
    start
        The state before the first step, `(h,)` or for the LSTM `(h, c)`, `(E, B, H)`.
    lengths
        How many steps of each sequence count. From there on it keeps its state, and what the
        inputs are there is never looked at.
    save
        Also give what the slopes need.
    native
        Whether to use the compiled kernels; by default, if there are any.

    Returns
    -------
    tuple[tuple[States, ...], tuple[Saved, ...]]
        The states after every step, `(hs,)` or `(hs, cs)`, each `(E, B, T, H)`; and what was
        saved, `(E, B, T, P)`, or `()`.

    Raises
    ------
    InputError
        For an unknown kind, and for shapes or types that do not agree.
    """
    params = _params(kind, lengths, native)
    lengths = _lengths(lengths, xs)
    outs = unroll_p.bind(lengths, *weights, xs, *start, save=save, **params)
    states, saved = cut(outs, RECURRENCES[kind].states)
    return states, saved


def unroll_tangent(
    kind: str,
    point: Point,
    dweights: tuple[Array, ...],
    dxs: Inputs | None,
    dstart: tuple[Start, ...],
    *,
    native: bool | None = None,
) -> tuple[States, ...]:
    r"""$J v$: perturbations of weights, inputs and first state to those of all states.

    Linear in the last three; they have the shapes of what they perturb. `dxs` is None for
    inputs that are not perturbed: that saves a product. `point` holds what `unroll` was given
    and what it gave with `save=True`.

    $$\dot a_t = U \dot x_t + \dot U x_t + \dot b, \qquad
      \dot s_t = \partial_s\,\mathrm{step}\,\dot s_{t-1}
        + \partial_a\,\mathrm{step}\,(\dot a_t + \dot W h_{t-1})$$
    """
    fixed, params = _at(kind, point, native)
    linear = (*dweights, *(() if dxs is None else (dxs,)), *dstart)
    return tuple(unroll_tangent_p.bind(*fixed, *linear, inputs=dxs is not None, **params))


def unroll_adjoint(
    kind: str,
    point: Point,
    gstates: tuple[States, ...],
    *,
    inputs: bool = True,
    native: bool | None = None,
) -> tuple[tuple[Array, ...], Inputs | None, tuple[Start, ...]]:
    r"""$J^\top g$: slopes of a scalar by all states to those by weights, inputs, first state.

    Backpropagation through time, $\langle g, J v\rangle = \langle J^\top g, v\rangle$:

    $$\bar s_{t-1} = g_{t-1} + (\partial_s\,\mathrm{step})^\top \bar s_t, \qquad
      \bar a_t = (\partial_a\,\mathrm{step})^\top \bar s_t$$

    $$\bar U = \sum_t \bar a_t x_t^\top, \qquad \bar W = \sum_t \bar a_t h_{t-1}^\top, \qquad
      \bar b = \sum_t \bar a_t, \qquad \bar x_t = U^\top \bar a_t$$

    (in the GRU the candidate's row of the second sum is times the reset gate, and $\bar d$ is
    the sum of that row's factors). Without `inputs` the slopes by the inputs are None.
    """
    fixed, params = _at(kind, point, native)
    outs = unroll_adjoint_p.bind(*fixed, *gstates, inputs=inputs, **params)
    weights, gxs, start = cut(outs, 3 + RECURRENCES[kind].bias, inputs)
    return weights, gxs[0] if inputs else None, start


def _at(kind, point, native):
    """The first arguments of tangent and adjoint, and their parameters."""
    params = _params(kind, point.lengths, native)
    lengths, (U, W, *_) = _lengths(point.lengths, point.xs), point.weights
    return (lengths, U, W, point.xs, *point.start, *point.states, *point.saved), params


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


def _lengths(lengths: Any, xs: Any) -> Array:
    if len(xs.shape) != 4:
        rule = "inputs must have the axes (ensemble, batch, time, input)"
        raise InputError(rule, xs.shape, "For one network, add the first: `xs[None]`.")
    if lengths is None:
        ensemble, batch, time, _ = xs.shape
        return jnp.full((ensemble, batch), time, jnp.int32)
    if not isinstance(lengths, jax.Array):  # (JAX would first cut 64 bits to 32)
        lengths = np.asarray(lengths)
    if not jnp.issubdtype(lengths.dtype, jnp.integer):
        rule = "`lengths` must be whole numbers"
        raise InputError(rule, lengths.dtype, "Convert them to int32.")
    if lengths.dtype != np.int32:  # what is cut to 32 bits must fit into them
        clip = jnp.clip if isinstance(lengths, jax.Array) else np.clip
        lengths = clip(lengths, 0, min(xs.shape[2], int(jnp.iinfo(lengths.dtype).max)))
    return jnp.asarray(lengths, jnp.int32)


def _signature(primitive: Primitive, params: dict[str, Any]) -> Signature:
    save, inputs = params.get("save", False), params.get("inputs", True)
    return signatures(params["kind"], save, inputs)[primitive.name]


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
        # The rules cast nothing from one to the other: slopes would lack their sum.
        varies = _varying(aval)
        if varies:
            rule = "the primitives do not track which mesh axes a value varies over"
            got = f"`{name}` that varies over {', '.join(sorted(map(str, varies)))}"
            raise InputError(rule, got, "Pass `check_vma=False` to `jax.shard_map`.")
        if aval.dtype != (jnp.int32 if name == "lengths" else dtype):
            rule = f"the arrays of {params['kind']} must be of one type, `lengths` int32"
            got = f"`{name}` {aval.dtype} beside `W` {dtype}"
            raise InputError(rule, got, "Convert one of them.")
    if not jnp.issubdtype(dtype, jnp.floating):
        raise InputError("weights must be real", dtype, "Convert them to float32.")
    results = signature.results.values()
    return [ShapedArray(tuple(sizes[a] for a in axes), dtype) for axes in results]


def _sizes(kind: str, names: dict[str, str], given: dict[str, Any]) -> dict[str, int]:
    """The size of every axis: E and H from W; B, T and I from the inputs."""
    for name, rank in (("W", 3), ("xs", 4)):
        if len(given[name].shape) != rank:
            _refuse(kind, name, names[name], f"{rank} axes", given[name].shape)
    cell = RECURRENCES[kind]
    ensemble, _, hidden = given["W"].shape
    _, batch, time, inputs = given["xs"].shape
    if time < 1:
        raise InputError("a recurrence must run at least one step", 0, "Give it inputs.")
    blocks = {"G": cell.gates * hidden, "P": cell.saved * hidden}
    return {"E": ensemble, "B": batch, "T": time, "I": inputs, "H": hidden} | blocks


def _varying(aval: Any) -> frozenset:
    """The mesh axes that a value varies over, as versions of JAX name them."""
    known = getattr(aval, "manual_axis_type", None)
    return getattr(known, "varying", None) or getattr(aval, "vma", None) or frozenset()


def _refuse(kind, name, axes, expected, got):
    rule = f"`{name}` of {kind} must have the shape ({', '.join(axes)}) = {expected}"
    raise InputError(rule, got, "E and H are those of `W`; B, T and I those of the inputs.")


def _unroll_jvp(primals, tangents, *, save, **params):
    cell = RECURRENCES[params["kind"]]
    outs = unroll_p.bind(*primals, save=True, **params)
    lengths, U, W, *_ = primals
    xs, *start = primals[-1 - cell.states :]
    _, dweights, (dxs,), dstart = cut(tangents, 1, 3 + cell.bias, 1)
    inputs = _is_nonzero(dxs)
    moved = map(ad.instantiate_zeros, (*dweights, *((dxs,) if inputs else ()), *dstart))
    point = (lengths, U, W, xs, *start, *outs)
    dstates = unroll_tangent_p.bind(*point, *moved, inputs=inputs, **params)
    if not save:
        return outs[: cell.states], dstates
    # What a step saves is a function of states that are known by now: all steps at once.
    values = *primals, *outs[: cell.states]
    return outs, [*dstates, *_slope(run_saved, values, (*tangents, *dstates), params)]


def _linear_jvp(primitive, function):
    """The JVP of a primitive that is linear in its last arguments: the product rule.

    By the linear arguments it is itself; by the others, the slope of its scan.
    """

    def rule(primals, tangents, **params):
        signature = _signature(primitive, params)
        point, linear = cut(tangents, len(signature.fixed))
        outs = primitive.bind(*primals, **params)
        terms = []
        if any(map(_is_nonzero, linear)):
            moved, asked = dict(zip(signature.linear, linear, strict=True)), params
            if "dxs" in moved and not _is_nonzero(moved["dxs"]):
                moved.pop("dxs")
                asked = params | {"inputs": False}
            moved = map(ad.instantiate_zeros, moved.values())
            terms.append(primitive.bind(*primals[: len(point)], *moved, **asked))
        if any(map(_is_nonzero, point[1:])):
            terms.append(_slope(function, primals, point, params))
        return outs, [sum(parts[1:], parts[0]) for parts in zip(*terms, strict=True)]

    return rule


def _slope(function, primals, tangents, params):
    """The tangents of a function's results; those of the lengths are none."""
    moved = [i for i, t in enumerate(tangents) if i > 0 and _is_nonzero(t)]

    def at(*values):
        args = list(primals)
        for i, value in zip(moved, values, strict=True):
            args[i] = value
        return function(*args, **params)

    here, along = [primals[i] for i in moved], [tangents[i] for i in moved]
    return jax.jvp(at, here, along)[1]


def _is_nonzero(tangent) -> bool:
    return not isinstance(tangent, ad.Zero)


def _transpose(primitive, other):
    """The rule of a primitive linear in its last arguments; `other` is its transpose.

    An argument of the one is a result of the other, by the same name after its first letter.
    """

    def rule(cotangents, *args, **params):
        here = _signature(primitive, params)
        fixed, linear = cut(args, len(here.fixed))
        asked = [ad.is_undefined_primal(x) for x in linear]
        given = {n[1:]: ct for n, ct in zip(here.results, cotangents, strict=True)}
        needed = {n[1:] for n, a in zip(here.linear, asked, strict=True) if a}
        needed |= {n for n, ct in given.items() if _is_nonzero(ct)}
        # The inputs' part is left out where it is not asked for, or is zero.
        params = params | {"inputs": "xs" in needed}
        there = _signature(other, params)
        moved = (ad.instantiate_zeros(given[n[1:]]) for n in there.linear)
        outs = other.bind(*fixed, *moved, **params)
        slopes = dict(zip((n[1:] for n in there.results), outs, strict=True))
        wanted = (slopes[n[1:]] if a else None for n, a in zip(here.linear, asked, strict=True))
        return [*(None for _ in fixed), *wanted]

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
    # The axes of `lengths` less the mapped one: what is left of a size 0 cannot be divided.
    inner = [n for i, n in enumerate(args[0].shape) if i != dims[0]][axes[0].index(into)]
    ats = [a.index(into) for a in signature.results.values()]
    split = [
        x.reshape(*x.shape[:at], size, inner, *x.shape[at + 1 :])
        for x, at in zip(outs, ats, strict=True)
    ]
    return split, ats


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
        known = context.avals_in[1].dtype in (np.float32, np.float64)
        empty = any(0 in aval.shape for aval in context.avals_in)
        if not params["native"] or not known or empty:
            return by_scan(context, *operands, **params)
        attributes = {"cell": np.int32(KINDS.index(params["kind"]))}
        attributes |= {n: np.int32(params[n]) for n in ("save", "inputs") if n in params}
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
