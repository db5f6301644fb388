"""The primitives against a plain scan of the cells' own step, through every transformation.

The oracle is `jax.lax.scan` over `cell.step`, differentiated by JAX. Its padding is zero; that
of the primitives is NaN, in inputs and in their perturbations, which must change nothing.
"""

from functools import cache, partial
from itertools import product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refuses
from fast_compilation import FAST
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.recurrence import primitives
from throughtime.recurrence.cells import GRU, LSTM, RNN
from throughtime.recurrence.native_kernels import available
from throughtime.recurrence.primitive_arguments import sequence_lengths
from throughtime.recurrence.primitives import (
    KINDS,
    Point,
    unroll,
    unroll_adjoint,
    unroll_tangent,
)
from throughtime.recurrence.step_equations import RECURRENCES

BATCH, TIME, INPUT, HIDDEN = 3, 4, 2, 3
LENGTHS = np.array([[TIME, 2, 0], [1, TIME, 3]])

with_kernels = pytest.mark.skipif(not available(), reason="no compiled kernels")
both = pytest.mark.parametrize(
    "native", [False, pytest.param(True, marks=with_kernels)], ids=["scan", "native"]
)
every_kind = pytest.mark.parametrize("kind", KINDS)
gated = pytest.mark.parametrize("kind", ["tanh", "gru", "lstm"])
# Which of weights, inputs, first state and lengths are mapped: inputs with their lengths, and
# lengths alone.
PATTERNS = [(*p, p[1]) for p in product((0, None), repeat=3) if 0 in p]
PATTERNS += [(None, None, None, 0)]
# An ensemble with lengths, and one network without.
both_shapes = pytest.mark.parametrize("members, masked", [(2, True), (1, False)])


def draw(kind, members, seed=0, shape=(BATCH, TIME, INPUT, HIDDEN), scale=0.7):
    """Weights, inputs and first state: also a perturbation of them."""
    cell, rng = RECURRENCES[kind], np.random.default_rng(seed)
    batch, time, inputs, hidden = shape
    blocks = cell.gates * hidden
    U = rng.normal(size=(members, blocks, inputs)) / np.sqrt(inputs)
    W = rng.normal(size=(members, blocks, hidden)) * scale / np.sqrt(hidden)
    biases = [blocks] + [hidden] * cell.bias
    weights = (U, W, *(rng.normal(size=(members, n)) for n in biases))
    xs = rng.normal(size=(members, batch, time, inputs))
    start = tuple(rng.normal(size=(members, batch, hidden)) for _ in range(cell.states))
    return weights, xs, start


def draw_states(kind, members, seed=1):
    """Numbers in the shape of the states."""
    rng = np.random.default_rng(seed)
    shape = (members, BATCH, TIME, HIDDEN)
    return tuple(rng.normal(size=shape) for _ in range(RECURRENCES[kind].states))


def pad(args, lengths, value=np.nan):
    """The same arguments, with this value in the padding of the inputs."""
    weights, xs, start = args
    if lengths is None:
        return args
    padding = jnp.arange(xs.shape[2]) >= lengths[..., None]
    return weights, jnp.where(padding[..., None], value, xs), start


def oracle(kind, args, lengths):
    """States by a plain scan over `cell.step`; one network at a time."""
    weights, xs, start = pad(args, lengths, 0.0)
    sort = {"gru": GRU, "lstm": LSTM}.get(kind, RNN)
    extra = {"activation": kind} if sort is RNN else {}
    with jax.ensure_compile_time_eval():
        template = sort(xs.shape[-1], start[0].shape[-1], **extra, key=0)

    def member(weights, xs, start, lengths):
        names = "UWbd"[: len(weights)]
        cell = eqx.tree_at(lambda c: [getattr(c, name) for name in names], template, weights)
        state = jax.tree.unflatten(jax.tree.structure(template.initial_state(1)), start)
        drive = cell.drive(jnp.swapaxes(xs, 0, 1))

        def step(state, at):
            drive, t = at
            new = cell.step(drive, state)
            if lengths is not None:
                active = (t < lengths)[:, None]
                new = jax.tree.map(lambda n, s: jnp.where(active, n, s), new, state)
            return new, tuple(jax.tree.leaves(new))

        states = jax.lax.scan(step, state, (drive, jnp.arange(len(drive))))[1]
        return tuple(jnp.swapaxes(s, 0, 1) for s in states)

    return jax.vmap(member)(weights, xs, start, lengths)


