"""Whether a value is of the type that a hint names."""

import types
from typing import Any, Union, get_args, get_origin


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type of a hint: classes, arrays, tuples, unions, protocols.

    A float may be given as an int, and nothing is told of hints of other kinds.

    Examples
    --------
    >>> fits((1, 2), tuple[int, ...]), fits((1, "a"), tuple[int, ...])
    (True, False)
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in args)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        each = args[:1] * len(value) if args[-1:] == (...,) else args
        return len(each) == len(value) and all(map(fits, value, each))
    if hint is None:
        return value is None
    if hint is Any or not isinstance(hint, type):
        return True
    if hint in (int, float):
        number = (int, float) if hint is float else int
        return isinstance(value, number) and not isinstance(value, bool)
    if getattr(hint, "_is_protocol", False):
        names = [
            name for name, one in vars(hint).items() if isinstance(one, types.FunctionType)
        ]
        return all(callable(getattr(value, name, None)) for name in names if name[0] != "_")
    return isinstance(value, hint)
