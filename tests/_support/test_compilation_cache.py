"""The cache of compiled programs: where it is, when it is off, its size, and damage to it."""

import contextlib
import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import PROGRAM

from throughtime._support import compilation_cache

JAX = "JAX_COMPILATION_CACHE_DIR"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder, and an environment without settings of any cache."""
    with warnings.catch_warnings():
        for name in [*os.environ]:
            if name.startswith(("JAX_COMPILATION", "JAX_PERSISTENT", "XDG_", "THROUGHTIME")):
                monkeypatch.delenv(name)
        # What `enable_compilation_cache` sets is removed again, where nothing was set before.
        for name in (JAX, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"):
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
        monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setattr(sys, "platform", "linux")
        yield tmp_path


def test_the_user_s_folder_of_each_system(home, monkeypatch):
    assert compilation_cache.user_cache_folder() == home / ".cache" / "throughtime"
    monkeypatch.setenv("XDG_CACHE_HOME", "/fast")
    assert compilation_cache.user_cache_folder() == Path("/fast/throughtime")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert compilation_cache.user_cache_folder() == home / "Library" / "Caches" / "throughtime"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert compilation_cache.user_cache_folder() == Path("/local/throughtime")


def test_programs_are_stored_in_the_user_s_folder(home):
    folder = compilation_cache.enable_compilation_cache()
    assert folder is not None and folder.is_dir()
    assert folder.parent == home / ".cache" / "throughtime" / "programs"
    assert os.environ[JAX] == str(folder)
    assert os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    assert folder.stat().st_mode & 0o077 == 0, "others may read or write it"


def test_a_path_chooses_the_folder(home, monkeypatch):
    monkeypatch.setenv("THROUGHTIME_CACHE", str(home / "mine"))
    folder = compilation_cache.enable_compilation_cache()
    assert folder is not None and folder.is_relative_to(home / "mine")
    assert not (home / ".cache").exists()


@pytest.mark.parametrize("setting", [("THROUGHTIME_CACHE", "0"), (JAX, "/elsewhere")])
def test_the_cache_is_off_or_jax_s_own(home, monkeypatch, setting):
    monkeypatch.setenv(*setting)
    before = dict(os.environ)
    assert compilation_cache.enable_compilation_cache() is None
    assert dict(os.environ) == before and not [*home.iterdir()]


def test_a_folder_that_cannot_be_written_is_not_used(home, monkeypatch):
    (home / "file").write_text("not a folder")
    monkeypatch.setenv("THROUGHTIME_CACHE", str(home / "file"))
    assert compilation_cache.enable_compilation_cache() is None and JAX not in os.environ
    monkeypatch.setenv("THROUGHTIME_CACHE", str(home / "read-only"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert compilation_cache.enable_compilation_cache() is None and JAX not in os.environ


def test_each_processor_has_its_own_folder(tmp_path):
    """The first core's instructions count; its clock, which changes, does not."""
    cpuinfo = "processor: 0\ncpu MHz: {}\nflags: fma {}\n\nprocessor: 1\nflags: {}\n"
    files = [(3000, "avx2", "x"), (2500, "avx2", "y"), (3000, "avx2 avx512f", "x")]
    names = []
    for i, values in enumerate(files):
        path = tmp_path / str(i)
        path.write_text(cpuinfo.format(*values))
        names.append(compilation_cache.processor_name(path))
    assert names[0] == names[1] != names[2]
    assert compilation_cache.processor_name() == compilation_cache.processor_name()
    assert compilation_cache.processor_name(tmp_path / "nothing") not in names


