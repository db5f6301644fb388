r"""Reservoirs: random recurrent weights that are not trained.

$$h_t = (1 - a) h_{t-1} + a \, f(W h_{t-1} + U x_t + F y_{t-1} + b) + \nu_t$$

The units are leaky integrators (Jaeger, Lukosevicius, Popovici and Siewert 2007). The letters
are the lecture's: `U` input, `W` hidden to hidden, `b` bias; `F`, which is not in the lecture,
feeds the output y back. The leak rate is a, the activation f is the hyperbolic tangent or the
identity, and $\nu$ is noise.
"""

from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse as sparse
from jaxtyping import DTypeLike, Float

from throughtime._support.memory import require_memory
from throughtime._support.seeds import Key, generator
from throughtime.errors import InputError, did_you_mean

from .spectral_radius import Matrix, scale_to_radius

Activation = Literal["tanh", "linear"]
Topology = Literal["sparse", "dense", "cycle"]


class Settings(NamedTuple):
    r"""What may differ between runs that share their matrices.

    $$h_t = (1 - a) h_{t-1} + a \, f(\rho W h_{t-1} + \sigma (U x_t + F y_{t-1}) + b)$$

    Each is a number for all runs, or an array of one number for each.

    Parameters
    ----------
    leak
        The leak rate $a$.
    radius
        A factor $\rho$ on W.
    input_scale
        A factor $\sigma$ on U and F.
    """

    leak: float | int | Float[np.ndarray, " settings"]
    radius: float | int | Float[np.ndarray, " settings"] = 1.0
    input_scale: float | int | Float[np.ndarray, " settings"] = 1.0


