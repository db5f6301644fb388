"""From a system to the training data of its surrogate: ranges, splits, scalers, windows."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace

import jax
import numpy as np

from throughtime.data.scaler import Scaler
from throughtime.errors import InputError
from throughtime.training.batches import Sequences

from .simulate import STIFF, solution
from .systems import FLOW, MAP, System
from .trajectories import (
    Range,
    Trajectories,
    random_drive,
    sample_starts,
    sample_trajectories,
)

SHARES = (1.0, 0.5, 0.25, 0.1, 0.02)
"""Shares of the own trajectory's range that are tried for starts."""

BEGUN, LATEST = "begun at", 1000
"""The time at which a random drive begins, a parameter; its largest value in trajectories."""

FAR, PROBED_SUBSTEPS = 100, 20
"""Ranges of the own trajectory that a solution may be away from its middle; steps within dt of
the scheme that finds out."""


def sample_around_own(
    system: System,
    ranges: Mapping[str, Range],
    count: int,
    steps: int,
    dt: float | int,
    seed: int,
) -> tuple[dict[str, Range], Trajectories]:
    """Trajectories that start as far as the system's own trajectory goes, and all ranges.

    The range of starts is smaller, around the middle, where solutions would diverge from
    others: not every start between those of an attractor leads back to it. That of a stiff
    system has jumps, faster than a step: its outermost hundredths are left out.

    Raises
    ------
    InputError
        If the system's own solution does not stay finite, or those from any start near it.
    """
    found = solution(system, max(steps, 1000), dt=dt)
    ends = (0.01, 0.99) if found.remark == STIFF else (0, 1)
    least, largest = np.quantile(found.states, ends, axis=0)
    middle = np.median(found.states, axis=0)
    # Steps of a map cost nothing, and an evaluation takes more of them than the training.
    length = max(steps, 1000) if system.kind == MAP else steps

    def ranges_of(share: float) -> dict[str, Range]:
        low, high = middle + share * (least - middle), middle + share * (largest - middle)
        bounds = zip(system.variables, low.tolist(), high.tolist(), strict=True)
        return {**ranges, **{name: (a, b) for name, a, b in bounds if b > a}}

    def sample(complete: dict[str, Range]) -> tuple[dict[str, Range], Trajectories]:
        sampled = sample_trajectories(system, complete, count, length, dt, seed)
        states, inputs = sampled.states[:, : steps + 1], sampled.inputs[:, :steps]
        return complete, replace(sampled, states=states, inputs=inputs)

    def stays(complete: dict[str, Range]) -> bool:
        start, values = sample_starts(system, complete, count, seed)
        scheme = {"scheme": "rk4", "substeps": PROBED_SUBSTEPS, "finite": False}
        known = {"dt": dt, "start": start, "parameters": values}
        runs = solution(system, max(steps, 1000), **known, **scheme).states
        return bool((np.abs(runs - middle) <= FAR * (largest - least)).all())

    quick = system.kind == FLOW and not found.remark
    for complete in map(ranges_of, SHARES[:-1]):
        # Where some run away, a scheme with error control takes minutes to say so.
        if not quick or stays(complete):
            with contextlib.suppress(InputError):
                return sample(complete)
    return sample(ranges_of(SHARES[-1]))


def with_random_drives(
    system: System, ranges: Mapping[str, Range], own: Trajectories, dt: float | int, seed: int
) -> Trajectories:
    """The trajectories, every second of them under a random drive as large and as fast.

    A regression is determined only where there are data, and those of one kind of drive are
    few of all values at the start, the middle and the end of a step. All random drives are one
    sum of waves, each begun at a time of its own. Where nothing drives the system, or solutions
    diverge so, the trajectories stay as they are, and so do those of a map.
    """
    drive = random_drive(own, system, dt, seed)
    if drive is None:
        return own
    count, steps = own.inputs.shape[:2]

    def begun_later(t, p):
        return drive(t + p[BEGUN], p)

    shaken = replace(system, drive=begun_later, parameters={**system.parameters, BEGUN: 0.0})
    times = {BEGUN: (0.0, LATEST * steps * dt)}
    with contextlib.suppress(InputError):
        other = sample_trajectories(shaken, {**ranges, **times}, count, steps, dt, seed)
        states, inputs = own.states.copy(), own.inputs.copy()
        states[::2], inputs[::2] = other.states[::2], other.inputs[::2]
        parameters = {name: values.copy() for name, values in own.parameters.items()}
        for name, values in parameters.items():
            values[::2] = other.parameters[name][::2]
        return replace(own, states=states, inputs=inputs, parameters=parameters)
    return own


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
