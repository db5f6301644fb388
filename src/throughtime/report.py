"""The report of a run: one HTML file that needs no network, with its verdict first."""

import itertools
import math
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from . import atomic
from .backtest import Backtest
from .errors import InputError
from .forecast import Forecaster
from .network import count
from .predict import Forecast, precision
from .series import Series
from .times import Times

SHOWN = 4  # curves (a target of a series) that get figures of their own
LONG = 12  # rows from which a table is folded
LONGEST = 1000  # rows of a table, at most
EQUAL = 0.5  # per cent of difference that counts as none


def write_report(
    path: str | Path,
    model: Forecaster,
    backtest: Backtest | None,
    forecasts: list[Forecast],
    *,
    title: str,
    command: str,
    versions: dict[str, str],
) -> None:
    """Write the report of a fitted model as one HTML file.

    The file is replaced as a whole: if anything fails the old one stays.

    **Arguments:**

    - `path`: of the file; its folder must exist.
    - `model`: fitted.
    - `backtest`: what `model.backtest` returned; None if nothing was held out.
    - `forecasts`: what `model.predict` returned, as a list; it may be empty.
    - `title`: of the page. `command`: what repeats the run. `versions`: by name.

    **Raises:** `InputError` if the model is not fitted or the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        rule = "the folder of a report must exist"
        raise InputError(rule, str(path.parent), "Create it, or choose another path.")
    if not hasattr(model, "fitted_"):
        rule = "a report needs a fitted model"
        raise InputError(rule, "one that is not", "Call `fit` first.")
    page = _template().render(
        title=title,
        command=command,
        versions=versions,
        verdict=verdict(model, backtest, forecasts),
        key=_key_figures(model, backtest),
        targets=_target_rows(backtest),
        data=_data(model),
        errors=[] if backtest is None else _error_tables(backtest),
        values=[_value_table(forecast) for forecast in forecasts[:SHOWN]],
        hidden=_hidden(model, forecasts),
        backtest=backtest,
        level=f"{100 * model.level:g}",
        stopped=model.fitted_.stopped,
        best=_best_epochs(model),
        network=_summary(model),
        settings={k: _setting(v) for k, v in model.get_params().items()},
        pictures=_pictures(model, backtest, forecasts),
    )
    atomic.write(path, page.encode(errors="replace"))


def verdict(
    model: Forecaster, backtest: Backtest | None, forecasts: list[Forecast]
) -> dict[str, list[str]]:
    """What the backtest says, in plain sentences, and what a reader should know besides.

    **Returns:** `sentences` and `notes`.
    """
    if backtest is None:
        sentences = ["No part of the series was held out, so the error is not known."]
        return {"sentences": sentences, "notes": _notes(model, None, forecasts)}
    sentences = [_compared(backtest, i) for i in range(len(backtest.targets[:SHOWN]))]
    sentences.append(_one_step(backtest))
    covered = backtest.covered()
    asked = f"{100 * backtest.level:g} %"
    if math.isfinite(covered):
        told = _coverage_word(covered, backtest.level)
        sentences.append(
            f"The intervals were asked to hold {asked} of the values "
            f"and held {_per_cent(covered)} of those in the test part{told}."
        )
    return {"sentences": sentences, "notes": _notes(model, backtest, forecasts)}


def best_baseline(backtest: Backtest, target: int = 0) -> tuple[str, float] | None:
    """The baseline with the lowest RMSE, averaged over lead times, and that mean."""
    means = {
        name: float(errors[:, target].mean())
        for name, errors in backtest.rmse.items()
        if name != "network" and np.isfinite(errors[:, target]).all()
    }
    return min(means.items(), key=lambda pair: pair[1]) if means else None


def _compared(backtest: Backtest, target: int) -> str:
    """The network beside the best baseline, in a sentence."""
    mean = float(backtest.rmse["network"][:, target].mean())
    whose = f" for {backtest.targets[target]}" if len(backtest.targets) > 1 else ""
    steps = backtest.steps
    over = "one step ahead" if steps == 1 else f"averaged over lead times 1 to {steps}"
    if not math.isfinite(mean):
        return f"The network's forecasts{whose} are not finite: do not use them."
    start = f"The network's RMSE{whose}, {over}, is {number(mean)}"
    best = best_baseline(backtest, target)
    if best is None:
        return f"{start}; there is no baseline to compare it with."
    than = f"the {number(best[1])} of the best baseline, {_method(best[0], backtest)}"
    if best[1] == 0:
        worse = "equal to" if mean == 0 else "higher than"
        return f"{start}, {worse} {than}."
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
    if len(backtest.targets) > 1:
        each = [f"{number(_nmse(backtest, i))} for {n}" for i, n in enumerate(backtest.targets)]
        return f"{start} is {', '.join(each[:SHOWN])}; forecasting the mean would give 1."
    nmse = _nmse(backtest, 0)
    if not math.isfinite(nmse):
        return f"{start} is not defined."
    if nmse >= 1:
        return f"{start} is {number(nmse)}: worse than forecasting the mean of the test part."
    return f"{start} is {number(nmse)}: {_share(100 * nmse)} of the variance is unexplained."


def _nmse(backtest: Backtest, target: int) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(backtest.nmse()[target])


def _coverage_word(covered: float, level: float) -> str:
    if covered < level - 0.05:
        return ": they are too narrow"
    return ": they are wider than need be" if covered > level + 0.05 else ""


def _notes(
    model: Forecaster, backtest: Backtest | None, forecasts: list[Forecast]
) -> list[str]:
    """What limits the verdict."""
    notes = []
    margins = [backtest.margins] if backtest is not None else []
    margins += [forecast.upper - forecast.mean for forecast in forecasts]
    longest = max(margins, key=len, default=np.empty((0, 1)))
    known = np.isfinite(longest).all(axis=1)
    if len(longest) and not known.any():
        notes.append("No intervals: the validation part is too short to calibrate them.")
    elif not known.all():
        last = int(np.argmin(known))
        notes.append(
            f"No interval beyond lead time {last}: the validation part is too short "
            f"to calibrate one for the level asked."
        )
    if backtest is not None:
        if backtest.origins < 30:
            many = "1 forecast" if backtest.origins == 1 else f"{backtest.origins} forecasts"
            notes.append(f"The error is measured on {many}: it is rough.")
        for i, name in enumerate(backtest.targets):
            whose = f" of {name}" if len(backtest.targets) > 1 else ""
            notes += _lead_notes(backtest, i, whose)
    filled = sum(one.filled for one in model.parts_.series)
    if filled:
        notes.append(f"{filled:,} missing values were filled before training.")
    best = max(model.fitted_.best_epochs, default=0)
    if best >= model.epochs:
        if any(math.isfinite(row.validation_loss) for row in model.history_):
            notes.append("The loss was still falling at the last epoch: train for longer.")
    return notes


def _lead_notes(backtest: Backtest, target: int, whose: str) -> list[str]:
    """Lead times at which a baseline wins though the network wins on average."""
    best = best_baseline(backtest, target)
    network = backtest.rmse["network"][:, target]
    if best is None or not network.mean() < best[1]:
        return []
    rest = [v[:, target] for k, v in backtest.rmse.items() if k != "network"]
    lost = np.flatnonzero(np.min(rest, axis=0) < network)
    if not len(lost):
        return []
    one = len(lost) == 1
    return [
        f"At {len(lost)} of {backtest.steps} lead times{whose} "
        f"({'' if one else 'the first is '}{lost[0] + 1}) a baseline has the lower error."
    ]


class Tile(NamedTuple):
    """A key figure: what it is, the figure, and what it is of."""

    name: str
    value: str
    unit: str = ""


def _key_figures(model: Forecaster, backtest: Backtest | None) -> list[Tile]:
    tiles = []
    if backtest is not None:
        if len(backtest.targets) == 1:
            row = _target_rows(backtest)[0]
            tiles += [
                Tile("Mean RMSE, network", row.network),
                Tile("Best baseline", row.baseline, row.name_of_baseline),
                Tile("Network against it", row.change, row.word),
                Tile("One-step NMSE", row.nmse),
            ]
        share = backtest.covered()
        asked = f"{100 * backtest.level:g} % asked"
        tiles.append(Tile("Coverage", _per_cent(share) if share == share else "none", asked))
        tiles.append(
            Tile("Forecasts judged", f"{backtest.origins:,}", f"{backtest.steps} steps")
        )
    members = f"{model.ensemble} networks" if model.ensemble > 1 else "1 network"
    tiles.append(Tile("Parameters", f"{count(model.network_):,}", members))
    seconds = model.history_[-1].seconds if model.history_ else 0.0
    epochs = max((row.epoch for row in model.history_), default=0)
    tiles.append(Tile("Training", _duration(seconds), f"{epochs} epochs"))
    return tiles


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


def _target_rows(backtest: Backtest | None) -> list[TargetRow]:
    if backtest is None:
        return []
    rows = []
    for i, name in enumerate(backtest.targets):
        mean, best = float(backtest.rmse["network"][:, i].mean()), best_baseline(backtest, i)
        label, value = (_method(best[0], backtest), best[1]) if best else ("none", math.nan)
        change = 100 * (mean / value - 1) if value else math.nan
        shares = backtest.coverage[:, i][np.isfinite(backtest.coverage[:, i])]
        covered = _per_cent(float(shares.mean())) if len(shares) else "none"
        sized = _share(abs(change)) if math.isfinite(change) else "–"
        word = "" if sized == "–" else "lower error" if change < 0 else "higher error"
        nmse = number(_nmse(backtest, i))
        rows.append(
            TargetRow(name, number(mean), number(value), label, sized, word, nmse, covered)
        )
    return rows


class Table(NamedTuple):
    """A table as text. `best` holds the (row, column) of cells to emphasise."""

    name: str
    head: list[str]
    rows: list[list[str]]
    best: frozenset[tuple[int, int]] = frozenset()
    cut: int = 0

    @property
    def folded(self) -> bool:
        """Whether it is long."""
        return len(self.rows) > LONG


def _error_tables(backtest: Backtest) -> list[Table]:
    """RMSE of each method, the mean over lead times and at a few of them, and the mean MAE."""
    steps = backtest.steps
    leads = [k for k in backtest.leads() if k <= 0.8 * steps or k == steps]
    tables = []
    for i, name in enumerate(backtest.targets):
        values = np.array(
            [
                [errors[:, i].mean(), *(errors[k - 1, i] for k in leads), mae[:, i].mean()]
                for errors, mae in zip(
                    backtest.rmse.values(), backtest.mae.values(), strict=True
                )
            ]
        )
        lowest = np.where(np.isfinite(values), values, np.inf).min(axis=0)
        rows = [
            [_method(method, backtest), *map(number, row)]
            for method, row in zip(backtest.rmse, values, strict=True)
        ]
        best = frozenset((int(r), int(c) + 1) for r, c in np.argwhere(values == lowest))
        head = ["RMSE at lead time", "all", *map(str, leads), "MAE, all"]
        tables.append(Table(name, head, rows, best))
    return tables


def _value_table(forecast: Forecast) -> Table:
    """The steps of a forecast with their intervals."""
    several = len(forecast.targets) > 1
    head = ["time" if forecast.times.column is None else forecast.times.column]
    for name in forecast.targets:
        head += [f"{name} {part}" if several else part for part in ("mean", "lower", "upper")]
    columns = np.stack([forecast.mean, forecast.lower, forecast.upper], axis=2)
    cells = columns.reshape(len(columns), -1)[:LONGEST]
    labels = forecast.times.labels()
    rows = [
        [label, *(number(cell, 5) for cell in row)]
        for label, row in zip(labels, cells, strict=False)
    ]
    return Table(forecast.name, head, rows, cut=max(0, len(columns) - LONGEST))


def _data(model: Forecaster) -> list[dict[str, str]]:
    """What the series are: one dictionary for each of the first few."""
    described = []
    for one, split in list(zip(model.parts_.series, model.parts_.splits, strict=True))[:SHOWN]:
        labels = one.times[:1].labels() + one.times[len(one) - 1 :].labels()
        parts = split.train, split.validation - split.train, split.total - split.validation
        described.append(
            {
                "Series": one.name,
                "Targets": ", ".join(one.target_names),
                "Inputs": ", ".join(one.input_names) or "none",
                "Rows": f"{len(one):,}",
                "Training, validation, test": ", ".join(f"{n:,}" for n in parts),
                "Time": f"{one.times.column or 'counted steps'}, {labels[0]} to {labels[1]}",
                "Time step": one.times.describe(),
                "Filled values": f"{one.filled:,}",
                "Fingerprint (SHA-256)": one.fingerprint(),
            }
        )
    return described


def _hidden(model: Forecaster, forecasts: list[Forecast]) -> str:
    """How much is not shown, in a sentence."""
    series, targets = len(model.parts_.series), len(model.parts_.series[0].target_names)
    if series * targets <= SHOWN:
        return "" if series == 1 else f"There are {series} series; errors are over all of them."
    return (
        f"There are {series} series of {targets} targets; figures show the first {SHOWN} "
        "of these curves, the errors are over all series."
    )


def _summary(model: Forecaster) -> str:
    with precision(model.dtype):
        return model.architecture_.build(0).summary()


def _best_epochs(model: Forecaster) -> str:
    *most, last = map(str, model.fitted_.best_epochs)
    return f"epochs {', '.join(most)} and {last}" if most else f"epoch {last}"


class Picture(NamedTuple):
    """A figure at both widths, and what it is of if there are several."""

    wide: Markup
    narrow: Markup
    label: str


class _Album:
    """Draws each figure at both widths, with ids of its own."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self, draw: Any, *arguments: Any, label: str = "", **options: Any) -> Picture:
        from . import figures  # here, so that Matplotlib loads only when a report is written

        self.drawn += 1
        wide, narrow = (
            Markup(
                figures.to_svg(
                    getattr(figures, draw)(*arguments, **options, width=width),
                    f"f{self.drawn}{letter}",
                )
            )
            for letter, width in (("w", figures.WIDE), ("n", figures.NARROW))
        )
        return Picture(wide, narrow, label)


