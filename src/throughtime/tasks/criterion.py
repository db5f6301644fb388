"""Checks of a network in the course of a training, and the criterion of a solved task."""

from dataclasses import dataclass
from typing import NamedTuple

from throughtime.errors import InputError, check_positive_integer

from .error_count import ErrorCount


class Check(NamedTuple):
    """A check of the network in the course of a training.

    Attributes
    ----------
    updates, sequences
        Updates and training sequences so far.
    seconds
        Seconds since the start, compilation included.
    loss
        The mean training loss since the last check.
    validation_loss
        The loss of the validation sequences.
    mistakes
        The wrong answers to the validation sequences.
    """

    updates: int
    sequences: int
    seconds: float
    loss: float
    validation_loss: float
    mistakes: ErrorCount


@dataclass(frozen=True)
class Criterion:
    """When a task counts as solved, and on how many sequences that is judged.

    Parameters
    ----------
    share
        A task is solved if less than this share of the sequences is wrong; 0.01 is the
        criterion of Martens and Sutskever (2011).
    checks
        Number of checks in a row that must meet the criterion for the training to end.
    validation
        Number of validation sequences.
    test
        Number of test sequences; Hochreiter and Schmidhuber (1997) have 2560.

    Raises
    ------
    InputError
        For a number that is out of its range.
    """

    share: float | int = 0.01
    checks: int = 2
    validation: int = 1000
    test: int = 2560

    def __post_init__(self):
        if not 0 < self.share <= 1:
            rule = "`share` must be above 0 and at most 1"
            raise InputError(rule, self.share, "Pass a share such as 0.01.")
        for name in ("checks", "validation", "test"):
            check_positive_integer(name, getattr(self, name))

    def is_met(self, errors: ErrorCount) -> bool:
        """Whether so few sequences are wrong that the task is solved."""
        return errors.share < self.share

    def ends(self, history: list[Check]) -> bool:
        """Whether the latest checks met the criterion, so that the training ends."""
        latest = history[-self.checks :]
        return len(latest) == self.checks and all(self.is_met(c.mistakes) for c in latest)
