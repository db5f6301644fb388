"""The four ways as forecasters of a series: the settings of each, beside those of the user."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from throughtime.errors import InputError, did_you_mean
from throughtime.forecasting.forecaster import Forecaster
from throughtime.recurrence.architecture import unused_settings

from . import recipes


class SeriesWay(NamedTuple):
    """A way as a forecaster.

    Attributes
    ----------
    name
        Its name in words.
    settings
        Its own settings of `Forecaster`.
    """

    name: str
    settings: dict[str, Any]


def _recipe(way: str, *fields: str) -> dict[str, Any]:
    """These fields of the way's recipe for the long-range tasks."""
    return {field: getattr(recipes.WAYS[way], field) for field in fields}


# What a series shares with the long-range tasks is read from their recipes. Other settings are
# the user's or the defaults of `Forecaster`, or they differ: the numbers of the recipes were
# found on tasks, of a known length T and with new sequences for every update.
SERIES_WAYS: dict[str, SeriesWay] = {
    "lstm": SeriesWay(
        "LSTM",
        # The default rate of Adam. The recipe's is for keep gates that start open for T steps.
        {**_recipe("lstm", "cell", "method"), "rate": 3e-3},
    ),
    "hf": SeriesWay(
        "Hessian-free",
        # A batch of 1000 windows, which overlap; the recipe has 300 new sequences.
        {**_recipe("hf", "cell", "method"), "init": "sparse", "batch_size": 1000},
    ),
    "esn": SeriesWay(
        "echo state network",
        # Fewer units than in the recipe, so that more settings are tried in the seconds.
        {"cell": "esn", "hidden": 300},
    ),
    "momentum": SeriesWay(
        "initialisation and momentum",
        # The initialisation as published; the recipe has another radius and a smaller V.
        {**_recipe("momentum", "cell", "method", "rate"), "init": "echo-state"},
    ),
}
"""The ways by name."""

EPOCHS = 100_000
"""The most epochs: the seconds, or the patience, end a training first."""


def check_ways(ways: Sequence[str]) -> None:
    """Refuse ways that are not known, or named twice.

    Raises
    ------
    InputError
        For such a way, and for none at all.
    """
    for way in ways:
        if way not in SERIES_WAYS:
            remedy = did_you_mean(way, SERIES_WAYS)
            raise InputError("a way must be a known one", f"`{way}`", remedy)
    if len(set(ways)) < len(ways) or not ways:
        rule = "ways must be named, each once"
        remedy = f"Pass some of {', '.join(SERIES_WAYS)}."
        raise InputError(rule, ", ".join(ways) or "none", remedy)


def forecaster(way: str, settings: dict[str, Any]) -> Forecaster:
    """The forecaster of a way, with those settings of the user that its cell uses."""
    own = SERIES_WAYS[way].settings
    used = {name: v for name, v in settings.items() if name not in unused_settings(own["cell"])}
    trained: dict[str, Any] = {} if own["cell"] == "esn" else {"epochs": EPOCHS}
    # The ways are compared, not what stands beside them.
    alone: dict[str, Any] = {"core": None, "prior": None}
    return Forecaster(**alone | trained | used | own)
