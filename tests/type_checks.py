"""The types of the library are checked as by jaxtyping's own decorator, in less time.

That decorator opens a scope for the names of axes and checks each call twice: for small
programs this is most of their time. Here beartype alone checks what has no axes. What has some
is checked by jaxtyping once for all calls whose arguments and results are of the same types and
shapes: all that such a check depends on.
"""

import functools
import inspect
import threading
import typing
from collections.abc import Callable, Sequence
from types import FunctionType, NoneType, UnionType
from typing import Any, Literal

import jaxtyping
from beartype import BeartypeConf
from jaxtyping import _decorator

original = jaxtyping.jaxtyped

AS_JAXTYPING = BeartypeConf(violation_type=jaxtyping.TypeCheckError)
"""What does not fit is a `TypeError`, as jaxtyping has it: the library catches some."""


class Unsure(Exception):
    """A check depends on more than types and shapes."""


def may_have_axes(hint):
    """Whether an annotation names axes of arrays, or cannot be told not to."""
    if typing.get_origin(hint) is Literal:
        return False
    if isinstance(hint, list):  # the arguments of a `Callable`
        return any(map(may_have_axes, hint))
    if isinstance(hint, str | typing.ForwardRef | typing.TypeVar | typing.NewType):
        return True
    if type(hint).__module__.startswith("jaxtyping") or hasattr(hint, "__value__"):
        return True
    return any(map(may_have_axes, typing.get_args(hint)))


def told_by_shapes(hint):
    """Whether types and shapes alone decide if a value fits."""
    if isinstance(hint, type) and issubclass(hint, jaxtyping.AbstractArray):
        return not set("{?") & set(hint.dim_str)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, UnionType, tuple, list, Sequence):
        return all(told_by_shapes(one) for one in typing.get_args(hint) if one is not ...)
    if hint in (None, Any, Callable) or origin is Callable:
        return True
    plain = isinstance(hint, type) and origin is None
    return (
        plain
        and not type(hint).__module__.startswith("jaxtyping")
        and not getattr(hint, "_is_protocol", False)
    )


SCALARS = {bool, int, float, complex, str, bytes, NoneType}


def kind(value):
    """All of a value that a check may depend on, where `told_by_shapes`."""
    form = type(value)
    if form in SCALARS:
        return form
    if isinstance(value, tuple | list) and len(value) <= 100:
        return form, *map(kind, value)
    if isinstance(value, Sequence):
        raise Unsure
    shape = getattr(value, "shape", None)
    return form if shape is None else (form, shape, getattr(value, "dtype", None))


class Calls(threading.local):
    """Of one function in one thread."""

    def __init__(self):
        self.known = {}  # kinds of arguments that were checked, with those of their results
        self.results = []  # one that is still to be checked


def once_for_each_kind(fn, typechecker):
    """A function whose calls are checked once for all of a kind."""
    parameters = inspect.signature(fn).parameters.values()
    places = [i for i, one in enumerate(parameters) if one.annotation is not one.empty]
    names = {one.name for one in parameters if one.annotation is not one.empty}
    returns = "return" in fn.__annotations__
    calls = Calls()

    @functools.wraps(fn)
    def known_result(*args, **kwargs):
        return calls.results.pop() if calls.results else fn(*args, **kwargs)

    checked = original(known_result, typechecker=typechecker)

    def kinds(args, kwargs):
        given = tuple([kind(args[i]) for i in places if i < len(args)])
        return given + tuple((k, kind(v)) for k, v in kwargs.items() if k in names)

    def call(*args, **kwargs):
        try:
            given = kinds(args, kwargs)
            results = calls.known.get(given)
        except (Unsure, TypeError):  # TypeError: a shape without a hash
            return checked(*args, **kwargs)
        if results is None:
            result, results = checked(*args, **kwargs), calls.known.setdefault(given, set())
            sure = True
        else:
            result, sure = fn(*args, **kwargs), not returns
        if returns:
            try:
                of_result = kind(result)
                sure = sure or of_result in results
            except (Unsure, TypeError):
                of_result = None
            if not sure:
                calls.results.append(result)
                checked(*args, **kwargs)
            if of_result is not None:
                results.add(of_result)
        return result

    return call


def checks(fn, typechecker):
    """The function with its checks."""
    hints = fn.__annotations__.values()
    if inspect.isgeneratorfunction(fn) or inspect.iscoroutinefunction(fn):
        return original(fn, typechecker=typechecker)
    if not any(map(may_have_axes, hints)):
        return typechecker(fn, conf=AS_JAXTYPING)
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if all(map(told_by_shapes, hints)) and not any(
        one.kind in several for one in inspect.signature(fn).parameters.values()
    ):
        return once_for_each_kind(fn, typechecker)
    return original(fn, typechecker=typechecker)


def jaxtyped(fn=None, *, typechecker=None):
    """`jaxtyping.jaxtyped`."""
    if typechecker is None:
        return original(fn)
    if fn is None:
        return functools.partial(jaxtyped, typechecker=typechecker)
    if hasattr(fn, "__checked__"):
        return fn
    if not isinstance(fn, FunctionType):
        return original(fn, typechecker=typechecker)
    checked = None

    @functools.wraps(fn)
    def call(*args, **kwargs):
        nonlocal checked
        if jaxtyping.config.jaxtyping_disable:
            return fn(*args, **kwargs)
        if checked is None:  # what is never called has no checks compiled
            checked = checks(fn, typechecker)
        return checked(*args, **kwargs)

    call.__checked__ = True
    return call


def install():
    """From now on; before the library is imported."""
    jaxtyping.jaxtyped = _decorator.jaxtyped = jaxtyped
