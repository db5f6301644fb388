"""How much main memory this process may use, and refusing what does not fit in it."""

import contextlib
import os
from functools import cache
from pathlib import Path

from throughtime.errors import InputError

GROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def total_memory() -> int | None:
    """The bytes of main memory that this process may use; None where that is not known.

    The least of what the machine has, of the limit of its control group (a container's or a
    batch system's), and of its address space.
    """
    known = (_machine_memory(), _own_group_limit(), address_space_limit())
    return min((size for size in known if size is not None), default=None)


def _machine_memory() -> int | None:
    """The main memory of this machine in bytes, where the system reports it."""
    names = getattr(os, "sysconf_names", {})
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(names):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@cache
def _own_group_limit() -> int | None:
    """`group_limit`, read once: a search of settings asks for each of its networks."""
    return group_limit()


def address_space_limit() -> int | None:
    """The limit of this process' address space in bytes (`ulimit -v`), if there is one."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def group_limit(root: Path = GROUPS, groups: Path = OWN_GROUPS) -> int | None:
    """The limit of memory of this process' control groups in bytes (Linux), if there is one.

    Parameters
    ----------
    root
        Where the groups are mounted: version 2, or version 1 with its own folder for memory.
    groups
        The file that names the groups of this process, `number:controllers:path` a line.
    """
    limits = []
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return None
    for number, controllers, path in (line.split(":", 2) for line in lines):
        if number == "0":
            top, name = root, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = root / "memory", "memory.limit_in_bytes"
        else:
            continue
        folder = top / path.lstrip("/")
        # A group is bound by those around it; in a container its path may lie outside of it.
        for place in (folder, *folder.parents):
            if place.is_relative_to(top):
                with contextlib.suppress(OSError, ValueError):  # (no limit is "max")
                    limits.append(int((place / name).read_text()))
    return min(limits, default=None)


def require_memory(
    size: float,
    purpose: str,
    subject: str = "a reservoir",
    remedy: str = "Use fewer units, or a sparse reservoir.",
) -> None:
    """Refuse what memory cannot hold, before it is allocated.

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
        If `size` exceeds `total_memory`, where that is known.
    """
    limit = total_memory()
    if limit is not None and size > limit:
        rule = f"{subject} must fit in memory, {limit / 2**30:.3g} GiB here"
        got = f"{size / 2**30:.3g} GiB for {purpose}"
        raise InputError(rule, got, remedy)
