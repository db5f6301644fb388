"""Atomic files: on disk, complete, or absent."""

import os

import pytest
from saved_run import contents

from throughtime._support import atomic


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


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