@pytest.mark.parametrize("max_bytes", [0, 10, 25, 30, 99])
def test_the_oldest_programs_are_pruned(tmp_path, max_bytes):
    for age, name in enumerate("abc"):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    compilation_cache.prune(tmp_path, max_bytes)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [*"abc"][3 - min(max_bytes // 10, 3) :]


def run(folder, *, cache):
    """Train and forecast in a process: the weights as bytes, and the times of cached files."""
    rows = "".join(f"{i},{np.sin(i / 3):.6f}\n" for i in range(60))
    Path("y.csv").write_text("t,y\n" + rows)
    command = [PROGRAM, "forecast", "y.csv", "--target", "y", "--out", folder, "--quiet"]
    command += (
        "--plain --cell rnn --hidden 4 --epochs 2 --ensemble 1 --window 8 --steps 3".split()
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_C")}
    environment["THROUGHTIME_CACHE"] = str(cache)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    written = {path: path.stat().st_mtime_ns for path in cache.rglob("*-cache")}
    return Path(folder, "weights.safetensors").read_bytes(), written


def test_the_same_bits_from_cached_and_from_damaged_programs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = tmp_path / "cache"
    weights, written = run("cold", cache=cache)
    assert written
    again, after = run("warm", cache=cache)
    assert again == weights and after == written, "a program was compiled again"
    for i, path in enumerate(written):
        content = path.read_bytes()
        path.write_bytes([content[: len(content) // 2], b"", bytes(100)][i % 3])
    assert run("damaged", cache=cache)[0] == weights


def test_only_an_absolute_folder_is_used(home, monkeypatch):
    monkeypatch.chdir(home)
    for name in ("THROUGHTIME_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "here")
        assert compilation_cache.enable_compilation_cache() is None and not [*home.iterdir()]
        monkeypatch.delenv(name)
    monkeypatch.setenv("THROUGHTIME_CACHE", "~/mine")
    folder = compilation_cache.enable_compilation_cache()
    assert folder is not None and folder.is_relative_to(home / "mine")


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are of POSIX")
def test_a_folder_that_others_own_or_may_write_is_not_used(home, monkeypatch):
    folder = home / ".cache" / "throughtime" / "programs" / compilation_cache.processor_name()
    folder.mkdir(parents=True)
    for mode in (0o777, 0o770):
        folder.chmod(mode)
        assert compilation_cache.enable_compilation_cache() is None and JAX not in os.environ
    folder.chmod(0o755)
    with monkeypatch.context() as context:
        context.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert compilation_cache.enable_compilation_cache() is None and JAX not in os.environ
    assert compilation_cache.enable_compilation_cache() == folder


FITS = """
import jax, numpy as np
import throughtime as tt
before = dict(jax.config.values)
tt.Forecaster
assert dict(jax.config.values) == before
series = np.sin(np.arange(60) / 3)
settings = {"core": None, "prior": None, "hidden": 4, "epochs": 1, "window": 8}
settings |= {"cell": "rnn", "ensemble": 1}
tt.Forecaster(**settings).fit(series).predict(3)
print(jax.config.jax_compilation_cache_dir)
"""


def fit(**settings):
    """Fit in a process of the library; returns JAX's folder, as it prints it."""
    names = ("JAX_COMPILATION", "JAX_PERSISTENT", "THROUGHTIME")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(names)}
    command = [sys.executable, "-c", FITS]
    done = subprocess.run(command, env=environment | settings, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.strip()


def test_the_library_stores_programs_too_when_it_is_used(tmp_path):
    folder = Path(fit(THROUGHTIME_CACHE=str(tmp_path / "cache")))
    assert folder.is_relative_to(tmp_path / "cache")
    assert folder.stat().st_mode & 0o077 == 0, "others may read or write it"
    written = sorted(folder.glob("*-cache"))
    assert written
    own = str(folder)  # where the programs are already
    assert fit(JAX_COMPILATION_CACHE_DIR=own, THROUGHTIME_CACHE=str(tmp_path / "c")) == own
    assert not (tmp_path / "c").exists()
    assert sorted(folder.glob("*-cache")) == written, "a program was compiled again"


def test_empty_programs_are_pruned_and_vanished_ones_ignored(tmp_path, monkeypatch):
    (tmp_path / "empty-cache").touch()
    (tmp_path / "full-cache").write_bytes(bytes(10))
    found = [*os.scandir(tmp_path)]
    gone = SimpleNamespace(is_file=lambda: True, stat=lambda: (tmp_path / "gone").stat())
    monkeypatch.setattr(os, "scandir", lambda _: contextlib.nullcontext([gone, *found]))
    compilation_cache.prune(tmp_path, 99)
    assert os.listdir(tmp_path) == ["full-cache"]
