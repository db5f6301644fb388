"""How much main memory this machine has, and refusing what does not fit in it."""

import os

from throughtime.errors import InputError


def total_memory() -> int | None:
    """The main memory of this machine in bytes; None where the system does not report it."""
    names = getattr(os, "sysconf_names", {})
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(names):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def require_memory(
    size: float,
    purpose: str,
    subject: str = "a reservoir",
    remedy: str = "Use fewer units, or a sparse reservoir.",
) -> None:
    """Refuse what this machine's memory cannot hold, before it is allocated.

    Parameters
    ----------
    size
        The bytes that are needed.
    purpose
        What they are needed for, in a few words for the error.
    subject, remedy
        What must fit, and what to do if it does not.

    Raises
    ------
    InputError
        If `size` exceeds the memory of this machine, where that is known.
    """
    limit = total_memory()
    if limit is not None and size > limit:
        rule = f"{subject} must fit in memory, {limit / 2**30:.3g} GiB here"
        got = f"{size / 2**30:.3g} GiB for {purpose}"
        raise InputError(rule, got, remedy)
