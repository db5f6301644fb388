r"""Three primitives of JAX: a recurrence through time, its linearisation, and the transpose.

- `unroll`: weights, inputs and first state to all states.
- `unroll_tangent`: $J$, the derivative at one point, applied to perturbations $v$.
- `unroll_adjoint`: $J^\top$, backpropagation through time, so $\langle g, J v\rangle =
  \langle J^\top g, v\rangle$ for all $g$ and $v$.

The JVP rule of `unroll` binds `unroll_tangent`, whose transpose rule binds `unroll_adjoint`,
and vice versa: `grad`, `jvp`, `vmap`, `linearize` and their products come from these rules.
Each primitive has two lowerings: `scan_lowering.py`, on every platform, and on the CPU the
compiled kernels (`native_kernels.py`), for float32 and float64. Weights and inputs meet inside
the primitives: a kernel need not write $U x_t + b$ of all steps to memory, nor its gradient.

Shapes are written with the letters E (ensemble: networks run beside each other), B (batch), T
(time), I (input), H (hidden), G (gates times hidden) and P (saved values times hidden).
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float, Int

from .primitive_arguments import (
    parameters,
    result_shapes,
    sequence_lengths,
    signature_of,
    split_by_sizes,
)
from .scan_lowering import Point, lower_adjoint, lower_saved, lower_tangent, lower_unroll
from .step_equations import RECURRENCES

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
        How many steps of each sequence count, `(E, B)`; all by default. From its length on, a
        sequence keeps its state, and its inputs are never read.
    save
        Also return the values that the derivatives need.
    native
        Whether to use the compiled kernels; by default, if they are available.

    Returns
    -------
    states : tuple of Array, (E, B, T, H)
        The states after every step, `(hs,)` or for the LSTM `(hs, cs)`.
    saved : tuple of Array, (E, B, T, P)
        What the steps saved, one array or none.

    Raises
    ------
    InputError
        For an unknown kind, and for shapes or types that do not agree.
    """
    params = parameters(kind, lengths, native)
    lengths = sequence_lengths(lengths, xs)
    outs = unroll_p.bind(lengths, *weights, xs, *start, save=save, **params)
    states, saved = split_by_sizes(outs, RECURRENCES[kind].states)
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

    $$\dot a_t = U \dot x_t + \dot U x_t + \dot b, \qquad
      \dot s_t = \partial_s\,\mathrm{step}\,\dot s_{t-1}
        + \partial_a\,\mathrm{step}\,(\dot a_t + \dot W h_{t-1})$$

    Parameters
    ----------
    kind
        As for `unroll`.
    point
        The arguments of `unroll`, and its results with `save=True`.
    dweights, dxs, dstart
        The perturbations, in the shapes of what they perturb; the result is linear in them.
        `dxs` is None for inputs that are not perturbed, which saves a product.
    native
        As for `unroll`.

    Returns
    -------
    tuple of Array, (E, B, T, H)
        The perturbations of the states after every step.
    """
    fixed, params = _point_arguments(kind, point, native)
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
    r"""$J^\top g$: from the gradient by all states to those by weights, inputs, first state.

    This is backpropagation through time, $\langle g, J v\rangle = \langle J^\top g, v\rangle$:

    $$\bar s_{t-1} = g_{t-1} + (\partial_s\,\mathrm{step})^\top \bar s_t, \qquad
      \bar a_t = (\partial_a\,\mathrm{step})^\top \bar s_t$$

    $$\bar U = \sum_t \bar a_t x_t^\top, \qquad \bar W = \sum_t \bar a_t h_{t-1}^\top, \qquad
      \bar b = \sum_t \bar a_t, \qquad \bar x_t = U^\top \bar a_t$$

    In the GRU the reset gate multiplies the candidate's rows of $\bar a_t$ in $\bar W$, and
    their sum over the steps is $\bar d$.

    Parameters
    ----------
    kind
        As for `unroll`.
    point
        The arguments of `unroll`, and its results with `save=True`.
    gstates
        The gradient of a scalar with respect to the states after every step.
    inputs
        Whether to compute the gradient with respect to the inputs.
    native
        As for `unroll`.

    Returns
    -------
    weights : tuple of Array
        The gradients with respect to `(U, W, b)`, or for the GRU `(U, W, b, d)`.
    xs : Array, (E, B, T, I), or None
        The gradient with respect to the inputs; None without `inputs`.
    start : tuple of Array, (E, B, H)
        The gradient with respect to the state before the first step.
    """
    fixed, params = _point_arguments(kind, point, native)
    outs = unroll_adjoint_p.bind(*fixed, *gstates, inputs=inputs, **params)
    weights, gxs, start = split_by_sizes(outs, 3 + RECURRENCES[kind].bias, inputs)
    return weights, gxs[0] if inputs else None, start


def _point_arguments(kind, point, native):
    """The first arguments of tangent and adjoint, and their parameters."""
    params = parameters(kind, point.lengths, native)
    lengths, (U, W, *_) = sequence_lengths(point.lengths, point.xs), point.weights
    return (lengths, U, W, point.xs, *point.start, *point.states, *point.saved), params


def _unroll_jvp(primals, tangents, *, save, **params):
    """The JVP rule of `unroll`: it binds `unroll_tangent`."""
    cell = RECURRENCES[params["kind"]]
    outs = unroll_p.bind(*primals, save=True, **params)
    lengths, U, W, *_ = primals
    xs, *start = primals[-1 - cell.states :]
    _, dweights, (dxs,), dstart = split_by_sizes(tangents, 1, 3 + cell.bias, 1)
    inputs = _is_nonzero(dxs)
    linear = map(ad.instantiate_zeros, (*dweights, *((dxs,) if inputs else ()), *dstart))
    point = (lengths, U, W, xs, *start, *outs)
    dstates = unroll_tangent_p.bind(*point, *linear, inputs=inputs, **params)
    if not save:
        return outs[: cell.states], dstates
    # The saved values depend on states that are known: all steps at once.
    values = *primals, *outs[: cell.states]
    dsaved = _tangents_of(lower_saved, values, (*tangents, *dstates), params)
    return outs, [*dstates, *dsaved]


def _linear_jvp(primitive, function):
    """The JVP rule of a primitive that is linear in its last arguments: the product rule.

    Along the linear arguments the derivative is the primitive itself; along the others it is
    that of the scan, `function`.
    """

    def rule(primals, tangents, **params):
        signature = signature_of(primitive, params)
        point, linear = split_by_sizes(tangents, len(signature.fixed))
        outs = primitive.bind(*primals, **params)
        terms = []
        if any(map(_is_nonzero, linear)):
            tangent_of, options = dict(zip(signature.linear, linear, strict=True)), params
            if "dxs" in tangent_of and not _is_nonzero(tangent_of["dxs"]):
                tangent_of.pop("dxs")
                options = params | {"inputs": False}
            arguments = map(ad.instantiate_zeros, tangent_of.values())
            terms.append(primitive.bind(*primals[: len(point)], *arguments, **options))
        if any(map(_is_nonzero, point[1:])):
            terms.append(_tangents_of(function, primals, point, params))
        return outs, [sum(parts[1:], parts[0]) for parts in zip(*terms, strict=True)]

    return rule


def _tangents_of(function, primals, tangents, params):
    """The tangents of a function's results; the first argument, the lengths, has none."""
    nonzero = [i for i, t in enumerate(tangents) if i > 0 and _is_nonzero(t)]

    def of_nonzero(*values):
        args = list(primals)
        for i, value in zip(nonzero, values, strict=True):
            args[i] = value
        return function(*args, **params)

    point, direction = [primals[i] for i in nonzero], [tangents[i] for i in nonzero]
    return jax.jvp(of_nonzero, point, direction)[1]