def by_primitive(kind, native, args, lengths):
    """States by the primitive."""
    return unroll(kind, *args, lengths, native=native)[0]


def assert_close(one, other, rtol=1e-11, atol=0.0):
    """Equal to so much of the largest number of each array."""
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * max(largest(b), 1e-30) + atol)


def largest(tree):
    return max(np.max(np.abs(leaf), initial=0.0) for leaf in jax.tree.leaves(tree))


def vdot(one, other):
    parts = jax.tree.map(jnp.vdot, one, other)
    return sum(jax.tree.leaves(parts))


def lengths_of(members, masked):
    return jnp.asarray(LENGTHS[:members], jnp.int32) if masked else None


def quick(function):
    """Compiled for one use: the compiler's own optimisation costs more than it saves."""

    def call(*args):
        lowered = jax.jit(function).lower(*args)
        return lowered.compile(compiler_options=FAST)(*args)

    return call


def without_inputs(args):
    """The arguments with None for the inputs."""
    return args[0], None, args[2]


@cache
def maps(kind, native):
    """Compiled: states, `J v` and `J' g` by the primitives themselves.

    Both of these twice: with the inputs, and without.
    """

    @partial(jax.jit, compiler_options=FAST)
    def run(args, v, g, lengths):
        bad, v = pad(args, lengths), pad(v, lengths)
        states, saved = unroll(kind, *bad, lengths, save=True, native=native)
        point = Point(*bad, states, saved, lengths)
        Jv = [
            unroll_tangent(kind, point, *one, native=native) for one in (v, without_inputs(v))
        ]
        gJ = [
            unroll_adjoint(kind, point, g, inputs=inputs, native=native)
            for inputs in (True, False)
        ]
        return states, saved, Jv, gJ

    return run


@cache
def oracle_slopes(kind, members, masked):
    """The oracle's states; its tangents, with the inputs and without; and its gradients."""
    args, v, g = draw(kind, members), draw(kind, members, 7), draw_states(kind, members)
    lengths = lengths_of(members, masked)
    directions = jax.tree.map(lambda *two: np.stack(two), v, (v[0], np.zeros_like(v[1]), v[2]))

    @quick
    def run(args, directions, g):
        def states(args):
            return oracle(kind, args, lengths)

        value, pull = jax.vjp(states, args)
        Jv = jax.vmap(lambda v: jax.jvp(states, (args,), (v,))[1])(directions)
        return value, [jax.tree.map(lambda x, i=i: x[i], Jv) for i in (0, 1)], pull(g)[0]

    return run(args, directions, g)


@both
@both_shapes
@every_kind
def test_states_and_slopes_are_those_of_the_cells(kind, members, masked, native, float64):
    args, v, g = draw(kind, members), draw(kind, members, 7), draw_states(kind, members)
    lengths = lengths_of(members, masked)
    states, saved, Jv, gJ = maps(kind, native)(args, v, g, lengths)
    expected = oracle_slopes(kind, members, masked)
    assert gJ[1][1] is None
    assert_close((states, Jv, gJ[0]), expected, 1e-12)
    assert_close(gJ[1], without_inputs(expected[2]), 1e-12)
    if masked:
        padding = np.arange(TIME) >= LENGTHS[:members, :, None]
        assert not any(np.asarray(s)[padding].any() for s in saved)
        assert not np.asarray(gJ[0][1])[padding].any()


