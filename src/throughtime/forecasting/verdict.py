"""The verdict on a backtest: plain sentences, their limitations, and the key figures."""

import math
from typing import NamedTuple

import numpy as np

from throughtime.recurrence.network import count_parameters

from .backtest import Backtest
from .forecast import Forecast
from .forecaster import Forecaster

MAX_TARGETS = 4
"""Targets that are described in sentences of their own."""

NEGLIGIBLE = 0.5
"""Difference between two errors, in per cent, that counts as none."""

TOLERANCE = 0.05
"""Difference between empirical and nominal coverage that is not remarked on."""


def sentences(backtest: Backtest | None) -> list[str]:
    """How the network compares with the baselines, and whether its intervals hold."""
    if backtest is None:
        return ["No part of the series was held out, so the forecast error is unknown."]
    if _has_no_unit(backtest):
        return comparisons(backtest)
    text = [*comparisons(backtest), _one_step(backtest)]
    coverage = backtest.mean_coverage()
    if math.isfinite(coverage):
        remark = ""
        if abs(coverage - backtest.level) > TOLERANCE:
            narrow = coverage < backtest.level
            remark = ": they are " + ("too narrow" if narrow else "wider than necessary")
        text.append(
            f"The {100 * backtest.level:g} % prediction intervals contain "
            f"{format_share(coverage)} of the values in the test part{remark}."
        )
    return text


def comparisons(backtest: Backtest) -> list[str]:
    """Each target's error beside that of the best baseline, in a sentence."""
    if _has_no_unit(backtest):
        return ["No series varies before its test part: there is no unit to pool errors in."]
    return [_comparison(backtest, i) for i in range(len(backtest.targets[:MAX_TARGETS]))]


def notes(model: Forecaster, backtest: Backtest | None, forecasts: list[Forecast]) -> list[str]:
    """The limitations of the verdict."""
    text = []
    if missing := _missing_intervals(backtest, forecasts):
        text.append(missing)
    if backtest is not None:
        if backtest.origins < 30:
            few = "a single forecast"
            if backtest.origins > 1:
                few = f"only {backtest.origins} forecasts"
            text.append(f"The errors are measured on {few}, so they are rough estimates.")
        wins = (_baseline_wins(backtest, i) for i in range(len(backtest.targets)))
        text += filter(None, wins)
        evaluated, total = backtest.series_counts
        if evaluated < total:
            text.append(
                f"Only {evaluated} of the {total} series could be evaluated; "
                "the others are too short."
            )
        if still := backtest.without_unit:
            text.append(
                f"{_listed(still)} {'does' if len(still) == 1 else 'do'} not vary before the "
                "test part, so there is no unit for their errors: the figures over all series "
                "leave them out."
            )
        asked = max((len(one.mean) for one in forecasts), default=0)
        if backtest.steps < asked:
            text.append(
                f"The held-out part is short: errors are known up to lead time "
                f"{backtest.steps}, not up to {asked}."
            )
    if model.data_.window < model.window:
        steps = f"{model.data_.window} steps instead of {model.window}"
        text.append(f"The networks read {steps}: the series is short.")
    untrained = len(model.data_.series) - len(model.data_.long)
    if untrained:
        text.append(
            f"{untrained} of the {len(model.data_.series)} series are too short for the "
            "networks to learn from."
        )
    if not any(varies.all() for varies in model.data_.varies):
        text.append("No series varies in its training part, so the networks learned nothing.")
    if filled := sum(one.filled for one in model.data_.series):
        text.append(
            "1 missing value was filled in before training; it is excluded from the evaluation."
            if filled == 1
            else f"{filled:,} missing values were filled in before training; "
            "they are excluded from the evaluation."
        )
    validated = any(math.isfinite(row.validation_loss) for row in model.history_)
    if validated and max(model.fitted_.best_epochs) >= model.epochs:
        text.append(
            "The validation loss was still falling in the last epoch: train for more epochs."
        )
    return text


def best_baseline(backtest: Backtest, target: int = 0) -> tuple[str, float] | None:
    """The baseline with the lowest RMSE, averaged over lead times, and that mean."""
    means = {
        name: float(errors[:, target].mean())
        for name, errors in backtest.rmse.items()
        if name in backtest.baselines() and np.isfinite(errors[:, target]).all()
    }
    return min(means.items(), key=lambda pair: pair[1]) if means else None


