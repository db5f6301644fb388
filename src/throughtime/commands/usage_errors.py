"""Typer's usage errors, turned into errors with a rule, a value and a remedy."""

import re
from collections.abc import Iterable
from typing import Any

from throughtime.errors import InputError, did_you_mean

KINDS = {"integer": "a whole number", "number": "a number", "float": "a number"}


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
    message = " ".join(error.format_message().split()).rstrip(".")
    if name == "NoArgsIsHelpError":
        return InputError("a command must be named", "none", "Pass one of those listed above.")
    if name == "NoSuchOption":
        options = (option for param in context.command.params for option in param.opts)
        known = [option for option in options if option.startswith("--")]
        rule = f"an option of `{command}` must be a known one"
        return InputError(
            rule, f"`{error.option_name}`", did_you_mean(error.option_name, known)
        )
    if unknown := re.match(r"No such command '(.*?)'", message):
        remedy = did_you_mean(unknown[1], context.command.commands)
        return InputError("a command must be a known one", f"`{unknown[1]}`", remedy)
    if name == "BadOptionUsage":
        value = _value([error.option_name], given, joined=True)
        rule = "must be followed by a value" if value is None else "takes no value"
        got = "none" if value is None else f"`{value}`"
        return InputError(f"`{error.option_name}` {rule}", got, remedy)
    if name == "MissingParameter":
        what = error.param.name.upper()
        return InputError(f"`{command}` must be given its {what}", "none", remedy)
    if getattr(error, "param", None) is not None:
        kind = re.search(r"valid (\w+)", message.removeprefix("Invalid value"))
        what = KINDS.get(kind[1] if kind else "", "as its help says")
        value = _value(error.param.opts, given)
        rule = f"`{error.param.opts[0]}` must be {what}"
        return InputError(rule, message if value is None else f"`{value}`", remedy)
    extra = re.search(r"unexpected extra argument.*? \((.*)\)", message)
    rule = f"`{command}` must be given no other arguments than its help names"
    return InputError(rule, f"`{extra[1]}`" if extra else message, remedy)


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