def _pictures(
    model: Forecaster, backtest: Backtest | None, forecasts: list[Forecast]
) -> dict[str, list[Picture]]:
    """Every figure of the report, by section."""
    album, parts = _Album(), model.parts_
    series, names = parts.series, parts.series[0].target_names
    several = len(series) > 1 or len(names) > 1

    def label(name: str, target: int) -> str:
        one = names[target] if len(series) == 1 else f"{name}: {names[target]}"
        return one if several else ""

    curves = list(itertools.product(range(len(series)), range(len(names))))[:SHOWN]
    pictures = {
        "split": [
            album("series_split", series[s], parts.splits[s], t, label=label(series[s].name, t))
            for s, t in curves
        ],
        "beyond": [
            album("beyond", f, _continued(f, series), t, label=label(f.name, t))
            for f, t in list(itertools.product(forecasts, range(len(names))))[:SHOWN]
        ],
        "training": [],
    }
    if model.history_:
        best = model.fitted_.best_epochs
        pictures["training"].append(album("training", model.history_, best))
    if backtest is None:
        return pictures
    tested, origins = _tested(model, backtest)
    first = len(tested) - backtest.steps + 1 - (origins.stop - origins.start)
    last = tested[: len(tested) - backtest.steps]
    ahead = tested.times[first : len(last) + 1]
    shown = [(t, label(tested.name, t)) for t in range(len(names))][:SHOWN]
    pictures |= {
        "truth": [
            album("against_truth", backtest, last, t, origins.stop - 1, label=text)
            for t, text in shown
            if len(last)
        ],
        "one": [
            album("one_step", backtest, ahead, t, origins, label=text) for t, text in shown
        ],
        "lead": [album("lead_times", backtest, t, label=names[t]) for t, _ in shown],
        "coverage": [
            album("coverage", backtest, t, label=names[t] if len(names) > 1 else "")
            for t, _ in shown
            if np.isfinite(backtest.margins[:, t]).any()
        ],
    }
    return pictures


