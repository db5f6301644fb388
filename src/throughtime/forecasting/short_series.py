"""What the settings of a forecast become on the series at hand: a window that fits."""

import numpy as np

from throughtime.data.series import Series
from throughtime.data.split import Split
from throughtime.errors import InputError
from throughtime.training.settings import Settings

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
        If logarithms are asked for, but not all values are positive.
    """
    least = min(float(one.targets.min()) for one in series)
    if settings.transform == "log" and least <= 0:
        rule = "logarithms need positive values"
        raise InputError(rule, f"a least value of {least:g}", "Leave out `transform`.")
    alone = settings.core is None and settings.prior is None
    if alone or settings.window != default_window:
        return settings
    shares = settings.validation, settings.test
    lengths = [Split.by_time(len(one), *shares, short=True).train for one in series]
    typical = int(np.median(lengths))
    if default_window + settings.horizon <= typical:
        return settings
    return settings.model_copy(update={"window": max(1, round(SHARE * typical))})
