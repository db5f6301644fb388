"""Shapes and types are checked at the first calls of a function in a test, not at all of them.

A check takes some 30 µs: where a reservoir is run step by step, in NumPy, two thirds of the
time. What the first calls take and return has the shapes of the thousands that follow.
"""

import functools
from collections import Counter
from types import FunctionType

import jaxtyping
import jaxtyping._decorator

CALLS = 20
"""So many calls of each function are checked in each test."""

_calls: Counter[int] = Counter()
_every_call = jaxtyping._decorator.jaxtyped


def check_anew():
    """The next calls of every function are checked."""
    _calls.clear()


@functools.wraps(_every_call)
def first_calls(fn=jaxtyping._decorator._sentinel, **options):
    """`jaxtyping.jaxtyped`, with which pytest decorates all of the library, for first calls."""
    if not isinstance(fn, FunctionType) or fn.__name__ == "__init__":
        return _every_call(fn, **options)
    if not fn.__annotations__:
        return fn
    key = id(fn.__code__)  # of a function within one, every copy is the same
    checked = None

    @functools.wraps(fn)
    def call(*args, **kwargs):
        __tracebackhide__ = True
        nonlocal checked
        if _calls[key] >= CALLS:
            return fn(*args, **kwargs)
        _calls[key] += 1
        checked = checked or _every_call(fn, **options)  # many are never called
        return checked(*args, **kwargs)

    return call


def install():
    """Sees to it that what is imported from now on is checked at its first calls."""
    jaxtyping.jaxtyped = jaxtyping._decorator.jaxtyped = first_calls
