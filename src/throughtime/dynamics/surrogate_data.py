"""From a system to the training data of its surrogate: ranges, splits, scalers, windows."""

import jax
import numpy as np

from throughtime.data.scaler import Scaler
from throughtime.training.batches import Sequences

from .simulate import STIFF, solution
from .systems import System
from .trajectories import Range, Trajectories


def ranges_of_starts(system: System, steps: int, dt: float | int) -> dict[str, Range]:
    """The ranges of starts that go as far as the system's own trajectory.

    That of a stiff system has jumps, faster than a step: its outermost hundredths are left out.
    """
    found = solution(system, max(steps, 1000), dt=dt)
    ends = (0.01, 0.99) if found.remark == STIFF else (0, 1)
    bounds = np.quantile(found.states, ends, axis=0).T
    named = zip(system.variables, bounds.tolist(), strict=True)
    return {name: (least, largest) for name, (least, largest) in named if largest > least}


def fit_scalers(training: Trajectories, variables: tuple[str, ...]) -> tuple[Scaler, Scaler]:
    """Scalers of the states and of the network's other inputs, from the training part alone."""
    inputs = np.concatenate(training.inputs)
    spread = np.where(np.ptp(inputs, axis=0) > 0, inputs.std(axis=0), 1.0)
    scaler = Scaler.fit(list(training.states), variables)
    return scaler, Scaler(inputs.mean(axis=0), spread)


def windows(
    trajectories: Trajectories, scaler: Scaler, input_scaler: Scaler, window: int, dtype: str
) -> Sequences:
    """Trajectories, scaled and cut into windows whose targets are the next states.

    The last window overlaps the one before it where the steps are no multiple of the window,
    so that every step is part of one.
    """
    ys = scaler.transform(trajectories.states).astype(dtype)
    us = input_scaler.transform(trajectories.inputs).astype(dtype)
    last = us.shape[1] - window
    starts = np.unique([*range(0, last + 1, window), last])

    def cut(values):
        return np.concatenate([values[:, i : i + window] for i in starts])

    xs = cut(np.concatenate([ys[:, :-1], us], axis=-1))
    return Sequences(*jax.device_put((xs, cut(ys[:, 1:]))))
