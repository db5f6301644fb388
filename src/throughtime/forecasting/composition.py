"""What a forecast is made of, in words: the weights, and what was read of each series."""

import numpy as np

from throughtime.models.traits import Traits

from .combined_predictor import CombinedPredictor
from .forecaster import Forecaster

MAX_CURVES = 4
"""Curves (a target of a series) that are described."""


def composition(model: Forecaster, steps: int) -> list[str]:
    """Sentences on the weights, seasons, transform and wrong data of the first few curves.

    Parameters
    ----------
    model
        The fitted forecaster.
    steps
        The longest lead time.

    Returns
    -------
    list of str
        Empty for a network alone.
    """
    predictor = model.predictor(steps)
    if not isinstance(predictor, CombinedPredictor):
        return []
    series, lines = model.data_.series, []
    shares, traits = predictor.shares(steps), predictor.traits(steps)
    for one, of_series, read in zip(series, shares, traits, strict=True):
        for name, weights, found in zip(one.target_names, of_series, read, strict=True):
            several = [one.name] * (len(series) > 1) + [name] * (len(of_series) > 1)
            where = f"{', '.join(several)}: " if several else ""
            lines += [f"{where}{text}" for text in (_weights(weights), *_traits(found))]
    return lines[: 4 * MAX_CURVES]


def _weights(shares: dict[str, float]) -> str:
    whole = percentages(list(shares.values()))
    told = ", ".join(f"{name} {n} %" for name, n in zip(shares, whole, strict=True))
    return f"made of {told}"


def percentages(shares: list[float]) -> list[int]:
    """Whole percentages of shares, which add to that of their sum: the largest rests go up."""
    exact = 100 * np.array(shares)
    whole = np.floor(exact)
    missing = round(exact.sum()) - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
    return whole.astype(int).tolist()


def _traits(traits: Traits) -> list[str]:
    seasons = " and ".join(map(str, traits.seasons))
    lines = [f"season of {seasons} steps" if seasons else "no season found"]
    power = traits.transform.power
    if power != 1:
        what = "logarithms" if power == 0 else f"powers of {power:g}"
        lines.append(f"some models see it as {what}, because its changes grow with its level")
    if traits.intermittent:
        lines.append("often 0: demand and its size are forecast apart")
    if np.isfinite(traits.lower):
        lines.append(f"no forecast lies below {traits.lower:g}")
    if len(traits.wrong):
        rows = ", ".join(str(row + 1) for row in traits.wrong[:5])
        more = ", ..." if len(traits.wrong) > 5 else ""
        lines.append(
            f"{len(traits.wrong)} values look wrong and were replaced (rows {rows}{more})"
        )
    return lines