@both
@every_kind
@given(
    seed=st.integers(0, 2**32 - 1),
    lengths=st.lists(st.integers(-1, TIME + 2), min_size=2 * BATCH, max_size=2 * BATCH),
)
@settings(max_examples=10)
def test_the_adjoint_is_the_transpose_of_the_tangent(kind, native, seed, lengths):
    r"""$\langle g, J v\rangle = \langle J^\top g, v\rangle$, for any point and lengths."""
    with jax.enable_x64(True):
        args, v, g = draw(kind, 2, seed), draw(kind, 2, seed + 1), draw_states(kind, 2, seed)
        lengths = np.array(lengths, np.int32).reshape(2, BATCH)
        _, _, *both_ways = maps(kind, native)(args, v, g, lengths)
        v = pad(v, lengths, 0.0)
        for Jv, gJ, along in zip(*both_ways, (v, without_inputs(v)), strict=True):
            largest = vdot(*(jax.tree.map(np.abs, x) for x in (g, Jv)))
            assert abs(vdot(g, Jv) - vdot(gJ, along)) <= 1e-12 * largest


@both
@both_shapes
@every_kind
def test_the_tangent_is_a_central_difference(kind, members, masked, native, float64):
    args, v, g = draw(kind, members, 3), draw(kind, members, 4), draw_states(kind, members)
    lengths = lengths_of(members, masked)
    run, small = maps(kind, native), 1e-6
    ahead, behind = (
        run(jax.tree.map(lambda a, d, by=by: a + by * d, args, v), v, g, lengths)[0]
        for by in (small, -small)
    )
    Jv, _ = run(args, v, g, lengths)[2]
    assert_close(jax.tree.map(lambda a, b: (a - b) / (2 * small), ahead, behind), Jv, 1e-6)


def scalar(run, A, args):
    """A curved function of all states."""
    return vdot(A, jax.tree.map(lambda s: s + s * s, run(args)))


def products(run, args, v, g):
    """First derivatives and their products, each by another transformation."""
    tangents = jax.linearize(run, args)[1]
    cotangents = jax.linear_transpose(tangents, args)
    slope = jax.grad(partial(scalar, run, g))(args)
    jvp = jax.jvp(run, (args,), (v,))[1]
    gauss_newton = jax.vjp(run, args)[1](jvp)
    return slope, jvp, tangents(v), cotangents(g), gauss_newton


def same_products(run, args, v, g):
    """The results of `products` by one `jvp` and one `vjp`."""
    jvp = jax.jvp(run, (args,), (v,))[1]
    states, pull = jax.vjp(run, args)
    of_scalar = jax.tree.map(lambda a, s: a * (1 + 2 * s), g, states)
    pulled = jax.vmap(pull)(jax.tree.map(lambda *three: jnp.stack(three), of_scalar, g, jvp))
    slope, transposed, gauss_newton = (
        jax.tree.map(lambda x, i=i: x[i], pulled) for i in range(3)
    )
    return slope, jvp, jvp, transposed, gauss_newton


def curvatures(run, args, v, g):
    """Hessian-vector products, forward over reverse and the other ways round."""
    f = partial(scalar, run, g)
    slope = jax.grad(f)
    forward_reverse = jax.jvp(slope, (args,), (v,))[1]
    reverse_forward = jax.grad(lambda a: jax.jvp(f, (a,), (v,))[1])(args)
    clean = jax.tree.map(jnp.nan_to_num, v)  # the slopes by padding are zero
    reverse_reverse = jax.grad(lambda a: vdot(slope(a), clean))(args)
    forward_forward = jax.jvp(lambda a: jax.jvp(run, (a,), (v,))[1], (args,), (v,))[1]
    return forward_reverse, reverse_forward, reverse_reverse, forward_forward


