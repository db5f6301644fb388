"""How much memory this machine has."""

import os

from throughtime.errors import InputError


def memory() -> int | None:
    """Bytes of main memory; None where the system does not say."""
    names = getattr(os, "sysconf_names", {})
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(names):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def require_memory(size: float, what: str) -> None:
    """Refuses what this machine's memory cannot hold, before it is allocated.

    Raises
    ------
    InputError
        If `size` bytes are more than there are, where that is known.
    """
    limit = memory()
    if limit is not None and size > limit:
        rule = f"a reservoir must fit in memory, {limit / 2**30:.3g} GiB here"
        got = f"{size / 2**30:.3g} GiB for {what}"
        raise InputError(rule, got, "Use fewer units, or a sparse reservoir.")
