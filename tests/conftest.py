"""Settings and fixtures for every test."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest


@pytest.fixture
def float64():
    """Double precision, for tests that hold to rounding error."""
    with jax.enable_x64(True):
        yield
