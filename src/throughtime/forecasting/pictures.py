"""The pictures of a forecast and of a backtest on axes of the user's, in his style."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .backtest import Backtest
    from .forecast import Forecast

OWN = ("prior", "linear core", "network")
"""The parts of a combination, which are drawn fainter than the baselines."""


def draw_forecast(axes: Any, forecast: "Forecast", target: int) -> None:
    """The end of the series, the forecast, and its interval where that is finite."""
    stamps, mean = forecast.times.values(), forecast.mean[:, target]
    lower, upper = forecast.lower[:, target], forecast.upper[:, target]
    past, name = forecast.past, forecast.targets[target]
    marker = "o" if len(mean) == 1 else None
    (line,) = axes.plot(stamps, mean, marker=marker, label="forecast", zorder=3)
    if past is not None:
        known = past.targets[:, target]
        axes.plot(past.times.values(), known, color="0.35", label="measured")
        joint = [past.times.values()[-1], stamps[0]], [known[-1], mean[0]]
        axes.plot(*joint, color=line.get_color(), label="_joint")
    finite = np.isfinite(lower) & np.isfinite(upper)
    if finite.any():
        label = f"{100 * forecast.level:g} % interval"
        band = stamps[finite], lower[finite], upper[finite]
        style = {"color": line.get_color(), "alpha": 0.2, "lw": 0 if len(band[0]) > 1 else 4}
        axes.fill_between(*band, label=label, **style)
    axes.set_xlabel(forecast.times.column or "step")
    axes.set_ylabel(name if past is None else past.label(target))
    if forecast.times.unit != "number":
        _concise_dates(axes)
    axes.legend(loc="best", fontsize="small")


def draw_errors(axes: Any, backtest: "Backtest", target: int) -> None:
    """RMSE of each method against the lead time, the one that is judged first."""
    leads = np.arange(1, backtest.steps + 1)
    marker = "o" if len(leads) == 1 else None
    for method, errors in backtest.rmse.items():
        judged = method == backtest.method
        style = {"lw": 2.5, "zorder": 3} if judged else {"lw": 1.2}
        if method in OWN and not judged:
            style |= {"ls": ":"}
        axes.plot(leads, errors[:, target], marker=marker, label=method, **style)
    axes.set_xlabel("lead time, steps")
    unit = "in naive errors" if backtest.relative else f"of {backtest.targets[target]}"
    axes.set_ylabel(f"RMSE {unit}")
    axes.set_ylim(bottom=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="best", fontsize="small", ncols=2)


def _concise_dates(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
