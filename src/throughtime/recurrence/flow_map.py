r"""A map of the state by random features, in closed loop.

$$y_{n+1} = y_n + c + V \tanh(U (y_n, u_n) + b)$$

As a `Network` it is an `EchoState` of radius 0 and leak 1 below a readout that adds to the
state. Here it runs from many starts at once, by the compiled kernel `native/flow_map.cpp`
where there is one, else in NumPy.
"""

import ctypes
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime._support.cores import core_count

from . import native_kernels
from .angles import angle_count, read_angles


class Features(NamedTuple):
    r"""The features $\tanh(U (y, u) + b)$, in float32 or float64.

    Of a variable with a rate in `angles`, U reads the sine and the cosine; see `read_angles`.
    """

    U: Float[np.ndarray, "unit read"]
    b: Float[np.ndarray, " unit"]
    angles: tuple[float, ...] = ()


class _Run(ctypes.Structure):
    """The arguments of the kernel: sizes and pointers, as in `native/kernels.h`."""

    _fields_ = tuple((name, ctypes.c_int64) for name in "R B steps d m a N".split())
    _fields_ += tuple((name, ctypes.c_void_p) for name in "rates U b V c start us ys".split())


class _Run32(_Run):
    _fields_ = (("bound", ctypes.c_float),)


class _Run64(_Run):
    _fields_ = (("bound", ctypes.c_double),)


def run_flow_map(
    features: Features,
    V: Float[np.ndarray, "readout variable unit"],
    c: Float[np.ndarray, "readout variable"],
    start: Float[np.ndarray, "trajectory variable"],
    us: Float[np.ndarray, "trajectory step input"],
    bound: float = math.inf,
) -> Float[np.ndarray, "readout trajectory step variable"]:
    """Run the maps of several readouts of the same features, each from all starts.

    The kernel shares the trajectories out over the cores that this process may use.

    Parameters
    ----------
    features
        U and b; all else is converted to their type.
    V, c
        The readouts.
    start, us
        The first states, and what is read beside the state in each step.
    bound
        The state is kept within plus and minus this.

    Returns
    -------
    Float[np.ndarray, "readout trajectory step variable"]
        The states after each step.
    """
    dtype = features.U.dtype
    given = {"U": features.U, "b": features.b, "V": V, "c": c, "start": start, "us": us}
    arrays = {name: np.ascontiguousarray(a, dtype) for name, a in given.items()}
    if native_kernels.available():
        return _run_natively(arrays, features.angles, bound)
    return _run_plainly(bound=bound, angles=features.angles, **arrays)


def _run_natively(
    arrays: dict[str, np.ndarray], angles: tuple[float, ...], bound: float
) -> np.ndarray:
    (R, d, N), (B, steps, m) = arrays["V"].shape, arrays["us"].shape
    ys = np.empty((R, B, steps, d), arrays["U"].dtype)
    rates = np.array(angles or [0.0] * d, ys.dtype)
    arrays = {**arrays, "rates": rates, "ys": ys}
    pointers = {name: array.ctypes.data for name, array in arrays.items()}
    kind = _Run32 if ys.itemsize == 4 else _Run64
    given = kind(
        R=R, B=B, steps=steps, d=d, m=m, a=angle_count(angles), N=N, bound=bound, **pointers
    )
    run = native_kernels.library().throughtime_flow_map
    if not run(ys.itemsize, ctypes.byref(given), core_count()):
        raise MemoryError("the weights of the features")
    return ys


def _run_plainly(U, b, V, c, start, us, angles, bound) -> np.ndarray:
    y, found = np.broadcast_to(start, (len(V), *start.shape)), []
    for n in range(us.shape[1]):
        read = np.concatenate([y, np.broadcast_to(us[:, n], (len(y), *us[:, n].shape))], -1)
        h = np.tanh(read_angles(read, angles) @ U.T + b)
        change = c[:, None] + h @ V.swapaxes(1, 2)
        y = np.clip(y + change, -bound, bound)
        found.append(y)
    return np.stack(found, axis=2)
