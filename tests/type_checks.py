"""The types of the library are checked at half the price.

jaxtyping's decorator binds the arguments, opens a scope for the names of axes, and checks every
call twice. Where no annotation has axes, beartype alone asserts the same.
"""

import functools
import inspect
import typing
from types import FunctionType

import jaxtyping
from jaxtyping import _decorator

original = jaxtyping.jaxtyped


def may_have_axes(hint):
    """Whether an annotation names axes of arrays, or cannot be told not to."""
    if typing.get_origin(hint) is typing.Literal:
        return False
    if isinstance(hint, list):  # the arguments of a `Callable`
        return any(map(may_have_axes, hint))
    if isinstance(hint, str | typing.ForwardRef | typing.TypeVar | typing.NewType):
        return True
    if type(hint).__module__.startswith("jaxtyping") or hasattr(hint, "__value__"):
        return True
    return any(map(may_have_axes, typing.get_args(hint)))


def jaxtyped(fn=None, *, typechecker=None):
    """`jaxtyping.jaxtyped`; for functions without axes, the type checker alone."""
    if typechecker is None:
        return original(fn)
    if fn is None:
        return functools.partial(jaxtyped, typechecker=typechecker)
    if hasattr(fn, "__checked__"):
        return fn
    if (
        not isinstance(fn, FunctionType)
        or inspect.isgeneratorfunction(fn)
        or inspect.iscoroutinefunction(fn)
        or any(map(may_have_axes, fn.__annotations__.values()))
    ):
        return original(fn, typechecker=typechecker)
    checked = typechecker(fn)

    @functools.wraps(fn)
    def call(*args, **kwargs):
        return (fn if jaxtyping.config.jaxtyping_disable else checked)(*args, **kwargs)

    call.__checked__ = True
    return call


def install():
    """From now on; before the library is imported."""
    jaxtyping.jaxtyped = _decorator.jaxtyped = jaxtyped