def same_curvatures(run, args, v, g):
    """The results of `curvatures`, whose first three are one Hessian-vector product."""
    product = jax.jvp(jax.grad(partial(scalar, run, g)), (args,), (v,))[1]
    forward_forward = jax.jvp(lambda a: jax.jvp(run, (a,), (v,))[1], (args,), (v,))[1]
    return product, product, product, forward_forward


def jacobians(run, args, v, g, ways=(jax.jacrev, jax.jacfwd)):
    """Of the final state, by the weights and by the first state."""
    weights, xs, start = args

    def final(weights, start):
        return jax.tree.map(lambda s: s[:, :, -1], run((weights, xs, start)))

    return [way(final, argnums=(0, 1))(weights, start) for way in ways]


def same_jacobians(run, args, v, g):
    """The results of `jacobians`, which are one Jacobian in two ways."""
    return jacobians(run, args, v, g, ways=(jax.jacrev,)) * 2


def mixed(run, args, v, g):
    """Slopes by weights alone and by inputs alone, and how each changes with the other."""
    f, (weights, xs, start) = partial(scalar, run, g), args

    def by_weights(weights, xs):
        return jax.grad(lambda w: f((w, xs, start)))(weights)

    def by_inputs(weights, xs):
        return jax.grad(lambda x: f((weights, x, start)))(xs)

    def along_weights(xs):
        return jax.jvp(lambda w: f((w, xs, start)), (weights,), (v[0],))[1]

    def along_all(dweights):
        return jax.jvp(run, (args,), ((dweights, *v[1:]),))[1]

    return (
        jax.jvp(partial(by_weights, weights), (xs,), (v[1],)),
        jax.jvp(lambda w: by_weights(w, xs), (weights,), (v[0],))[1],
        jax.jvp(lambda w: by_inputs(w, xs), (weights,), (v[0],)),
        jax.grad(along_weights)(xs),
        jax.jvp(along_all, (v[0],), (v[0],)),
    )


def same_mixed(run, args, v, g):
    """The results of `mixed`, all of them rows of one Hessian, or tangents."""
    slope = jax.grad(partial(scalar, run, g))
    still = jax.tree.map(jnp.zeros_like, v)

    def along(*direction):
        return jax.jvp(slope, (args,), (direction,))

    (g_weights, g_inputs, _), (by_inputs, _, _) = along(still[0], v[1], still[2])
    _, (by_weights, inputs_by_weights, _) = along(v[0], still[1], still[2])
    Jv, Jv_weights = (jax.jvp(run, (args,), (d,))[1] for d in (v, (v[0], still[1], still[2])))
    return (
        (g_weights, by_inputs),
        by_weights,
        (g_inputs, inputs_by_weights),
        inputs_by_weights,
        (Jv, Jv_weights),
    )


EXPECTED = {
    products: same_products,
    curvatures: same_curvatures,
    jacobians: same_jacobians,
    mixed: same_mixed,
}
TRANSFORMS = [*product((products, curvatures, jacobians), ("tanh", "gru", "lstm"))]


@cache
def expected(transform, kind):
    """What the oracle gives under a transformation."""
    args, v, g = draw(kind, 2), draw(kind, 2, 7), draw_states(kind, 2)
    lengths = lengths_of(2, True)

    def run(args, v, g):
        states = partial(oracle, kind, lengths=lengths)
        return EXPECTED[transform](states, args, pad(v, lengths, 0.0), g)

    return quick(run)(args, v, g)


@both
@pytest.mark.parametrize("transform, kind", [*TRANSFORMS, (mixed, "gru")])
def test_transformations_against_the_plain_scan(transform, kind, native, float64):
    args, v, g = draw(kind, 2), draw(kind, 2, 7), draw_states(kind, 2)
    lengths = lengths_of(2, True)

    def run(args, v, g):
        bad, v = pad(args, lengths), pad(v, lengths)
        return transform(lambda a: by_primitive(kind, native, a, lengths), bad, v, g)

    assert_close(quick(run)(args, v, g), expected(transform, kind))


