"""All steps of a cell at once: Newton's method on the equations of the whole sequence."""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from throughtime._support.precision import in_precision_of_weights
from throughtime.errors import InputError, check_known_name, check_positive_integer

from .cells import Cell, State
from .linear_recurrence import linear_recurrence
from .unroll import check_features, unroll

Steps = Callable[..., Array]
"""`steps(params, drive, before) -> after`: each step of the sequence from the state before it;
`before` and `after` are `(time, batch, units)`."""


class InParallel(NamedTuple):
    """A run of all steps at once.

    Attributes
    ----------
    states
        The states after every step, as `unroll` returns them: `(batch, time, hidden)`, or a
        pytree of such arrays.
    final_state
        The state after the last step.
    iterations
        How many of Newton's iterations it took.
    converged
        Whether they sufficed; else the steps were run one by one.
    """

    states: PyTree[Float[Array, "batch time ..."]]
    final_state: State
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]


@in_precision_of_weights
def unroll_in_parallel(
    cell: Cell,
    xs: Float[Array, "batch time input"],
    state: State | None = None,
    *,
    jacobians: Literal["full", "diagonal"] = "full",
    tolerance: float | None = None,
    iterations: int = 100,
) -> InParallel:
    r"""Run a cell through time, all steps at once, by Newton's method.

    The states solve $s_t = f_t(s_{t-1})$ for all t together, with $f_t(s) =
    \mathrm{step}(\mathrm{drive}(x_t), s)$. From a guess of all of them, each iteration solves
    the linearised equations, which a parallel scan does in $O(\log T)$ rounds:

    $$s_t^{new} = f_t(s_{t-1}) + J_t\,(s_{t-1}^{new} - s_{t-1}), \qquad
      J_t = \partial f_t(s_{t-1}) / \partial s_{t-1}$$

    until $|s_t - f_t(s_{t-1})|$ is within the tolerance at every step. The steps before the
    first that is not are left alone from then on. So each iteration settles at least one more
    step, T iterations always suffice, and a linear cell takes one. Where the linear equations
    overflow, a step takes $f_t(s_{t-1})$.

    On a CPU `unroll` is faster: here a step multiplies matrices, n^3 operations for n units in
    place of n^2. It is meant for devices that a sequence of small steps leaves idle, such as a
    GPU (not measured yet), for few units and dynamics that forget. Chaotic ones (a positive
    Lyapunov exponent) take iterations in proportion to T; after `iterations` of them the steps
    are run one by one. In chaos rounding grows with time, so that two runs differ whatever runs
    them.

    Parameters
    ----------
    cell
        The cell to run: any one. Its state has n numbers for each sequence (the LSTM's two for
        each unit).
    xs
        The inputs, `(batch, time, input)`.
    state
        The state before the first step; zeros by default.
    jacobians
        `full` matrices: few iterations, and memory for about 4 n^2 numbers a step and sequence.
        `diagonal`: only their diagonals, of which each iteration is cheaper, and more are
        needed. The states are the same. The gradient takes the full ones in any case.
    tolerance
        The largest $|s_t - f_t(s_{t-1})|$, relative to the largest number of the state if that
        is above 1; by default 100 times the rounding error of the type.
    iterations
        The most iterations before the steps are run one by one.

    Returns
    -------
    InParallel
        `states` and `final_state` as of `unroll`, equal to them up to rounding; `iterations`
        and `converged`.

    Raises
    ------
    InputError
        If inputs or state do not fit the cell, and for an option out of its range.

    Notes
    -----
    Derivatives, of every order, are those of the solution and not of the iterations (the
    implicit function theorem): $\dot s_t = J_t \dot s_{t-1} + \dot f_t$, one more linear
    recurrence, which runs backwards in a gradient.

    References
    ----------
    Lim, Zhu, Selfridge and Kasim, "Parallelizing non-linear sequential models over the
    sequence length", ICLR 2024, arXiv:2309.12252. Gonzalez, Warrington, Smith and Linderman,
    "Towards scalable and stable parallelization of nonlinear RNNs", NeurIPS 2024,
    arXiv:2407.19115 (the diagonals). Gonzalez, Kozachkov, Zoltowski, Clarkson and Linderman,
    "Predictability enables parallelization of nonlinear state space models", 2025,
    arXiv:2508.16817 (which dynamics).

    Examples
    --------
    >>> cell = GRU(1, 4, key=0)
    >>> run = unroll_in_parallel(cell, jnp.ones((1, 100, 1)))
    >>> bool(run.converged), bool(run.iterations < 10)
    (True, True)
    """
    batch, time, _ = xs.shape
    check_features(cell, xs)
    _check_options(jacobians, tolerance, iterations)
    state = cell.initial_state(batch) if state is None else state
    _check_state(cell, batch, state)
    if not time:
        return InParallel(*unroll(cell, xs, state), jnp.array(0), jnp.array(True))
    drive = cell.drive(jnp.swapaxes(xs, 0, 1))
    steps, params, start, as_state = _equations(cell, drive, state)
    size = jnp.finfo(start.dtype).eps * 100 if tolerance is None else tolerance
    fixed = jax.lax.stop_gradient((params, drive, start))
    found, count, converged = _newton(steps, *fixed, jacobians, size, iterations)
    states = _with_derivatives(steps)(params, drive, start, found)
    states = as_state(jnp.swapaxes(states, 0, 1))
    return InParallel(states, jax.tree.map(lambda s: s[:, -1], states), count, converged)


