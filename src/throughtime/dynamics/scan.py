"""A bifurcation scan: what a system does over the values of a parameter."""

from typing import Any

import numpy as np

from throughtime._support.precision import precision
from throughtime.errors import InputError, check_known_name, check_positive_integer

from .attractor_kind import DIVERGES, attractor_kind, mean_and_error
from .scan_families import Scanned, scanned_network, scanned_system, system_of
from .scan_result import Scan
from .scan_runs import STRETCHES, Runs, run_values
from .surrogate import Surrogate
from .systems import DELAY, System

STEPS = {True: 4000, False: 10_000}
"""Steps that are observed of a map, and of a flow."""

TRANSIENT = {True: 4000, False: 2000}
"""Steps of the transient, at least, unless they are given."""


def scan(
    system: str | System | Surrogate,
    parameter: str,
    values: Any,
    *,
    variable: str | None = None,
    steps: int | None = None,
    transient: int | None = None,
    dt: float | int | None = None,
    follow: bool = False,
) -> Scan:
    """What a system does at each value of a parameter: its bifurcation diagram.

    After a transient the maxima of one variable are recorded, or its values if it is a map,
    beside the largest Lyapunov exponent. Values run side by side, from the system's own start.

    Parameters
    ----------
    system
        The name of a system, equations as text, a `System`, or a fitted `Surrogate` that
        learned with the parameter in a range: then its network is scanned. In equations the
        parameter need not be given a number.
    parameter
        The name of the parameter.
    values
        Its values, `(value,)`.
    variable
        The variable that is observed; the first by default.
    steps
        Steps that are observed; 4,000 of a map, 10,000 of a flow by default.
    transient
        Steps before that; by default as many as a known system takes, at least 4,000 of a map
        and 2,000 of a flow.
    dt
        The time of a step; the system's own by default.
    follow
        Whether each value starts, nudged by a millionth, where the one before ended: scans up
        and down then differ where attractors coexist (hysteresis). The values run one after
        the other, which takes longer.

    Returns
    -------
    Scan
        For each value the behaviour, the exponent and the points of the diagram.

    Raises
    ------
    InputError
        If the system, the parameter or an argument is not as it must be.

    Examples
    --------
    >>> found = scan("logistic", "r", [2.9, 3.2, 3.5, 4.0])
    >>> found.periods.tolist(), found.kinds[-1]
    ([1, 2, 4, 0], 'is chaotic')
    """
    values = _checked_values(values)
    if isinstance(system, Surrogate):
        if dt is not None:
            rule, remedy = "a network has the time step of its training", "Leave out `dt`."
            raise InputError(rule, f"`dt={dt:g}`", remedy)
        with precision("float64"):
            subject = scanned_network(system, parameter)
    else:
        law = system_of(system, parameter, float(values[0]))
        law = law.with_parameters(**{parameter: float(values[0])})
        subject = scanned_system(law, parameter, dt)
        if follow and not subject.traceable:
            rule = "an attractor can be followed along a parameter that no scheme depends on"
            kind = "a delay" if law.kind == DELAY else "a length"
            raise InputError(rule, f"`{parameter}`, {kind}", "Leave out `follow`.")
    steps = STEPS[subject.is_map] if steps is None else steps
    check_positive_integer("steps", steps)
    if steps < 64:
        raise InputError("`steps` must be at least 64", steps, "Raise `steps`.")
    steps = -(-steps // STRETCHES) * STRETCHES
    if transient is None:
        transient = max(subject.transient, TRANSIENT[subject.is_map])
    elif transient < 0:
        raise InputError("`transient` must be at least 0", transient, "Raise `transient`.")
    which = 0
    if variable is not None:
        check_known_name("variable", variable, subject.variables)
        which = subject.variables.index(variable)
    found, remark = _runs(subject, values, which, transient, steps, follow)
    return _judged(subject, parameter, values, which, found, remark)


def _checked_values(values: Any) -> np.ndarray:
    values = np.atleast_1d(np.asarray(values, np.float64))
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        rule = "`values` must be one or more finite numbers"
        got = f"shape {values.shape}" if values.ndim != 1 or not len(values) else "NaN or inf"
        raise InputError(rule, got, "Pass them as `np.linspace(0, 2, 100)`.")
    return values


def _runs(
    subject: Scanned, values: np.ndarray, which: int, transient: int, steps: int, follow: bool
) -> tuple[Runs, str]:
    """The runs, again with shorter substeps where they went to infinity."""
    with precision("float64"):
        found = run_values(
            subject.family, values, which, transient, steps,
            traceable=subject.traceable, follow=follow,
        )  # fmt: skip
        gone = ~np.isfinite(found.observed).all(axis=1)
        if subject.finer is None or follow or not gone.any():
            return found, ""
        again = run_values(
            subject.finer, values[gone], which, transient, steps, traceable=True, follow=False
        )
    saved = np.isfinite(again.observed).all(axis=1)
    for before, after in zip(found, again, strict=True):
        before[gone] = after
    if not saved.any():
        return found, ""
    count = int(saved.sum())
    return (
        found,
        f"{count} of {len(values)} values were solved with ten times as many substeps.",
    )


def _judged(
    subject: Scanned,
    parameter: str,
    values: np.ndarray,
    which: int,
    found: Runs,
    remark: str,
) -> Scan:
    """The verdict at each value."""
    runs = zip(*found, strict=True)
    each = [attractor_kind(*run, is_map=subject.is_map) for run in runs]
    rates = [mean_and_error(rates) for rates in found.exponents]
    gone = np.array([one.kind == DIVERGES for one in each])
    exponents = np.where(gone, np.nan, [rate for rate, _ in rates]) / subject.dt
    return Scan(
        name=subject.name,
        parameter=parameter,
        values=values,
        variable=subject.variables[which],
        is_map=subject.is_map,
        kinds=[one.kind for one in each],
        periods=np.array([one.period for one in each]),
        cycles=np.array([one.cycle for one in each]) * subject.dt,
        exponents=exponents,
        errors=np.where(gone, np.nan, [error for _, error in rates]) / subject.dt,
        points=[one.points for one in each],
        remark=remark,
    )
