"""The compiled kernels: where they are, and whether they can be used.

A shared library beside the package holds the handlers of the three primitives for XLA, and the
kernels that run a reservoir (`native_reservoir.py`) and a map of random features
(`flow_map.py`). Its source is in `native/`. It is built when the package is installed, if there
is a C++ compiler; without it every cell runs as a `jax.lax.scan`. The library is loaded when it
is first needed, once in a process.
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
"""The names of the handlers of the primitives, in the library and in `jax.ffi`."""

LIBRARY, RECORD = "libthroughtime.so", "native.json"
"""The library, and the record of its build: whether it was `built`, for which version (major,
minor) of XLA's foreign functions (`api`), and if not, `why` and a `remedy`."""

SWITCH = "THROUGHTIME_NATIVE"
"""The environment variable that turns the kernels off when it is 0."""


@dataclass(frozen=True)
class Status:
    """Whether the kernels can be used.

    Attributes
    ----------
    available
        Whether the library is loaded and registered with XLA.
    instruction_set
        `"avx512"`, `"avx2"` or `"portable"`, chosen for this processor; None if not available.
    path
        Where the library is; None if there is none.
    why
        The reason why they are not available, as a clause.
    remedy
        What to do about that, as a sentence.
    """

    available: bool
    instruction_set: str | None = None
    path: Path | None = None
    why: str | None = None
    remedy: str | None = None

    def text(self) -> str:
        """The status in one line of plain text."""
        if self.available:
            return f"{self.instruction_set}, {self.path}"
        return f"none, every cell runs as a `jax.lax.scan`: {self.why}. {self.remedy}"


_lock = threading.Lock()
_library: ctypes.CDLL | None = None
_status: Status | None = None


def available() -> bool:
    """Whether the kernels can be used: they are loaded and not turned off."""
    return status().available


def status() -> Status:
    """The status of the kernels; the first call loads them.

    The environment variable `THROUGHTIME_NATIVE=0` turns them off, at any time, for all that is
    traced afterwards. A function that JAX has compiled goes on as it was compiled.
    """
    if os.environ.get(SWITCH) == "0":
        return Status(False, why=f"`{SWITCH}` is 0", remedy=f"Unset `{SWITCH}`.")
    global _library, _status
    with _lock:
        if _status is None:
            _library, _status = _load(_folders())
        return _status


def library() -> ctypes.CDLL:
    """The loaded library, for its plain C functions. The kernels must be available."""
    assert _library is not None
    return _library


def fma_peak(dtype: Any, seconds: float = 0.2) -> float:
    """Measure the peak speed of one core, in floating-point operations per second.

    A fused multiply-add counts as two operations; vectors are those of the instruction set in
    use.

    Parameters
    ----------
    dtype
        The type of the numbers, float32 or float64.
    seconds
        How long to measure.

    Raises
    ------
    InputError
        For another `dtype`, for `seconds` that are not positive and finite, and when the
        kernels are not available.
    """
    import numpy as np

    size = {"float32": 4, "float64": 8}.get(np.dtype(dtype).name)
    if size is None:
        rule = "`dtype` must be float32 or float64"
        raise InputError(rule, np.dtype(dtype).name, "Pass one of them.")
    if not 0 < seconds < math.inf:
        raise InputError("`seconds` must be positive and finite", seconds, "Pass 0.2.")
    kernels = status()
    if not kernels.available:
        rule = "the native kernels must be available to measure the peak"
        raise InputError(rule, f"none: {kernels.why}", str(kernels.remedy))
    return library().throughtime_fma_peak(size, seconds)


def _folders() -> list[Path]:
    """The folders of the package: in an editable installation, of the source and of the build.

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
    """Load the library from the first folder that has it and register its handlers with XLA."""
    path, record = _first_file(folders, LIBRARY), _build_record(_first_file(folders, RECORD))
    if path is None or not record["built"]:
        return None, Status(False, why=record["why"], remedy=record["remedy"])
    try:
        _check_version(record["api"])
        loaded = ctypes.CDLL(str(path))
        instruction_set = _declare(loaded)
        _register(loaded)
    # When XLA refuses a handler it raises an error without a class of its own.
    except (OSError, AttributeError, RuntimeError, ValueError) as error:
        message = " ".join(str(error).replace(f"{path}: ", "").split())
        why = f"`{path}` cannot be used ({message})"
        remedy = "Reinstall throughtime beside the jaxlib that is in use."
        return None, Status(False, path=path, why=why, remedy=remedy)
    return loaded, Status(True, instruction_set, path)


def _first_file(folders: list[Path], name: str) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _build_record(path: Path | None) -> dict[str, Any]:
    """The record of the build, completed by defaults."""
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


def _check_version(built: Any) -> None:
    """Refuse a library that is newer than jaxlib, with which JAX could not start.

    XLA accepts a handler for an older minor version of its interface but not for a newer one,
    and reports that only when the backend starts, which then fails for good.
    """
    from jax import ffi

    text = Path(ffi.include_dir(), "xla", "ffi", "api", "c_api.h").read_text(encoding="utf-8")
    here = [int(n) for n in re.findall(r"#define XLA_FFI_API_M(?:AJ|IN)OR (\d+)", text)]
    if not isinstance(built, list) or built[:1] != here[:1] or built > here:
        raise ValueError(f"it was built for version {built} of XLA's interface, not {here}")


def _declare(loaded: ctypes.CDLL) -> str:
    """Declare the types of the plain C functions; return the instruction set in use."""
    loaded.throughtime_fma_peak.argtypes = [ctypes.c_int, ctypes.c_double]
    loaded.throughtime_fma_peak.restype = ctypes.c_double
    loaded.throughtime_reservoir.argtypes = [ctypes.c_int, ctypes.c_void_p]
    loaded.throughtime_reservoir.restype = ctypes.c_bool
    loaded.throughtime_flow_map.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int32]
    loaded.throughtime_flow_map.restype = ctypes.c_bool
    loaded.throughtime_instruction_set.argtypes = []
    loaded.throughtime_instruction_set.restype = ctypes.c_char_p
    return loaded.throughtime_instruction_set().decode()


def _register(loaded: ctypes.CDLL) -> None:
    from jax import ffi

    handlers = [getattr(loaded, name) for name in TARGETS]  # all of them, or none
    for name, handler in zip(TARGETS, handlers, strict=True):
        ffi.register_ffi_target(name, ffi.pycapsule(handler), platform="cpu", api_version=1)