@cache
def everything(kind, native):
    """States, tangents and slopes by one function, and the same compiled."""

    def run(args, v, g, lengths):
        def states(args):
            return by_primitive(kind, native, pad(args, lengths), lengths)

        value, pull = jax.vjp(states, args)
        return value, jax.jvp(states, (args,), (v,))[1], pull(g)

    return run, jax.jit(run, compiler_options=FAST)


@both
@pytest.mark.parametrize("axes", PATTERNS)
def test_a_mapped_axis_is_an_ensemble_or_a_batch(axes, native, float64):
    """States, tangents and slopes under `vmap`, whatever of the arguments is mapped."""
    kind = "gru"
    *mapped, with_lengths = axes
    draws = [(draw(kind, 1, i), draw(kind, 1, i + 7), draw_states(kind, 1, i)) for i in (0, 1)]
    lengths = jnp.asarray(LENGTHS[:, None])

    def pick(i):
        """The arguments of member i: those that are not mapped are the first one's."""
        parts = [draws[i if a == 0 else 0] for a in mapped]
        args, v = (tuple(p[which][j] for j, p in enumerate(parts)) for which in (0, 1))
        return args, v, draws[i][2], lengths[i if with_lengths == 0 else 0]

    members = [pick(i) for i in (0, 1)]
    stacked = jax.tree.map(lambda *two: jnp.stack(two, axis=-1), *members)
    (args, v, g, both_lengths), (first, v_first, _, lengths_first) = stacked, members[0]
    args, v = (
        tuple(s if a == 0 else f for s, f, a in zip(many, one, mapped, strict=True))
        for many, one in ((args, first), (v, v_first))
    )
    last = tuple(-1 if a == 0 else None for a in mapped)
    in_axes = (last, last, -1, -1 if with_lengths == 0 else None)
    both_lengths = both_lengths if with_lengths == 0 else lengths_first
    run, alone = everything(kind, native)
    together = quick(jax.vmap(run, in_axes))(args, v, g, both_lengths)
    for i, member in enumerate(members):
        assert_close([x[i] for x in jax.tree.leaves(together)], alone(*member), 1e-13)


@both
@gated
def test_slopes_of_every_network_of_a_stack(kind, native, float64):
    """`vmap` of `grad`: as the members one by one; and a network mapped over its data."""
    args, g = draw(kind, 2), draw_states(kind, 2)

    def one(args, g):
        run = partial(by_primitive, kind, native, lengths=None)
        args, g = jax.tree.map(lambda x: x[None], (args, g))
        return jax.tree.map(lambda x: x[0], jax.grad(partial(scalar, run, g))(args))

    whole = jax.grad(partial(scalar, partial(by_primitive, kind, native, lengths=None), g))
    assert_close(quick(jax.vmap(one))(args, g), quick(whole)(args), 1e-13)


@both
def test_as_a_primitive_of_jax(native):
    """Outside `jit`, with `jit` disabled, as shapes; and one program for one shape."""
    args = jax.tree.map(partial(jnp.asarray, dtype=jnp.float32), draw("lstm", 1))
    states, saved = unroll("lstm", *args, native=native)
    assert saved == () and {s.dtype for s in states} == {jnp.dtype("float32")}
    with jax.disable_jit():
        assert_close(unroll("lstm", *args, native=native)[0], states, 1e-6)
    shapes = jax.eval_shape(partial(unroll, "lstm", save=True, native=native), *args)
    shape = (1, BATCH, TIME, HIDDEN)
    assert [s.shape for s in jax.tree.leaves(shapes)] == [
        shape,
        shape,
        (*shape[:3], 4 * HIDDEN),
    ]


