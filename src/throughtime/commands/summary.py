"""The results of a forecasting run, as text, JSON and CSV."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughtime.forecasting.backtest import Backtest
from throughtime.forecasting.composition import composition
from throughtime.forecasting.forecast import Forecast
from throughtime.forecasting.forecaster import Forecaster
from throughtime.forecasting.verdict import comparisons


@dataclass(frozen=True)
class Summary:
    """The results of a finished run.

    Attributes
    ----------
    folder
        The folder of the run.
    model
        The trained model.
    backtest
        The evaluation on the held-out part; None if nothing was held out.
    forecasts
        The forecasts beyond the end of the data, one for each series.
    """

    folder: Path
    model: Forecaster
    backtest: Backtest | None
    forecasts: list[Forecast]

    def text(self) -> str:
        """The data, the training, the errors beside the baselines, and the files, to read."""
        series, fitted = self.model.data_.series, self.model.fitted_
        lines = [_describe(one) for one in series[:4]]
        if len(series) > 4:
            lines.append(f"and {len(series) - 4} more series")
        lines += [f"Training: {fitted.stopped}, {fitted.history[-1].seconds:.1f} s", ""]
        made_of = composition(self.model, len(self.forecasts[0].mean))
        single = made_of[:1] and made_of[0].startswith("made of")
        of = "Forecast " if single else "Forecast of "
        lines += [*(f"{of}{line}" for line in made_of[:1]), *made_of[1:]]
        lines += [""] * bool(made_of)
        if self.backtest is not None:
            for i, name in enumerate(self.backtest.targets):
                count = self.backtest.origins
                forecasts = f"{count:,} forecast" + "s" * (count != 1)
                lines.append(f"{name}, {forecasts} of the held-out part")
                lines += [self.backtest.table(i), ""]
            lines += [*comparisons(self.backtest), ""]
            level, coverage = self.backtest.level, self.backtest.mean_coverage()
            lines.append(
                f"Intervals of {100 * level:g} %: {100 * coverage:.1f} % of the truth inside"
            )
        lines.append(f"Forecast: {self.folder / 'forecast.csv'}")
        lines.append(f"Report:   {self.folder / 'report.html'}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The same in full, for JSON."""
        return {
            "run": str(self.folder),
            "stopped": self.model.fitted_.stopped,
            "backtest": self.backtest.to_json() if self.backtest else None,
            "verdict": comparisons(self.backtest) if self.backtest else [],
            "forecasts": [one.to_json() for one in self.forecasts],
            "made_of": composition(self.model, len(self.forecasts[0].mean)),
        }


def _describe(series: Any) -> str:
    """A series in one line: its name, length, step, first and last time."""
    filled = f", {series.filled} values filled" if series.filled else ""
    times = series.times
    first, last = *times[:1].labels(), *times[len(times) - 1 :].labels()
    return (
        f"{series.name}: {len(series)} steps of {times.describe()}, {first} to {last}{filled}"
    )
