"""The periods of series, for baselines that look a season back and for the unit of the MASE."""

from throughtime.data.series import Series
from throughtime.models.baselines import find_period
from throughtime.models.seasonality import find_seasons

READ = 50_000
"""Last rows of a training part in which a hidden season is looked for, so that it is quick."""


def shown_period(series: Series, end: int) -> int | None:
    """The period that the autocorrelation of the first rows shows; see `find_period`.

    It is the unit of the MASE, which a hidden season would widen: where changes from step to
    step are small, naive forecasts a season ahead err more than those of the last value.
    """
    return find_period(series.targets[:end, 0])


def compared_period(series: Series, end: int) -> int | None:
    """The period that baselines are given: the one that shows, or else the first season.

    A season may be hidden by larger changes, and core and prior know it all the same; see
    `find_seasons`. What they know, baselines know too.
    """
    found = shown_period(series, end)
    if found is None:
        rows = slice(max(0, end - READ), end)
        seasons = find_seasons(series.targets[rows, 0], series.times[rows])
        found = seasons[0] if seasons else None
    return found
