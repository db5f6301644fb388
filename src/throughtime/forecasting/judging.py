"""The models of one series, fitted and judged: what one process is given to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from throughtime.data.series import Series
from throughtime.models.drive import Drive
from throughtime.models.series_model import EarlyModels, JudgedModels
from throughtime.models.traits import Recipe

from .network_component import NetworkComponent, NetworkForecasts


@dataclass(frozen=True, eq=False)
class Judging:
    """The models of one series, before they are fitted.

    Attributes
    ----------
    series
        The series.
    end
        How many of its values the models may see.
    steps
        The longest lead time.
    first
        The models are judged by forecasts from here on.
    recipe
        Which models take part.
    networks
        Forecasts of the networks from these origins; None without networks.
    early
        Models of each target that were fitted before; see `EarlyModels`.
    """

    series: Series
    end: int
    steps: int
    first: int
    recipe: Recipe
    networks: NetworkForecasts | None
    early: Sequence[EarlyModels | None]

    def run(self) -> list[JudgedModels]:
        """Fit and judge the models of each target."""
        series, end, networks = self.series, self.end, self.networks
        return [
            JudgedModels.of(
                column[:end],
                self.steps,
                self.recipe,
                times=series.times[:end],
                first=self.first,
                others=() if networks is None else (NetworkComponent(networks, c),),
                drive=Drive.of(series),
                filled=None if series.filled_at is None else series.filled_at[:end, c],
                early=early,
            )
            for c, (column, early) in enumerate(zip(series.targets.T, self.early, strict=True))
        ]
