"""The tables of a forecast's report: errors, scores, each series, the values."""

import numpy as np

from throughtime.forecasting.backtest import Backtest
from throughtime.forecasting.error_table import SCORE_NAMES
from throughtime.forecasting.forecast import Forecast
from throughtime.forecasting.scores import SCORES
from throughtime.forecasting.verdict import (
    best_baseline,
    format_number,
    format_share,
    method_label,
)

from .page import Table

MAX_ROWS = 1000
"""Rows of a table, at most."""


def error_tables(backtest: Backtest) -> list[Table]:
    """For each target, the RMSE of each method by lead time and on average, and its MAE."""
    steps, names = backtest.steps, [method_label(name, backtest) for name in backtest.rmse]
    leads = [k for k in backtest.selected_lead_times() if k <= 0.8 * steps or k == steps]
    head = ["RMSE at lead time", "all", *map(str, leads), "MAE, all"]
    rmse = np.stack(list(backtest.rmse.values()))  # (method, steps, target)
    mae = np.stack(list(backtest.mae.values()))
    at_leads = rmse[:, np.array(leads) - 1]
    values = np.concatenate(
        [rmse.mean(axis=1, keepdims=True), at_leads, mae.mean(axis=1, keepdims=True)], axis=1
    )
    lowest = np.where(np.isfinite(values), values, np.inf).min(axis=0)
    tables = []
    for i, target in enumerate(backtest.targets):
        lines = zip(names, values[..., i], strict=True)
        rows = [[name, *map(format_number, line)] for name, line in lines]
        best = np.argwhere(values[..., i] == lowest[:, i]).tolist()
        tables.append(Table(target, head, rows, frozenset((r, c + 1) for r, c in best)))
    return tables


def score_tables(backtest: Backtest) -> list[Table]:
    """For each target, MASE, sMAPE, coverage, Winkler score and CRPS of each method."""
    head = ["over all lead times", *(SCORE_NAMES[name] for name in SCORES)]
    tables = []
    for i, target in enumerate(backtest.targets):
        rows, values = [], []
        for method, one in backtest.scores.items():
            found = [float(getattr(one, name)[i]) for name in SCORES]
            cells = [
                format_share(value) if name == "coverage" else format_number(value, 3)
                for name, value in zip(SCORES, found, strict=True)
            ]
            rows.append([method_label(method, backtest), *cells])
            values.append(found)
        least = np.where(np.isfinite(values), values, np.inf)
        judged = [j for j, name in enumerate(SCORES) if name != "coverage"]
        best = [(r, j + 1) for j in judged for r in _lowest(least[:, j])]
        tables.append(Table(target, head, rows, frozenset(best)))
    return tables


def series_table(backtest: Backtest) -> Table | None:
    """The errors of each series of a panel, in its own units; the largest MASE first."""
    if not backtest.relative:
        return None
    head = ["series", "target", "RMSE", "MASE", "coverage", "best baseline", "its RMSE"]
    rows = []
    for name, one in backtest.by_series().items():
        found = one.scores[one.method]
        for i, target in enumerate(one.targets):
            best = best_baseline(one, i) or ("none", float("nan"))
            mase = float(found.mase[i])
            cells = [
                format_number(float(one.rmse[one.method][:, i].mean())),
                format_number(mase, 3),
                format_share(float(found.coverage[i])),
                best[0],
                format_number(best[1]),
            ]
            rows.append((mase, [name, target, *cells]))
    rows.sort(key=lambda row: -np.nan_to_num(row[0], nan=-np.inf))
    shown = [cells for _, cells in rows[:MAX_ROWS]]
    return Table("each series", head, shown, omitted=max(0, len(rows) - MAX_ROWS))


def _lowest(column: np.ndarray) -> list[int]:
    """The rows of the smallest value, none if no value is finite."""
    return [int(r) for r in np.flatnonzero((column == column.min()) & np.isfinite(column))]


def value_table(forecast: Forecast) -> Table:
    """The values of a forecast and the bounds of its intervals."""
    several = len(forecast.targets) > 1
    head = [forecast.times.column or "time"]
    for name in forecast.targets:
        head += [f"{name} {part}" if several else part for part in ("mean", "lower", "upper")]
    steps = len(forecast.mean)
    columns = np.stack([forecast.mean, forecast.lower, forecast.upper], axis=2)
    lines = zip(forecast.times.labels(), columns.reshape(steps, -1), strict=True)
    rows = [[label, *(format_number(cell, 5) for cell in line)] for label, line in lines]
    return Table(forecast.name, head, rows[:MAX_ROWS], omitted=max(0, steps - MAX_ROWS))
