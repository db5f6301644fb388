"""What `throughtime` exports, and what importing it costs."""

import ast
import json
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

import throughtime as tt

SOURCE = Path(__file__).parents[1] / "src" / "throughtime" / "__init__.py"


def fresh(program):
    """Run Python in a new interpreter."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )


def test_names_are_sorted():
    """As ruff's RUF022 does: CONSTANTS, then Classes, then functions."""

    def order(name):
        kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
        return kind, name

    assert tt.__all__ == sorted(set(tt.__all__), key=order)
    assert list(tt._HOMES) == sorted(tt._HOMES, key=order)


def test_names_are_complete():
    assert tt.__all__ == list(tt._HOMES)
    imported = {}
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            imported |= {alias.asname or alias.name: node.module for alias in node.names}
    assert imported == tt._HOMES


@pytest.mark.parametrize("name", tt.__all__)
def test_a_name_is_the_object_of_its_module(name):
    home = import_module(f"throughtime.{tt._HOMES[name]}")
    assert getattr(tt, name) is getattr(home, "load" if name == "load_dataset" else name)


def test_a_name_outlives_the_import_of_the_module_called_the_same():
    names = sorted(set(tt._HOMES) & set(tt._HOMES.values()))
    assert {"rollout", "train", "unroll"} <= set(names)
    done = fresh(
        "from importlib import import_module\n"
        "import throughtime as tt\n"
        f"for name in {names}:\n"
        "    home = import_module(f'throughtime.{name}')\n"
        "    assert getattr(tt, name) is getattr(home, name), name\n"
        "from throughtime.train import Fitted, train\n"
        "assert tt.train is train and callable(train)"
    )
    assert not done.returncode, done.stderr


def test_dir_and_unknown_names():
    assert dir(tt) == sorted([*tt.__all__, "__version__"])
    assert tt.__version__.count(".") == 2
    with pytest.raises(
        AttributeError, match="module 'throughtime' has no attribute 'Forcaster'"
    ):
        _ = tt.Forcaster


def test_import_is_light():
    """No array library, no table, no picture, no device, no flag of JAX; and at once."""
    begin = time.monotonic()
    done = fresh(
        "import sys, json, os, time\n"
        "before, begin = dict(os.environ), time.perf_counter()\n"
        "import throughtime\n"
        "seconds = time.perf_counter() - begin\n"
        "assert dict(os.environ) == before\n"
        "print(json.dumps([seconds, sorted(sys.modules)]))"
    )
    seconds, loaded = json.loads(done.stdout)
    heavy = {"jax", "jaxlib", "numpy", "polars", "matplotlib", "equinox", "optax", "pydantic"}
    assert not heavy & set(loaded)
    assert seconds < 1.5 or time.monotonic() - begin > 10  # a machine that is busy is no defect


def test_names_start_no_device_and_set_no_flag():
    done = fresh(
        "import jax\n"
        "from jax._src import xla_bridge\n"
        "before = dict(jax.config.values)\n"
        "import throughtime\n"
        "for name in throughtime.__all__: getattr(throughtime, name)\n"
        "import throughtime.cli, throughtime.job, throughtime.examples, throughtime.report\n"
        "assert dict(jax.config.values) == before\n"
        "assert not xla_bridge._backends, xla_bridge._backends"
    )
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["info", "--help"]])
def test_the_package_is_a_program(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "throughtime", *arguments], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: python -m throughtime" in done.stdout