@dataclass(frozen=True)
class Reservoir:
    r"""The weights, the leak rate a and the activation f of a reservoir.

    $$h_t = (1 - a) h_{t-1} + a \, f(W h_{t-1} + U x_t + F y_{t-1} + b)$$

    All weights have the same dtype, float64 or float32, which is also that of the states.

    Parameters
    ----------
    W
        The weights from unit to unit, dense or sparse; a sparse matrix is stored as CSR.
    U
        The weights of the inputs x; without columns if there are none.
    F
        The weights of the fed back outputs y; without columns if there are none.
    b
        The bias of each unit.
    leak
        The leak rate a, above 0 and at most 1.
    activation
        The function f, `tanh` or `linear`.

    Raises
    ------
    InputError
        For weights that differ in units or dtype, a corrupt sparse W, a leak rate out of range,
        and an unknown activation.
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
            raise InputError(rule, self.leak, "Pass 1 for units without memory of their own.")
        if self.activation not in ("tanh", "linear"):
            known = did_you_mean(self.activation, ("tanh", "linear"))
            raise InputError("`activation` must be known", self.activation, known)
        n = len(self.b)
        if self.W.shape != (n, n) or len(self.U) != n or len(self.F) != n:
            shapes = f"W {self.W.shape}, U {self.U.shape}, F {self.F.shape}, b {self.b.shape}"
            rule = "all weights must have one row for each unit, and W as many columns"
            raise InputError(rule, shapes, f"Give W, U and F {n} rows, as many as `b`.")
        if sparse.issparse(self.W):
            object.__setattr__(self, "W", _checked_csr(self.W))
        dtypes = [getattr(self, name).dtype for name in "WUFb"]
        if len(set(dtypes)) > 1 or self.dtype not in (np.float64, np.float32):
            rule = "W, U, F and b must be of one dtype, float64 or float32"
            raise InputError(rule, ", ".join(map(str, dtypes)), "Cast them by `astype`.")

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.b)

    @property
    def dtype(self) -> np.dtype:
        """The type of the weights and states."""
        return self.b.dtype

    @property
    def settings(self) -> Settings:
        """The settings with which a run uses the weights as they are."""
        return Settings(self.leak)

    def astype(self, dtype: DTypeLike) -> "Reservoir":
        """The same reservoir with weights, and so states, of this dtype."""
        cast = {name: getattr(self, name).astype(dtype) for name in "WUFb"}
        return replace(self, **cast)


def _checked_csr(W) -> sparse.csr_array:
    """A sparse matrix as CSR; refuses one whose indices are wrong."""
    try:  # the kernel would read outside the arrays
        if W.format in ("csc", "bsr"):
            W.check_format(full_check=True)
        W = sparse.csr_array(W)
        W.check_format(full_check=True)
    except ValueError as error:
        rule = "a sparse W must have valid indices"
        raise InputError(rule, error, "Build it anew with `scipy.sparse`.") from None
    return W


@dataclass(frozen=True)
class ReservoirDesign:
    """The distribution of a reservoir's weights; `draw` makes a `Reservoir`.

    Parameters
    ----------
    units, inputs
        Number of units, and of inputs.
    outputs
        Number of outputs that are fed back.
    topology
        `sparse` or `dense`, with normal weights; or `cycle`, a ring of units with one weight,
        whose input weights have one size and aperiodic signs, from the decimals of pi (Rodan
        and Tino 2011).
    incoming
        Number of weights into each unit of a sparse reservoir.
    radius
        Spectral radius of W, its largest absolute eigenvalue; it is set exactly. With 0 there
        are no weights from unit to unit.
    leak
        Leak rate of the units, above 0 and at most 1; 1 for units without memory of their own.
    input_scale, feedback_scale, bias_scale
        U, F and b are uniform within plus and minus this scale.
    activation
        The activation of the units, `tanh` or `linear`.
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
        """Draw a reservoir, in float64.

        Parameters
        ----------
        key
            A seed, a NumPy generator or a `jax.random` key. W, U, F and b are drawn from
            independent streams of it.

        Raises
        ------
        InputError
            For a size, scale or radius out of range, and for weights that do not fit in memory.
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
        W = self._recurrent_weights(generator(key, 1))
        return Reservoir(W, U, F, b, self.leak, self.activation)

    def _recurrent_weights(self, rng):
        n = self.units
        if self.radius == 0:
            return sparse.csr_array((n, n))
        if self.topology == "cycle":
            rows, weights = np.arange(n), np.full(n, float(self.radius))
            return sparse.csr_array((weights, (rows, (rows - 1) % n)), shape=(n, n))
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
            known = did_you_mean(self.topology, ("sparse", "dense", "cycle"))
            raise InputError("`topology` must be known", self.topology, known)
        for name, least in (("units", 1), ("inputs", 0), ("outputs", 0)):
            if getattr(self, name) < least:
                rule = f"`{name}` must be at least {least}"
                raise InputError(rule, getattr(self, name), f"Raise `{name}`.")
        if self.topology == "sparse" and not 1 <= self.incoming <= self.units:
            rule = f"`incoming` must be from 1 to the number of units, {self.units}"
            remedy = f"Pass `incoming={min(10, max(self.units, 1))}`."
            raise InputError(rule, self.incoming, remedy)
        for name in ("input_scale", "feedback_scale", "bias_scale"):
            if not 0 <= getattr(self, name) < np.inf:
                rule = f"`{name}` must be 0 or more, and finite"
                raise InputError(rule, getattr(self, name), f"Pass `{name}=1`.")
        if not 0 <= self.radius < np.inf:
            rule = "`radius` must be 0 or more, and finite"
            raise InputError(rule, self.radius, "Pass 0.9.")
        per_unit = {"sparse": 2 * self.incoming, "dense": self.units, "cycle": 2}
        numbers = self.units * (per_unit[self.topology] + self.inputs + self.outputs)
        require_memory(8.0 * numbers, "its weights")


def aperiodic_signs(count: int) -> Float[np.ndarray, " count"]:
    """Signs that do not repeat: +1 where a decimal of pi is 5 or more, else -1."""
    one = 10 ** (count + 10)
    pi = 4 * (4 * _inverse_tangent(5, one) - _inverse_tangent(239, one))  # Machin
    decimals = str(Context(prec=count + 20).create_decimal(Decimal(pi)))[1 : count + 1]
    return np.where(np.array(list(decimals), dtype="U1") >= "5", 1.0, -1.0)


def _inverse_tangent(x: int, one: int) -> int:
    """arctan(1/x) times `one`, in whole numbers."""
    power = one // x
    total, k = power, 1
    while power:
        power //= -x * x
        k += 2
        total += power // k
    return total
