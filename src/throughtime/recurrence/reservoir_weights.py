r"""Reservoirs: recurrent weights that are drawn once and not trained.

$$h_t = (1 - a) h_{t-1} + a \, f(W h_{t-1} + U x_t + F y_{t-1} + b) + \nu_t$$

Leaky-integrator units (Jaeger, Lukosevicius, Popovici and Siewert 2007). The letters are the
lecture's: `U` input, `W` hidden to hidden, `b` bias; and `F`, which the lecture has not, for
the weights that feed the output y back. a is the leak, f the hyperbolic tangent or the
identity, $\nu$ noise.
"""

from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse as sparse
from jaxtyping import DTypeLike, Float

from throughtime._support.memory import require_memory
from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError, nearest

from .spectral_radius import Matrix, scale_to_radius

Activation = Literal["tanh", "linear"]
Topology = Literal["sparse", "dense", "cycle"]


class Settings(NamedTuple):
    r"""What may differ among runs that share their matrices: numbers, or one for each run.

    $$h_t = (1 - a) h_{t-1} + a \, f(\rho W h_{t-1} + \sigma (U x_t + F y_{t-1}) + b)$$

    Attributes
    ----------
    leak
        A.
    radius
        $\rho$, a factor on W.
    input_scale
        $\sigma$, a factor on U and F.
    """

    leak: float | int | Float[np.ndarray, " settings"]
    radius: float | int | Float[np.ndarray, " settings"] = 1.0
    input_scale: float | int | Float[np.ndarray, " settings"] = 1.0


@dataclass(frozen=True)
class Reservoir:
    """The weights, the leak a and the activation f; see the head of this module.

    Attributes
    ----------
    W
        Dense or sparse; a sparse one is kept as CSR. All weights have one dtype, float64 or
        float32; it is that of the states.
    U, F
        No columns where there is no input, or nothing is fed back.

    Raises
    ------
    InputError
        For weights that differ in units or dtype, a sparse W that is not sound, and an unknown
        leak or activation.
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


@dataclass(frozen=True)
class ReservoirDesign:
    """How a reservoir is drawn.

    Attributes
    ----------
    units, inputs, outputs
        Sizes; `outputs` counts those that are fed back.
    topology
        "sparse" or "dense", weights normal; or "cycle": one weight round the ring, and input
        weights of one size whose signs are aperiodic, from the decimals of pi (Rodan and Tino
        2011).
    incoming
        Of a sparse reservoir, the weights into each unit.
    radius
        Of W, set exactly.
    leak, activation
        See `Reservoir`.
    input_scale, feedback_scale, bias_scale
        U, F and b are uniform within ±scale.
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

        Raises
        ------
        InputError
            For a size, scale or radius out of range, and for weights that memory does not hold.
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
