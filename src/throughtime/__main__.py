"""`python -m throughtime`."""

from .cli import run

run()
