"""Echo state networks of ReservoirPy for `reservoir_speed.py`, on NumPy or on JAX."""

import os

os.environ["JAX_ENABLE_X64"] = "1"  # else its JAX backend computes in single precision
os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np
import reservoirpy
from rounds import serve


def network(nodes, bias, settings: dict, seed: int = 0):
    """A sparse reservoir and its readout by ridge regression, not yet drawn."""
    units = settings["units"]
    reservoir = nodes.Reservoir(
        units,
        lr=settings["leak"],
        sr=settings["radius"],
        input_scaling=settings["input_scale"],
        input_connectivity=1.0,
        rc_connectivity=settings["incoming"] / units,
        bias=bias,
        seed=seed,
    )
    return reservoir >> nodes.Ridge(ridge=settings["ridge"])


def fit(series: str, backend: str, washout: int, drawn: bool, **settings):
    """One fit: of a reservoir drawn before, or with the drawing of its weights."""
    y = np.load(series)
    if backend == "jax":
        from reservoirpy.jax import mat_gen, nodes
    else:
        from reservoirpy import mat_gen, nodes
    bias = mat_gen.uniform(input_scaling=settings["bias"])
    x, target = y[:-1], y[1:]
    ready = network(nodes, bias, settings)
    ready.initialize(x, target)

    def run():
        one = ready if drawn else network(nodes, bias, settings)
        one.fit(x, target, warmup=washout)
        return np.asarray(one.nodes[-1].Wout)  # JAX has finished when it is there

    return run


def main() -> None:
    serve({"reservoirpy": reservoirpy.__version__, "numpy": np.__version__}, fit)


if __name__ == "__main__":
    main()
