"""What the primitives take and return: names, axes and shapes, and the checks of them."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jaxtyping import Array

from throughtime.errors import InputError, did_you_mean

from .native_kernels import status
from .step_equations import RECURRENCES


class Signature(NamedTuple):
    """The arrays of a primitive, in order, each by its name and the letters of its axes.

    The letters are E (ensemble), B (batch), T (time), I (input), H (hidden), G (gates times
    hidden) and P (saved values times hidden).

    Attributes
    ----------
    fixed
        Arguments that define the point of linearisation; for `unroll`, all arguments.
    linear
        Arguments in which the primitive is linear.
    results
        What it returns.
    """

    fixed: dict[str, str]
    linear: dict[str, str]
    results: dict[str, str]

    @property
    def arguments(self) -> dict[str, str]:
        """All arguments, in order."""
        return self.fixed | self.linear


@functools.cache
def signatures(kind: str, save: bool = False, inputs: bool = True) -> dict[str, Signature]:
    """The signatures of the three primitives, by name.

    Parameters
    ----------
    kind
        The recurrence, a key of `RECURRENCES`.
    save
        Whether `unroll` also returns the values that its derivatives need.
    inputs
        Whether the tangent takes a perturbation of the inputs and the adjoint returns the
        gradient with respect to them.
    """
    recurrence = RECURRENCES[kind]
    letters = "hc"[: recurrence.states]
    U_and_W, xs = {"U": "EGI", "W": "EGH"}, {"xs": "EBTI"}
    weights = U_and_W | {"b": "EG"} | ({"d": "EH"} if recurrence.bias else {})
    start, states = {f"{s}0": "EBH" for s in letters}, {f"{s}s": "EBTH" for s in letters}
    saved, lengths = {"saved": "EBTP"} if recurrence.saved else {}, {"lengths": "EB"}
    perturbed = weights | (xs if inputs else {}) | start
    point = lengths | U_and_W | xs | start | states | saved
    results = states | (saved if save else {})
    return {
        "unroll": Signature(lengths | weights | xs | start, {}, results),
        "unroll_tangent": Signature(point, _prefixed("d", perturbed), _prefixed("d", states)),
        "unroll_adjoint": Signature(point, _prefixed("g", states), _prefixed("g", perturbed)),
    }


def _prefixed(letter: str, table: dict[str, str]) -> dict[str, str]:
    return {letter + name: axes for name, axes in table.items()}


def signature_of(primitive: Primitive, params: dict[str, Any]) -> Signature:
    """The signature of a primitive that is bound with these parameters."""
    save, inputs = params.get("save", False), params.get("inputs", True)
    return signatures(params["kind"], save, inputs)[primitive.name]


def split_by_sizes(values, *sizes: int) -> tuple[tuple, ...]:
    """Consecutive parts of a sequence, of these sizes, and the remainder as the last part."""
    values, parts, start = tuple(values), [], 0
    for size in sizes:
        parts.append(values[start : start + size])
        start += size
    return (*parts, values[start:])


def parameters(kind: str, lengths: Array | None, native: bool | None) -> dict[str, Any]:
    """The parameters that all three primitives are bound with.

    Raises
    ------
    InputError
        For an unknown kind, and if kernels are asked for that are not available.
    """
    if kind not in RECURRENCES:
        raise InputError(
            "`kind` must be a known recurrence", kind, did_you_mean(kind, RECURRENCES)
        )
    return {"kind": kind, "masked": lengths is not None, "native": _use_native(native)}


def _use_native(choice: bool | None) -> bool:
    """Whether to use the compiled kernels: the caller's choice, else if they are available."""
    if choice is False:
        return False
    kernels = status()
    if choice and not kernels.available:
        rule = "`native=True` needs the compiled kernels"
        raise InputError(rule, f"none: {kernels.why}", str(kernels.remedy))
    return kernels.available


