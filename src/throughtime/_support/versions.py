"""Which versions of Python and of the packages computed a result."""

from importlib.metadata import PackageNotFoundError, version
from platform import python_version

PACKAGES = ("throughtime", "jax", "jaxlib", "equinox", "optax", "numpy")
"""This package and those that decide its numbers."""


def package_versions() -> dict[str, str]:
    """The versions of Python and of `PACKAGES`, by name."""
    versions = {"python": python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions
