"""The local model of a group of points, its features along a field, and their regression."""

from dataclasses import dataclass
from math import comb

import numpy as np
from jaxtyping import Float

from throughtime._support.memory import require_memory
from throughtime.errors import InputError, check_positive_integer
from throughtime.recurrence.reservoir_weights import Reservoir

from .closed_loop import Features, Settings
from .echo_state_fitting import Memory
from .local_windows import LocalWindows
from .regression_sums import Gram, Triangle
from .states import drive, run


@dataclass(frozen=True)
class LocalModel:
    """What predicts a group of points from the window that it reads.

    Parameters
    ----------
    reservoir
        A reservoir that has as many columns in F as a window has, and no inputs; None for none.
        `ReservoirDesign(units, outputs=width).draw(seed)` makes one.
    delays, spacing, order
        The delayed values of the window whose monomials are features too, the steps between
        them, and the highest degree; of order 0, no monomials.
    residual
        Whether the increment of the field is learned rather than its value. Directions that the
        data do not fill then keep what was there, and small errors in them grow: leave it False
        for a field that is smooth in space.

    Raises
    ------
    InputError
        For a model without any features, and for numbers out of range.
    """

    reservoir: Reservoir | None = None
    delays: int = 1
    spacing: int = 1
    order: int = 0
    residual: bool = False

    def __post_init__(self):
        for name in ("delays", "spacing"):
            check_positive_integer(name, getattr(self, name))
        if self.order < 0 or (self.reservoir is None and not self.order):
            rule = "a local model must have a reservoir, or monomials of an order above 0"
            got = f"`order` {self.order}"
            raise InputError(rule, got, "Pass a reservoir, or `order=2`.")

    @property
    def span(self) -> int:
        """Steps of the past that are read."""
        return (self.delays - 1) * self.spacing + 1

    def features(self, columns: int) -> Features:
        """The features of a window of so many columns."""
        units, r = 0, self.reservoir
        if r is not None:
            units = r.units
            if (r.U.shape[1], r.F.shape[1]) != (0, columns):
                rule = f"the reservoir must feed back the {columns} columns of a window"
                got = f"{r.F.shape[1]}, and {r.U.shape[1]} inputs"
                raise InputError(rule, got, f"Draw one with `outputs={columns}`, `inputs=0`.")
        return Features(
            Settings(units=units, delays=self.delays, spacing=self.spacing, order=self.order),
            r,
        )

    def count(self, columns: int) -> int:
        """The number of features of a window of so many columns."""
        units = 0 if self.reservoir is None else self.reservoir.units
        return units + comb(columns * self.delays + self.order, self.order) - 1


def local_sums(
    model: LocalModel,
    windows: LocalWindows,
    y: Float[np.ndarray, "time column"],
    shared: bool,
    washout: int,
    regression: str,
) -> tuple[list[Gram | Triangle], Memory]:
    """The sums of the regression, for all groups or for each, and the memory at the end.

    Raises
    ------
    InputError
        For a washout that leaves no step, and states that overflow.
    """
    if regression not in ("qr", "gram"):
        raise InputError("`regression` must be known", regression, 'Pass "qr" or "gram".')
    kind = Gram if regression == "gram" else Triangle
    columns, outputs = windows.read.shape[1], windows.own.shape[1]
    f, size = model.features(columns), model.count(columns) + outputs
    require_memory(8.0 * size * (4 * size + 3 * len(y)), "the features and their products")
    first = max(washout, model.span)
    if washout < 0 or len(y) <= first:
        rule = "`washout` must be 0 or more, and it and the delays shorter than the field"
        got = f"`washout` {washout} of {len(y)} steps"
        raise InputError(rule, got, f"Pass `washout=0` and {model.span + 1} steps or more.")
    states = np.zeros((windows.groups, f.settings.units))

    def block(g):
        X, states[g] = features_along(f, y[:, windows.read[g]], states[g], 0)
        if not np.isfinite(states[g]).all():
            rule = "the states must stay finite"
            raise InputError(rule, "an overflow", "Lower the radius, or use tanh units.")
        Y = y[:, windows.own[g]]
        Y = np.diff(Y, axis=0)[first - 1 :] if model.residual else Y[first:]
        return X[first - model.span :], Y

    blocks = map(block, range(windows.groups))
    found = [kind.of_blocks(blocks)] if shared else [kind.of(*one) for one in blocks]
    return found, Memory(states, y[-model.span :])


def features_along(
    f: Features,
    w: Float[np.ndarray, "time column"],
    h: Float[np.ndarray, " units"],
    past: int,
) -> tuple[Float[np.ndarray, "rows feature"], Float[np.ndarray, " units"]]:
    """The features of steps of a window's series, and the state at the last of them.

    The first `past` values are before the first step, and the state h belongs to the last of
    these. Without any, features begin with the first step that has all its delays.
    """
    r, span = f.reservoir, f.settings.span
    rows = len(w) - max(past, span)
    # As in an echo state network, what is fed back at the first step of all is 0.
    lag = w[past - 1 : -1] if past else np.concatenate([np.zeros((1, w.shape[1])), w[:-1]])
    states = np.empty((len(lag), 0)) if r is None else run(r, drive(r, _none(lag), lag), h)
    return f.joined(states[-rows:], f.delayed(w, _none(w[span:]))), states[-1]


def _none(w):
    return np.empty((len(w), 0))
