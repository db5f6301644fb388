"""A run that a test may damage."""

import shutil
from pathlib import Path

import pytest
from saved_run import saved


@pytest.fixture
def folder(tmp_path):
    """A run of its own, to be damaged."""
    return Path(shutil.copytree(saved(), tmp_path / "run"))
