"""The compiled kernels: where they are, and whether this process has them.

A shared library beside the package holds the handlers of the three primitives for XLA. It is
built when the package is installed, if there is a C++ compiler then; without it every cell
runs as a `jax.lax.scan`. The library is loaded when it is first asked for, once in a process.
"""

import ctypes
import json
import math
import os
import re
import sys
import threading
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from throughtime.errors import InputError

TARGETS = ("throughtime_unroll", "throughtime_unroll_tangent", "throughtime_unroll_adjoint")
"""The names of the handlers, in the library and for `jax.ffi`."""

LIBRARY, RECORD = "libthroughtime.so", "native.json"
"""The library, and what its build wrote down: `built`, the `api` of XLA's foreign functions
that it was built for (major, minor), and if it was not, `why` and a `remedy`."""

SWITCH = "THROUGHTIME_NATIVE"


@dataclass(frozen=True)
class Status:
    """Whether the kernels are in use.

    Attributes
    ----------
    available
        Loaded and known to XLA.
    instruction_set
        `"avx512"`, `"avx2"` or `"portable"`, chosen for this processor.
    path
        Of the library.
    why
        When not available, the reason as a clause.
    remedy
        What to do about it.
    """

    available: bool
    instruction_set: str | None = None
    path: Path | None = None
    why: str | None = None
    remedy: str | None = None

    def text(self) -> str:
        """For a person, in a line."""
        if self.available:
            return f"{self.instruction_set}, {self.path}"
        return f"none, every cell runs as a `jax.lax.scan`: {self.why}. {self.remedy}"


_lock = threading.Lock()
_library: ctypes.CDLL | None = None
_status: Status | None = None


def available() -> bool:
    """Whether the primitives may lower to the kernels: loaded, and not turned off."""
    return status().available


def status() -> Status:
    """What became of the kernels; the first call loads them.

    The environment variable `THROUGHTIME_NATIVE=0` turns them off, at any time, for what
    is traced afterwards: a function that JAX has compiled keeps what it was compiled with.
    """
    if os.environ.get(SWITCH) == "0":
        return Status(False, why=f"`{SWITCH}` is 0", remedy=f"Unset `{SWITCH}`.")
    global _library, _status
    with _lock:
        if _status is None:
            _library, _status = _load(_folders())
        return _status


def fma_peak(dtype: Any, seconds: float = 0.2) -> float:
    """The most that one core can compute, in floating-point operations a second, measured.

    A fused multiply-add counts as two operations, on vectors of the instruction set in use.

    Parameters
    ----------
    dtype
        Float32 or float64.
    seconds
        How long to measure.

    Raises
    ------
    InputError
        For another `dtype`, for `seconds` that are not positive, and when the kernels are not
        available.
    """
    import numpy as np

    size = {"float32": 4, "float64": 8}.get(np.dtype(dtype).name)
    if size is None:
        rule = "`dtype` must be float32 or float64"
        raise InputError(rule, np.dtype(dtype).name, "Pass one of them.")
    if not 0 < seconds < math.inf:
        raise InputError("`seconds` must be positive", seconds, "Pass 0.2.")
    found = status()
    if not found.available or _library is None:
        rule = "the native kernels must be available to measure the peak"
        raise InputError(rule, f"none: {found.why}", str(found.remedy))
    return _library.throughtime_fma_peak(size, seconds)


class Reservoir(ctypes.Structure):
    """A reservoir along a drive, as `native/kernels.h` has it."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("N", "R", "steps")),
        ("linear", ctypes.c_int32),
        *((name, ctypes.c_void_p) for name in ("starts", "columns", "W", "b", "drive")),
        *((name, ctypes.c_void_p) for name in ("noise", "leak", "radius", "scale", "state")),
        ("states", ctypes.c_void_p),
    )


def run_reservoir(size: int, reservoir: Reservoir) -> None:
    """Fill in the states of a reservoir whose numbers have so many bytes.

    The kernels must be available, and all arrays as large as is said in `native/kernels.h`.

    Raises
    ------
    MemoryError
    """
    assert _library is not None
    if not _library.throughtime_reservoir(size, ctypes.byref(reservoir)):
        raise MemoryError("the reservoir's states and products")


def _folders() -> list[Path]:
    """The folders of the package: in an editable installation, the source and the built.

    The second is not always in `__path__`: an import hook such as jaxtyping's leaves it out.
    """
    package = __name__.partition(".")[0]
    folders = [Path(folder) for folder in sys.modules[package].__path__]
    try:
        built = distribution(package).locate_file(package)
    except PackageNotFoundError:  # a source tree that is not installed
        return folders
    return [*folders, Path(str(built))]


def _load(folders: list[Path]) -> tuple[ctypes.CDLL | None, Status]:
    """Load the library from the first folder that has it and hand its targets to XLA."""
    path, record = _first(folders, LIBRARY), _record(_first(folders, RECORD))
    if path is None or not record["built"]:
        return None, Status(False, why=record["why"], remedy=record["remedy"])
    try:
        _check(record["api"])
        library = ctypes.CDLL(str(path))
        name = _declare(library)
        _register(library)
    # What XLA raises when it refuses a target has no class of its own.
    except (OSError, AttributeError, RuntimeError, ValueError) as error:
        said = " ".join(str(error).replace(f"{path}: ", "").split())
        why = f"`{path}` cannot be used ({said})"
        remedy = "Reinstall throughtime beside the jaxlib that is in use."
        return None, Status(False, path=path, why=why, remedy=remedy)
    return library, Status(True, name, path)


def _first(folders: list[Path], name: str) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _record(path: Path | None) -> dict[str, Any]:
    """What the build wrote down, complete."""
    record = {
        "built": True,
        "api": None,
        "why": f"there is no `{LIBRARY}` in the package",
        "remedy": "Install GCC or Clang, then reinstall throughtime.",
    }
    try:
        written = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        written = {}
    if isinstance(written, dict):
        record |= {key: value for key, value in written.items() if value is not None}
    return record


def _check(built: Any) -> None:
    """Refuse a library that is newer than jaxlib: JAX would not start any more.

    XLA takes a target with an older minor version of its interface, not one with a newer, and
    says so only when the backend starts, which then fails for good.
    """
    from jax import ffi

    text = Path(ffi.include_dir(), "xla", "ffi", "api", "c_api.h").read_text(encoding="utf-8")
    here = [int(n) for n in re.findall(r"#define XLA_FFI_API_M(?:AJ|IN)OR (\d+)", text)]
    if not isinstance(built, list) or built[:1] != here[:1] or built > here:
        raise ValueError(f"it was built for version {built} of XLA's interface, not {here}")


def _declare(library: ctypes.CDLL) -> str:
    """Give the plain C functions their types; the name of the instruction set in use."""
    library.throughtime_fma_peak.argtypes = [ctypes.c_int, ctypes.c_double]
    library.throughtime_fma_peak.restype = ctypes.c_double
    library.throughtime_reservoir.argtypes = [ctypes.c_int, ctypes.POINTER(Reservoir)]
    library.throughtime_reservoir.restype = ctypes.c_bool
    library.throughtime_instruction_set.argtypes = []
    library.throughtime_instruction_set.restype = ctypes.c_char_p
    return library.throughtime_instruction_set().decode()


def _register(library: ctypes.CDLL) -> None:
    from jax import ffi

    handlers = [getattr(library, name) for name in TARGETS]  # all of them, or none
    for name, handler in zip(TARGETS, handlers, strict=True):
        ffi.register_ffi_target(name, ffi.pycapsule(handler), platform="cpu", api_version=1)
