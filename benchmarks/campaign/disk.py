"""Commands on a full disk, and in folders that are read-only; see `limits`."""

from .limits import disk as run_part

__all__ = ["run_part"]
