"""What a backtest says: plain sentences, what limits them, and the key figures."""

import math
from typing import NamedTuple

import numpy as np

from throughtime.recurrence.network import count

from .backtest import Backtest
from .forecaster import Forecaster
from .predict import Forecast

SHOWN = 4  # targets that get sentences of their own
EQUAL = 0.5  # per cent of difference that counts as none


def sentences(backtest: Backtest | None) -> list[str]:
    """How the network compares, and whether its intervals hold."""
    if backtest is None:
        return ["No part of the series was held out, so the error is not known."]
    told = [_compared(backtest, i) for i in range(len(backtest.targets[:SHOWN]))]
    told.append(_one_step(backtest))
    covered = backtest.covered()
    if math.isfinite(covered):
        width = ""
        if abs(covered - backtest.level) > 0.05:
            narrow = covered < backtest.level
            width = ": they are " + ("too narrow" if narrow else "wider than need be")
        told.append(
            f"The intervals were asked to hold {100 * backtest.level:g} % of the values "
            f"and held {per_cent(covered)} of those in the test part{width}."
        )
    return told


def notes(model: Forecaster, backtest: Backtest | None, forecasts: list[Forecast]) -> list[str]:
    """What limits the verdict, and what to know besides."""
    told = []
    margins = [forecast.upper - forecast.mean for forecast in forecasts]
    if backtest is not None:
        margins.insert(0, backtest.margins)
    known = np.isfinite(max(margins, key=len, default=np.empty((0, 1)))).all(axis=1)
    if not known.all():
        last, short = int(np.argmin(known)), "the validation part is too short to calibrate"
        told.append(
            f"No interval beyond lead time {last}: {short} one for the level asked."
            if known.any()
            else f"No intervals: {short} them."
        )
    if backtest is not None:
        if backtest.origins < 30:
            many = "1 forecast" if backtest.origins == 1 else f"{backtest.origins} forecasts"
            told.append(f"The error is measured on {many}: it is rough.")
        told += filter(None, (_lost(backtest, i) for i in range(len(backtest.targets))))
        judged, series = backtest.series
        if judged < series:
            which = f"{judged} of the {series} series"
            told.append(f"Only {which} could be judged: the others are too short.")
    if filled := sum(one.filled for one in model.parts_.series):
        told.append(f"{filled:,} missing values were filled before training; none is judged.")
    validated = any(math.isfinite(row.validation_loss) for row in model.history_)
    if validated and max(model.fitted_.best_epochs) >= model.epochs:
        told.append("The loss was still falling at the last epoch: train for longer.")
    return told


def best_baseline(backtest: Backtest, target: int = 0) -> tuple[str, float] | None:
    """The baseline with the lowest RMSE, averaged over lead times, and that mean."""
    means = {
        name: float(errors[:, target].mean())
        for name, errors in backtest.rmse.items()
        if name != "network" and np.isfinite(errors[:, target]).all()
    }
    return min(means.items(), key=lambda pair: pair[1]) if means else None


def method(name: str, backtest: Backtest) -> str:
    """A method's name, with the period of the seasonal one."""
    return f"{name} (period {backtest.period})" if name == "seasonal persistence" else name


class Tile(NamedTuple):
    """A key figure: what it is, the figure, and what it is of."""

    name: str
    value: str
    unit: str


class TargetRow(NamedTuple):
    """The key figures of one target, as text."""

    target: str
    network: str
    baseline: str
    name_of_baseline: str
    change: str
    word: str
    nmse: str
    coverage: str


def target_rows(backtest: Backtest | None) -> list[TargetRow]:
    """The key figures of each target."""
    if backtest is None:
        return []
    rows = []
    for i, name in enumerate(backtest.targets):
        mean, best = _mean(backtest, i), best_baseline(backtest, i) or ("none", math.nan)
        change = 100 * (mean / best[1] - 1) if best[1] else math.nan
        word = "lower error" if change < 0 else "higher error"
        shares = backtest.coverage[:, i][np.isfinite(backtest.coverage[:, i])]
        row = TargetRow(
            name,
            number(mean),
            number(best[1]),
            method(best[0], backtest),
            _share(abs(change)),
            word if math.isfinite(change) else "",
            number(backtest.nmse()[i]),
            per_cent(shares.mean() if len(shares) else math.nan),
        )
        rows.append(row)
    return rows


