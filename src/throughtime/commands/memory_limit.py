"""A command under a limit of its address space (`ulimit -v`): it ends in one line, as always.

XLA and Polars end the process themselves, or wait for ever, when memory is refused to them. So
a limit that nothing could be computed in is refused before they are imported, and under any
other the command runs in a child of this process, which says how it ended.
"""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

from throughtime._support.memory import address_space_limit
from throughtime.errors import InputError

from .exit_status import fail
from .signals import ENDING

NEEDED = 1200 * 2**20
"""Bytes of address space that every command that computes ended well in, on two cores."""

LIGHT = {"info", "runs", "open"}
"""The commands that need a third of that."""

CRASHES = {
    getattr(signal, name)
    for name in ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGTRAP")
    if hasattr(signal, name)
}
"""What ends a process by its own fault."""

M_ARENA_MAX = -8  # of mallopt(3)
PR_SET_PDEATHSIG = 1  # of prctl(2)


@contextlib.contextmanager
def within_memory_limit() -> Iterator[None]:
    """A context for a command; under a limit a child of this process enters it.

    This process then waits for the child, and ends with its status.
    """
    limit = address_space_limit()
    if limit is None or not sys.platform.startswith("linux"):
        yield
        return
    if limit < NEEDED and _computes(sys.argv[1:]):
        os._exit(fail(str(too_little(limit)), 2))
    # Before the child is made: a signal that is waiting is thrown away by setting what it does.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where ignored, its status would be lost
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    parent, child = os.getpid(), os.fork()
    if child:
        # Only now: until there is a child to tell, a signal ends this process at once.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        _end_as(_ended(child), limit)
    _prepare(parent)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield
    except SystemExit:
        raise
    except BaseException as error:  # an import fails half-way in any of them, or Rust panics
        how = f"{type(error).__name__}: {error}".removesuffix(": ")
        os._exit(fail(str(not_enough(limit, how)), 2))


def too_little(limit: int) -> InputError:
    """The error of a limit that nothing can be computed in."""
    rule = f"the address space must hold the libraries that compute, {NEEDED / 2**20:.0f} MiB"
    got = f"a limit of {limit / 2**20:.0f} MiB (`ulimit -v`)"
    return InputError(rule, got, "Begin in a shell whose `ulimit -v` is higher or unlimited.")


def not_enough(limit: int, how: str) -> InputError:
    """The error of a command that a library ended."""
    rule = f"a command must fit in the limit of {limit / 2**20:.0f} MiB (`ulimit -v`)"
    remedy = "Begin in a shell whose `ulimit -v` is higher or unlimited, or lower the network,"
    return InputError(rule, f"its end ({how})", remedy + " the data or the steps.")


def _computes(words: list[str]) -> bool:
    """Whether these arguments are those of a command that computes."""
    names = [word for word in words if not word.startswith("-")]
    return bool(names) and names[0] not in LIGHT and not {"-h", "--help"} & set(words)


def _prepare(parent: int) -> None:
    """Let the child take little, print no line of a library, and end with its parent."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended before this could be asked for
        os._exit(1)
    with contextlib.suppress(AttributeError):  # other libraries than glibc have no arenas
        # Each thread would set aside 64 MiB: half of all the address space that is taken.
        libc.mallopt(M_ARENA_MAX, 1)
    if sys.stderr is not None:
        # What C++ and Rust write about their end goes to the descriptor itself.
        with contextlib.suppress(OSError, ValueError):
            copy, coding = os.dup(2), sys.stderr.encoding
            sys.stderr = os.fdopen(copy, "w", 1, coding, errors="backslashreplace")
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _ended(child: int) -> int:
    """Wait for the child, and hand on what is sent to this process; the child's exit code."""
    while True:
        came = signal.sigwaitinfo({*ENDING, signal.SIGCHLD})
        if came.si_signo != signal.SIGCHLD:
            if came.si_pid:  # a terminal has told the child as well
                os.kill(child, came.si_signo)
            continue
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)


def _end_as(code: int, limit: int) -> NoReturn:
    """End as the child did, whose exit code this is; a crash is told in a line."""
    if -code in CRASHES:
        os._exit(fail(str(not_enough(limit, signal.Signals(-code).name)), 2))
    if code < 0:  # as by SIGKILL, where memory ran out: the shell says so of a signal alone
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {-code})
        with contextlib.suppress(OSError):  # what SIGKILL does cannot be set
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)
