"""The program: `throughtime`, or `python -m throughtime`.

Hardly anything is imported before a signal is heeded: the rest is in `commands/program.py`.
"""

from typing import NoReturn

from throughtime.commands.signals import end_at_once, handle


def run() -> NoReturn:
    """The entry point of the program."""
    handle(end_at_once)
    from throughtime.commands.memory_limit import within_memory_limit

    with within_memory_limit():
        from throughtime.commands import program

        program.run()


def main() -> NoReturn:
    """Run a command in a process that goes on; `SystemExit` has its exit status."""
    from throughtime.commands import program

    program.main()


if __name__ == "__main__":
    run()