def sequence_lengths(lengths: Any, xs: Any) -> Array:
    """The lengths as int32, `(ensemble, batch)`; all steps of every sequence if None.

    Raises
    ------
    InputError
        For inputs without the four axes, and lengths that are not whole numbers.
    """
    if len(xs.shape) != 4:
        rule = "inputs must have the axes (ensemble, batch, time, input)"
        raise InputError(rule, xs.shape, "For one network, add the first: `xs[None]`.")
    if lengths is None:
        ensemble, batch, time, _ = xs.shape
        return jnp.full((ensemble, batch), time, jnp.int32)
    if not isinstance(lengths, jax.Array):  # (JAX would first truncate 64 bits to 32)
        lengths = np.asarray(lengths)
    if not jnp.issubdtype(lengths.dtype, jnp.integer):
        rule = "`lengths` must be whole numbers"
        raise InputError(rule, lengths.dtype, "Convert them to int32.")
    if lengths.dtype != np.int32:  # clip to the steps before the conversion can overflow
        clip = jnp.clip if isinstance(lengths, jax.Array) else np.clip
        lengths = clip(lengths, 0, min(xs.shape[2], int(jnp.iinfo(lengths.dtype).max)))
    return jnp.asarray(lengths, jnp.int32)


def result_shapes(primitive: Primitive, *avals, **params) -> list[ShapedArray]:
    """The shapes of the results, once those of the arguments are known to agree.

    Raises
    ------
    InputError
        For a wrong number of arguments, and for shapes or types that do not agree.
    """
    signature = signature_of(primitive, params)
    names, kind = signature.arguments, params["kind"]
    if len(avals) != len(names):
        rule = f"`{primitive.name}` of {kind} takes {', '.join(names)}"
        raise InputError(rule, f"{len(avals)} arrays", "Give one array for each.")
    given = dict(zip(names, avals, strict=True))
    sizes = _axis_sizes(kind, names, given)
    for name, axes in names.items():
        expected = tuple(sizes[a] for a in axes)
        if given[name].shape != expected:
            raise _wrong_shape(kind, name, axes, expected, given[name].shape)
    dtype = given["W"].dtype
    for name, aval in given.items():
        _check_mesh_axes(name, aval)
        if aval.dtype != (jnp.int32 if name == "lengths" else dtype):
            rule = f"the arrays of {kind} must be of one type, `lengths` int32"
            got = f"`{name}` {aval.dtype} beside `W` {dtype}"
            raise InputError(rule, got, "Convert one of them.")
    if not jnp.issubdtype(dtype, jnp.floating):
        raise InputError("weights must be real", dtype, "Convert them to float32.")
    results = signature.results.values()
    return [ShapedArray(tuple(sizes[a] for a in axes), dtype) for axes in results]


def _axis_sizes(kind: str, names: dict[str, str], given: dict[str, Any]) -> dict[str, int]:
    """The size of every axis: E and H from W; B, T and I from the inputs."""
    for name, rank in (("W", 3), ("xs", 4)):
        if len(given[name].shape) != rank:
            raise _wrong_shape(kind, name, names[name], f"{rank} axes", given[name].shape)
    recurrence = RECURRENCES[kind]
    ensemble, _, hidden = given["W"].shape
    _, batch, time, inputs = given["xs"].shape
    if time < 1:
        raise InputError("a recurrence must run at least one step", 0, "Give it inputs.")
    blocks = {"G": recurrence.gates * hidden, "P": recurrence.saved * hidden}
    return {"E": ensemble, "B": batch, "T": time, "I": inputs, "H": hidden} | blocks


def _wrong_shape(kind, name, axes, expected, got) -> InputError:
    rule = f"`{name}` of {kind} must have the shape ({', '.join(axes)}) = {expected}"
    remedy = "Reshape it: `W` sets E and H, the inputs set B, T and I."
    return InputError(rule, got, remedy)


def _check_mesh_axes(name: str, aval: Any) -> None:
    """Refuse a value that varies over mesh axes under `jax.shard_map`.

    The rules of the primitives do not convert between varying and invariant values, so that
    gradients with respect to shared weights would lack their sum over the mesh.
    """
    manual = getattr(aval, "manual_axis_type", None)  # the name depends on JAX's version
    varies = getattr(manual, "varying", None) or getattr(aval, "vma", None)
    if varies:
        rule = "the primitives do not track which mesh axes a value varies over"
        got = f"`{name}` that varies over {', '.join(sorted(map(str, varies)))}"
        raise InputError(rule, got, "Pass `check_vma=False` to `jax.shard_map`.")