def test_half_precision_runs_by_the_scan():
    args = jax.tree.map(partial(jnp.asarray, dtype=jnp.bfloat16), draw("gru", 2))
    (hs,), _ = unroll("gru", *args)
    single = jax.tree.map(partial(jnp.asarray, dtype=jnp.float32), args)
    assert hs.dtype == jnp.bfloat16
    assert_close(hs.astype(jnp.float32), unroll("gru", *single, native=False)[0][0], 0.03)


def test_what_does_not_fit_is_refused():
    """Below `unroll`, whose own shapes the type checker of the tests refuses first."""
    (U, W, b, d), xs, (h0,) = jax.tree.map(
        partial(jnp.asarray, dtype=jnp.float32), draw("gru", 1)
    )
    lengths = jnp.zeros((1, BATCH), jnp.int32)

    def bind(*args, kind="gru"):
        params = {"kind": kind, "save": False, "masked": True, "native": False}
        return primitives.unroll_p.bind(lengths, *args, **params)

    with refuses("`kind` must be a known recurrence; got gro. Did you mean `gru`?"):
        unroll("gro", (U, W, b, d), xs, (h0,))
    with refuses("`h0` of gru must have the shape (E, B, H) = (1, 3, 3); got (1, 2, 3)"):
        bind(U, W, b, d, xs, h0[:, :2])
    with refuses("`U` of gru must have the shape (E, G, I) = (1, 9, 1); got (1, 9, 2)"):
        bind(U, W, b, d, xs[..., :1], h0)
    with refuses("`W` of lstm must have the shape (E, G, H) = (1, 12, 3); got (1, 9, 3)"):
        bind(jnp.zeros((1, 12, INPUT)), W, b, xs, h0, h0, kind="lstm")
    with refuses("`xs` of tanh must have the shape (E, B, T, I) = 4 axes; got (3, 4, 2)"):
        bind(U, W, b, xs[0], h0, kind="tanh")
    with refuses("takes lengths, U, W, b, d, xs, h0; got 6 arrays"):
        bind(U, W, b, xs, h0)
    with refuses("`h0` float16 beside `W` float32"):
        bind(U, W, b, d, xs, h0.astype(jnp.float16))
    with refuses("a recurrence must run at least one step; got 0"):
        bind(U, W, b, d, xs[:, :, :0], h0)
    with refuses("weights must be real; got int32"):
        bind(*(x.astype(jnp.int32) for x in (U, W, b, d, xs, h0)))
    with refuses("`lengths` must be whole numbers; got float32"):
        sequence_lengths(lengths.astype(jnp.float32), xs)
    with refuses("axes (ensemble, batch, time, input); got (3, 4, 2). For one network, add"):
        sequence_lengths(None, xs[0])


def test_the_inputs_part_is_left_out_unless_it_is_asked_for():
    """First and second derivatives by the weights alone need no slopes by the inputs."""
    weights, xs, start = jax.tree.map(jnp.asarray, draw("gru", 1))
    g = draw_states("gru", 1)

    @jax.checkpoint
    def f(weights, xs):
        return scalar(
            partial(by_primitive, "gru", False, lengths=None), g, (weights, xs, start)
        )

    def curvature(weights, xs):
        return jax.jvp(lambda w: jax.grad(f)(w, xs), (weights,), (weights,))[1]

    def curvature_in_reverse(weights, xs):
        return jax.grad(lambda w: vdot(jax.grad(f)(w, xs), weights))(weights)

    for function, used in (
        (jax.grad(f), False),
        (curvature, False),
        (curvature_in_reverse, False),
        (jax.grad(f, 1), True),
    ):
        program = str(jax.make_jaxpr(function)(weights, xs))
        assert f"inputs={used}" in program and f"inputs={not used}" not in program


@pytest.mark.skipif(available(), reason="there are compiled kernels")
def test_kernels_that_are_not_there_are_refused():
    with refuses("`native=True` needs the compiled kernels"):
        unroll("tanh", *jax.tree.map(jnp.asarray, draw("tanh", 1)), native=True)


