r"""A surrogate of an equation: a recurrent network that learns to solve it, and its error.

The lecture writes a scheme for a differential equation as a recurrent network,
$y_{n+1} = h(y_n, u_n)$. A surrogate is such a network, trained on trajectories over ranges of
starts, parameters and drives. Its time step `dt` may be far longer than that of a scheme, and
it solves any number of trajectories as one batch.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Float64

from throughtime._support.blas_threads import one_blas_thread
from throughtime._support.precision import precision
from throughtime.errors import InputError, check_positive_integer
from throughtime.recurrence import native_kernels
from throughtime.recurrence.architecture import Architecture
from throughtime.recurrence.flow_map import Features, run_flow_map
from throughtime.recurrence.network import Network
from throughtime.recurrence.own_cell import CellSource
from throughtime.recurrence.rollout import rollout
from throughtime.training.batches import Sequences
from throughtime.training.epoch import TrainState
from throughtime.training.history import Row
from throughtime.training.methods import training_method
from throughtime.training.objective import Method
from throughtime.training.train import OnEpoch, first_state, train

from .equations import equations, is_text
from .flow_map_regression import SCALES, Steps, fit_flow_map
from .linear_map import LinearMap
from .local_features import is_large, step_for, with_local_features
from .simulate import trajectory_count
from .surrogate_checks import (
    check_equations,
    check_fixed_parameters,
    check_motion,
    check_settings,
    check_system,
    unset_settings,
    validation_count,
)
from .surrogate_data import fit_scalers, sample_around_own, windows, with_random_drives
from .surrogate_evaluation import SurrogateEvaluation, evaluate_solution
from .systems import System
from .systems import system as system_named
from .trajectories import (
    Range,
    Trajectories,
    input_names,
    input_parameters,
    network_inputs,
    random_drive,
    sample_trajectories,
    with_fixed_values,
)
from .turning_angles import turning_angles

Drive = Callable[[Any, Mapping[str, Any]], Any]

UNSEEN = 1_000_000
"""Added to the seed for the trajectories of an evaluation: the training never used them."""


T = TypeVar("T", bound="EquationSurrogate")


@dataclass(eq=False)
class EquationSurrogate:
    """The settings of a `Surrogate` and what it does with equations; see there."""

    system: str | System | None = None
    parameters: Mapping[str, float | int] = field(default_factory=dict)
    ranges: Mapping[str, Range | float | int] = field(default_factory=dict)
    dt: float | int | None = None
    trajectories: int = 200
    steps: int = 200
    validation: float = 0.15
    cell: str | CellSource | None = None
    hidden: int | None = None
    depth: int = 1
    dense: tuple[int, ...] | list[int] = ()
    window: int = 20
    forcing: str = "full"
    method: str = "adam"
    rate: float | None = None
    clip: float | None = 1.0
    schedule: str = "cosine"
    epochs: int = 300
    batch_size: int = 64
    dtype: str | None = None
    seed: int = 0

    def prepare(self: T) -> T:
        """The first half of `fit`: sample the trajectories, split and scale them."""
        self.system_ = self.own_system()
        self.cell_, self.hidden_, self.dtype_ = unset_settings(self, is_large(self.system_))
        check_settings(self)
        check_system(self.system_, self.dt)
        self.dt_ = step_for(self.system_, self.regressed) if self.dt is None else self.dt
        self.system_, ranges = with_fixed_values(self.system_, self.ranges)
        draw = self.trajectories, self.steps, self.dt_, self.seed
        if self.ranges.keys() & {*self.system_.variables}:
            self.ranges_ = ranges
            sampled = sample_trajectories(self.system_, ranges, *draw)
        else:
            self.ranges_, sampled = sample_around_own(self.system_, ranges, *draw)
        self.input_parameters_ = input_parameters(self.system_, self.ranges_)
        if self.regressed:
            known = self.ranges_, sampled, self.dt_, self.seed + 1
            sampled = with_random_drives(self.system_, *known)
        held_out = validation_count(self.validation, self.trajectories)
        training = sampled.subset(slice(held_out, None))
        self.training_trajectories_ = training
        self.validation_trajectories_ = sampled.subset(slice(held_out))
        variables = self.system_.variables
        check_motion(training, variables)
        self.scaler_, self.input_scaler_ = fit_scalers(training, variables)
        size = len(variables)
        self.architecture_ = Architecture(
            input_size=size + training.inputs.shape[-1],
            output_size=size,
            cell=self.cell_,
            hidden=self.hidden_,
            depth=self.depth,
            dense=tuple(self.dense),
            residual=size,
            dtype=self.dtype_,
            radius=0.0 if self.regressed else 0.9,
            angles=self._angles() if self.regressed else (),
        )
        return self

    def train(
        self: T,
        *,
        start: tuple[TrainState, list[Row]] | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> T:
        """The second half of `fit`: train the network on the prepared trajectories.

        Parameters
        ----------
        start, on_epoch
            As for `throughtime.train`. An `esn` has no state to start from, and `on_epoch` is
            called after each scale of its features.
        """
        if self.regressed:
            # Threads of BLAS wait for each other at the small products of the regression.
            with precision(self.dtype_), one_blas_thread():
                training = self._steps(self.training_trajectories_)
                validation = self._steps(self.validation_trajectories_)
                known = self.system_, self.training_trajectories_, self.seed
                network = with_local_features(self.untrained(), *known)
                self.fitted_ = fit_flow_map(network, training, validation, on_epoch)
            return self
        with precision(self.dtype_):
            self.fitted_ = train(
                self.untrained(),
                self.training_data(),
                method=self._method(),
                epochs=self.epochs,
                batch_size=self.batch_size,
                validation=self._windows(self.validation_trajectories_),
                schedule=self.schedule,
                forcing=self.forcing,
                key=self.seed + 1,
                start=start,
                on_epoch=on_epoch,
            )
        return self

    @property
    def regressed(self) -> bool:
        """Whether the network is an `esn`, whose readout alone is fitted."""
        return isinstance(self.cell_, str) and self.cell_ == "esn"

    @property
    def max_epochs(self) -> int:
        """The number of epochs of a training, or of scales that an `esn` tries."""
        return len(SCALES) if self.regressed else self.epochs

    def first_state(self) -> TrainState:
        """The state of the training before its first epoch, as a checkpoint holds it."""
        with precision(self.dtype_):
            return first_state(self.untrained(), self._method())

    def training_data(self) -> Sequences:
        """The training trajectories, scaled and cut into windows."""
        return self._windows(self.training_trajectories_)

    def input_names(self) -> tuple[str, ...]:
        """Names of what the network reads besides the state."""
        return input_names(self.system_, self.ranges_)

    def trained(self) -> Network:
        """The trained network.

        Raises
        ------
        InputError
            If the surrogate is not fitted.
        """
        if not hasattr(self, "fitted_"):
            rule = "a surrogate must be fitted before it solves"
            raise InputError(rule, "one that is not", "Call `fit` first.")
        return self.fitted_.network

    def untrained(self) -> Network:
        """The network before its training."""
        return self.architecture_.build(self.seed)

    def fewest_weights(self) -> int:
        """A lower bound on the number of weights."""
        return self.architecture_.fewest_weights()

    @property
    def history_(self) -> list[Row]:
        """The history of the training, a row for each epoch."""
        return self.fitted_.history

    def solve(
        self,
        start: Any,
        steps: int,
        parameters: Mapping[str, Any] | None = None,
        drive: Drive | None = None,
    ) -> Float64[np.ndarray, "*trajectory time variable"]:
        """Solve the system with the network in closed loop.

        Parameters
        ----------
        start
            The initial state, `(variable,)`, or those of many trajectories, `(n, variable)`.
        steps
            The number of time steps.
        parameters
            Numbers, or arrays `(n,)` with one value per trajectory.
        drive
            A drive in place of the system's own: `drive(t, parameters)`, written in
            `jax.numpy`.

        Returns
        -------
        Array, (time, variable) or (n, time, variable)
            The states at the times 0, dt, ..., as `simulate` returns them.

        Raises
        ------
        InputError
            If the surrogate is not fitted, shapes do not match, or a parameter of the law
            differs from its training value although it did not vary there.
        """
        check_equations(self)
        self.trained()
        check_positive_integer("steps", steps)
        start = np.asarray(start, np.float64)
        if not (start.size and np.isfinite(start).all()):
            rule = "`start` must be finite numbers, of one trajectory at least"
            got = "none" if not start.size else "NaN or infinity"
            raise InputError(rule, got, "Give a number for every variable.")
        own = {k: np.asarray(v, np.float64) for k, v in (parameters or {}).items()}
        given = trajectory_count(self.system_, start, own)
        check_fixed_parameters(self.system_, self.input_parameters_, own)
        count = 1 if given is None else given
        system = self._driven_by(drive)
        inputs = network_inputs(system, own, self.input_parameters_, count, steps, self.dt_)
        solution = self._solve(np.broadcast_to(start, (count, start.shape[-1])), inputs)
        return solution[0] if given is None else solution

    def evaluate(
        self, count: int = 100, steps: int = 1000, drive: Drive | None = None
    ) -> SurrogateEvaluation:
        """Solve trajectories that the training never used, and measure the error.

        Parameters
        ----------
        count
            The number of trajectories, sampled over the same ranges.
        steps
            The number of steps of each.
        drive
            A drive in place of the system's own.
        """
        check_equations(self)
        self.trained()
        system = self._driven_by(drive)
        unseen = sample_trajectories(
            system, self.ranges_, count, steps, self.dt_, self.seed + UNSEEN
        )
        begin = time.perf_counter()
        solution = self._solve(unseen.states[:, 0], unseen.inputs)
        seconds = time.perf_counter() - begin
        linear = LinearMap.fit(self.training_trajectories_, len(self.input_parameters_))
        return evaluate_solution(
            system, self.dt_, unseen, solution, linear, self.scaler_.std, seconds
        )

    def evaluate_random_drive(
        self, count: int = 100, steps: int = 1000
    ) -> SurrogateEvaluation | None:
        """As `evaluate`, under a random drive that the training never used.

        The training of a network by gradients used none of its kind. The drive is the sum of
        eight waves of random frequencies and phases, as large and as fast as the drive of the
        training. None if nothing drives the system, and for a map.
        """
        drive = random_drive(self.training_trajectories_, self.system_, self.dt_, self.seed)
        return None if drive is None else self.evaluate(count, steps, drive)

    judge, judge_driven = evaluate, evaluate_random_drive
    """The earlier names of these two methods."""

    def scale(self, start: Any, inputs: Any) -> tuple[jax.Array, jax.Array]:
        """Starts and inputs as the network reads them; see `solve_scaled`."""
        with precision(self.dtype_):
            first = self.scaler_.transform(start)[:, None].astype(self.dtype_)
            known = self.input_scaler_.transform(inputs).astype(self.dtype_)
            return jax.device_put(first), jax.device_put(known)

    def solve_scaled(self, first: jax.Array, known: jax.Array) -> jax.Array | np.ndarray:
        """The network's solution for scaled starts and inputs, scaled.

        That of an `esn` is a kernel's on the CPU, an array of NumPy. Without kernels, on
        another device and under a transformation of JAX it is an array on the device.
        """
        network = self.trained()
        if self.regressed and native_kernels.available() and _on_cpu((network, first, known)):
            return _run_in_kernel(network, first, known)
        with precision(self.dtype_):
            return _rollout(network, first, known)

    def _solve(self, start: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """The solution from the start on, in the variables' own units."""
        ys = self.solve_scaled(*self.scale(start, inputs))
        found = np.empty((len(start), ys.shape[1] + 1, start.shape[1]))
        found[:, 0] = start
        np.multiply(ys, self.scaler_.std, out=found[:, 1:])
        found[:, 1:] += self.scaler_.mean
        return found

    def _angles(self) -> tuple[float, ...]:
        """The radians of a scaled unit of each variable that turns; see `turning_angles`."""
        turning = turning_angles(self.system_, self.training_trajectories_)
        return tuple((self.scaler_.std * turning).tolist()) if turning.any() else ()

    def _windows(self, part: Any) -> Sequences:
        return windows(part, self.scaler_, self.input_scaler_, self.window, self.dtype_)

    def _steps(self, part: Trajectories) -> Steps:
        """Trajectories, scaled, as the regression reads them."""
        ys, us = self.scaler_.transform(part.states), self.input_scaler_.transform(part.inputs)
        return Steps(ys, us)

    def _driven_by(self, drive: Drive | None) -> System:
        """The system, with another drive if one is given."""
        return self.system_ if drive is None else replace(self.system_, drive=drive)

    def own_system(self) -> System:
        """The system that `system` names or describes, with the given parameters."""
        system = self.system
        assert system is not None  # `fit` has checked that there is one
        if not isinstance(system, System):
            system = equations(system) if is_text(system) else system_named(system)
        return system.with_parameters(**self.parameters)

    def _method(self) -> Method:
        return training_method(self.method, self.rate, self.clip)


def _on_cpu(arrays: Any) -> bool:
    """Whether all arrays of a tree have values here: none is traced or on another device."""
    return all(
        not isinstance(leaf, Tracer) and {d.platform for d in leaf.devices()} == {"cpu"}
        for leaf in jax.tree.leaves(arrays)
        if isinstance(leaf, jax.Array)
    )


def _run_in_kernel(network: Any, first: Any, known: Any) -> np.ndarray:
    """What `_rollout` computes, for an `esn` without memory."""
    cell, layer = network.cells[0], network.readout.layers[0]
    U, b, V, c, first, known = map(np.asarray, (cell.U, cell.b, layer.V, layer.c, first, known))
    return run_flow_map(Features(U, b, cell.angles), V[None], c[None], first[:, 0], known)[0]


@eqx.filter_jit
def _rollout(network: Network, first, known):
    steps = known.shape[1]
    # `rollout` reads the inputs of a step where it ends, hence a row before the first.
    known = jnp.pad(known, ((0, 0), (1, 0), (0, 0)))
    return rollout(network, first, steps, known, carry=True)
