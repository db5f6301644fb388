"""Settings to try: first those that did well on other systems, then some near the best."""

from dataclasses import replace
from math import comb

import numpy as np

from .closed_loop import Settings
from .series_traits import Traits

MOST_MONOMIALS = 400
"""Most features that a polynomial may have."""

RESERVOIRS = (
    {"radius": 0.4, "leak": 1.0, "input_scale": 0.5, "bias_scale": 0.5},
    {"radius": 0.1, "leak": 1.0, "input_scale": 0.2, "bias_scale": 0.5},
    {"radius": 0.9, "leak": 1.0, "input_scale": 0.3, "bias_scale": 0.5},
    {"radius": 1.2, "leak": 0.3, "input_scale": 0.5, "bias_scale": 0.2},
    {"radius": 0.6, "leak": 0.6, "input_scale": 1.0, "bias_scale": 1.0},
)
"""Reservoirs of kinds that differ: nearly static ones, and ones with a long memory."""

POLYNOMIALS = ((1, 2), (1, 3), (1, 4), (1, 5), (2, 2), (2, 3), (2, 4), (3, 2), (3, 3), (4, 2))
"""Delays and orders."""


def first_settings(
    traits: Traits, variables: int, inputs: int, units: int, seed: int
) -> list[Settings]:
    """The settings that a search begins with."""
    residual = traits.kind == "flow"
    common = {"residual": residual, "seed": seed}
    found = [Settings(units=units, **one, **common) for one in RESERVOIRS]
    found += [replace(one, order=2) for one in found[:3]]
    spacings = (1,) if residual and not traits.noise else (1, max(traits.smoothing, 1))
    for delays, order in POLYNOMIALS:
        for spacing in spacings if delays > 1 else (1,):
            one = Settings(delays=delays, order=order, spacing=spacing, **common)
            if monomial_count(one, variables + inputs) <= MOST_MONOMIALS:
                found.append(one)
    if variables < traits.dimension:  # not all of the state is measured
        for spacing in {traits.delay, max(traits.delay // 2, 1)}:
            for order in (2, 3, 4):
                one = Settings(
                    delays=traits.dimension + 1, spacing=spacing, order=order, **common
                )
                if monomial_count(one, variables + inputs) <= MOST_MONOMIALS:
                    found.append(one)
    if traits.noise:
        found = [replace(one, smoothing=traits.smoothing) for one in found]
        found += [replace(one, smoothing=0) for one in found[:8]]
    return list(dict.fromkeys(found))


def nearby(
    parent: Settings, rng: np.random.Generator, traits: Traits, columns: int
) -> Settings:
    """Settings near those of a parent."""

    def moved(value: float | int, low: float | int, high: float | int) -> float:
        return float(np.clip(value * np.exp(0.4 * rng.standard_normal()), low, high))

    smoothing = parent.smoothing
    if traits.noise and rng.random() < 0.3:
        smoothing = int(rng.choice([0, 2, traits.smoothing]))
    child = replace(parent, smoothing=smoothing)
    if not parent.units:
        for _ in range(20):
            delays = max(1, parent.delays + int(rng.integers(-1, 2)))
            spacing = max(1, round(moved(parent.spacing, 1, 50))) if delays > 1 else 1
            order = max(1, parent.order + int(rng.integers(-1, 2)))
            child = replace(child, delays=delays, spacing=spacing, order=order)
            if child != parent and monomial_count(child, columns) <= MOST_MONOMIALS:
                return child
        return replace(child, order=2, delays=1)
    order = int(rng.choice([1, 2, 3])) if rng.random() < 0.3 else parent.order
    child = replace(
        child,
        radius=moved(parent.radius, 0.02, 1.5),
        leak=moved(parent.leak, 0.05, 1.0),
        input_scale=moved(parent.input_scale, 0.02, 3.0),
        bias_scale=moved(parent.bias_scale, 0.02, 3.0),
        order=order,
    )
    fits = monomial_count(child, columns) <= MOST_MONOMIALS
    return child if fits else replace(child, order=1)


def monomial_count(settings: Settings, columns: int) -> int:
    """The monomials of the delayed values, about as many as the model has features."""
    return comb(columns * settings.delays + settings.order, settings.order)
