"""The trained networks as one of the models that a combination weighs."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

Rollouts = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


@dataclass(eq=False)
class NetworkForecasts:
    """Forecasts of trained networks from origins of one series, kept once they are made.

    Attributes
    ----------
    rollouts
        A function of what was measured, inputs and steps; see `Predictor.rollouts`.
    context
        Steps that the networks read.
    measured, inputs
        The series: targets and inputs of the past; inputs known ahead, which may go on beyond
        its end.
    targets
        The number of targets.
    made
        Forecasts by origin, of the longest lead time that was asked for.
    """

    rollouts: Rollouts
    context: int
    measured: Float[np.ndarray, "time measured"]
    inputs: Float[np.ndarray, "span input"]
    targets: int
    made: dict[int, Float[np.ndarray, "steps target"]] = field(default_factory=dict)

    @classmethod
    def none(
        cls,
        context: int = 0,
        measured: Float[np.ndarray, "time measured"] | None = None,
        inputs: Float[np.ndarray, "span input"] | None = None,
        targets: int = 1,
    ) -> "NetworkForecasts":
        """Those of networks that are not at hand: none, until some are kept."""
        measured = np.empty((0, targets)) if measured is None else measured
        inputs = np.empty((0, 0)) if inputs is None else inputs
        return cls(_none_left, context, measured, inputs, targets)

    def forecast(
        self, origins: Int[np.ndarray, " origin"], steps: int
    ) -> Float[np.ndarray, "origin steps target"]:
        """Forecasts from some origins; NaN where fewer than `context` steps are known."""
        asked = [int(o) for o in origins if o >= self.context]
        missing = [o for o in asked if len(self.made.get(o, ())) < steps]
        if missing:
            self.made |= zip(missing, self._rolled_out(np.array(missing), steps), strict=True)
        unknown = np.full((steps, self.targets), np.nan)
        known = set(asked)
        return np.stack([self.made[o][:steps] if o in known else unknown for o in origins])

    def keep(self, origins: Int[np.ndarray, " origin"], made: np.ndarray) -> None:
        """Take forecasts from some origins that were made elsewhere."""
        self.made |= zip(map(int, origins), made, strict=True)

    def _rolled_out(self, origins, steps):
        return self.rollouts(*self.around(origins, steps), steps)

    def around(
        self, origins: Int[np.ndarray, " origin"], steps: int
    ) -> tuple[
        Float[np.ndarray, "origin context measured"], Float[np.ndarray, "origin span input"]
    ]:
        """What the networks read at some origins: values before, inputs before and after."""
        before = origins[:, None] + np.arange(-self.context, 0)
        span = np.minimum(
            origins[:, None] + np.arange(-self.context, steps), len(self.inputs) - 1
        )
        return self.measured[before], self.inputs[span]


def _none_left(contexts: np.ndarray, inputs: np.ndarray, steps: int) -> np.ndarray:
    raise RuntimeError("forecasts from other origins were asked for than were made")


@dataclass(frozen=True, eq=False)
class NetworkComponent:
    """One target of these forecasts; a `Component` of the series that they are made for."""

    forecasts: NetworkForecasts
    target: int
    name: str = "network"

    def forecast(
        self,
        values: Float[np.ndarray, " time"],
        origins: Int[np.ndarray, " origin"],
        steps: int,
    ) -> Float[np.ndarray, "origin steps"]:
        """Forecast from each origin; see `Component.forecast`. `values` are not read again."""
        return self.forecasts.forecast(origins, steps)[..., self.target]
