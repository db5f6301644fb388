"""A process that is killed at one of the calls with which files are brought to the disk."""

import json
import os
from contextlib import contextmanager

import pytest

from throughtime._support import atomic
from throughtime._support.integrity import digest, read_verified


class Killed(BaseException):
    """Nothing that is written handles it, as nothing handles a kill."""


@contextmanager
def killed_at(number, kind=Killed):
    """A context that ends with an error before or after the call of this number.

    Numbers count from 0, each call twice: before it and after it.
    """
    calls = iter(range(99))

    def counted(call):
        def run(*arguments):
            if next(calls) == number:
                raise kind
            done = call(*arguments)
            if next(calls) == number:
                raise kind
            return done

        return run

    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "replace"):
            patch.setattr(atomic.os, name, counted(getattr(os, name)))
        if kind is Killed:  # nothing is cleaned up then
            patch.setattr(atomic.Path, "unlink", lambda *_, **__: None)
        with pytest.raises(kind):
            yield


def readable(folder, record):
    """The files of a run by name, as its record finds them, some of them still beside it."""
    digests = json.loads((folder / record).read_text())["digests"]
    return {name: digest(read_verified(folder / name, digests)) for name in digests}
