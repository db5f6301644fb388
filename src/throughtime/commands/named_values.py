"""Options that are a name, `=`, and a number or a range: `stiffness=2`, `x=-2:2`."""

from throughtime.errors import InputError

EXAMPLES = {
    "--range": "x=-2:2",
    "--set": "stiffness=2",
    "--start": "x=1,v=0",
    "--scan": "rho=0:30",
}


def pairs(texts: list[str] | None, option: str) -> list[tuple[str, str]]:
    """Split each `name=value` of an option into its name and its value."""
    found = []
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            rule = f"`{option}` must be a name, `=` and a value"
            example = EXAMPLES[option]
            raise InputError(rule, f"`{text}`", f"Write it as `{option} {example}`.")
        if name.strip() in dict(found):
            rule = f"`{option}` must name each variable or parameter once"
            raise InputError(rule, f"`{name.strip()}` twice", "Leave out one of them.")
        found.append((name.strip(), value.strip()))
    return found


def number(text: str, option: str) -> float:
    """Read the number that an option was given."""
    try:
        return float(text)
    except ValueError:
        rule = f"`{option}` must give numbers"
        raise InputError(rule, f"`{text}`", "Write it as `0.5` or `1e-3`.") from None


def span(text: str, option: str) -> tuple[float, float]:
    """Read a range, `0.1:0.5`, or a single value."""
    least, colon, largest = text.partition(":")
    if not colon:
        largest = least
    return number(least, option), number(largest, option)
