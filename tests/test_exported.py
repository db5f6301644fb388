"""What `throughtime` exports, and what importing it costs."""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pytest

import throughtime as tt

STUB = Path(tt.__file__).with_suffix(".pyi")
EXPORTS = [
    (node.module, alias)
    for node in ast.parse(STUB.read_text()).body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
]
# Names of earlier versions, which go on working beside the better one.
ALIASES = {"solve": "learn_task"}
EARLIER = """
    GRU LSTM RNN Architecture Backtest Batch Cell Dense Diverged EchoState EchoStateNetwork
    Fitted Forecast Forecaster Initialisation InputError LSTMState Loss Method Network
    NextGeneration Readout Regularised ReservoirDesign Scaler Sequences Series Split Streams
    Surrogate System Task Times Windows behaviour diagnose equations evaluate fixed_points
    gradient_flow hessian_free load load_dataset load_surrogate method rollout save_surrogate
    simulate solve system task to_series train unroll way
""".split()


def fresh(program):
    """Run Python in a new interpreter."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )


def test_each_name_is_listed_once_and_is_public():
    names = [alias.name for _, alias in EXPORTS]
    assert sorted(names) == sorted(set(names)) == sorted(tt.__all__)
    assert all(alias.asname == alias.name for _, alias in EXPORTS)
    assert [module for module, _ in EXPORTS] == sorted(module for module, _ in EXPORTS)


def test_no_earlier_name_is_gone():
    assert set(EARLIER) <= set(tt.__all__)
    for old, new in ALIASES.items():
        assert getattr(tt, old) is getattr(tt, new)


@pytest.mark.parametrize(("module", "alias"), EXPORTS, ids=lambda x: getattr(x, "name", ""))
def test_a_name_is_the_object_of_its_module(module, alias):
    home = import_module(f"throughtime.{module}")
    assert getattr(tt, alias.name) is getattr(home, alias.name)


def test_a_name_outlives_the_import_of_the_module_called_the_same():
    named_alike = [(m, a.name) for m, a in EXPORTS if m.rpartition(".")[2] == a.name]
    assert {"rollout", "train", "unroll"} <= {name for _, name in named_alike}
    done = fresh(
        "from importlib import import_module\n"
        "import throughtime as tt\n"
        f"for module, name in {named_alike}:\n"
        "    home = import_module(f'throughtime.{module}')\n"
        "    assert getattr(tt, name) is getattr(home, name), name\n"
        "from throughtime.training.train import Fitted, train\n"
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


def test_a_function_that_names_the_package_can_be_pickled():
    """As joblib, Ray and Dask send the functions of a notebook to other processes."""
    program = (
        "import cloudpickle, sys, throughtime as tt\n"
        "def cells(): return tt.GRU.__name__, tt.__version__\n"
        "sys.stdout.buffer.write(cloudpickle.dumps(cells))"
    )
    sent = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert not sent.returncode, sent.stderr
    assert cloudpickle.loads(sent.stdout)() == ("GRU", tt.__version__)
    assert cloudpickle.loads(cloudpickle.dumps(lambda: tt.__version__))() == tt.__version__


def test_a_fit_runs_in_two_processes_of_joblib():
    wave = np.sin(np.arange(80) / 4)

    def forecast(seed):
        alone = {"core": None, "prior": None}
        model = tt.Forecaster(hidden=3, epochs=2, window=8, ensemble=1, seed=seed, **alone)
        return model.fit(wave).predict(3).mean

    with joblib.parallel_config(backend="loky", n_jobs=2):
        both = joblib.Parallel()(joblib.delayed(forecast)(seed) for seed in (0, 1))
    np.testing.assert_allclose(both[0], forecast(0), rtol=1e-5)
    assert both[1].shape == (3, 1) and not np.allclose(*both)


def test_import_is_light():
    """No array library, no table, no picture, no device, no flag of JAX; and at once.

    The time is that of the processor alone: how busy the machine is plays no part.
    """
    done = fresh(
        "import sys, json, os, time\n"
        "before, begin = dict(os.environ), time.process_time()\n"
        "import throughtime\n"
        "seconds = time.process_time() - begin\n"
        "assert dict(os.environ) == before\n"
        "print(json.dumps([seconds, sorted(sys.modules)]))"
    )
    seconds, loaded = json.loads(done.stdout)
    heavy = {"jax", "jaxlib", "numpy", "polars", "matplotlib", "equinox", "optax", "pydantic"}
    assert not heavy & set(loaded)
    assert seconds < 0.5


def test_names_start_no_device_and_set_no_flag():
    done = fresh(
        "import jax\n"
        "from jax._src import xla_bridge\n"
        "before = dict(jax.config.values)\n"
        "import throughtime\n"
        "for name in throughtime.__all__: getattr(throughtime, name)\n"
        "import throughtime.commands.app, throughtime.commands.forecast_run\n"
        "import throughtime.lecture.programs, throughtime.reports.forecast_report\n"
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
