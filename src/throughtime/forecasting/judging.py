"""The models of many series, fitted and judged in several processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from joblib import Parallel, delayed

from throughtime.data.series import Series

from .drive import Drive
from .network_component import NetworkComponent, NetworkForecasts
from .series_model import JudgedModels
from .traits import Recipe

MANY = 32
"""Series from which on further processes pay for their start."""


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
    """

    series: Series
    end: int
    steps: int
    first: int
    recipe: Recipe
    networks: NetworkForecasts | None

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
            )
            for c, column in enumerate(series.targets.T)
        ]


def in_parallel(tasks: Sequence[Judging]) -> list[list[JudgedModels]]:
    """Run all tasks; many of them in as many processes as there are cores.

    The processes are those of joblib. `joblib.parallel_config` chooses others, such as a
    cluster of Ray or Dask.
    """
    jobs = -1 if len(tasks) >= MANY else None
    results = Parallel(n_jobs=jobs)(delayed(Judging.run)(task) for task in tasks)
    return cast(list[list[JudgedModels]], results)
