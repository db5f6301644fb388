"""`python -m throughtime`."""

from .cli import main

main()
