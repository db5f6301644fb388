"""The errors that a user can cause and can mend.

Everything else that is raised is a defect of this package.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral


class InputError(ValueError):
    """A rule that was broken, the value received, and what to do about it.

    The message is one line, ``"{rule}; got {got}. {remedy}"``. The command line
    prints it and exits with status 2.

    Parameters
    ----------
    rule
        What must hold, without a full stop.
    got
        The value received, as the user wrote it.
    remedy
        One sentence that says what to do.

    Examples
    --------
    >>> print(InputError("`window` must be positive", -3, "Raise `window`."))
    `window` must be positive; got -3. Raise `window`.
    """

    def __init__(self, rule: str, got: object, remedy: str):
        self.rule, self.got, self.remedy = rule, got, remedy
        super().__init__(" ".join(f"{rule}; got {got}. {remedy}".split()))

    def __reduce__(self):
        return type(self), (self.rule, self.got, self.remedy)


def nearest(name: object, known: Iterable[str]) -> str:
    """A remedy that suggests the known name nearest to the one received, or lists them all.

    Examples
    --------
    >>> nearest("lsmt", ["rnn", "gru", "lstm"])
    'Did you mean `lstm`? Known: gru, lstm, rnn.'
    """
    known = sorted(known)
    close = get_close_matches(str(name), known, n=1)
    question = f"Did you mean `{close[0]}`? " if close else ""
    return f"{question}Known: {', '.join(known)}."


def at_least_one(name: str, value: object) -> None:
    """Refuse what is not a whole number of 1 or more.

    Raises
    ------
    InputError
        Which calls it by its name.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        rule = f"`{name}` must be a whole number of at least 1"
        raise InputError(rule, value, f"Raise `{name}`.")
