"""The forecasts of one series from some origins: what one process is given to do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from throughtime.data.series import Series
from throughtime.models.combination import Combination
from throughtime.models.drive import Drive
from throughtime.models.intervals import Intervals
from throughtime.models.outliers import clean
from throughtime.models.series_model import SeriesModel

from .network_component import NetworkComponent, NetworkForecasts

PARTS = {"prior": "prior", "core": "linear core", "network": "network"}
"""The names of the groups of models in a backtest."""


@dataclass(frozen=True, eq=False)
class OriginForecasts:
    """Forecasts from some origins, before they are made.

    Attributes
    ----------
    models
        The models of each target.
    series
        The series.
    inputs
        Its inputs, which may go on beyond its end.
    origins
        How many rows are known at each origin, increasing.
    steps
        The longest lead time.
    networks
        Forecasts of the networks from these origins.
    levels
        Levels of the intervals.
    adapted
        Whether the intervals from several origins adapt to what is known at each.
    """

    models: Sequence[SeriesModel]
    series: Series
    inputs: Float[np.ndarray, "span input"]
    origins: Int[np.ndarray, " origin"]
    steps: int
    networks: NetworkForecasts
    levels: Sequence[float]
    adapted: bool = True

    def run(self) -> tuple[dict[str, Float[np.ndarray, "origin steps target"]], Intervals]:
        """Forecasts of all together and of each group, and the intervals of all together."""
        parts = [self._of_target(c, model) for c, model in enumerate(self.models)]
        forecasts = [made for made, _ in parts]
        joined = {
            name: np.stack([one[name] for one in forecasts], axis=-1) for name in forecasts[0]
        }
        return joined, Intervals.stacked([around for _, around in parts])

    def _of_target(self, c: int, model: SeriesModel):
        series, origins, steps = self.series, self.origins, self.steps
        drive = Drive.of(series)
        drive = drive and replace(drive, known=self.inputs)
        combination = model.on(drive, NetworkComponent(self.networks, c)).remembered()
        values = model.known(series.targets[:, c])
        if list(origins) == [len(values)]:  # nothing is judged: wrong data are replaced
            values, _ = clean(values, model.traits.seasons)
        center = combination.forecast(values, origins, steps)
        found = {"combination": center}
        for group, name in PARTS.items():
            if group in combination.groups:
                found[name] = combination.part(group).forecast(values, origins, steps)
        filled = None if series.filled_at is None else series.filled_at[:, c]
        adapted = self.adapted and len(origins) > 1
        around = _reusing(model, combination).intervals(
            values, origins, center, self.levels, adapted=adapted, filled=filled
        )
        return {name: model.bounded(made) for name, made in found.items()}, around


def _reusing(model: SeriesModel, combination: Combination) -> SeriesModel:
    """The same model, whose prior has the quantiles from which its forecasts were made."""
    for one in combination.components:
        if getattr(one, "component", None) is model.prior and model.prior is not None:
            return replace(model, prior=one)
    return model