def _continued(forecast: Forecast, series: list[Series]) -> Series | None:
    """The series that a forecast goes on from, if it is a fitted one."""
    for one in series:
        if one.name == forecast.name and one.times.after(1).start == forecast.times.start:
            return one
    return None


def _tested(model: Forecaster, backtest: Backtest) -> tuple[Series, slice]:
    """The series whose end was forecast, and the origins that are of it.

    That is the first fitted one if the backtest was of its test part, and otherwise what
    the truth of the backtest itself holds, with its steps counted.
    """
    parts, steps = model.parts_, backtest.steps
    known, split = parts.series[0], parts.splits[0]
    first = max(split.validation, parts.context, parts.period() or 0)
    n = split.total - steps + 1 - first
    if 0 < n <= backtest.origins:
        rows = known.targets[first : first + n]
        if np.array_equal(rows, backtest.truth[:n, 0]):
            return known[: split.total], slice(0, n)
    first, last = _last_run(backtest.truth)
    values = np.concatenate([backtest.truth[first:last, 0], backtest.truth[last - 1, 1:]])
    empty = np.empty((len(values), 0))
    counted = Times.count(len(values))
    return Series(values, backtest.targets, empty, (), counted, "tested data"), slice(
        first, last
    )


def _last_run(truth: np.ndarray) -> tuple[int, int]:
    """The last origins that follow one another in one series."""
    follows = (truth[1:, :-1] == truth[:-1, 1:]).all(axis=(1, 2))
    breaks = np.flatnonzero(~follows)
    return (int(breaks[-1]) + 1 if len(breaks) else 0), len(truth)


def number(value: float, digits: int = 4) -> str:
    """A number as text, to some significant digits; a dash if it is none.

    >>> number(0.12345), number(12345.6), number(float("inf"))
    ('0.1235', '12346', '–')
    """
    if not math.isfinite(value):
        return "–"
    if 10**digits <= abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:#.{digits}g}".removesuffix(".")


def _share(per_cent: float) -> str:
    """Per cent as text: two digits are enough."""
    return f"{per_cent:.2g} %" if per_cent < 9.95 else f"{per_cent:.0f} %"


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def _duration(seconds: float) -> str:
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _method(name: str, backtest: Backtest) -> str:
    if name == "seasonal persistence":
        return f"{name} (period {backtest.period})"
    return name


@cache
def _template() -> Template:
    text = (files("throughtime") / "report.html").read_text(encoding="utf-8")
    page = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return page.from_string(text)
