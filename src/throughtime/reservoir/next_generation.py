r"""Next-generation reservoir: a linear regression on a polynomial of delays.

$$x_t = (y_t, y_{t-s}, \dots, y_{t-(k-1)s}), \qquad
  y_{t+1} = y_t + V \, (1, \; x_t, \; \text{all monomials of } x_t \text{ up to the order})$$

(Gauthier, Bollt, Griffith and Barbosa 2021.) There is no reservoir: of a quadratic map it
finds the coefficients. Every weight is shrunk, that of the constant too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from jaxtyping import Float, Int

from throughtime._support.memory import require_memory
from throughtime.errors import InputError, at_least_one

from .ridge import Readout, Triangle
from .states import Values, columns, several

Series = Float[np.ndarray, "time output"]


@dataclass(frozen=True)
class NextGeneration:
    """The regression and where it goes on; see the head of this module.

    Attributes
    ----------
    delays
        K.
    spacing
        S, in steps.
    order
        The highest degree of a monomial.
    readout
        V; its c is 0.
    ridge
        The penalty.
    past
        The end of the training data, from which `generate` goes on.
    """

    delays: int
    spacing: int
    order: int
    readout: Readout
    ridge: float | int
    past: Series

    @classmethod
    def fit(
        cls,
        series: Values | Sequence[Values],
        delays: int = 2,
        spacing: int = 1,
        order: int = 2,
        ridge: float | int | None = None,
    ) -> "NextGeneration":
        """Fit to one series or several, by QR.

        Parameters
        ----------
        series
            `(time, output)`, or a list of such; `(time,)` is one column.
        delays, spacing, order
            See the class.
        ridge
            The penalty on the sum over steps; by generalised cross-validation if None.

        Raises
        ------
        InputError
            For numbers under 1, a series shorter than its delays, series that differ in
            columns, and a singular system.
        """
        for name, number in (("delays", delays), ("spacing", spacing), ("order", order)):
            at_least_one(name, number)
        sums = None
        for one in several(series):
            y = columns("series", one, sums.targets if sums else None)
            size = _size(y.shape[1] * delays, order)
            require_memory(8.0 * size * (3 * size + 2 * len(y)), "its monomials")
            x = _delayed(y[:-1], delays, spacing)
            X, Y = monomials(x, order), np.diff(y, axis=0)[(delays - 1) * spacing :]
            sums = sums.add(X, Y) if sums else Triangle.of(X, Y, intercept=False)
        if sums is None:
            raise InputError("a fit needs data", "no series", "Pass a series.")
        path = sums.path()
        ridge = path.best() if ridge is None else ridge
        past = y[-(delays - 1) * spacing - 1 :]
        return cls(delays, spacing, order, path.solve(ridge), ridge, past)

    def predict(self, series: Values) -> Float[np.ndarray, "rows output"]:
        r"""One step ahead along data: the values after steps $(k-1)s, (k-1)s + 1, \dots$

        Returns
        -------
        Float[np.ndarray, 'rows output']
            $T - (k-1)s$ of them; the last one follows the data.

        Raises
        ------
        InputError
            For a series of other columns, or shorter than its delays.
        """
        y = columns("series", series, self.past.shape[1])
        x = _delayed(y, self.delays, self.spacing)
        return x[:, : y.shape[1]] + self.readout(monomials(x, self.order))

    def generate(
        self, steps: int, past: Values | None = None
    ) -> Float[np.ndarray, "steps output"]:
        """Run free from the end of `past`, or of the training data if None.

        **Arguments:** `past` needs $(k-1)s + 1$ steps or more.

        **Returns:** `(steps, output)`. What diverges is infinite or not a number.

        **Raises:** `InputError` for less than one step, and a past of other columns or shorter
        than its delays.
        """
        at_least_one("steps", steps)
        past = self.past if past is None else columns("past", past, self.past.shape[1])
        span = (self.delays - 1) * self.spacing + 1
        _long_enough(past, span)
        y = np.concatenate([past[-span:], np.empty((steps, past.shape[1]))])
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(span, span + steps):
                x = _delayed(y[t - span : t], self.delays, self.spacing)
                y[t] = y[t - 1] + self.readout(monomials(x, self.order))[0]
        return y[span:]


def monomials(x: Float[np.ndarray, "rows columns"], order: int) -> Float[np.ndarray, "rows _"]:
    """1, then all products of 1, 2, ... up to `order` columns; each product once."""
    parts = [np.ones((len(x), 1))]
    for degree in range(1, order + 1):
        parts.append(x[:, _factors(x.shape[1], degree)].prod(axis=2))
    return np.concatenate(parts, axis=1)


def _factors(columns: int, degree: int) -> Int[np.ndarray, "products degree"]:
    return np.array(list(combinations_with_replacement(range(columns), degree)))


def _size(columns, order):
    size = 1
    for degree in range(1, order + 1):  # how many monomials of at most this degree
        size = size * (columns + degree) // degree
    return size


def _delayed(y, delays, spacing):
    """One row for each step that has its delays, the newest values first."""
    span = (delays - 1) * spacing
    _long_enough(y, span + 1)
    rows = len(y) - span
    return np.concatenate(
        [y[span - i * spacing : span - i * spacing + rows] for i in range(delays)], axis=1
    )


def _long_enough(y, least):
    if len(y) < least:
        rule = f"a series must hold the {least} steps that its delays span"
        raise InputError(rule, len(y), "Lower `delays` or `spacing`, or pass more data.")
