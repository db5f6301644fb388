"""What a surrogate refuses before it is trained, and before it solves."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from throughtime.errors import InputError, check_positive_integer
from throughtime.training.settings import check_known_settings

from .systems import MAP, System
from .trajectories import Trajectories, check_learnable, input_parameters

if TYPE_CHECKING:
    from .equation_surrogate import EquationSurrogate
    from .measured_surrogate import MeasuredSurrogate
    from .surrogate import Surrogate

NETWORK_SETTINGS = "cell hidden depth dense window forcing method rate clip schedule".split()
NETWORK_SETTINGS += "epochs batch_size validation dtype seed".split()
"""The settings that have the same meaning for a `Forecaster`."""


GRADIENT_ONLY = "depth dense window forcing method rate clip schedule epochs batch_size".split()
"""The settings that have no effect on an `esn`, whose readout is found by regression."""


def unset_settings(model: "EquationSurrogate", large: bool) -> tuple[Any, int, str]:
    """The cell, its units and their type: those given, or the defaults.

    An `esn` is the default, and a `gru` where a setting of a training by gradient differs from
    its own default. Of a large system an `esn` has more units.
    """
    defaults = {field.name: field.default for field in fields(model)}
    given = {name: getattr(model, name) for name in GRADIENT_ONLY}
    given["dense"] = tuple(model.dense) if isinstance(model.dense, list) else model.dense
    changed = [name for name in GRADIENT_ONLY if given[name] != defaults[name]]
    cell = ("gru" if changed else "esn") if model.cell is None else model.cell
    if not (isinstance(cell, str) and cell == "esn"):
        units, dtype = 64, "float32"
    else:
        units, dtype = 1000 if large else 500, "float64"
        for name in changed:
            rule = f"an `esn` is fitted by regression and needs the default `{name}`"
            remedy = f"Leave `{name}` at its default, or choose another `cell`."
            raise InputError(rule, given[name], remedy)
    return (
        cell,
        units if model.hidden is None else model.hidden,
        dtype if model.dtype is None else model.dtype,
    )


def check_settings(model: "EquationSurrogate") -> None:
    """Refuse settings that are out of range or contradict each other.

    Raises
    ------
    InputError
        Which names the setting.
    """
    check_positive_integer("trajectories", model.trajectories)
    check_positive_integer("steps", model.steps)
    resolved = {"cell": model.cell_, "hidden": model.hidden_, "dtype": model.dtype_}
    given = {name: getattr(model, name) for name in NETWORK_SETTINGS}
    check_known_settings(given | resolved)
    for name in set(model.parameters) & set(model.ranges):
        rule = "a parameter must have a value or a range"
        raise InputError(rule, f"both of `{name}`", "Leave out one of the two.")
    if not model.regressed and model.window > model.steps:
        rule = "`window` must be at most the steps of a trajectory"
        got = f"{model.window} of {model.steps}"
        raise InputError(rule, got, "Lower `window`, or raise `steps`.")
    if not 1 <= validation_count(model.validation, model.trajectories) < model.trajectories:
        rule = "a part of the trajectories, not all, must be held out"
        got = f"`validation` {model.validation:g} of {model.trajectories} `trajectories`"
        remedy = "Set `validation` to 0.15, and `trajectories` to 7 or more."
        raise InputError(rule, got, remedy)


def check_source(system: object, trajectories: object) -> None:
    """Refuse a fit with neither a system nor trajectories, and one with both.

    Raises
    ------
    InputError
        Which says what to leave out or add.
    """
    rule = "a surrogate must learn a system or trajectories"
    if system is None and trajectories is None:
        remedy = "Name a system, or pass trajectories to `fit`."
        raise InputError(rule, "neither", remedy)
    if system is not None and trajectories is not None:
        raise InputError(rule, "both", "Use `Surrogate().fit(trajectories)`.")


def check_names(
    names: tuple[Sequence[str], Sequence[str]],
    variables: tuple[Any, int],
    inputs: tuple[Any, int],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of variables and inputs: those given, or else those of the columns of frames.

    Parameters
    ----------
    names
        Those given; empty for none.
    variables, inputs
        The data as they were given, and the number of their columns.

    Returns
    -------
    tuple
        The names of both; empty for arrays without.

    Raises
    ------
    InputError
        If their number is another than that of the columns, one occurs twice, or frames have
        different columns.
    """
    if len(names) != 2 or any(isinstance(some, str) for some in names):
        rule = "`names` must be a list of the variables, and one of the inputs"
        raise InputError(rule, names, "Pass it like this: `names=(['x', 'y'], [])`.")
    found = []
    for given, (data, count), what in zip(
        names, (variables, inputs), ("variables", "inputs"), strict=True
    ):
        own = tuple(map(str, given)) or _frame_names(data)
        if own and len(own) != count:
            rule = f"`names` must have a name for each of {count} {what}"
            raise InputError(rule, f"{len(own)}", "Pass as many names.")
        found.append(own)
    every = [*found[0], *found[1]]
    twice = next((name for name in every if every.count(name) > 1), None)
    if twice is not None:
        rule = "each of `names` must be of one column"
        raise InputError(rule, f"`{twice}` twice", "Pass `names` that differ.")
    return found[0], found[1]


