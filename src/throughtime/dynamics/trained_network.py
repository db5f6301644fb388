"""What there is to look at in a trained model: its first network, and what it knew."""

from dataclasses import dataclass, replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from throughtime._support.precision import precision
from throughtime.data.scaler import Scaler
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.network import Network
from throughtime.training.batches import Batch

from . import maps
from .gradient_flow import looked_at
from .maps import Map
from .simulate import simulate
from .surrogate import Surrogate
from .systems import System

LONG = 20_000
"""Steps of a system that a surrogate of it is compared with, and of a free run, at most."""


@dataclass(frozen=True)
class Subject:
    """A trained network with what is needed to look at it.

    Attributes
    ----------
    name, members
        Of what; of how many networks it is the first.
    network
        It.
    batch, loss
        Sequences that it learns from, scaled.
    context
        A stretch of the series, scaled.
    carry
        Whether its state is carried on.
    names, scaler
        Of the variables.
    truth
        The series in its own units.
    end
        The row of the truth that follows the context; None if it is of another trajectory.
    time, unit
        Of a step.
    known
        Lyapunov exponents of what it learns, if known.
    held
        Names of inputs that are held at their mean.
    """

    name: str
    members: int
    network: Network
    batch: Batch
    loss: str
    context: np.ndarray
    carry: bool
    names: tuple[str, ...]
    scaler: Scaler
    truth: Float64[np.ndarray, "time variable"]
    end: int | None
    time: float
    unit: str
    known: tuple[float, ...]
    held: tuple[str, ...]

    def dynamics(self) -> Map:
        """The network left to itself, in double precision.

        Of one that measures each window from its start the level, which nothing holds, is left
        out: a state is a window less its first value.
        """
        alone, centred = self.left_alone(), self.network.centred
        if not centred:
            return alone

        def level(rows):
            first = rows[:, :centred]
            return rows - jnp.tile(first, rows.shape[1] // centred)

        def step(n, rows):
            return level(alone.step(n, rows))

        return replace(alone, step=step, start=level(alone.start[None])[0])

    def left_alone(self) -> Map:
        """The network that reads its own outputs, in double precision."""
        network = maps.double(self.network)
        horizon = network.output_size // len(self.names)
        extra = (network.input_size - len(self.names)) // horizon
        context = np.asarray(self.context, np.float64)
        found = maps.map_of_network(network, context, np.zeros(extra), carry=self.carry)
        return replace(found, time=self.time * horizon)

    def in_units(
        self, seen: Float64[np.ndarray, "step variable"]
    ) -> Float64[np.ndarray, "step variable"]:
        """What `dynamics` shows in the series' units; of a difference that is its size."""
        return seen * self.scaler.std if self.network.centred else self.scaler.inverse(seen)


def subject(model: Forecaster | Surrogate, name: str = "") -> Subject:
    """What there is to look at in a fitted model: its first network.

    Raises
    ------
    InputError
        If it is not fitted.
    """
    of = of_surrogate if isinstance(model, Surrogate) else of_forecaster
    return of(model, name)  # pyright: ignore


def of_forecaster(model: Forecaster, name: str = "") -> Subject:
    """As `subject`, of a forecaster."""
    networks, parts = model.predictor(1).networks, model.parts_
    params, static = eqx.partition(networks, eqx.is_inexact_array)
    first = jax.tree.map(lambda leaf: leaf[0], params)
    series, split = parts.series[0], parts.splits[0]
    end = split.validation  # the end of what was learned from
    with precision(model.dtype):
        batch = looked_at(model.training_data())
    return Subject(
        name or series.name,
        model.ensemble,
        eqx.combine(first, static),
        batch,
        model.loss,
        parts.scaler.transform(series.targets[end - parts.context : end]),
        model.truncated,
        series.target_names,
        parts.scaler,
        series.targets,
        end,
        1.0,
        "step",
        (),
        series.input_names,
    )


def of_surrogate(model: Surrogate, name: str = "") -> Subject:
    """As `subject`, of a surrogate."""
    network, system = model.trained(), model.system_
    trained = model.parts_[0].states
    truth, known = trained[0], system.exponents
    if model.told_:  # they are held at their mean
        held = {name: float(model.parts_[0].parameters[name].mean()) for name in model.told_}
        system = system.with_parameters(**held)
        known = ()
    if not system.inputs:  # longer than what it was trained on, and on the attractor
        truth = _attractor(system, model.dt_, truth)
    with precision(model.dtype):
        batch = looked_at(model.training_data())
    return Subject(
        name or system.name,
        1,
        network,
        batch,
        "mse",
        model.scaler_.transform(trained[0, -1:]),
        True,
        system.variables,
        model.scaler_,
        truth,
        None,
        model.dt_,
        "unit of time" if system.kind != "map" else "step",
        known,
        (*system.inputs, *model.told_),
    )


def _attractor(system: System, dt: float | int, short: np.ndarray) -> np.ndarray:
    """A long trajectory: by steps of one length, or where these fail by adaptive ones.

    `short` where the system goes to infinity.
    """
    long = partial(simulate, system, LONG, dt=dt, transient=system.transient, finite=False)
    for scheme in ("rk4", "adaptive"):  # (the first is twenty times as fast)
        found = long(scheme=scheme)
        if np.isfinite(found).all():
            return found
    return short