def method_label(name: str, backtest: Backtest) -> str:
    """The name of a method, with the period of seasonal persistence."""
    return f"{name} (period {backtest.period})" if name == "seasonal persistence" else name


class KeyFigure(NamedTuple):
    """A figure at the head of a report: its name, its value, and a detail in small print."""

    name: str
    value: str
    detail: str


class TargetRow(NamedTuple):
    """The key figures of one target, as text."""

    target: str
    network: str
    baseline: str
    baseline_name: str
    change: str
    direction: str
    nmse: str
    coverage: str


def target_rows(backtest: Backtest | None) -> list[TargetRow]:
    """The key figures of each target."""
    if backtest is None:
        return []
    rows = []
    for i, name in enumerate(backtest.targets):
        mean, best = _mean_rmse(backtest, i), best_baseline(backtest, i) or ("none", math.nan)
        change = 100 * (mean / best[1] - 1) if best[1] else math.nan
        direction = "lower error" if change < 0 else "higher error" if change else "no change"
        coverage = backtest.coverage[:, i][np.isfinite(backtest.coverage[:, i])]
        row = TargetRow(
            name,
            format_number(mean),
            format_number(best[1]),
            method_label(best[0], backtest),
            _format_per_cent(abs(change)),
            direction if math.isfinite(change) else "",
            format_number(backtest.nmse()[i]),
            format_share(coverage.mean() if len(coverage) else math.nan),
        )
        rows.append(row)
    return rows


def key_figures(model: Forecaster, backtest: Backtest | None) -> list[KeyFigure]:
    """The figures at the head of a report."""
    figures, rows = [], target_rows(backtest)
    if backtest is not None and len(rows) == 1:
        figures += [
            KeyFigure(f"Mean RMSE, {backtest.method}", rows[0].network, ""),
            KeyFigure("Mean RMSE, baseline", rows[0].baseline, rows[0].baseline_name),
            KeyFigure(
                f"{backtest.method.capitalize()} against baseline",
                rows[0].change,
                rows[0].direction,
            ),
            KeyFigure("One-step NMSE", rows[0].nmse, ""),
        ]
    if backtest is not None:
        nominal = f"nominal {100 * backtest.level:g} %"
        steps = f"{backtest.steps} step{'s' if backtest.steps > 1 else ''} each"
        figures += [
            KeyFigure("Coverage", format_share(backtest.mean_coverage()), nominal),
            KeyFigure("Forecasts evaluated", f"{backtest.origins:,}", steps),
        ]
    networks = f"in {model.ensemble} networks" if model.ensemble > 1 else "in 1 network"
    last = model.history_[-1]
    epochs = f"{last.epoch} epoch{'s' if last.epoch > 1 else ''}"
    return [
        *figures,
        KeyFigure("Parameters", f"{count_parameters(model.network_):,}", networks),
        KeyFigure("Training", _format_duration(last.seconds), epochs),
    ]


def format_number(value: float, digits: int = 4) -> str:
    """A number as text, to some significant digits; a dash if it is not finite.

    Examples
    --------
    >>> format_number(0.12345), format_number(12345.6), format_number(float("inf"))
    ('0.1235', '12346', '–')
    """
    if not math.isfinite(value):
        return "–"
    if 10**digits <= abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:#.{digits}g}".removesuffix(".")


def format_share(share: float) -> str:
    """A share as text, to a tenth of a per cent; a dash if it is not finite."""
    if not math.isfinite(share):
        return "–"
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def _has_no_unit(backtest: Backtest) -> bool:
    """Whether errors over all series cannot be pooled, for no series has a unit."""
    return backtest.relative and len(backtest.without_unit) == backtest.series_counts[0]


