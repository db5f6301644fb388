r"""A map fitted by one regression and judged by its free run: reservoir, polynomials or both.

$$h_t = (1 - a) h_{t-1} + a \tanh(W h_{t-1} + U x_t + F y_{t-1} + b), \qquad
  y_t = y_{t-1} + V \, (h_t, m(y_{t-1}, y_{t-1-s}, \dots, x_t)) + c$$

m are the monomials up to an order. Without a reservoir it is a next-generation reservoir
(Gauthier et al. 2021); with one and order 1, an echo state network with a direct connection.
Series are standardised; y are the variables, x the inputs, known at their step.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from throughtime.recurrence.reservoir_weights import Reservoir, ReservoirDesign

from .monomials import monomials
from .states import drive, run, step

COMPACTED = 20
"""Steps after which runs that have failed are left out."""


Pair = tuple[Float[np.ndarray, "_ variable"], Float[np.ndarray, "_ input"]]
"""The variables and the inputs of one trajectory."""


@dataclass(frozen=True)
class Settings:
    """What a closed-loop model is made of.

    Attributes
    ----------
    units
        Units of the reservoir; 0 for none.
    radius, leak, input_scale, bias_scale
        The reservoir's, for standardised variables; see `ReservoirDesign`. Of radius 0 it is a
        layer of units without memory.
    delays, spacing, order
        The delayed values whose monomials are features, the steps between them, and the highest
        degree.
    residual
        Whether the increment of the variables is learned rather than their value.
    smoothing
        Steps on each side of a point over which the training data are smoothed.
    ridge
        The penalty, on the mean over rows.
    forcing
        The share of the data in what is fed back along a series; the rest is the model's own
        prediction, so that noise is filtered (generalised teacher forcing: Hess et al. 2023).
    seed
        Of the reservoir's weights.
    """

    units: int = 0
    radius: float = 0.4
    leak: float = 1.0
    input_scale: float = 0.5
    bias_scale: float = 0.5
    delays: int = 1
    spacing: int = 1
    order: int = 1
    residual: bool = True
    smoothing: int = 0
    ridge: float = 1e-9
    forcing: float = 1.0
    seed: int = 0

    @property
    def span(self) -> int:
        """Steps of the past that the delays reach over."""
        return (self.delays - 1) * self.spacing + 1

    def draw(self, variables: int, inputs: int) -> Reservoir | None:
        """The reservoir; None if there is none."""
        if not self.units:
            return None
        drawn = ReservoirDesign(
            self.units,
            inputs=inputs,
            outputs=variables,
            incoming=min(10, self.units),
            radius=self.radius or 1.0,
            leak=self.leak,
            input_scale=self.input_scale,
            feedback_scale=self.input_scale,
            bias_scale=self.bias_scale,
        ).draw(self.seed)
        return drawn if self.radius else replace(drawn, W=0.0 * drawn.W)


class Place(NamedTuple):
    """Where runs stand: the states of the reservoir, and the last values of the variables."""

    h: Float[np.ndarray, "runs units"]
    y: Float[np.ndarray, "runs span variable"]


@dataclass(frozen=True)
class Features:
    """The features of a model: those of a whole series at once, or those of many runs."""

    settings: Settings
    reservoir: Reservoir | None

    def along(
        self, y: Float[np.ndarray, "time variable"], x: Float[np.ndarray, "time input"]
    ) -> Float[np.ndarray, "rows feature"]:
        """The features of the steps `span`, ..., T - 1, from the true values before them."""
        h = self.states(y, x)[self.settings.span - 1 :]
        return self.joined(h, self.delayed(y, x[self.settings.span :]))

    def states(self, y, x) -> Float[np.ndarray, "rows units"]:
        """The reservoir's state at the steps 1, ..., T - 1 of a series, from zero."""
        if self.reservoir is None:
            return np.empty((len(y) - 1, 0))
        r = self.reservoir
        return run(r, drive(r, x[1:], y[:-1]), np.zeros(r.units))

    def next(
        self, place: Place, x: Float[np.ndarray, "runs input"]
    ) -> tuple[Float[np.ndarray, "runs feature"], Float[np.ndarray, "runs units"]]:
        """The features of the next step of runs, and their states then."""
        h, s = place.h, self.settings
        if self.reservoir is not None:
            h = step(self.reservoir, drive(self.reservoir, x, place.y[:, -1]), h)
        z = place.y[:, :: -s.spacing].reshape(len(h), -1)
        return self.joined(h, np.concatenate([z, x], axis=1)), h

    def delayed(self, y, x):
        s, rows = self.settings, len(y) - self.settings.span
        parts = [y[s.span - 1 - i * s.spacing :][:rows] for i in range(s.delays)]
        return np.concatenate([*parts, x], axis=1)

    def joined(
        self, h: Float[np.ndarray, "rows units"], z: Float[np.ndarray, "rows value"]
    ) -> Float[np.ndarray, "rows feature"]:
        """The features of states and of the values whose monomials stand beside them."""
        return np.concatenate([h, monomials(z, self.settings.order)[:, 1:]], axis=1)


def places(
    features: Features, y: np.ndarray, x: np.ndarray, rows: Int[np.ndarray, " runs"]
) -> Place:
    """Where runs stand that begin at these rows of a series, whose past is the true one."""
    span = features.settings.span
    if len(rows) and rows.min() < span:
        raise IndexError(f"a run that reads {span} steps cannot begin at row {rows.min()}")
    h = np.concatenate([np.zeros((1, features.settings.units)), features.states(y, x)])
    return Place(h[rows - 1], y[rows[:, None] - np.arange(span, 0, -1)])


def advance(
    features: Features,
    V: Float[np.ndarray, "runs variable feature"],
    c: Float[np.ndarray, "runs variable"],
    place: Place,
    x: Float[np.ndarray, "runs input"],
) -> Place:
    """One step of free runs, each with a readout of its own."""
    f, h = features.next(place, x)
    y = np.matmul(V, f[..., None])[..., 0] + c
    if features.settings.residual:
        y = y + place.y[:, -1]
    return Place(h, np.concatenate([place.y[:, 1:], y[:, None]], axis=1))


def free_runs(
    features: Features,
    V: Float[np.ndarray, "runs variable feature"],
    c: Float[np.ndarray, "runs variable"],
    place: Place,
    inputs: Float[np.ndarray, "time runs input"],
    truth: Float[np.ndarray, "time runs variable"] | None = None,
    limit: float = np.inf,
) -> Float[np.ndarray, "time runs variable"]:
    """Many free runs at once, each with a readout of its own.

    Parameters
    ----------
    V, c
        The readouts.
    place
        Where the runs begin.
    inputs
        x of each step.
    truth, limit
        A run whose root mean squared distance from the truth is above the limit is not
        continued.

    Returns
    -------
    Float[np.ndarray, "time runs variable"]
        y of each step; NaN where a run was not continued.
    """
    alive = np.arange(len(place.y))
    found = np.full((len(inputs), *place.y.shape[::2]), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(len(inputs)):
            place = advance(features, V, c, place, inputs[t, alive])
            found[t, alive] = y = place.y[:, -1]
            if t % COMPACTED == COMPACTED - 1:
                near = np.isfinite(y).all(axis=1)
                if truth is not None:
                    near &= np.square(y - truth[t, alive]).mean(axis=1) <= limit**2
                if not near.all():
                    V, c, alive = V[near], c[near], alive[near]
                    place = Place(place.h[near], place.y[near])
                if not len(alive):
                    break
    return found
