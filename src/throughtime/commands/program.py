"""A command from its arguments to an exit status; every error becomes one line."""

import atexit
import contextlib
import gc
import os
import signal
import sys
from typing import Any, NoReturn

import typer

from throughtime._support.compilation_cache import enable_compilation_cache
from throughtime.errors import InputError

from .app import app
from .exit_status import fail, print_error
from .signals import Terminated, handle, raise_ending, send_again
from .usage_errors import to_input_error

# The base class of usage errors, wherever this version of Typer keeps it.
USAGE_ERRORS: Any = tuple(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def run() -> NoReturn:
    """Run `main`, then end the process at once.

    Python's own shutdown is skipped: freeing what JAX holds takes longer than many commands.
    """
    status = 1
    try:
        main()
    except SystemExit as leaving:
        status = _status(leaving.code)
    except (KeyboardInterrupt, Terminated):  # while an error was told
        status = fail("Interrupted.", 130)
    handle(signal.SIG_IGN)  # it ends already
    atexit._run_exitfuncs()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        status = status or 141
    except (OSError, ValueError):  # (ValueError: it is closed)
        status = status or 1
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            sys.stderr.flush()
    os._exit(status)


def main() -> NoReturn:
    """Run a command; an error becomes one line on stderr and an exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what matters comes as an exception
    sys.unraisablehook = send_again
    enable_compilation_cache()
    gc.set_threshold(100_000, 20, 20)  # imported modules are never freed: collect less often
    try:
        handle(raise_ending)
        status = app(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        if status == 130:  # Typer has caught Ctrl-C itself
            raise KeyboardInterrupt
    except InputError as error:
        status = fail(str(error), 2)
    except Terminated as stop:
        status = fail("Terminated.", stop.status)
    except (KeyboardInterrupt, typer.Abort):
        status = fail("Interrupted.", 130)
    except BrokenPipeError:
        # The reader of our output is gone: print nothing more, not even at exit.
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    except USAGE_ERRORS as error:
        status = fail(str(to_input_error(error, sys.argv[1:])), 2)
    except MemoryError as error:
        rule = "the network, the data and the steps must fit into memory"
        got = str(error) or "more than fits"
        status = fail(str(InputError(rule, got, "Lower one of them.")), 2)
    except OSError as error:
        where = f": `{error.filename}`" if error.filename else ""
        status = fail(f"The operating system refused ({error.strerror}){where}.", 1)
    sys.exit(status or 0)


def _status(code: Any) -> int:
    """The exit status that Python gives to the code of a `SystemExit`; a text is printed."""
    if code is None or isinstance(code, int):
        return code or 0
    print_error(str(code))
    return 1
