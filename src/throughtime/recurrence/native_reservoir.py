"""A reservoir along a drive, by the compiled kernel `native/reservoir.cpp`."""

import ctypes

from .native_kernels import library


class ReservoirRun(ctypes.Structure):
    """The arguments of the kernel: sizes and pointers, as in `native/kernels.h`."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("N", "R", "steps")),
        ("linear", ctypes.c_int32),
        *((name, ctypes.c_void_p) for name in ("starts", "columns", "W", "b", "drive")),
        *((name, ctypes.c_void_p) for name in ("noise", "leak", "radius", "scale", "state")),
        ("states", ctypes.c_void_p),
    )


def run_reservoir(itemsize: int, run: ReservoirRun) -> None:
    """Fill in the states of a run. The kernels must be available.

    Parameters
    ----------
    itemsize
        The bytes of a number: 4 for float32, 8 for float64.
    run
        The sizes, and pointers to arrays as large as `native/kernels.h` says.

    Raises
    ------
    MemoryError
        If the kernel finds no memory for its products.
    """
    if not library().throughtime_reservoir(itemsize, ctypes.byref(run)):
        raise MemoryError("the reservoir's states and products")
