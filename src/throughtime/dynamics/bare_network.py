"""A network without a model around it, made ready for a diagnosis."""

import jax.numpy as jnp
import numpy as np

from throughtime.data.scaler import Scaler
from throughtime.recurrence.initialisation import on_device
from throughtime.recurrence.network import Network
from throughtime.training.batches import Batch, Data

from .gradient_flow import example_batch
from .trained_network import TrainedNetwork

SEQUENCES, STEPS = 16, 100
"""White noise that a network reads where no data are given."""


def from_network(
    network: Network, data: Data | Batch | None = None, *, seed: int = 0
) -> TrainedNetwork:
    """A network ready for a diagnosis; of an ensemble, its first.

    Its first inputs, as many as it has outputs, are taken for the series that it forecasts one
    step ahead, and the others are held at zero. A network with more outputs than inputs, or one
    that answers after the last step only, is not run in closed loop: its states run on with all
    inputs held at zero.

    Parameters
    ----------
    network
        The network.
    data
        What it was trained on; white noise if None.
    seed
        The seed of the white noise.
    """
    members, network = network.members or 1, network.networks[0]
    size = network.output_size
    closed = size <= network.input_size and not network.readout.last
    batch = _white_noise(network, seed) if data is None else example_batch(data)
    names = tuple(f"output {i + 1}" for i in range(size))
    series = np.asarray(batch.inputs[0, :, :size], np.float64)
    known = data is not None and closed
    return TrainedNetwork(
        name=type(network.cells[-1]).__name__,
        members=members,
        network=network,
        batch=batch,
        loss="mse",
        context=series,
        carry=not network.centred,
        variables=names,
        scaler=Scaler(np.zeros(size), np.ones(size)),
        truth=series if known else np.empty((0, size)),
        end=len(series) if known else None,
        dt=1.0,
        unit="step",
        exponents=(),
        constant_inputs=tuple(f"input {i + 1}" for i in range(size, network.input_size)),
        closed=closed,
        white_noise=data is None,
    )


def _white_noise(network: Network, seed: int) -> Batch:
    """Standard normal inputs and targets."""
    rng, dtype = np.random.default_rng(seed), network.readout.layers[-1].c.dtype
    steps = (SEQUENCES,) if network.readout.last else (SEQUENCES, STEPS)
    inputs = rng.standard_normal((SEQUENCES, STEPS, network.input_size))
    targets = rng.standard_normal((*steps, network.output_size))
    xs, ys = (on_device(values, dtype) for values in (inputs, targets))
    return Batch(xs, ys, None, jnp.ones(SEQUENCES))
