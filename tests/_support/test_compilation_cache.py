"""Compiled programs kept on disk: where, when not, how many, and no harm if damaged."""

import contextlib
import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from throughtime._support import compilation_cache

JAX = "JAX_COMPILATION_CACHE_DIR"
PROGRAM = str(Path(sys.executable).with_name("throughtime"))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, and an environment that nobody has chosen anything in."""
    with warnings.catch_warnings():
        for name in [*os.environ]:
            if name.startswith(("JAX_COMPILATION", "JAX_PERSISTENT", "XDG_", "THROUGHTIME")):
                monkeypatch.delenv(name)
        # What is set by `keep_programs` is taken back too, where nothing was set before.
        for name in (JAX, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"):
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
        monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setattr(sys, "platform", "linux")
        yield tmp_path


def test_the_user_s_folder_of_each_system(home, monkeypatch):
    assert compilation_cache.user_folder() == home / ".cache" / "throughtime"
    monkeypatch.setenv("XDG_CACHE_HOME", "/fast")
    assert compilation_cache.user_folder() == Path("/fast/throughtime")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert compilation_cache.user_folder() == home / "Library" / "Caches" / "throughtime"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert compilation_cache.user_folder() == Path("/local/throughtime")


def test_programs_are_kept_in_the_user_s_folder(home):
    folder = compilation_cache.keep_programs()
    assert folder is not None and folder.is_dir()
    assert folder.parent == home / ".cache" / "throughtime" / "programs"
    assert os.environ[JAX] == str(folder)
    assert os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    assert folder.stat().st_mode & 0o077 == 0, "others may read or write it"


def test_a_path_chooses_the_folder(home, monkeypatch):
    monkeypatch.setenv("THROUGHTIME_CACHE", str(home / "mine"))
    folder = compilation_cache.keep_programs()
    assert folder is not None and folder.is_relative_to(home / "mine")
    assert not (home / ".cache").exists()


@pytest.mark.parametrize("chosen", [("THROUGHTIME_CACHE", "0"), (JAX, "/elsewhere")])
def test_it_is_off_or_jax_s_own(home, monkeypatch, chosen):
    monkeypatch.setenv(*chosen)
    before = dict(os.environ)
    assert compilation_cache.keep_programs() is None
    assert dict(os.environ) == before and not [*home.iterdir()]


def test_a_folder_that_cannot_be_written_is_not_used(home, monkeypatch):
    (home / "file").write_text("not a folder")
    monkeypatch.setenv("THROUGHTIME_CACHE", str(home / "file"))
    assert compilation_cache.keep_programs() is None and JAX not in os.environ
    monkeypatch.setenv("THROUGHTIME_CACHE", str(home / "read-only"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert compilation_cache.keep_programs() is None and JAX not in os.environ


def test_each_processor_has_its_own_folder(tmp_path):
    """The first core's instructions count; its clock, which changes, does not."""
    told = "processor: 0\ncpu MHz: {}\nflags: fma {}\n\nprocessor: 1\nflags: {}\n"
    files = [(3000, "avx2", "x"), (2500, "avx2", "y"), (3000, "avx2 avx512f", "x")]
    names = []
    for i, values in enumerate(files):
        path = tmp_path / str(i)
        path.write_text(told.format(*values))
        names.append(compilation_cache.processor(path))
    assert names[0] == names[1] != names[2]
    assert compilation_cache.processor() == compilation_cache.processor()
    assert compilation_cache.processor(tmp_path / "nothing") not in names


@pytest.mark.parametrize("largest", [0, 10, 25, 30, 99])
def test_the_oldest_programs_go(tmp_path, largest):
    for age, name in enumerate("abc"):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    compilation_cache.prune(tmp_path, largest)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [*"abc"][3 - min(largest // 10, 3) :]


def run(folder, *, cache):
    """Train and forecast as a program; the weights, and all that is in the cache."""
    rows = "".join(f"{i},{np.sin(i / 3):.6f}\n" for i in range(60))
    Path("y.csv").write_text("t,y\n" + rows)
    command = [PROGRAM, "forecast", "y.csv", "--target", "y", "--out", folder, "--quiet"]
    command += "--hidden 4 --epochs 2 --ensemble 1 --window 8 --steps 3".split()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_C")}
    environment["THROUGHTIME_CACHE"] = str(cache)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("*-cache")}
    return Path(folder, "weights.safetensors").read_bytes(), kept


def test_the_same_bits_from_kept_and_from_damaged_programs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = tmp_path / "cache"
    weights, kept = run("cold", cache=cache)
    assert kept
    again, still = run("warm", cache=cache)
    assert again == weights and still == kept, "a program was compiled again"
    for i, path in enumerate(kept):
        content = path.read_bytes()
        path.write_bytes([content[: len(content) // 2], b"", bytes(100)][i % 3])
    assert run("damaged", cache=cache)[0] == weights


def test_only_an_absolute_folder_is_used(home, monkeypatch):
    monkeypatch.chdir(home)
    for name in ("THROUGHTIME_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "here")
        assert compilation_cache.keep_programs() is None and not [*home.iterdir()]
        monkeypatch.delenv(name)
    monkeypatch.setenv("THROUGHTIME_CACHE", "~/mine")
    folder = compilation_cache.keep_programs()
    assert folder is not None and folder.is_relative_to(home / "mine")


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are of POSIX")
def test_a_folder_that_others_own_or_may_write_is_not_used(home, monkeypatch):
    folder = home / ".cache" / "throughtime" / "programs" / compilation_cache.processor()
    folder.mkdir(parents=True)
    for mode in (0o777, 0o770):
        folder.chmod(mode)
        assert compilation_cache.keep_programs() is None and JAX not in os.environ
    folder.chmod(0o755)
    with monkeypatch.context() as context:
        context.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert compilation_cache.keep_programs() is None and JAX not in os.environ
    assert compilation_cache.keep_programs() == folder


def test_empty_programs_go_and_those_that_another_prunes_are_no_harm(tmp_path, monkeypatch):
    (tmp_path / "empty-cache").touch()
    (tmp_path / "full-cache").write_bytes(bytes(10))
    found = [*os.scandir(tmp_path)]
    gone = SimpleNamespace(is_file=lambda: True, stat=lambda: (tmp_path / "gone").stat())
    monkeypatch.setattr(os, "scandir", lambda _: contextlib.nullcontext([gone, *found]))
    compilation_cache.prune(tmp_path, 99)
    assert os.listdir(tmp_path) == ["full-cache"]
