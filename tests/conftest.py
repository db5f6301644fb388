"""Settings, fixtures and helpers for every test.

`throughtime` is imported inside functions only: its types are checked only if it is imported
after pytest has read its options.
"""

import datetime as dt
import gc
import os
import re
import sys
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import hypothesis
import jax
import jaxtyping
import numpy as np
import pytest
import type_checks

type_checks.install()
gc.set_threshold(100_000, 20, 20)  # as the program does: what is imported is never freed

pytest.register_assert_rewrite(
    "browser", "command_line", "made_models", "pages", "saved_run", "tampering"
)

# No example has a deadline: a busy machine is not a defect. Speed belongs in `benchmarks/`.
hypothesis.settings.register_profile("throughtime", deadline=None)
hypothesis.settings.load_profile("throughtime")

# Compiled programs are stored on disk, for later tests and for the next run.
CACHE = Path(__file__).parents[1] / ".pytest_cache" / "jax"
jax.config.update("jax_compilation_cache_dir", str(CACHE))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
os.environ["THROUGHTIME_CACHE"] = "0"  # the command line leaves the user's own folder alone

# Compilation without optimisation takes a third of the time: enough for what runs for
# milliseconds. As `compiler_options` of a `jit`, or by the fixture `quick_compile`.
QUICK_COMPILE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}

DATES = [dt.datetime(2020, 1, 31), dt.datetime(2020, 2, 29), dt.datetime(2020, 3, 31)]
DATA = {"date": DATES, "y": [1.5, -2.0, 3.25], "u": [10, 20, 30], "note": ["a", "b", "c"]}
CSV = "date,y,u,note\n2020-01-31,1.5,10,a\n2020-02-29,-2.0,20,b\n2020-03-31,3.25,30,c\n"
"""One small table, as columns and as CSV: month ends, a target, an input and a note."""


def pytest_collection_finish():
    """What the tests themselves are made of is no garbage: it is not looked through again."""
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    type_checks.check_anew()


@pytest.fixture(scope="session", autouse=True)
def least_optimisation():
    """What the library compiles quickly is compiled in half of that: it runs once or twice."""
    from throughtime._support.quick_compilation import WANTED

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(WANTED, "xla_backend_optimization_level", 0)
        yield


@pytest.fixture(autouse=True)
def own_figures():
    """No figure of pyplot is left open for the next test."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture
def float64():
    """Double precision, for tests that are exact up to rounding error."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def quick_compile():
    """No optimisation of what is compiled, for modules whose programs run for milliseconds."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="session")
def tab(tmp_path_factory):
    """A tab of a browser; what needs one is skipped where there is none."""
    import browser
    from pages import BROWSER

    if BROWSER is None:
        pytest.skip("no chromium on this machine")
    with browser.tab(BROWSER, tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture
def as_installed():
    """Shapes are not checked against annotations, as it is outside of the tests."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def write(tmp_path):
    """A function that writes text or bytes to a file and returns its path."""

    def write(text, name="lab.csv"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


@pytest.fixture(scope="session")
def lab():
    """The series of `DATA` with `u` as an input."""
    from throughtime.data.series import Series
    from throughtime.stamps.time_axis import Times

    return Series(
        np.array([[1.5], [-2.0], [3.25]]),
        ("y",),
        np.array([[10.0], [20.0], [30.0]]),
        ("u",),
        Times(np.datetime64("2020-01-31", "us"), 1, 3, "date", "month", 31),
    )


def refuses(message):
    """A context that expects an `InputError` whose message contains this text."""
    from throughtime.errors import InputError

    return pytest.raises(InputError, match=re.escape(message))


@pytest.fixture(scope="module")
def few_reservoirs():
    """What an `esn` is not given is searched among few settings: for tests of other things."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "search.RESERVOIRS": (),
            "search.NEAR": 1,
            "judging.SEEDS": 1,
        }.items():
            patch.setattr(f"throughtime.reservoir.forecast_{name}", value)
        yield
