"""The tables of `forecasting.py`, in Markdown: its rows in, text out."""

import math
import statistics
from collections.abc import Iterable, Sequence

from rounds import geometric_mean

MEASURES = ("rmse", "mae", "mase", "coverage", "winkler", "seconds")


def show(rows: list[dict], methods: list[str], peers: Sequence[str], full: bool) -> None:
    """Print RMSE over the best peer's, the summary, and if `full` every measure."""
    found = {(row["series"], row["method"]): row for row in rows}
    series = list(dict.fromkeys(row["series"] for row in rows))
    present = [m for m in (*methods, *peers) if any(row["method"] == m for row in rows)]
    if full:
        markdown(("series", "method", *MEASURES), every_measure(found, series, present))
    heads = ("RMSE over the best peer's", "best peer", "its RMSE", *present)
    markdown(heads, ratios_by_series(found, series, present, peers))
    markdown(SUMMARY, [summary(found, series, method, peers) for method in present])


def markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    print("| " + " | ".join(heads) + " |\n" + "| --- " * len(heads) + "|")
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print()


def every_measure(found: dict, series: list[str], methods: list[str]):
    for s in series:
        for m in methods:
            if row := found.get((s, m)):
                known = (row[k] for k in MEASURES)
                yield s, m, *(f"{v:.4g}" if is_number(v) else "" for v in known)


def ratios_by_series(found: dict, series: list[str], methods: list[str], peers: Sequence[str]):
    for s in series:
        name, least = best_peer(found, s, "rmse", peers)
        cells = (value(found, s, m, "rmse") / least for m in methods)
        yield s, name, f"{least:.4g}", *(f"{c:.2f}" if is_number(c) else "" for c in cells)


SUMMARY = (
    *("geometric means over the best peer's", "series", "RMSE", "MAE"),
    *("MAE over seasonal naive's", "RMSE within 1.05", "over 1.25", "coverage"),
    *("85 to 95 %", "Winkler", "spread of seeds to 1.03", "seconds"),
)


def summary(found: dict, series: list[str], method: str, peers: Sequence[str]) -> list[str]:
    """One method over all series; the Winkler scores are in units of MASE."""

    def values(measure):
        return numbers(value(found, s, method, measure) for s in series)

    def over_best(measure):
        pairs = ((s, best_peer(found, s, measure, peers)[1]) for s in series)
        return numbers(value(found, s, method, measure) / least for s, least in pairs)

    rmse, covered = over_best("rmse"), values("coverage")
    naive = (
        value(found, s, method, "mae") / value(found, s, "seasonal naive", "mae")
        for s in series
    )
    seeds = [found[s, method].get("rmse_of_seeds") for s in series if (s, method) in found]
    spread = [max(each) / min(each) for each in seeds if each]
    return [
        method,
        f"{len(rmse)}",
        mean(rmse),
        mean(over_best("mae")),
        mean(naive),
        f"{sum(r <= 1.05 for r in rmse)}",
        f"{sum(r > 1.25 for r in rmse)}",
        f"{statistics.fmean(covered):.1%}" if covered else "",
        f"{sum(0.85 <= c <= 0.95 for c in covered)} of {len(covered)}" if covered else "",
        mean(values("winkler")),
        f"{sum(r <= 1.03 for r in spread)} of {len(spread)}" if spread else "",
        f"{sum(values('seconds')):.0f}",
    ]


def best_peer(
    found: dict, series: str, measure: str, peers: Sequence[str]
) -> tuple[str, float]:
    """The peer with the least error in hindsight, and that error."""
    errors = {p: value(found, series, p, measure) for p in peers}
    known = {p: error for p, error in errors.items() if is_number(error)}
    name = min(known, key=known.__getitem__, default="")
    return name, known.get(name, math.nan)


def value(found: dict, series: str, method: str, measure: str) -> float:
    """A measure, NaN where there is none."""
    measured = found.get((series, method), {}).get(measure)
    return math.nan if measured is None else measured


def numbers(values: Iterable[float]) -> list[float]:
    return [v for v in values if is_number(v)]


def is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def mean(values: Iterable[float]) -> str:
    """The geometric mean of those that are numbers."""
    known = numbers(values)
    return f"{geometric_mean(known):.3f}" if known else ""
