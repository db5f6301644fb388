"""The kernels' status is the truth, in every case that an installation can be in."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import refuses

from throughtime.recurrence import native_kernels
from throughtime.recurrence.native_kernels import LIBRARY, RECORD, Status

SETS = {"portable", "avx2", "avx512"}
BUILT = {"built": True, "api": [0, 0], "why": None, "remedy": None}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Stands for the package's folders, in a process that has not asked for the kernels."""
    monkeypatch.delenv(native_kernels.SWITCH, raising=False)
    monkeypatch.setattr(native_kernels, "_status", None)
    monkeypatch.setattr(native_kernels, "_library", None)
    source, built = tmp_path / "source", tmp_path / "built"
    source.mkdir(), built.mkdir()
    monkeypatch.setattr(native_kernels, "_folders", lambda: [source, built])
    return built


@pytest.fixture
def installed(monkeypatch):
    """The kernels of this installation; without them there is nothing to test."""
    monkeypatch.delenv(native_kernels.SWITCH, raising=False)
    found = native_kernels.status()
    if not found.available:
        pytest.skip(f"no kernels: {found.why}")
    return found


def record(folder, **changes):
    (folder / RECORD).write_text(json.dumps(BUILT | changes))


def unavailable(why):
    """The kernels are not there, for this reason, and what to do is said."""
    found = native_kernels.status()
    assert not found.available and not native_kernels.available()
    assert found.instruction_set is None
    assert found.why and why in found.why and "\n" not in found.text()
    assert found.remedy and found.remedy[0].isupper() and found.remedy.endswith(".")
    assert found.text().startswith("none") and found.why in found.text()
    with refuses(found.why):
        native_kernels.fma_peak("float32")
    return found


def test_an_installation_says_what_its_build_said(package):
    record(package, built=False, why="the compiler is ill", remedy="Heal it.")
    assert unavailable("the compiler is ill").remedy == "Heal it."


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\xff"])
def test_a_record_that_cannot_be_read(package, text):
    (package / RECORD).write_bytes(text.encode("latin-1"))
    unavailable(f"there is no `{LIBRARY}`")


def test_nothing_was_built(package):
    assert unavailable(f"there is no `{LIBRARY}`").path is None


def test_the_library_was_lost(package):
    record(package)
    unavailable(f"there is no `{LIBRARY}`")


@pytest.mark.parametrize("content", [b"", b"not a library", b"\x7fELF" + bytes(60)])
def test_a_file_that_is_no_library(package, content):
    record(package)
    (package / LIBRARY).write_bytes(content)
    assert unavailable("cannot be used").path == package / LIBRARY


def test_a_library_of_something_else(package):
    """It loads, but has none of the names."""
    import _ctypes

    other = getattr(_ctypes, "__file__", None)
    if other is None:
        pytest.skip("this Python has its modules built in")
    record(package)
    (package / LIBRARY).write_bytes(Path(other).read_bytes())
    unavailable("throughtime_fma_peak")


@pytest.mark.parametrize("api", [None, [], [1, 0], [0, 10_000], ["0", "0"], "0.0"])
def test_a_library_for_another_jaxlib_is_not_handed_to_it(package, api, monkeypatch):
    """XLA would take it, and then fail to start its backend."""
    record(package, api=api)
    (package / LIBRARY).write_bytes(b"never looked at")
    monkeypatch.setattr(
        native_kernels.ctypes, "CDLL", lambda path: pytest.fail("it was loaded")
    )
    unavailable("XLA's interface")


def test_the_variable_turns_them_off_and_on(monkeypatch):
    monkeypatch.delenv(native_kernels.SWITCH, raising=False)
    before = native_kernels.status()
    monkeypatch.setenv(native_kernels.SWITCH, "0")
    unavailable(f"`{native_kernels.SWITCH}` is 0")
    monkeypatch.setenv(native_kernels.SWITCH, "1")
    assert native_kernels.status() == before


def test_they_are_loaded_once_however_many_ask(package, monkeypatch):
    loads = []
    monkeypatch.setattr(
        native_kernels, "_load", lambda _: loads.append(1) or (None, Status(False))
    )
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: native_kernels.status(), range(64)))
    assert len(loads) == 1 and len(set(found)) == 1


def test_the_kernels_are_found_where_types_are_checked_and_where_not(installed):
    """These tests import the package through a hook, everyone else does not."""
    program = "from throughtime.recurrence import native_kernels as n; print(n.status().path)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == str(installed.path), done.stderr


def test_nothing_is_loaded_at_import():
    program = "import sys, throughtime, throughtime.recurrence.native_kernels as n; "
    program += "print(n._status, n._library, 'jax' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["None", "None", "False", "False"], done.stderr


def test_the_installed_kernels(installed):
    assert installed.instruction_set in SETS
    assert installed.path.is_file() and installed.why is None and installed.remedy is None
    assert installed.text() == f"{installed.instruction_set}, {installed.path}"


@pytest.mark.parametrize("dtype", ["float32", np.float64])
def test_the_peak_is_that_of_a_processor(installed, dtype):
    assert 1e8 < native_kernels.fma_peak(dtype, seconds=0.01) < 1e13


def test_the_peak_refuses(installed):
    with refuses("`dtype` must be float32 or float64; got int32"):
        native_kernels.fma_peak("int32")
    for seconds in (0.0, -1.0, np.nan, np.inf):
        with refuses("`seconds` must be positive"):
            native_kernels.fma_peak("float32", seconds)


def test_ci_has_the_kernels(monkeypatch):
    """Elsewhere a machine without a compiler is no defect; in our own CI it is."""
    if not os.environ.get("CI"):
        pytest.skip("not in CI")
    monkeypatch.delenv(native_kernels.SWITCH, raising=False)
    assert native_kernels.available(), native_kernels.status().text()


def test_a_source_tree_that_is_not_installed_has_its_own_folders(monkeypatch):
    def nothing(name):
        raise native_kernels.PackageNotFoundError(name)

    monkeypatch.setattr(native_kernels, "distribution", nothing)
    assert native_kernels._folders() == [*map(Path, sys.modules["throughtime"].__path__)]
