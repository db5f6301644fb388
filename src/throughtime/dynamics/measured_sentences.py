"""What is said of a model of measured trajectories: first whether it foretells anything."""

from typing import TYPE_CHECKING

import numpy as np

from throughtime.reservoir.closed_loop_baselines import LINEAR, MEAN, MODEL

from .behaviour import ERRORS
from .measured_invariants import Invariants

if TYPE_CHECKING:
    from .measured_surrogate import MeasuredSurrogate


def sentences(model: "MeasuredSurrogate", found: Invariants) -> list[str]:
    """The verdict beside plain forecasts, how long it follows the data, and its free run."""
    beside = model.baselines
    told = [*_without_gain(model), _found(model), _followed(model)]
    if beside and not beside.beats_mean:
        return [*told, "What its free run does is its own, not what the data do."]
    if beside and beside.beats_linear:
        told.append(
            f"One step ahead it errs by {beside.one_step[MODEL]:.2g} standard deviations, the"
            f" mean by {beside.one_step[MEAN]:.2g}, and a linear autoregression by"
            f" {beside.one_step[LINEAR]:.2g}, which stays near them for"
            f" {beside.valid_times[LINEAR] * model.dt:.4g} units of time."
        )
    return told + _free_run(model, found)


def _without_gain(model: "MeasuredSurrogate") -> list[str]:
    """Whether the mean or a line does as well; nothing if the model is better than both."""
    beside = model.baselines
    if beside is None or (beside.beats_mean and beside.beats_linear):
        return []
    one, mean, line = (beside.one_step[name] for name in (MODEL, MEAN, LINEAR))
    over = f"over {beside.steps} held-out steps"
    if not beside.beats_mean:
        return [
            f"Nothing here can be foretold: one step ahead the model errs by {one:.3g} standard"
            f" deviations and the mean of the data by {mean:.3g}, {over}."
        ]
    return [
        f"A linear autoregression foretells these data as well: one step ahead it errs by"
        f" {line:.3g} standard deviations, the model by {one:.3g} and the mean by {mean:.3g},"
        f" {over}."
    ]


def _found(model: "MeasuredSurrogate") -> str:
    """What the data look like, and what was chosen for them."""
    kind = "a flow" if model.traits.kind == "flow" else "a map"
    noise = f", with noise of {100 * model.traits.noise:.1f} %" if model.traits.noise else ""
    chosen = f"Of {len(model.trials)} settings, the best that stays near them has"
    if len(model.trials) == 1:
        chosen = "A map was estimated together with the noise:"
    return f"The data look like {kind}{noise}. {chosen} {model.made_of}."


def _followed(model: "MeasuredSurrogate") -> str:
    """How long it follows the held-out data."""
    middle, starts = float(np.median(model.valid_times)), len(model.valid_times)
    cap = ", as long as was looked" if middle >= model.horizon * 0.999 else ""
    data = "the held-out data"
    if model.traits.noise:
        data += f", smoothed over {2 * model.traits.smoothing + 1} steps,"
    return (
        f"From {starts} starts in {data} it stays within 0.4 standard deviations"
        f" for {middle:.4g} units of time (median{cap}),"
        f" {model.valid_times.min():.4g} at least."
    )


def _free_run(model: "MeasuredSurrogate", found: Invariants) -> list[str]:
    """What the free run has in common with the data."""
    if not found.bounded:
        return ["Its long free runs leave the region of the data: do not trust them."]
    exponent = f"{found.exponent:.3g} ± {found.error:.1g}"
    run, told = "Its free run", []
    if model.input_names:
        run = "Driven by the inputs of the data from their beginning, it"
    if not found.alike:
        told.append(
            f"Its free run does not move as the data do: its standard deviation is"
            f" {found.spread:.2g} of theirs."
        )
    if found.chaotic:
        lasts = float(np.median(model.valid_times)) * found.exponent
        told.append(
            f"{run} is chaotic: the largest exponent is {exponent}, so that the"
            f" valid time is {lasts:.1f} Lyapunov times."
        )
    elif found.exponent > ERRORS * found.error:
        told.append(
            f"{run} is at most weakly chaotic: the largest exponent is {exponent}, too"
            " little to tell from 0."
        )
    else:
        told.append(f"{run} is not chaotic: the largest exponent is {exponent}.")
    if np.isfinite(found.divergence):
        told.append(
            f"From half of the data the free run has a state-space divergence of"
            f" {found.divergence:.2g} and a spectrum distance of {found.spectrum:.2g}; the"
            f" other half has {found.own_divergence:.2g} and {found.own_spectrum:.2g}."
        )
    return told
