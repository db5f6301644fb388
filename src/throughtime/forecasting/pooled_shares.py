"""What the weights of several series have in common."""

from collections.abc import Sequence

import numpy as np

from throughtime.models.combination import (
    HALF_PRIOR,
    Shares,
    bounds_of_bands,
    least_squares_weights,
    pulls,
)
from throughtime.models.rolling_errors import RollingErrors

LEAST = 8
"""Fewer series say too little of each other: each is weighed as if it were alone."""


def pooled_shares(
    judged: Sequence[tuple[RollingErrors, Sequence[str]]],
    steps: int,
) -> list[Shares]:
    """What each group of models starts with in the combinations of several series.

    The weights of the groups that err least over all of the series, as if they were one: a
    network that learned from a hundred series is judged by all of them. Series that lack a
    group, as one that is too short for the networks, say nothing.

    Parameters
    ----------
    judged
        For each series, the errors of its models from rolling origins and the group of each.
    steps
        The longest lead time.

    Returns
    -------
    list of dict
        For each band of lead times, the share of each group.
    """
    found = []
    for first, end in bounds_of_bands(steps):
        names = [name for name in HALF_PRIOR if any(name in groups for _, groups in judged)]
        total, count = np.zeros((len(names), len(names))), 0.0
        for rolling, groups in judged:
            errors = _group_errors(rolling, np.array(groups), names, first, end)
            if errors is not None and np.isfinite(errors).all() and errors.any():
                moments = errors @ errors.T / errors.shape[1]
                # In units of its own errors, so that no series outweighs the others.
                worth = rolling.count(first, end)
                total += worth * moments / moments.diagonal().mean()
                count += worth
        start = np.array([HALF_PRIOR[name] for name in names])
        if not count or not start.any():
            found.append(HALF_PRIOR)
            continue
        pull = pulls(names, count)
        weights = least_squares_weights(total / count, start / start.sum(), pull)
        found.append(dict.fromkeys(HALF_PRIOR, 0.0) | dict(zip(names, weights, strict=True)))
    return found


def _group_errors(rolling, groups, names, first, end):
    """The errors of each group's mean with weights from their squares; None without any."""
    e = rolling.errors[:, :, first - 1 : end].reshape(len(groups), -1)
    e = e[:, ~np.isnan(e).any(axis=0)]
    if not e.shape[1]:
        return None
    finite = np.isfinite(e).all(axis=1)
    rows = []
    for name in names:
        mine = e[(groups == name) & finite]
        mse = (mine**2).mean(axis=1)
        inverse = 1 / np.maximum(mse / (mse.max(initial=0.0) or 1.0), 1e-9)
        rows.append(
            inverse @ mine / inverse.sum() if len(mine) else np.full(e.shape[1], np.inf)
        )
    return np.array(rows)
