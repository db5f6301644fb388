"""What is given and used by no equation: most likely a slip of the pen."""

from collections.abc import Iterable, Mapping

from .expressions import NAME, SUM
from .law import Entry
from .resolution import ALONE
from .roles import Definition, Roles


def refuse_unused(
    roles: Roles, entries: Mapping[str, Entry], first: Iterable[str], called: Iterable[str]
) -> None:
    """Refuse a value, a function or a range that nothing uses.

    Parameters
    ----------
    roles
        The statements.
    entries
        What each key is equal to.
    first
        The keys of the laws, of the delays and of the past.
    called
        The functions that were called.

    Raises
    ------
    InputError
        If something is not used, directly or by what is used.
    """
    reached: set[str] = set()
    pending = [*first]
    while pending:
        key = pending.pop().partition("@")[0].removesuffix(ALONE)
        if key not in reached:
            reached.add(key)
            pending += entries[key].used() if key in entries else ()
    given = {name: one for name, one in roles.values.items() if name not in roles.sizes}
    given |= {name: one for name, (_, one) in roles.functions.items()}
    for name, definition in given.items():
        if name not in {*reached, *called}:
            rule, remedy = (
                "what is given must be used",
                f"Leave out `{definition.equation.text}`, or use `{name}` in an equation.",
            )
            raise definition.equation.error(rule, name, 0, remedy)
    for letter in roles.ranges:
        if letter not in _letters(roles):
            range_ = roles.range_statements[letter]
            rule, remedy = "the range of an index must be used", f"Leave out `{range_.text}`."
            raise range_.error(rule, letter, 0, remedy)


def _letters(roles: Roles) -> set[str]:
    """All names that may be indices."""
    found = {one.symbol for left, _, _ in roles.starts for one in left.indices}
    definitions: list[Definition] = [*roles.laws.values(), *roles.values.values()]
    definitions += [*roles.pasts.values(), *(one for _, one in roles.functions.values())]
    for one in definitions:
        nodes = one.expression.walk()
        found |= {*one.letters, *(node.symbol for node in nodes if node.kind in (NAME, SUM))}
    return found