def key_figures(model: Forecaster, backtest: Backtest | None) -> list[Tile]:
    """The figures at the head of a report."""
    tiles, rows = [], target_rows(backtest)
    if len(rows) == 1:
        tiles += [
            Tile("Mean RMSE, network", rows[0].network, ""),
            Tile("Best baseline", rows[0].baseline, rows[0].name_of_baseline),
            Tile("Network against it", rows[0].change, rows[0].word),
            Tile("One-step NMSE", rows[0].nmse, ""),
        ]
    if backtest is not None:
        asked = f"{100 * backtest.level:g} % asked"
        tiles += [
            Tile("Coverage", per_cent(backtest.covered()), asked),
            Tile("Forecasts judged", f"{backtest.origins:,}", f"{backtest.steps} steps"),
        ]
    members = f"{model.ensemble} networks" if model.ensemble > 1 else "1 network"
    last = model.history_[-1]
    return [
        *tiles,
        Tile("Parameters", f"{count(model.network_):,}", members),
        Tile("Training", _duration(last.seconds), f"{last.epoch} epochs"),
    ]


def number(value: float, digits: int = 4) -> str:
    """A number as text, to some significant digits; a dash if it is none.

    Examples
    --------
    >>> number(0.12345), number(12345.6), number(float("inf"))
    ('0.1235', '12346', '–')
    """
    if not math.isfinite(value):
        return "–"
    if 10**digits <= abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:#.{digits}g}".removesuffix(".")


def per_cent(share: float) -> str:
    """A share as text, to a tenth of a per cent; `none` if it is not known."""
    if not math.isfinite(share):
        return "none"
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def _compared(backtest: Backtest, target: int) -> str:
    """The network beside the best baseline, in a sentence."""
    mean, steps = _mean(backtest, target), backtest.steps
    whose = _whose(" for", backtest, target)
    if not math.isfinite(mean):
        return f"The network's forecasts{whose} are not finite: do not use them."
    over = "one step ahead" if steps == 1 else f"averaged over lead times 1 to {steps}"
    start = f"The network's RMSE{whose}, {over}, is {number(mean)}"
    best = best_baseline(backtest, target)
    if best is None:
        return f"{start}; there is no baseline to compare it with."
    than = f"the {number(best[1])} of the best baseline, {method(best[0], backtest)}"
    if best[1] == 0:
        return f"{start}, {'higher than' if mean else 'equal to'} {than}."
    change = 100 * (mean / best[1] - 1)
    if abs(change) < EQUAL:
        return f"{start}, the same as {than} to within {EQUAL:g} %: no gain."
    if change < 0:
        return f"{start}, {_share(-change)} lower than {than}."
    more = f"{_share(change)} higher than" if change < 100 else f"{change / 100 + 1:.2g} times"
    return f"{start}, {more} {than}: here the baseline forecasts better."


def _one_step(backtest: Backtest) -> str:
    """The normalised error one step ahead, in a sentence."""
    start = "One step ahead its normalised mean squared error (NMSE)"
    errors = dict(zip(backtest.targets, backtest.nmse().tolist(), strict=True))
    if len(errors) > 1:
        each = ", ".join(f"{number(v)} for {k}" for k, v in list(errors.items())[:SHOWN])
        return f"{start} is {each}; forecasting the mean would give 1."
    (nmse,) = errors.values()
    if not math.isfinite(nmse):
        return f"{start} is not defined."
    if nmse >= 1:
        return f"{start} is {number(nmse)}: worse than forecasting the mean of the test part."
    return f"{start} is {number(nmse)}: {_share(100 * nmse)} of the variance is unexplained."


def _lost(backtest: Backtest, target: int) -> str | None:
    """Lead times at which a baseline wins though the network wins on average."""
    best, network = best_baseline(backtest, target), backtest.rmse["network"][:, target]
    if best is None or not network.mean() < best[1]:
        return None
    others = [v[:, target] for k, v in backtest.rmse.items() if k != "network"]
    lost = np.flatnonzero(np.min(others, axis=0) < network) + 1
    if not len(lost):
        return None
    which = str(lost[0]) if len(lost) == 1 else f"the first is {lost[0]}"
    leads = f"{len(lost)} of {backtest.steps} lead times{_whose(' of', backtest, target)}"
    return f"At {leads} ({which}) a baseline has the lower error."


def _mean(backtest: Backtest, target: int) -> float:
    return float(backtest.rmse["network"][:, target].mean())


def _whose(word: str, backtest: Backtest, target: int) -> str:
    return f"{word} {backtest.targets[target]}" if len(backtest.targets) > 1 else ""


def _share(per_cent: float) -> str:
    """Per cent as text: two digits are enough."""
    if not math.isfinite(per_cent):
        return "–"
    return f"{per_cent:.2g} %" if per_cent < 9.95 else f"{per_cent:.0f} %"


def _duration(seconds: float) -> str:
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"
