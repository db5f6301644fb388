"""The simplest models: the last value again, and the last season again."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class SeasonalNaive:
    r"""Repeats the last season: $\hat y_{t+k} = y_{t+k-mp}$, with the smallest m that is known.

    Attributes
    ----------
    period
        The season $p$ in steps; 1 repeats the last value.
    name
        Its name in tables.
    """

    period: int
    name: str = "seasonal naive"

    @classmethod
    def fit(
        cls, values: Float[np.ndarray, " time"], seasons: tuple[int, ...], steps: int
    ) -> "SeasonalNaive":
        """The longest season that the values hold twice; the last value without one."""
        whole = [m for m in seasons if 2 * m <= len(values)]
        period = max(whole, default=1)
        return cls(period, "seasonal naive" if period > 1 else "naive")

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin; see `Component.forecast`.

        Before a whole season is known, what is known of it is repeated.
        """
        origins = np.asarray(origins)[:, None]
        period = np.minimum(self.period, origins)
        rows = origins - period + np.arange(steps) % period
        return np.asarray(values, np.float64)[rows]
