"""The process of the command line: `throughtime`, or `python -m throughtime`."""

import atexit
import contextlib
import os
import sys
from typing import Any, NoReturn

from .cli import main, say


def run() -> NoReturn:
    """The entry point of the process: `main`, and out.

    The process is not taken apart: freeing what JAX holds takes longer than many a command.
    """
    status = 1
    try:
        main()
    except SystemExit as leaving:
        status = _status(leaving.code)
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


def _status(code: Any) -> int:
    """The exit status that Python gives to what `SystemExit` carries; a text is printed."""
    if code is None or isinstance(code, int):
        return code or 0
    say(str(code))
    return 1


if __name__ == "__main__":
    run()