@st.composite
def sizes(draw):
    """(E, B, T, I, H), each from 1 and some large, but not all at once."""
    hidden, inputs = draw(st.integers(1, 130)), draw(st.integers(1, 130))
    left = 60_000 // (hidden * (hidden + inputs)) + 2
    batch = draw(st.integers(1, min(130, left)))
    time = draw(st.integers(1, min(130, 2 + left // batch)))
    return draw(st.integers(1, 3)), batch, time, inputs, hidden


@with_kernels
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@given(
    kind=st.sampled_from(KINDS),
    shape=sizes(),
    seed=st.integers(0, 2**32 - 1),
    extreme=st.sampled_from(["no", "saturated", "denormal"]),
    masked=st.booleans(),
)
@settings(max_examples=10)
def test_the_kernels_are_the_scan(dtype, kind, shape, seed, extreme, masked):
    """Forward, tangent and adjoint, relative to the largest number of each array.

    Of a saturated unit's slope, 1 - h^2 with h near 1, only rounding is left: a few parts in
    2^24 (or 2^53) of what it multiplies.
    """
    members, batch, time, _, hidden = shape
    rng = np.random.default_rng(seed)
    (weights, xs, start), v = (draw(kind, members, s, shape[1:]) for s in (seed, seed + 1))
    g = tuple(rng.normal(size=(members, batch, time, hidden)) for _ in start)
    if extreme == "saturated" and kind not in ("relu", "identity"):
        xs = 30 * xs
    if extreme == "denormal":
        tiny = np.finfo(dtype).smallest_subnormal * rng.integers(1, 99, xs.shape)
        xs = np.where(rng.random(xs.shape) < 0.3, tiny, xs)
    lengths = rng.integers(0, time + 1, (members, batch), np.int32) if masked else None
    with jax.enable_x64(True):
        numbers = jax.tree.map(lambda x: jnp.asarray(x, dtype), ((weights, xs, start), v, g))
        mine, theirs = (maps(kind, native)(*numbers, lengths) for native in (True, False))
        rounding = np.finfo(dtype).eps * largest(numbers) if extreme == "saturated" else 0.0
        assert_close(mine, theirs, 1e-12 if dtype == "float64" else 1e-5, atol=8 * rounding)


def test_a_mesh_axis_that_a_value_varies_over_is_refused():
    """Under `shard_map` slopes by weights that are shared would lack a sum over the mesh."""
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("data",))
    args = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), draw("tanh", 1))

    def loss(weights, xs, start):
        return jnp.sum(unroll("tanh", weights, xs, start, native=False)[0][0] ** 2)

    def slopes(check):
        P = jax.sharding.PartitionSpec
        split = jax.shard_map(
            lambda *args: jax.lax.psum(loss(*args), "data"),
            mesh=mesh,
            in_specs=(P(), P(None, "data"), P(None, "data")),
            out_specs=P(),
            check_vma=check,
        )
        return quick(jax.grad(split))(*args)

    with refuses("do not track which mesh axes a value varies over; got `xs` that varies over"):
        slopes(True)
    assert_close(slopes(False), quick(jax.grad(loss))(*args), 1e-6)


@pytest.mark.parametrize("shared", [True, False])
def test_vmap_over_nothing(shared):
    weights, xs, start = draw("tanh", 2)
    none = partial(jax.tree.map, lambda x: jnp.empty((0, *x.shape)))

    def run(weights, xs, start):
        return unroll("tanh", weights, xs, start)[0]

    weights = jax.tree.map(jnp.asarray, weights) if shared else none(weights)
    mapped = jax.vmap(run, (None if shared else 0, 0, 0))
    (hs,) = mapped(weights, none(xs), none(start))
    assert hs.shape == (0, 2, BATCH, TIME, HIDDEN)
    slopes = jax.grad(lambda w: sum(map(jnp.sum, mapped(w, none(xs), none(start)))))(weights)
    assert all((slope == 0).all() for slope in slopes)