def _frame_names(data: Any) -> tuple[str, ...]:
    """The names of the columns of a frame, or of the frames of a list; none of arrays."""
    frames = data if isinstance(data, list | tuple) else [data]
    found = []
    for one in frames:
        columns = getattr(one, "column_names", getattr(one, "columns", ()))
        columns = list(columns) or [getattr(one, "name", None)]
        named = any(isinstance(name, str) and name for name in columns)
        found.append(tuple(map(str, columns)) if named else ())
    for other in found:
        if other != found[0]:
            rule = "the frames of trajectories must have the same columns in one order"
            got = " and ".join(", ".join(columns) or "none" for columns in (found[0], other))
            raise InputError(rule, got, "Select the same columns of each.")
    return found[0] if found else ()


def check_measured(model: "Surrogate") -> "MeasuredSurrogate":
    """The model of measured trajectories.

    Raises
    ------
    InputError
        If there is none.
    """
    if not hasattr(model, "measured_"):
        rule = "only a surrogate of measured trajectories predicts"
        if model.system is None:
            raise InputError(rule, "one that is not fitted", "Call `fit` first.")
        raise InputError(rule, "one of equations", "Use `solve`.")
    return model.measured_


def check_equations(model: "EquationSurrogate") -> None:
    """Refuse to solve where there is no equation.

    Raises
    ------
    InputError
        Which says what to use.
    """
    if model.system is None:
        rule = "only a surrogate of equations solves from a start"
        remedy = "Use `predict`, and `measured_.invariants()`."
        raise InputError(rule, "one of measured trajectories", remedy)


def validation_count(fraction: float, trajectories: int) -> int:
    """The number of trajectories that are held out for validation."""
    return round(fraction * trajectories)


def check_system(system: System, dt: float | int | None) -> None:
    """Refuse a system that cannot be learned, and steps of a map.

    Raises
    ------
    InputError
        Which says what to change.
    """
    check_learnable(system)
    if system.kind == MAP and dt not in (None, 1):
        rule = "a map goes by steps of 1"
        raise InputError(rule, f"`dt` {dt:g}", "Leave out `dt`.")


def check_motion(training: Trajectories, variables: tuple[str, ...]) -> None:
    """Refuse variables that are constant on all trajectories: there is nothing to learn.

    Raises
    ------
    InputError
        Which names the variable.
    """
    constant = np.ptp(np.concatenate(training.states), axis=0) == 0
    if constant.any():
        which = int(np.argmax(constant))
        name = variables[which]
        rule = "every variable must move along the trajectories"
        got = f"`{name}`, which stays at {training.states[0, 0, which]:g}"
        remedy = f"Start it elsewhere (`{name}(0) = 1` in equations), or give it a range."
        raise InputError(rule, got, remedy)


def check_fixed_parameters(
    system: System, read: tuple[str, ...], parameters: Mapping[str, np.ndarray]
) -> None:
    """Refuse new values of parameters of the law that the network does not read.

    Raises
    ------
    InputError
        Which names the parameter.
    """
    of_law = input_parameters(system, dict.fromkeys(parameters, (0, 1)))
    for name in set(of_law) - set(read):
        if (parameters[name] != system.parameters[name]).any():
            rule = f"`{name}` must be as it was when the network was trained"
            remedy = f"Train another, with a range of `{name}` (`--range`)."
            raise InputError(rule, f"{parameters[name]}", remedy)
