"""Commands in too little memory; see `limits`."""

from .limits import memory as run_part

__all__ = ["run_part"]
