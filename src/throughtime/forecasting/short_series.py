"""What the settings of a forecast become on the series at hand: checked, a window that fits."""

import numpy as np

from throughtime.data.series import Series
from throughtime.data.split import Split
from throughtime.errors import InputError
from throughtime.training.settings import Settings

MOST = 300_000
"""Rows of a series that core and prior read: about two minutes, and 4 GB of memory."""

SHARE = 0.4
"""Share of the training part that a shortened window takes."""


def settings_for(series: list[Series], settings: Settings, default_window: int) -> Settings:
    """The settings, with a shorter window where the default one does not fit.

    A series that is too short for the default window is forecast by the linear core and the
    recurrent prior all the same, and by networks that read less. Of several series, the median
    length counts. A window that was asked for stays, and so does that of networks alone.

    Raises
    ------
    InputError
        If no series can have the season, one cannot have the transform or the bound, or one is
        too long for core and prior.
    """
    alone = settings.core is None and settings.prior is None
    if not alone:
        _check_length(max(series, key=len))
    shares = settings.validation, settings.test
    splits = [Split.by_time(len(one), *shares, short=True) for one in series]
    _check_season(settings.season, max(one.validation for one in splits))
    for one, split in zip(series, splits, strict=True):
        _check_values(one, split, settings)
    if alone or settings.window != default_window:
        return settings
    typical = int(np.median([one.train for one in splits]))
    if default_window + settings.horizon <= typical:
        return settings
    return settings.model_copy(update={"window": max(1, round(SHARE * typical))})


def _check_length(series: Series) -> None:
    """Refuse a series that core and prior would read for hours, and in too much memory."""
    if len(series) > MOST:
        rule = f"core and prior read series of at most {MOST:,} rows"
        remedy = (
            "Pass `core=None, prior=None` (`--plain`) for networks alone, the last rows, or"
            " means of several rows."
        )
        raise InputError(rule, f"{len(series):,} rows in `{series.name}`", remedy)


def _check_season(season: int | tuple[int, ...] | None, rows: int) -> None:
    """Refuse a season that does not fit into the `rows` before the test part."""
    longest = int(np.max(season or 1))
    if longest > 1 and longest >= rows:
        rule = "`season` must be shorter than the series before its test part"
        got = f"{longest} of {rows} steps"
        raise InputError(rule, got, "Lower `season`, or leave it out.")


def _check_values(series: Series, split: Split, settings: Settings) -> None:
    """Refuse logarithms of what is not positive, and a bound above most of the values."""
    least = float(series.targets.min())
    if settings.transform == "log" and least <= 0:
        rule = "logarithms need positive values"
        raise InputError(rule, f"a least value of {least:g}", "Leave out `transform`.")
    if settings.lower is None or settings.lower == "none":
        return
    medians = np.median(series.targets[: split.validation], axis=0)
    for name, median in zip(series.target_names, medians, strict=True):
        if settings.lower > median:
            rule = "`lower` must not lie above most values of a series"
            where = f"`{name}` in `{series.name}`"
            got = f"{settings.lower:g}, and a median of {median:g} of {where}"
            raise InputError(rule, got, "Lower `lower`, or leave it out.")
