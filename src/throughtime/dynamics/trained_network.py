"""A trained network with everything that its diagnosis needs, from any kind of model."""

from dataclasses import dataclass, replace
from functools import partial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from throughtime._support.precision import precision
from throughtime.data.scaler import Scaler
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.network import Network
from throughtime.training.batches import Batch

from . import maps
from .gradient_flow import example_batch
from .maps import Map
from .simulate import simulate
from .surrogate import Surrogate
from .systems import System

MAX_STEPS = 20_000
"""The longest free run, and the longest true trajectory that a surrogate is compared with."""


@dataclass(frozen=True)
class TrainedNetwork:
    """The first network of a fitted model, its data, and what is known of the true dynamics.

    Attributes
    ----------
    name
        The name of the series or the system.
    members
        The number of networks in the model's ensemble.
    network
        The first of these networks.
    batch, loss
        Scaled training sequences, and the loss that was trained.
    context
        A stretch of the scaled series, from whose end free runs start.
    carry
        Whether the network's state is carried along the series; if not, it begins at zero
        with each context.
    variables, scaler
        The names of the variables, and their scaler.
    truth
        The series in its own units, `(time, variable)`.
    end
        The row of `truth` that follows the context; None if the context is from another
        trajectory.
    dt, unit
        The time of a step, and its unit.
    exponents
        Known Lyapunov exponents of the true dynamics.
    constant_inputs
        The names of the inputs that free runs hold constant, at their means.
    closed
        Whether the outputs are read as the next inputs in a free run. If not, all inputs are
        held at zero.
    white_noise
        Whether the sequences are white noise, because nothing is known of the training.
    """

    name: str
    members: int
    network: Network
    batch: Batch
    loss: str
    context: np.ndarray
    carry: bool
    variables: tuple[str, ...]
    scaler: Scaler
    truth: Float64[np.ndarray, "time variable"]
    end: int | None
    dt: float
    unit: str
    exponents: tuple[float, ...]
    constant_inputs: tuple[str, ...]
    closed: bool = True
    white_noise: bool = False

    def dynamics(self) -> Map:
        """The map to analyse: the network in closed loop, without a level that nothing fixes.

        A centred network measures each window from its first value, so adding a constant to
        the series changes nothing. Its states are therefore windows less their first value.
        """
        closed_loop, centred = self.closed_loop(), self.network.centred
        if not (centred and self.closed):
            return closed_loop

        def without_level(rows):
            first = rows[:, :centred]
            return rows - jnp.tile(first, rows.shape[1] // centred)

        def step(n, rows):
            return without_level(closed_loop.step(n, rows))

        start = without_level(closed_loop.start[None])[0]
        return replace(closed_loop, step=step, start=start)

    def closed_loop(self) -> Map:
        """The network reading its own outputs, in double precision."""
        network = maps.to_float64(self.network)
        if not self.closed:
            return maps.map_of_states(network)
        horizon = network.output_size // len(self.variables)
        inputs = (network.input_size - len(self.variables)) // horizon
        context = np.asarray(self.context, np.float64)
        found = maps.map_of_network(network, context, np.zeros(inputs), carry=self.carry)
        return replace(found, dt=self.dt * horizon)

    def to_units(
        self, observed: Float64[np.ndarray, "step variable"]
    ) -> Float64[np.ndarray, "step variable"]:
        """Observations of `dynamics` in the series' units, without the level if it has none."""
        if self.network.centred:
            return observed * self.scaler.std
        return self.scaler.inverse(observed)


def trained_network(model: Forecaster | Surrogate, name: str = "") -> TrainedNetwork:
    """The first network of a fitted model, ready for a diagnosis.

    Parameters
    ----------
    model
        A fitted model.
    name
        Its name in the diagnosis; by default that of its series or system.

    Raises
    ------
    InputError
        If the model is not fitted.
    """
    if isinstance(model, Surrogate):
        return from_surrogate(model, name)
    return from_forecaster(model, name)


def from_forecaster(model: Forecaster, name: str = "") -> TrainedNetwork:
    """The first network of a fitted forecaster; see `trained_network`."""
    model.predictor(1)  # raises if the model is not fitted
    data = model.data_
    series, split = data.series[0], data.splits[0]
    end = split.validation  # where the validation part ends: the test part was never used
    with precision(model.dtype):
        # Not `model.training_data()`: the first steps of an `esn` carry no loss there.
        batch = example_batch(
            data.training(model.batch_size, min(model.washout, data.window - 1))
        )
    return TrainedNetwork(
        name=name or series.name,
        members=model.ensemble,
        network=model.fitted_.networks[0],
        batch=batch,
        loss=model.loss,
        context=data.scalers[0].transform(series.targets[end - data.read_before(series) : end]),
        carry=data.truncated,
        variables=series.target_names,
        scaler=data.scalers[0],
        truth=series.targets,
        end=end,
        dt=1.0,
        unit="step",
        exponents=(),
        constant_inputs=series.input_names,
    )


def from_surrogate(model: Surrogate, name: str = "") -> TrainedNetwork:
    """The first network of a fitted surrogate; see `trained_network`."""
    network, system = model.trained(), model.system_
    training = model.training_trajectories_
    exponents = system.exponents
    if model.input_parameters_:  # at their means, where the exponents are not known
        means = {key: float(training.parameters[key].mean()) for key in model.input_parameters_}
        system, exponents = system.with_parameters(**means), ()
    truth = training.states[0]
    if not system.inputs:  # then it can be longer than the training, and on the attractor
        truth = _attractor(system, model.dt_, truth)
    with precision(model.dtype_):
        batch = example_batch(model.training_data())
    return TrainedNetwork(
        name=name or system.name,
        members=1,
        network=network,
        batch=batch,
        loss="mse",
        context=model.scaler_.transform(training.states[0, -1:]),
        # Without memory the map is of the variables alone: its state is what was read last.
        carry=not model.regressed,
        variables=system.variables,
        scaler=model.scaler_,
        truth=truth,
        end=None,
        dt=model.dt_,
        unit="unit of time" if system.kind != "map" else "step",
        exponents=exponents,
        constant_inputs=(*system.inputs, *model.input_parameters_),
    )


def _attractor(system: System, dt: float | int, fallback: np.ndarray) -> np.ndarray:
    """A long trajectory after the transient; the fallback if the system goes to infinity."""
    solve = partial(
        simulate, system, MAX_STEPS, dt=dt, transient=system.transient, finite=False
    )
    for scheme in ("rk4", "adaptive"):  # the first is twenty times as fast, where it is stable
        states = solve(scheme=scheme)
        if np.isfinite(states).all():
            return states
    return fallback