def _comparison(backtest: Backtest, target: int) -> str:
    """The network beside the best baseline, in a sentence."""
    mean, steps = _mean_rmse(backtest, target), backtest.steps
    of_target = _of_target(" for", backtest, target)
    if not math.isfinite(mean):
        return f"{_whose(backtest, True)} forecasts{of_target} are not finite: do not use them."
    over = "One step ahead" if steps == 1 else f"Averaged over lead times 1 to {steps}"
    unit = " of each series' naive error" if backtest.relative else ""
    start = f"{over}, {_whose(backtest)} RMSE{of_target} is {format_number(mean)}{unit}"
    best = best_baseline(backtest, target)
    if best is None:
        return f"{start}; there is no baseline to compare it with."
    name, error = method_label(best[0], backtest), format_number(best[1])
    baseline = f"the {error} of the best baseline, {name}"
    if best[1] == 0:
        return f"{start}, {'higher than' if mean else 'equal to'} {baseline}."
    change = 100 * (mean / best[1] - 1)
    if abs(change) < NEGLIGIBLE:
        return f"{start}, within {NEGLIGIBLE:g} % of {baseline}: there is no gain."
    if change < 0:
        return f"{start}, {_format_per_cent(-change)} lower than {baseline}."
    worse = f"{change / 100 + 1:.2g} times"
    if change < 100:
        worse = f"{_format_per_cent(change)} higher than"
    return f"{start}, {worse} {baseline}: here the baseline forecasts better."


def _whose(backtest: Backtest, capital: bool = False) -> str:
    """Whose errors these are, at the start of a phrase."""
    return f"{'The' if capital else 'the'} {backtest.method}'s"


def _one_step(backtest: Backtest) -> str:
    """The normalised error one step ahead, in a sentence."""
    start = f"One step ahead, {_whose(backtest)} normalised mean squared error (NMSE)"
    errors = dict(zip(backtest.targets, backtest.nmse().tolist(), strict=True))
    if len(errors) > 1:
        each = [f"{format_number(v)} for {k}" for k, v in list(errors.items())[:MAX_TARGETS]]
        return f"{start} is {', '.join(each)}; forecasting the mean would give 1."
    (nmse,) = errors.values()
    if not math.isfinite(nmse):
        return f"{start} is not defined."
    start = f"{start} is {format_number(nmse)}"
    if nmse >= 1:
        return f"{start}: no better than forecasting the mean of the test part."
    return f"{start}: {_format_per_cent(100 * nmse)} of the variance is left unexplained."


def _missing_intervals(backtest: Backtest | None, forecasts: list[Forecast]) -> str | None:
    """The lead times without intervals, in a sentence; None if there are none."""
    margins = [forecast.upper - forecast.mean for forecast in forecasts]
    if backtest is not None:
        margins.insert(0, backtest.margins)
    known = np.isfinite(max(margins, key=len, default=np.empty((0, 1)))).all(axis=1)
    if known.all():
        return None
    beyond = f" beyond lead time {np.argmin(known)}" if known.any() else ""
    reason = "the validation part is too short to calibrate them"
    return f"There are no intervals{beyond}: {reason}."


def _baseline_wins(backtest: Backtest, target: int) -> str | None:
    """Lead times at which a baseline wins although the network wins on average."""
    best, judged = best_baseline(backtest, target), backtest.rmse[backtest.method][:, target]
    if best is None or not judged.mean() < best[1]:
        return None
    others = [backtest.rmse[name][:, target] for name in backtest.baselines()]
    leads = np.flatnonzero(np.min(others, axis=0) < judged) + 1
    of_target = _of_target(" of", backtest, target)
    if not len(leads):
        return None
    if len(leads) == 1:
        return f"At lead time {leads[0]}{of_target}, a baseline has a lower error."
    many = f"{len(leads)} of {backtest.steps} lead times{of_target}"
    return f"At {many}, starting with lead time {leads[0]}, a baseline has a lower error."


def _listed(names: list[str]) -> str:
    """A few names, and the number of the others."""
    shown = [f"`{name}`" for name in names[:MAX_TARGETS]]
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return ", ".join(shown[:-1]) + " and " * (len(shown) > 1) + shown[-1]


def _mean_rmse(backtest: Backtest, target: int) -> float:
    return float(backtest.rmse[backtest.method][:, target].mean())


def _of_target(preposition: str, backtest: Backtest, target: int) -> str:
    """The name of the target, if there are several."""
    return f"{preposition} {backtest.targets[target]}" if len(backtest.targets) > 1 else ""


def _format_per_cent(per_cent: float) -> str:
    """Per cent as text, to two digits."""
    if not math.isfinite(per_cent):
        return "–"
    return f"{per_cent:.2g} %" if per_cent < 9.95 else f"{per_cent:.0f} %"


def _format_duration(seconds: float) -> str:
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"
