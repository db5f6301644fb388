r"""Next-generation reservoir: a linear regression on a polynomial of delays.

$$x_t = (y_t, y_{t-s}, \dots, y_{t-(k-1)s}), \qquad
  y_{t+1} = y_t + V \, (1, \; x_t, \; \text{all monomials of } x_t \text{ up to the order})$$

(Gauthier, Bollt, Griffith and Barbosa 2021.) There is no reservoir; from the data of
a quadratic map, the regression finds the map's coefficients. Every weight is penalised, that
of the constant too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from throughtime._support.memory import require_memory
from throughtime.errors import InputError, check_positive_integer

from .monomials import monomials
from .regression_sums import Triangle
from .ridge import Readout
from .states import SeriesLike, as_columns, list_of_series

Series = Float[np.ndarray, "time output"]


@dataclass(frozen=True)
class NextGeneration:
    r"""A fitted next-generation reservoir; `NextGeneration.fit` makes one.

    $$x_t = (y_t, y_{t-s}, \dots, y_{t-(k-1)s}), \qquad
      y_{t+1} = y_t + V \, (1, \; x_t, \; \text{all monomials of } x_t \text{ to the order})$$

    Attributes
    ----------
    delays
        k, the number of delayed values of each column.
    spacing
        s, the steps between them.
    order
        The highest degree of a monomial.
    readout
        V; its c is 0.
    ridge
        The penalty that the readout was fitted with.
    past
        The end of the training data, from which `generate` goes on.

    References
    ----------
    Gauthier, D. J., Bollt, E., Griffith, A. and Barbosa, W. A. S. (2021). Next generation
    reservoir computing. Nature Communications 12, 5564.
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
        series: SeriesLike | Sequence[SeriesLike],
        delays: int | None = None,
        spacing: int | None = None,
        order: int | None = None,
        ridge: float | int | None = None,
    ) -> "NextGeneration":
        """Fit the readout to one series or several.

        Parameters
        ----------
        series
            y, `(time, output)`, or a list of such arrays; `(time,)` is one column.
        delays, spacing, order
            k, s and the highest degree of a monomial; see the class. With none of them given,
            those are taken, and the penalty, whose free runs over held-out parts of the series
            are best; else what is not given is 2, 1 and 2.
        ridge
            The penalty on the sum over steps; chosen by generalised cross-validation if None.
            Where it is found with the delays, it is one on standardised values.

        Returns
        -------
        NextGeneration
            The model, ready to `generate` from the end of the last series.

        Raises
        ------
        InputError
            For numbers below 1, a series shorter than its delays, series that differ in
            columns, and a singular system; without settings also for a constant and for less
            than 30 steps.
        """
        if delays is None and spacing is None and order is None and ridge is None:
            return cls._for_series(series)
        given = zip((delays, spacing, order), (2, 1, 2), strict=True)
        delays, spacing, order = (usual if one is None else one for one, usual in given)
        for name, number in (("delays", delays), ("spacing", spacing), ("order", order)):
            check_positive_integer(name, number)
        sums = None
        for one in list_of_series(series):
            y = as_columns("series", one, sums.targets if sums else None)
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

    @classmethod
    def _for_series(cls, series: SeriesLike | Sequence[SeriesLike]) -> "NextGeneration":
        """The model of the settings whose free runs are best."""
        from .unset_settings import found_polynomial  # here: SciPy takes a while to load

        ys: list[Series] = []
        for one in list_of_series(series):
            ys.append(as_columns("series", one, ys[0].shape[1] if ys else None))
        found = found_polynomial(ys)
        own, past = found.settings, ys[-1][-found.settings.span :]
        readout = Readout(found.V, np.zeros(len(found.V)))
        return cls(own.delays, own.spacing, own.order, readout, found.ridge, past)

    def predict(self, series: SeriesLike) -> Float[np.ndarray, "rows output"]:
        r"""Predict one step ahead along a series.

        Parameters
        ----------
        series
            y, `(time, output)`.

        Returns
        -------
        Float[np.ndarray, "rows output"]
            The predictions of $y_{t+1}$ for $t = (k-1)s, \dots, T - 1$; the last one is beyond
            the series.

        Raises
        ------
        InputError
            For a series of other columns, or one shorter than its delays.
        """
        y = as_columns("series", series, self.past.shape[1])
        x = _delayed(y, self.delays, self.spacing)
        return x[:, : y.shape[1]] + self.readout(monomials(x, self.order))

    def generate(
        self, steps: int, past: SeriesLike | None = None
    ) -> Float[np.ndarray, "steps output"]:
        """Run free: each prediction becomes the newest value.

        Parameters
        ----------
        steps
            The number of steps.
        past
            The values before the first step, $(k-1)s + 1$ steps or more; the end of the
            training data if None.

        Returns
        -------
        Float[np.ndarray, "steps output"]
            y of each step; infinite or NaN where the run diverges.

        Raises
        ------
        InputError
            For less than one step, and for a past of other columns or shorter than its delays.
        """
        check_positive_integer("steps", steps)
        past = self.past if past is None else as_columns("past", past, self.past.shape[1])
        span = (self.delays - 1) * self.spacing + 1
        _long_enough(past, span)
        y = np.concatenate([past[-span:], np.empty((steps, past.shape[1]))])
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(span, span + steps):
                x = _delayed(y[t - span : t], self.delays, self.spacing)
                y[t] = y[t - 1] + self.readout(monomials(x, self.order))[0]
        return y[span:]


def _size(columns, order):
    """The number of monomials of at most that order."""
    size = 1
    for degree in range(1, order + 1):
        size = size * (columns + degree) // degree
    return size


def _delayed(y, delays, spacing):
    """A row for each step with all its delays, the newest values first."""
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
