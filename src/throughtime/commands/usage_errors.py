"""Typer's usage errors, turned into errors with a rule, a value and a remedy.

What was wrong is told by the kind of the exception, by what it holds and by the commands'
own signatures, never by its text, which changes from version to version.
"""

import inspect
import shlex
from collections.abc import Iterable
from typing import Any, get_args, get_type_hints

from throughtime.errors import InputError, did_you_mean

KINDS = {int: "a whole number", float: "a number"}


def to_input_error(error: Any, given: list[str]) -> InputError:
    """Turn a usage error of Typer's into an `InputError`.

    Parameters
    ----------
    error
        The usage error.
    given
        The arguments of the program.
    """
    context: Any = error.ctx
    name = type(error).__name__
    within = getattr(context, "parent", None) is not None
    command = f"throughtime {context.info_name}" if within else "throughtime"
    remedy = f"See `{command} --help`."
    if name == "NoArgsIsHelpError":
        return InputError("a command must be named", "none", "Pass one of those listed above.")
    if name == "NoSuchOption":
        options = (option for param in context.command.params for option in param.opts)
        known = [option for option in options if option.startswith("--")]
        rule, got = f"an option of `{command}` must be a known one", error.option_name
        arguments = {f"--{p.name}" for p in context.command.params if p.opts[0][:1] != "-"}
        if got in arguments:
            remedy = f"Leave out the word `{got}`: what follows it is an argument."
            return InputError(rule, f"`{got}`", remedy)
        return InputError(rule, f"`{got}`", did_you_mean(got, known))
    if name == "BadOptionUsage":
        value = _value([error.option_name], given, joined=True)
        rule = "must be followed by a value" if value is None else "takes no value"
        got = "none" if value is None else f"`{value}`"
        return InputError(f"`{error.option_name}` {rule}", got, remedy)
    if name == "MissingParameter":
        what = (error.param.metavar or error.param.name).upper()
        return InputError(f"`{command}` must be given its {what}", "none", remedy)
    if getattr(error, "param", None) is not None:
        what = _kind_of(context.command, error.param)
        value = _value(error.param.opts, given)
        rule = f"`{error.param.opts[0]}` must be {what}"
        got = f"`{value}`" if value is not None else " ".join(error.format_message().split())
        return InputError(rule, got.rstrip("."), remedy)
    words = [i for i, word in enumerate(given) if not word.startswith("-")]
    if not within:  # the only other mistake there is the command
        unknown = given[words[0]] if words else ""
        remedy = did_you_mean(unknown, context.command.commands)
        return InputError("a command must be a known one", f"`{unknown}`", remedy)
    rule = f"`{command}` must be given no other arguments than its help names"
    extra = _extra(context, given[words[0] + 1 :])
    if any("--data" in param.opts for param in context.command.params):
        remedy = f"Data follow the option: `--data {shlex.quote(extra)}`."
    return InputError(rule, f"`{extra}`", remedy)


def _kind_of(command: Any, parameter: Any) -> str:
    """What a parameter must be, by its type in the signature of the command's function."""
    hint = get_type_hints(inspect.unwrap(command.callback)).get(parameter.name)
    types = (hint, *get_args(hint))
    return next((what for kind, what in KINDS.items() if kind in types), "as its help says")


def _extra(context: Any, arguments: list[str]) -> str:
    """The arguments that a command has no use for: those that are left when it is parsed."""
    again = context.command.make_context(
        context.info_name, list(arguments), parent=context.parent, resilient_parsing=True
    )
    return " ".join(again.args)


def _value(names: Iterable[str], given: list[str], joined: bool = False) -> str | None:
    """The last value given to an option, as `--name=value` or as the next argument.

    With `joined`, only as `--name=value`.
    """
    last = None
    for i, word in enumerate(given):
        option, equals, value = word.partition("=")
        if option in names and equals:
            last = value
        elif option in names and not joined and i + 1 < len(given):
            last = given[i + 1]
    return last