def _is_nonzero(tangent) -> bool:
    return not isinstance(tangent, ad.Zero)


def _transpose_rule(primitive, transpose):
    """The rule of a primitive that is linear in its last arguments; `transpose` computes it.

    Names differ only in the first letter: `dxs` of the one is `gxs` of the other.
    """

    def rule(cotangents, *args, **params):
        signature = signature_of(primitive, params)
        fixed, linear = split_by_sizes(args, len(signature.fixed))
        wanted = [ad.is_undefined_primal(x) for x in linear]
        given = {n[1:]: ct for n, ct in zip(signature.results, cotangents, strict=True)}
        needed = {n[1:] for n, w in zip(signature.linear, wanted, strict=True) if w}
        needed |= {n for n, ct in given.items() if _is_nonzero(ct)}
        # The inputs' part is left out where it is not needed, or is zero.
        params = params | {"inputs": "xs" in needed}
        transposed = signature_of(transpose, params)
        arguments = (ad.instantiate_zeros(given[n[1:]]) for n in transposed.linear)
        outs = transpose.bind(*fixed, *arguments, **params)
        results = dict(zip((n[1:] for n in transposed.results), outs, strict=True))
        pairs = zip(signature.linear, wanted, strict=True)
        return [*(None for _ in fixed), *(results[n[1:]] if w else None for n, w in pairs)]

    return rule


