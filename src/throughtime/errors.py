"""Errors that a user can cause and can correct.

Any other exception is a defect of this package.
"""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from numbers import Integral


class InputError(ValueError):
    """A rule that was broken, the value received, and what to do about it.

    The message is one line, ``"{rule}; got {got}. {remedy}"``. The command line prints it and
    exits with status 2.

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


def closest_name(name: object, known: Iterable[str]) -> str | None:
    """The known name that is spelt most like `name`, whatever its case; None if none is close.

    Examples
    --------
    >>> closest_name("LSMT", ["rnn", "gru", "lstm"])
    'lstm'
    """
    by_lower_case = {k.lower(): k for k in sorted(known)}
    close = get_close_matches(str(name).lower(), by_lower_case, n=1)
    return by_lower_case[close[0]] if close else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the closest known one, if any, and the list of all.

    If several known ones begin with it, those are named.

    Examples
    --------
    >>> did_you_mean("lsmt", ["rnn", "gru", "lstm"])
    'Did you mean `lstm`? Known: gru, lstm, rnn.'
    """
    known = sorted(known)
    start, close = str(name).lower(), closest_name(name, known)
    begin_so = [one for one in known if len(start) > 2 and one.lower().startswith(start)]
    meant = begin_so if len(begin_so) > 1 else [] if close is None else [close]
    question = f"Did you mean {' or '.join(f'`{one}`' for one in meant)}? " if meant else ""
    return f"{question}Known: {', '.join(known)}."


def check_positive_integer(name: str, value: object) -> None:
    """Refuse everything but a whole number of at least 1.

    Parameters
    ----------
    name
        What the error calls the value.
    value
        The value to check. `True` is not a number here.

    Raises
    ------
    InputError
        If `value` is not a whole number, or is below 1.
    """
    rule = f"`{name}` must be a whole number of at least 1"
    if not isinstance(value, Integral) or isinstance(value, bool):
        got = repr(value) if isinstance(value, str) else value
        raise InputError(rule, got, "Pass a whole number, such as 1.")
    if value < 1:
        raise InputError(rule, value, f"Raise `{name}`.")


def check_known_name(name: str, value: object, known: Collection[str]) -> None:
    """Refuse a value that is not one of the known names.

    Parameters
    ----------
    name
        What the error calls the value.
    value
        The value to check.
    known
        The names to choose from.

    Raises
    ------
    InputError
        If `value` is not among them; it suggests the closest one.
    """
    if value not in known:
        raise InputError(f"`{name}` must be a known name", value, did_you_mean(value, known))
