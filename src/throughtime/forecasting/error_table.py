"""The errors of a backtest as text."""

from typing import TYPE_CHECKING

import numpy as np

from .scores import SCORES

if TYPE_CHECKING:
    from .backtest import Backtest

SCORE_NAMES = {
    "mase": "MASE",
    "smape": "sMAPE",
    "coverage": "inside",
    "winkler": "Winkler",
    "crps": "CRPS",
}
"""The heads of the scores in a table."""


def error_table(backtest: "Backtest", target: int) -> str:
    """RMSE of each method at a few lead times, and its scores over all of them."""
    leads = backtest.selected_lead_times()
    unit = " (in naive errors)" if backtest.relative else ""
    rows = [[f"RMSE{unit} at lead time", *map(str, leads)]]
    scores = [["over all lead times", "RMSE", "MAE", *(SCORE_NAMES[k] for k in SCORES)]]
    for name, errors in backtest.rmse.items():
        row = errors[:, target]
        rows.append([name, *(f"{row[k - 1]:.4g}" for k in leads)])
        means = row.mean(), backtest.mae[name][:, target].mean()
        cells = [f"{value:.4g}" for value in means]
        found = backtest.scores.get(name)
        values = [getattr(found, k)[target] if found else np.nan for k in SCORES]
        scores.append([name, *cells, *map(_score, SCORES, values)])
    return f"{_aligned(rows)}\n\n{_aligned(scores)}"


def _score(name: str, value: float) -> str:
    """A score as text: shares in per cent, a dash where there is none."""
    if not np.isfinite(value):
        return "-"
    if name == "coverage":
        return f"{100 * value:.0f} %"
    return f"{value:.3g}"


def _aligned(rows: list[list[str]]) -> str:
    """Rows as text, the first one as the head: names to the left, numbers to the right."""
    widths = [max(len(line[i]) for line in rows) for i in range(len(rows[0]))]
    text = [
        "  ".join([head.ljust(widths[0]), *map(str.rjust, cells, widths[1:])])
        for head, *cells in rows
    ]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:]])