def _batching_rule(primitive, args, dims, **params):
    """A mapped axis joins the ensemble axis, or the batch if the weights are not mapped."""
    signature = signature_of(primitive, params)
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
    # Read off `lengths` without its mapped axis: dividing by `size` would fail where it is 0.
    unmapped = [n for i, n in enumerate(args[0].shape) if i != dims[0]]
    inner = unmapped[axes[0].index(into)]
    positions = [a.index(into) for a in signature.results.values()]
    unfolded = [
        x.reshape(*x.shape[:at], size, inner, *x.shape[at + 1 :])
        for x, at in zip(outs, positions, strict=True)
    ]
    return unfolded, positions


@functools.cache
def _compiled(primitive: Primitive, **params) -> Callable:
    return jax.jit(functools.partial(primitive.bind, **params))


def _evaluate(primitive: Primitive, *args, **params):
    """Run a primitive outside `jit`, as a compiled program of its own."""
    with jax.disable_jit(False):
        return _compiled(primitive, **params)(*args)


def _cpu_lowering(primitive, function):
    """The compiled kernel where `native` is set and it has the type, else the scan."""
    by_scan = mlir.lower_fun(function, multiple_results=True)

    def rule(context, *operands, **params):
        compiled = context.avals_in[1].dtype in (np.float32, np.float64)
        empty = any(0 in aval.shape for aval in context.avals_in)
        # What `jax.export` writes runs elsewhere, where there may be no kernels.
        lowering = context.module_context.lowering_parameters
        exported = getattr(lowering, "for_export", False)
        if not params["native"] or not compiled or empty or exported:
            return by_scan(context, *operands, **params)
        attributes = {"cell": np.int32(KINDS.index(params["kind"]))}
        attributes |= {n: np.int32(params[n]) for n in ("save", "inputs") if n in params}
        kernel = jax.ffi.ffi_lowering(f"throughtime_{primitive.name}")
        return kernel(context, *operands, **attributes)

    return rule


def _primitive(name: str, function: Callable) -> Primitive:
    """A primitive that lowers to `function`, by `jax.lax.scan`, or on the CPU to its kernel."""
    primitive = Primitive(name)
    primitive.multiple_results = True
    primitive.def_impl(functools.partial(_evaluate, primitive))
    primitive.def_abstract_eval(functools.partial(result_shapes, primitive))
    batching.primitive_batchers[primitive] = functools.partial(_batching_rule, primitive)
    mlir.register_lowering(primitive, mlir.lower_fun(function, multiple_results=True))
    mlir.register_lowering(primitive, _cpu_lowering(primitive, function), platform="cpu")
    return primitive


unroll_p = _primitive("unroll", lower_unroll)
unroll_tangent_p = _primitive("unroll_tangent", lower_tangent)
unroll_adjoint_p = _primitive("unroll_adjoint", lower_adjoint)

ad.primitive_jvps[unroll_p] = _unroll_jvp
for _p, _function, _other in (
    (unroll_tangent_p, lower_tangent, unroll_adjoint_p),
    (unroll_adjoint_p, lower_adjoint, unroll_tangent_p),
):
    ad.primitive_jvps[_p] = _linear_jvp(_p, _function)
    ad.primitive_transposes[_p] = _transpose_rule(_p, _other)
