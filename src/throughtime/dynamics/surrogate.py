r"""`Surrogate`: an equation in; a recurrent network that solves it, and its honest error, out.

The lecture writes a scheme for a differential equation as a recurrent network,
$y_{n+1} = h(y_n, u_n)$. A surrogate is that network, trained on trajectories over ranges of
starts, parameters and drives. It takes steps of `dt`, which may be far longer than a scheme can
take, and solves any number of trajectories as one batch.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float64

from throughtime._support.precision import precision
from throughtime.data.scaler import Scaler
from throughtime.errors import InputError, at_least_one
from throughtime.recurrence.network import Architecture, Network
from throughtime.recurrence.rollout import rollout
from throughtime.training.batches import Sequences
from throughtime.training.epoch import TrainState
from throughtime.training.methods import training_method
from throughtime.training.objective import Method
from throughtime.training.settings import check_some
from throughtime.training.train import OnEpoch, Row, first_state, train

from .equations import equations
from .linear_map import LinearMap
from .simulate import simulate
from .surrogate_evaluation import Judged, judged
from .systems import MAP, System
from .systems import system as system_named
from .trajectories import (
    Range,
    Trajectories,
    check_learnable,
    check_ranges,
    draw,
    names,
    random_drive,
    read,
    told,
)

Drive = Callable[[Any, Mapping[str, Any]], Any]

APART = 1_000_000
"""Between the seeds of what is trained on and of what is judged."""

NETWORK = "cell hidden depth dense window forcing method rate clip schedule".split()
NETWORK += "epochs batch_size validation dtype seed".split()
"""The settings that mean what they mean to a `Forecaster`."""


@dataclass(eq=False)
class Surrogate:
    """A network that solves a system.

    Attributes
    ----------
    system
        A name, equations as text, or a `System`.
    parameters
        Of the system, that are not as it has them.
    ranges
        From where to where starts (by variable) and parameters vary. Without any of a variable,
        starts vary as far as the system's own trajectory goes.
    dt
        The time step, the system's own by default.
    trajectories, steps
        That it is trained on, a part of them (`validation`) held out to choose the best epoch.
    cell, hidden, depth, dense
        Of the network, as in `Forecaster`.
    window
        Steps that it is trained over at once.
    forcing
        See `teacher_forcing`.
    method, rate, clip, schedule, epochs, batch_size, dtype, seed
        As there.

    Examples
    --------
    >>> model = Surrogate("oscillator", ranges={"damping": (0.1, 0.5)})  # doctest: +SKIP
    >>> model.fit().solve([1.0, 0.0], 1000, {"damping": 0.2}).shape      # doctest: +SKIP
    (1001, 2)
    """

    system: str | System
    parameters: Mapping[str, float | int] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    dt: float | int | None = None
    trajectories: int = 200
    steps: int = 200
    validation: float = 0.15
    cell: str = "gru"
    hidden: int = 64
    depth: int = 1
    dense: tuple[int, ...] = ()
    window: int = 20
    forcing: str = "full"
    method: str = "adam"
    rate: float | None = None
    clip: float | None = 1.0
    schedule: str = "cosine"
    epochs: int = 300
    batch_size: int = 64
    dtype: str = "float32"
    seed: int = 0

    def fit(self) -> "Surrogate":
        """Solve the system over its ranges, and train a network on what came.

        Raises
        ------
        InputError
            For what cannot be solved or learned.
        Diverged
        """
        return self.prepare().train()

    def prepare(self) -> "Surrogate":
        """The first half of `fit`: draw the trajectories, scale and split them."""
        self._check()
        self.system_ = self._system()
        check_learnable(self.system_)
        if self.system_.kind == MAP and self.dt not in (None, 1):
            rule = "a map goes by steps of 1"
            raise InputError(rule, f"`dt` {self.dt:g}", "Leave out `dt`.")
        self.dt_ = self.system_.dt if self.dt is None else self.dt
        check_ranges(self.system_, self.ranges)
        self.ranges_ = self._ranges()
        self.told_ = told(self.system_, self.ranges_)
        found = draw(
            self.system_, self.ranges_, self.trajectories, self.steps, self.dt_, self.seed
        )
        held = self._held()
        self.parts_ = _rows(found, slice(held, None)), _rows(found, slice(held))
        training = self.parts_[0]
        self._check_moves(training)
        self.scaler_ = Scaler.fit(list(training.states), self.system_.variables)
        flat = np.concatenate(training.inputs)
        spread = np.where(np.ptp(flat, axis=0) > 0, flat.std(axis=0), 1.0)
        self.input_scaler_ = Scaler(flat.mean(axis=0), spread)
        size = len(self.system_.variables)
        self.architecture_ = Architecture(
            input_size=size + flat.shape[1],
            output_size=size,
            cell=self.cell,
            hidden=self.hidden,
            depth=self.depth,
            dense=tuple(self.dense),
            residual=size,
            dtype=self.dtype,
        )
        return self

    def train(
        self,
        *,
        start: tuple[TrainState, list[Row]] | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> "Surrogate":
        """The second half of `fit`; `start` and `on_epoch` as for `train.train`."""
        with precision(self.dtype):
            data, held = self.training_data(), self._sequences(self.parts_[1])
            self.fitted_ = train(
                self.untrained(),
                data,
                method=self._method(),
                epochs=self.epochs,
                batch_size=self.batch_size,
                validation=held,
                schedule=self.schedule,
                forcing=self.forcing,
                key=self.seed + 1,
                start=start,
                on_epoch=on_epoch,
            )
        return self

    def first_state(self) -> TrainState:
        """The state of the training before its first epoch, the shape of a checkpoint."""
        with precision(self.dtype):
            return first_state(self.untrained(), self._method())

    def training_data(self) -> Sequences:
        """What it learns from: the trajectories in windows, scaled."""
        return self._sequences(self.parts_[0])

    def input_names(self) -> tuple[str, ...]:
        """What the network reads beside the state."""
        return names(self.system_, self.ranges_)

    def trained(self) -> Network:
        """The trained network.

        Raises
        ------
        InputError
            If it is not fitted.
        """
        if not hasattr(self, "fitted_"):
            rule = "a surrogate must be fitted before it solves"
            raise InputError(rule, "one that is not", "Call `fit` first.")
        return self.fitted_.network

    def untrained(self) -> Network:
        """The network before its training."""
        return self.architecture_.build(self.seed)

    def fewest_weights(self) -> int:
        """A bound from below on the weights."""
        return self.architecture_.fewest_weights()

    @property
    def history_(self) -> list[Row]:
        """A row for each epoch."""
        return self.fitted_.history

    def solve(
        self,
        start: Any,
        steps: int,
        parameters: Mapping[str, Any] | None = None,
        drive: Drive | None = None,
    ) -> Float64[np.ndarray, "*trajectory time variable"]:
        """Solve the system with the network, closed-loop.

        Parameters
        ----------
        start
            The first state, `(variable,)`, or of many trajectories `(n, variable)`.
        steps
            Of dt.
        parameters
            Numbers, or arrays `(n,)`.
        drive
            Another than the system's own, `drive(t, parameters)`, in `jax.numpy`.

        Returns
        -------
        Float64[np.ndarray, '*trajectory time variable']
            The states at the times 0, dt, ..., as `simulate` does.

        Raises
        ------
        InputError
            If it is not fitted, for bad shapes, and for parameters of the law that are not as
            they were and that it did not vary.
        """
        self.trained()
        at_least_one("steps", steps)
        start = np.asarray(start, np.float64)
        if not (start.size and np.isfinite(start).all()):
            rule = "`start` must be finite numbers, of one trajectory at least"
            raise InputError(rule, "none" if not start.size else "NaN or infinity", "Mend it.")
        many, own = self._given(start, dict(parameters or {}))
        count = 1 if many is None else many
        used = self.system_ if drive is None else replace(self.system_, drive=drive)
        inputs = read(used, own, self.told_, count, steps, self.dt_)
        solved = self._roll(np.broadcast_to(start, (count, start.shape[-1])), inputs)
        return solved[0] if many is None else solved

    def judge(self, count: int = 100, steps: int = 1000, drive: Drive | None = None) -> Judged:
        """Solve trajectories that were not trained on, and measure the error.

        **Arguments:** `count` trajectories over the same ranges, of `steps` steps each;
        `drive`, another than the system's own.
        """
        self.trained()
        used = self.system_ if drive is None else replace(self.system_, drive=drive)
        unseen = draw(used, self.ranges_, count, steps, self.dt_, self.seed + APART)
        clock = time.perf_counter()
        solved = self._roll(unseen.states[:, 0], unseen.inputs)
        seconds = time.perf_counter() - clock
        linear = LinearMap.fit(self.parts_[0], len(self.told_))
        return judged(used, self.dt_, unseen, solved, linear, self.scaler_.std, seconds)

    def judge_driven(self, count: int = 100, steps: int = 1000) -> Judged | None:
        """As `judge`, under a drive of another kind; None if nothing drives the system.

        It is noise, eight waves of random frequency and phase, as large and as fast as what the
        network was trained on.
        """
        noise = random_drive(self.parts_[0], len(self.system_.inputs), self.dt_, self.seed)
        return None if noise is None else self.judge(count, steps, noise)

    def scaled(self, start: Any, inputs: Any) -> tuple[jax.Array, jax.Array]:
        """Starts and inputs as the network reads them: see `rolled`."""
        with precision(self.dtype):
            first = self.scaler_.transform(start)[:, None].astype(self.dtype)
            known = self.input_scaler_.transform(inputs).astype(self.dtype)
            known = np.pad(known, ((0, 0), (1, 0), (0, 0)))  # (those of a step end with it)
            return jax.device_put(first), jax.device_put(known)

    def rolled(self, first: jax.Array, known: jax.Array) -> jax.Array:
        """What the network makes of scaled starts and inputs, scaled, on the device."""
        with precision(self.dtype):
            return _solved(self.trained(), first, known.shape[1] - 1, known)

    def _roll(self, start: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        ys = self.rolled(*self.scaled(start, inputs))
        solved = self.scaler_.inverse(np.asarray(ys, np.float64))
        return np.concatenate([start[:, None], solved], axis=1)

    def _sequences(self, part: Trajectories) -> Sequences:
        """The trajectories in windows."""
        ys = self.scaler_.transform(part.states).astype(self.dtype)
        us = self.input_scaler_.transform(part.inputs).astype(self.dtype)
        last = us.shape[1] - self.window
        starts = np.unique([*range(0, last + 1, self.window), last])  # (no step is left out)

        def cut(values):
            windows = [values[:, i : i + self.window] for i in starts]
            return np.concatenate(windows)

        xs = cut(np.concatenate([ys[:, :-1], us], axis=-1))
        return Sequences(*jax.device_put((xs, cut(ys[:, 1:]))))

    def _check_moves(self, training: Trajectories) -> None:
        """Refuse variables that are the same everywhere: there is nothing to learn of them."""
        still = np.ptp(np.concatenate(training.states), axis=0) == 0
        if still.any():
            name = self.system_.variables[int(np.argmax(still))]
            rule = "every variable must move along the trajectories"
            got = f"`{name}`, which stays at {training.states[0, 0, int(np.argmax(still))]:g}"
            remedy = f"Start it elsewhere (`{name}(0) = 1` in equations), or give it a range."
            raise InputError(rule, got, remedy)

    def _held(self) -> int:
        """Trajectories that are held out."""
        return round(self.validation * self.trajectories)

    def _check(self) -> None:
        """Refuse settings out of their range."""
        at_least_one("trajectories", self.trajectories)
        at_least_one("steps", self.steps)
        check_some({name: getattr(self, name) for name in NETWORK})
        if self.cell == "esn":
            rule = "a surrogate must be a network that is trained by its gradient"
            raise InputError(rule, "an `esn`", "Choose another `cell`.")
        for name in set(self.parameters) & set(self.ranges):
            rule = "a parameter must have a value or a range"
            raise InputError(rule, f"both of `{name}`", "Leave out one.")
        if self.window > self.steps:
            rule = "`window` must be at most the steps of a trajectory"
            got = f"{self.window} of {self.steps}"
            raise InputError(rule, got, "Lower `window`, or raise `steps`.")
        if not 1 <= self._held() < self.trajectories:
            rule = "a part of the trajectories, not all, must be held out"
            got = f"`validation` {self.validation:g} of {self.trajectories} `trajectories`"
            raise InputError(rule, got, "Change one of them.")

    def _given(
        self, start: np.ndarray, parameters: dict[str, Any]
    ) -> tuple[int | None, dict[str, np.ndarray]]:
        """How many trajectories are asked for, None for one alone, and their parameters."""
        size = len(self.system_.variables)
        if start.shape[-1:] != (size,) or start.ndim > 2:
            rule = f"`start` must have {size} variables, and one row a trajectory"
            raise InputError(rule, f"shape {start.shape}", "Change `start`.")
        self.system_.with_parameters(**{name: 0.0 for name in parameters})
        own = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
        shapes = {value.shape for value in own.values() if value.ndim}
        shapes |= {start.shape[:1]} if start.ndim == 2 else set()
        if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
            rule = "parameters and starts must be one number each, or one for each trajectory"
            got = f"shapes {', '.join(map(str, sorted(shapes)))}"
            raise InputError(rule, got, "Give arrays of one length.")
        for name in set(told(self.system_, dict.fromkeys(own, (0, 1)))) - set(self.told_):
            if (own[name] != self.system_.parameters[name]).any():
                rule = f"`{name}` must be as it was when the network was trained"
                remedy = f"Train another, with a range of `{name}` (`--range`)."
                raise InputError(rule, f"{parameters[name]}", remedy)
        return shapes.pop()[0] if shapes else None, own

    def _system(self) -> System:
        found = self.system
        if not isinstance(found, System):
            found = equations(found) if "=" in found else system_named(found)
        return found.with_parameters(**self.parameters)

    def _ranges(self) -> dict[str, Range]:
        ranges = dict(self.ranges)
        if not set(ranges) & set(self.system_.variables):
            own = simulate(self.system_, max(self.steps, 1000), dt=self.dt_)
            bounds = zip(own.min(axis=0), own.max(axis=0), strict=True)
            for name, (least, largest) in zip(self.system_.variables, bounds, strict=True):
                if largest > least:
                    ranges[name] = (float(least), float(largest))
        return ranges

    def _method(self) -> Method:
        return training_method(self.method, self.rate, self.clip)


@eqx.filter_jit
def _solved(network: Network, first, steps: int, known):
    return rollout(network, first, steps, known, carry=True)


def _rows(found: Trajectories, rows: slice) -> Trajectories:
    parameters = {name: values[rows] for name, values in found.parameters.items()}
    return Trajectories(found.states[rows], found.inputs[rows], parameters)
