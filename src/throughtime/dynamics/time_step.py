"""The time of a step, as a user gives it."""

import reprlib
from numbers import Real

import numpy as np

from throughtime.errors import InputError


def check_step(dt: object, remedy: str = "Leave it out for steps of 1.") -> float:
    """The time of a step as a float.

    Parameters
    ----------
    dt
        What was given.
    remedy
        What the error tells the user to do.

    Raises
    ------
    InputError
        If it is no positive and finite number.
    """
    if not isinstance(dt, Real) or isinstance(dt, bool) or not 0 < float(dt) < np.inf:
        raise InputError("`dt` must be above 0 and finite", reprlib.repr(dt), remedy)
    return float(dt)
