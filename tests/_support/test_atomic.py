"""Atomic files: on disk, complete, or absent."""

import os

import pytest
from killed import Killed, killed_at
from saved_run import contents

from throughtime._support import atomic
from throughtime._support.integrity import digest, read_verified


def test_a_renaming_is_brought_to_the_disk(tmp_path, monkeypatch):
    synced = []

    def fsync(descriptor):
        synced.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr("throughtime._support.atomic.os.fsync", fsync)
    atomic.write(tmp_path / "file", "new")
    assert synced == [(tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    atomic.write(path, "old")
    assert path.read_text() == "old" and path.stat().st_mode & 0o777 == 0o666 & ~umask()

    def full(*_):
        raise OSError(28, "No space left on device")

    for name in ("fsync", "replace", "chmod"):
        with monkeypatch.context() as patch:
            patch.setattr(f"throughtime._support.atomic.os.{name}", full)
            with pytest.raises(OSError, match="No space"):
                atomic.write(path, "new")
        assert contents(tmp_path) == {"file": b"old"}, "nothing else is left behind either"
    atomic.write(path, b"new")
    assert contents(tmp_path) == {"file": b"new"}


OLD = {"first": "old", "a": "old a", "b": "old b"}
NEW = {"a": "new a", "first": "new", "b": "new b"}


def read(folder, name):
    """A file as its digest, which `first` would tell, finds it."""
    wanted = NEW if (folder / "first").read_text() == "new" else OLD
    return read_verified(folder / name, {name: digest(wanted[name].encode())})


@pytest.mark.parametrize("killed", range(16))
@pytest.mark.parametrize("kind", [Killed, KeyboardInterrupt])
def test_files_that_are_written_together_are_all_old_or_all_new(killed, kind, tmp_path):
    """Whichever call of the system is the last one."""
    atomic.write_together(tmp_path, OLD, "first")
    with killed_at(killed, kind):
        atomic.write_together(tmp_path, NEW, "first")
    found = {name: read(tmp_path, name).decode() for name in ("a", "b")}
    assert found in ({n: OLD[n] for n in found}, {n: NEW[n] for n in found})
    atomic.write_together(tmp_path, NEW, "first")
    assert read(tmp_path, "b") == b"new b"


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
