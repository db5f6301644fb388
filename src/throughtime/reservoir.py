r"""Reservoirs: recurrent weights that are drawn once and not trained.

$$h_t = (1 - a) h_{t-1} + a \, f(W h_{t-1} + U x_t + F y_{t-1} + b) + \nu_t$$

Leaky-integrator units (Jaeger, Lukosevicius, Popovici and Siewert 2007). The letters are the
lecture's: `U` input, `W` hidden to hidden, `b` bias; and `F`, which the lecture has not, for
the weights that feed the output y back. a is the leak, f the hyperbolic tangent or the
identity, $\nu$ noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse as sparse
from jaxtyping import DTypeLike, Float, Num

from . import native
from .errors import InputError, nearest
from .memory import memory
from .seeds import Key, generator
from .spectral_radius import Matrix, scale_to_radius

Activation = Literal["tanh", "linear"]
Topology = Literal["sparse", "dense", "cycle"]

State = Float[np.ndarray, "*settings units"]
States = Float[np.ndarray, "time *settings units"]

Values = Num[np.ndarray, "..."] | Sequence[float | int]
"""A series, `(time, columns)`; one of one column may be `(time,)`, or a list of numbers."""


class Settings(NamedTuple):
    r"""What may differ among runs that share their matrices: numbers, or one for each run.

    $$h_t = (1 - a) h_{t-1} + a \, f(\rho W h_{t-1} + \sigma (U x_t + F y_{t-1}) + b)$$

    - `leak`: a. `radius`: $\rho$, a factor on W. `input_scale`: $\sigma$, a factor on U and F.
    """

    leak: float | int | Float[np.ndarray, " settings"]
    radius: float | int | Float[np.ndarray, " settings"] = 1.0
    input_scale: float | int | Float[np.ndarray, " settings"] = 1.0


@dataclass(frozen=True)
class Reservoir:
    """The weights, the leak a and the activation f; see the head of this module.

    - `W`: dense or sparse; a sparse one is kept as CSR. All weights have one dtype, float64
      or float32; it is that of the states.
    - `U`, `F`: no columns where there is no input, or nothing is fed back.

    **Raises:** `InputError` for weights that differ in units or dtype, a sparse W that is not
    sound, and an unknown leak or activation.
    """

    W: Matrix | Any
    U: Float[np.ndarray, "units input"]
    F: Float[np.ndarray, "units output"]
    b: Float[np.ndarray, " units"]
    leak: float | int = 1.0
    activation: Activation = "tanh"

    def __post_init__(self):
        if not 0 < self.leak <= 1:
            rule = "`leak` must be above 0 and at most 1"
            raise InputError(rule, self.leak, "Take 1 for units without memory of their own.")
        if self.activation not in ("tanh", "linear"):
            known = nearest(self.activation, ("tanh", "linear"))
            raise InputError("`activation` must be known", self.activation, known)
        n = len(self.b)
        if self.W.shape != (n, n) or len(self.U) != n or len(self.F) != n:
            shapes = f"W {self.W.shape}, U {self.U.shape}, F {self.F.shape}, b {self.b.shape}"
            raise InputError("weights must be of as many units", shapes, "Reshape them.")
        if sparse.issparse(self.W):
            object.__setattr__(self, "W", _sound(self.W))
        dtypes = [getattr(self, name).dtype for name in "WUFb"]
        if len(set(dtypes)) > 1 or self.dtype not in (np.float64, np.float32):
            rule = "W, U, F and b must be of one dtype, float64 or float32"
            raise InputError(rule, ", ".join(map(str, dtypes)), "Cast them by `astype`.")

    @property
    def units(self) -> int:
        return len(self.b)

    @property
    def dtype(self) -> np.dtype:
        return self.b.dtype

    @property
    def settings(self) -> Settings:
        return Settings(self.leak)

    def astype(self, dtype: DTypeLike) -> "Reservoir":
        """With weights, and so states, of this dtype."""
        cast = {name: getattr(self, name).astype(dtype) for name in "WUFb"}
        return replace(self, **cast)


def _sound(W) -> sparse.csr_array:
    """A sparse matrix as CSR; refuses one whose indices are wrong."""
    try:  # an index that is not there would be memory of something else
        if W.format in ("csc", "bsr"):
            W.check_format(full_check=True)
        W = sparse.csr_array(W)
        W.check_format(full_check=True)
    except ValueError as error:
        rule = "a sparse W must be sound"
        raise InputError(rule, error, "Build it with `scipy.sparse`.") from None
    return W


def drive(
    reservoir: Reservoir,
    inputs: Float[np.ndarray, "*time input"],
    feedback: Float[np.ndarray, "*time output"],
) -> Float[np.ndarray, "*time units"]:
    r"""All that comes from outside, $U x_t + F y_{t-1}$, for all steps in one product."""
    weights = np.concatenate([reservoir.U, reservoir.F], axis=1)
    return np.concatenate([inputs, feedback], axis=-1, dtype=reservoir.dtype) @ weights.T


def run(
    reservoir: Reservoir,
    drive: Float[np.ndarray, "time units"],
    state: State,
    noise: Float[np.ndarray, "time units"] | None = None,
    settings: Settings | None = None,
) -> States:
    r"""The states that a drive gives, step by step.

    $$h_t = (1 - a) h_{t-1} + a \, f(\rho W h_{t-1} + \sigma d_t + b) + \nu_t$$

    **Arguments:**

    - `drive`: d of every step, from `drive`.
    - `state`: the state before the first step; with a leading axis, several runs at once.
    - `noise`: $\nu$, the same for all runs.
    - `settings`: a, $\rho$ and $\sigma$, of all runs or of each; the reservoir's own leak,
      1 and 1 if None.

    **Returns:** the state after each step.

    **Raises:** `InputError` for arrays of another shape, and settings of another number of
    runs.
    """
    _check_shapes(reservoir.units, drive, state, noise)
    _check_settings(settings or reservoir.settings, len(np.atleast_2d(state)))
    if native.available():
        return _run_native(reservoir, drive, state, noise, settings or reservoir.settings)
    states = np.empty((len(drive), *state.shape), reservoir.dtype)
    noise = None if noise is None else noise.astype(reservoir.dtype)
    for t, d in enumerate(drive):
        state = step(reservoir, d, state, settings)
        if noise is not None:
            state = state + noise[t]
        states[t] = state
    return states


def _check_shapes(n: int, drive: np.ndarray, state: np.ndarray, noise: np.ndarray | None):
    wrong = [a.shape for a in (drive, noise) if a is not None and a.shape != (len(drive), n)]
    if state.ndim not in (1, 2) or state.shape[-1] != n:
        wrong.append(state.shape)
    if wrong:
        rule = f"drive and noise must be (time, {n}), and a state ({n},) or (runs, {n})"
        raise InputError(rule, " and ".join(map(str, wrong)), "Reshape them.")


def _check_settings(settings: Settings, runs: int):
    wrong = [np.shape(v) for v in settings if np.shape(v) not in ((), (runs,))]
    if wrong:
        rule = f"each of the settings must be a number, or one for each of {runs} runs"
        got = "shape " + " and ".join(map(str, wrong))
        raise InputError(rule, got, "Pass as many settings as states.")


def _run_native(reservoir, drive, state, noise, settings: Settings) -> States:
    """`run` by the compiled kernel."""
    dtype, n = reservoir.dtype, reservoir.units
    runs = np.atleast_2d(state)
    W, starts, columns = reservoir.W, None, None
    if sparse.issparse(W):
        starts, columns, W = W.indptr.astype(np.int64), W.indices.astype(np.int32), W.data
    arrays = {
        **{"W": W, "b": reservoir.b, "drive": drive, "noise": noise, "state": runs},
        **{"leak": settings.leak, "radius": settings.radius, "scale": settings.input_scale},
    }
    for name in ("leak", "radius", "scale"):
        arrays[name] = np.broadcast_to(np.asarray(arrays[name], dtype), len(runs))
    held = {k: None if v is None else np.ascontiguousarray(v, dtype) for k, v in arrays.items()}
    held |= {"starts": starts, "columns": columns}
    states = np.empty((len(runs), *drive.shape), dtype)  # those of a run lie together
    held["states"] = states
    pointers = {k: None if v is None else v.ctypes.data for k, v in held.items()}
    linear = reservoir.activation == "linear"
    sizes = {"N": n, "R": len(runs), "steps": len(drive), "linear": linear}
    native.run_reservoir(dtype.itemsize, native.Reservoir(**sizes, **pointers))
    return states[0] if state.ndim == 1 else states.swapaxes(0, 1)


def step(
    reservoir: Reservoir,
    drive: Float[np.ndarray, "*runs units"],
    state: State,
    settings: Settings | None = None,
) -> State:
    """One step of `run`, without noise."""
    of = settings or reservoir.settings
    a, rho, sigma = (np.asarray(v, reservoir.dtype)[..., None] for v in of)
    z = rho * (reservoir.W @ state.T).T + sigma * drive + reservoir.b
    return (1 - a) * state + a * (np.tanh(z) if reservoir.activation == "tanh" else z)


@dataclass(frozen=True)
class ReservoirDesign:
    """How a reservoir is drawn.

    - `units`, `inputs`, `outputs`: sizes; `outputs` counts those that are fed back.
    - `topology`: "sparse" or "dense", weights normal; or "cycle": one weight round the ring,
      and input weights of one size whose signs are aperiodic, from the decimals of pi
      (Rodan and Tino 2011).
    - `incoming`: of a sparse reservoir, the weights into each unit.
    - `radius`: of W, set exactly. `leak`, `activation`: see `Reservoir`.
    - `input_scale`, `feedback_scale`, `bias_scale`: U, F and b are uniform within ±scale.
    """

    units: int
    inputs: int = 0
    outputs: int = 0
    topology: Topology = "sparse"
    incoming: int = 10
    radius: float | int = 0.9
    leak: float | int = 1.0
    input_scale: float | int = 1.0
    feedback_scale: float | int = 1.0
    bias_scale: float | int = 0.0
    activation: Activation = "tanh"

    def draw(self, key: Key) -> Reservoir:
        """The reservoir of a seed, in float64; each of its weights has its own stream.

        **Raises:** `InputError` for a size, scale or radius out of range, and for weights
        that memory does not hold.
        """
        self._check()
        n, signs = self.units, None
        if self.topology == "cycle":
            signs = aperiodic_signs(n * (self.inputs + self.outputs)).reshape(n, -1)
            U, F = signs[:, : self.inputs], signs[:, self.inputs :]
        else:
            U, F = (
                generator(key, stream).uniform(-1, 1, (n, columns))
                for stream, columns in ((2, self.inputs), (3, self.outputs))
            )
        b = generator(key, 4).uniform(-1, 1, n)
        scales = self.input_scale, self.feedback_scale, self.bias_scale
        U, F, b = (scale * weights for scale, weights in zip(scales, (U, F, b), strict=True))
        W = self._recurrent(generator(key, 1))
        return Reservoir(W, U, F, b, self.leak, self.activation)

    def _recurrent(self, rng):
        n = self.units
        if self.topology == "cycle":
            ring = (np.full(n, float(self.radius)), (np.arange(n), np.arange(n) - 1))
            ring[1][1][0] = n - 1
            return sparse.csr_array(ring, shape=(n, n))
        if self.topology == "dense":
            return scale_to_radius(rng.normal(size=(n, n)), self.radius)
        columns = [rng.choice(n, self.incoming, replace=False) for _ in range(n)]
        starts = np.arange(n + 1) * self.incoming
        weights = rng.normal(size=starts[-1])
        W = sparse.csr_array((weights, np.concatenate(columns), starts), shape=(n, n))
        W.sort_indices()
        return scale_to_radius(W, self.radius)

    def _check(self):
        if self.topology not in ("sparse", "dense", "cycle"):
            known = nearest(self.topology, ("sparse", "dense", "cycle"))
            raise InputError("`topology` must be known", self.topology, known)
        for name, least in (("units", 1), ("inputs", 0), ("outputs", 0)):
            if getattr(self, name) < least:
                rule = f"`{name}` must be at least {least}"
                raise InputError(rule, getattr(self, name), f"Raise `{name}`.")
        if self.topology == "sparse" and not 1 <= self.incoming <= self.units:
            rule = f"`incoming` must be from 1 to the number of units, {self.units}"
            raise InputError(rule, self.incoming, "Change `incoming`.")
        for name in ("input_scale", "feedback_scale", "bias_scale"):
            if not 0 <= getattr(self, name) < np.inf:
                rule = f"`{name}` must be 0 or more, and finite"
                raise InputError(rule, getattr(self, name), f"Change `{name}`.")
        if not 0 < self.radius < np.inf:
            rule = "`radius` must be positive and finite"
            raise InputError(rule, self.radius, "Take about 0.9.")
        row = {"sparse": 2 * self.incoming, "dense": self.units, "cycle": 2}[self.topology]
        require_memory(8.0 * self.units * (row + self.inputs + self.outputs), "its weights")


def columns(
    name: str, values: Values, count: int | None = None
) -> Float[np.ndarray, "time columns"]:
    """A series in float64; one of one axis is one column.

    **Arguments:**

    - `name`: what errors call it.
    - `count`: the columns it must have, where they are known.

    **Raises:** `InputError` for more axes, other columns, no step, or a value that is not
    finite.
    """
    found = np.asarray(values, np.float64)
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2:
        rule = f"`{name}` must be of shape (time, columns)"
        raise InputError(rule, f"shape {found.shape}", "Pass several series as a list.")
    if count not in (None, found.shape[1]):
        rule = f"`{name}` must have {count} columns, as what was fitted before"
        raise InputError(rule, found.shape[1], "Pass the same columns.")
    if not len(found):
        raise InputError(f"`{name}` must have steps", 0, "Pass data.")
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        t, column = wrong[0]
        value = "NaN" if np.isnan(found[t, column]) else found[t, column]
        got = f"{value} in column {column} at step {t}"
        raise InputError(f"`{name}` must be finite", got, "Fill what is missing.")
    return found


def several(series: Any) -> list[Any]:
    """The series of a list; an array, or a list of numbers, is one."""
    if isinstance(series, np.ndarray):
        return [series]
    items = list(series)
    return [items] if items and np.ndim(items[0]) == 0 else items


def require_memory(size: float, what: str) -> None:
    """Refuses what this machine's memory cannot hold, before it is allocated.

    **Raises:** `InputError` if `size` bytes are more than there are, where that is known.
    """
    limit = memory()
    if limit is not None and size > limit:
        rule = f"a reservoir must fit in memory, {limit / 2**30:.3g} GiB here"
        got = f"{size / 2**30:.3g} GiB for {what}"
        raise InputError(rule, got, "Use fewer units, or a sparse reservoir.")


def aperiodic_signs(count: int) -> Float[np.ndarray, " count"]:
    """+1 where a decimal of pi is 5 or more, else -1 (Rodan and Tino 2011)."""
    one = 10 ** (count + 10)
    pi = 4 * (4 * _inverse_tangent(5, one) - _inverse_tangent(239, one))  # Machin
    decimals = str(Context(prec=count + 20).create_decimal(Decimal(pi)))[1 : count + 1]
    return np.where(np.array(list(decimals), dtype="U1") >= "5", 1.0, -1.0)


def _inverse_tangent(of: int, one: int) -> int:
    """arctan(1/of) times `one`, in whole numbers."""
    power = one // of
    total, k = power, 1
    while power:
        power //= -of * of
        k += 2
        total += power // k
    return total