def _check_options(jacobians: object, tolerance: float | None, iterations: int) -> None:
    check_known_name("jacobians", jacobians, ("full", "diagonal"))
    if tolerance is not None and not 0 < tolerance < math.inf:
        raise InputError("`tolerance` must be positive and finite", tolerance, "Leave it out.")
    check_positive_integer("iterations", iterations)


def _check_state(cell: Cell, batch: int, state: Any) -> None:
    """Refuse a state of another form than the cell's own for so many sequences."""
    wanted = jax.eval_shape(lambda: cell.initial_state(batch))
    shapes = [[leaf.shape for leaf in jax.tree.leaves(tree)] for tree in (state, wanted)]
    if shapes[0] != shapes[1] or jax.tree.structure(state) != jax.tree.structure(wanted):
        rule = f"the first state must have the shapes {shapes[1]}, those of `initial_state`"
        remedy = "Pass the final state of a run with as many sequences, or None for zeros."
        raise InputError(rule, f"the shapes {shapes[0]}", remedy)


def _equations(cell: Cell, drive: PyTree, state: State):
    """The steps as a function of plain arrays, with its weights, the flat state, the way back.

    Returns
    -------
    steps : Steps
    params : PyTree
        The cell's weights.
    start : Array, (batch, units)
    as_state : Callable
        From arrays `(..., units)` to states.
    """
    params, static = eqx.partition(cell, eqx.is_inexact_array)
    first = jax.tree.map(lambda d: d[0], drive)
    leaves, structure = jax.tree.flatten(jax.eval_shape(cell.step, first, state))
    sizes = [leaf.size // leaf.shape[0] for leaf in leaves]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    dtype = jnp.result_type(*leaves)

    def flat(state, lead):
        parts = [jnp.reshape(s, (*s.shape[:lead], -1)) for s in jax.tree.leaves(state)]
        return jnp.concatenate(parts, axis=-1).astype(dtype)

    def as_state(s):
        parts = jnp.split(s, ends, axis=-1)
        shaped = [
            jnp.reshape(part, (*s.shape[:-1], *leaf.shape[1:])).astype(leaf.dtype)
            for part, leaf in zip(parts, leaves, strict=True)
        ]
        return jax.tree.unflatten(structure, shaped)

    def steps(params, drive, before):
        cell = eqx.combine(params, static)
        return jax.vmap(lambda d, s: flat(cell.step(d, as_state(s)), 1))(drive, before)

    return steps, params, flat(state, 1), as_state


def _newton(steps: Steps, params, drive, start, jacobians, tolerance, iterations):
    """The states by Newton's method, how many iterations that took, and whether they sufficed.

    Else the states are those of a loop.
    """

    def run(states):
        return steps(params, drive, _before(start, states))

    def settled(states, after):
        """Which steps are solved, together with all before them, `(time, batch, 1)`."""
        scale = jnp.maximum(1, jnp.abs(after).max(-1, keepdims=True))
        close = jnp.abs(after - states).max(-1, keepdims=True) <= tolerance * scale
        return jnp.cumprod(close & jnp.isfinite(scale), axis=0, dtype=bool)

    def unsolved(carry):
        _, _, done, count = carry
        return (count < iterations) & ~done.all()

    def iterate(carry):
        states, after, done, count = carry
        J = _jacobians(lambda s: steps(params, drive, s), _before(start, states), jacobians)
        A = jnp.where(done.reshape(done.shape + (1,) * (J.ndim - 3)), 0, J)
        change = linear_recurrence(A, jnp.where(done, 0, after - states))
        moved = _before(jnp.zeros_like(start), change)
        new = after + (J * moved if jacobians == "diagonal" else _apply(J, moved))
        new = jnp.where(jnp.isfinite(new).all(-1, keepdims=True), new, after)
        new = jnp.where(done, states, new)
        after = run(new)
        return new, after, settled(new, after), count + 1

    guess = run(jnp.broadcast_to(start, (_time(drive), *start.shape)))
    after = run(guess)
    begin = guess, after, settled(guess, after), jnp.array(0)
    states, _, done, count = jax.lax.while_loop(unsolved, iterate, begin)
    one_by_one = _loop(steps, params, start)
    states = jax.lax.cond(done.all(), lambda _: states, one_by_one, drive)
    return states, count, done.all()


def _loop(steps: Steps, params, start):
    """A function from the drive to the states by the steps one after another."""

    def step(s, drive):
        after = steps(params, jax.tree.map(lambda d: d[None], drive), s[None])[0]
        return after, after

    return lambda drive: jax.lax.scan(step, start, drive)[1]


def _jacobians(function: Callable[[Array], Array], before: Array, kind: str) -> Array:
    """The derivative of each step: `(time, batch, units, units)`, or the diagonals of these.

    The steps and sequences do not depend on each other, so one perturbation for each unit gives
    a column of all of them.
    """
    _, tangent = jax.linearize(function, before)
    units = before.shape[-1]

    def column(one):
        return tangent(jnp.broadcast_to(one, before.shape))

    unit_vectors = jnp.eye(units, dtype=before.dtype)
    if kind == "full":
        return jax.vmap(column, out_axes=-1)(unit_vectors)
    # One after another: all columns at once would take the memory of the matrices.
    return jnp.moveaxis(
        jax.lax.map(lambda one: (column(one) * one).sum(-1), unit_vectors), 0, -1
    )


def _with_derivatives(steps: Steps):
    """The identity of the states that were found, with the derivatives of a solution."""

    @jax.custom_jvp
    def solution(params, drive, start, found):
        return found

    @solution.defjvp
    def rule(primals, tangents):
        params, drive, start, _ = primals
        states = solution(*primals)
        before = _before(start, states)
        J = _jacobians(lambda s: steps(params, drive, s), before, "full")
        _, change = jax.jvp(lambda p, d: steps(p, d, before), (params, drive), tangents[:2])
        return states, linear_recurrence(J, change, tangents[2])

    return solution


def _before(start: Array, states: Array) -> Array:
    """The state before every step, `(time, batch, units)`."""
    return jnp.concatenate((start[None], states[:-1]))


def _apply(J: Array, s: Array) -> Array:
    return jnp.einsum("...ij,...j->...i", J, s)


def _time(drive: PyTree) -> int:
    return jax.tree.leaves(drive)[0].shape[0]
