"""Errors for names and functions that are not given, and what is most likely meant by them."""

import re
from collections.abc import Collection, Iterable
from itertools import takewhile

from throughtime.errors import InputError, did_you_mean

from .equation import Equation
from .expressions import EULER, FUNCTIONS, NAME, OPERATION, TIME, Node
from .isolate import linear
from .printing import to_text

NOISE = re.compile(r"d[WwB](_?\w)?|\w*noise\w*|rand(n|om)?|gauss(ian)?|normal|wiener|brownian")
"""Names that stand for random terms wherever they are not given."""

NOISE_OF_TIME = re.compile(r"\b(ξ|η|xi|eta|W)(?:_\w+)?\s*\(\s*t\s*\)|\bdW\s*/\s*dt")
"""Letters that stand for random terms where they are written as functions of time."""

LAGS = {"tau", "τ", "lag", "delay", "delayed", "lagged", "T", "d", "D"}
"""Names of a delay, as the index of what is delayed."""

STEP = {"H", "Θ", "Theta", "step"}
"""Names of Heaviside's step."""


def unknown_function(name: Node, equation: Equation, known: Collection[str]) -> InputError:
    """The error for a call of what is no function, where some names are known."""
    if NOISE.fullmatch(name.symbol) or (name.symbol == "N" and len(name.children) == 2):
        return random_term(name, equation)
    rule, remedy = "a function must be a known one", did_you_mean(name.symbol, FUNCTIONS)
    factors = factors_of(name.symbol, known)
    if not factors and (len(name.symbol) == 1 or {*name.symbol[:2]} & {*known}):
        factors = [*name.symbol] if len(name.symbol) <= 2 else []
    if name.symbol in STEP and name.symbol not in known and len(name.children) == 1:
        remedy = f"Write `heaviside({to_text(name.children[0])})`."
    elif name.symbol == "if":
        remedy = "Write `where(x > 0, a, b)`."
    elif factors and len(name.children) == 1:
        product = "*".join([*factors, f"({to_text(name.children[0])})"])
        remedy = f"Write `{product}` for a product."
    return equation.error(rule, name.symbol, name.column, remedy)


def unknown_name(
    node: Node,
    equation: Equation,
    variables: Collection[str],
    values: Collection[str],
    laws: Iterable[Equation] = (),
) -> InputError:
    """The error for a name that is not given.

    Parameters
    ----------
    node, equation
        The name, and where it stands.
    variables, values
        The names that are given: those of variables, and all others.
    laws
        The equations; of a product that is written without a sign, the others in them are told.
    """
    name, known = node.symbol, {*variables, *values}
    rule = "every name must be given"
    if NOISE.fullmatch(name) or _is_noise_of_time(name, equation):
        return random_term(node, equation)
    if node.order:
        name += "'" * node.order
        remedy = f"Write how it changes: `{name} = ...`."
    elif name == EULER:
        rule = "`e` must have a value, or an exponent"
        remedy = "Write `exp(x)` or `e^x`, or give it a value: `e = 0.2`."
    elif (lag := lag_of(name, variables, values)) is not None:
        rule, remedy = "a delay is written with its time", f"Write `{lag}`."
        if name[-1].isdecimal():
            rule = "every name must be given"
            remedy = f"Write `{lag}` for a delay, or add `{name} = 1`, say."
    elif node.indices:
        remedy = f"Add `{to_text(node)} = 1`, say."
    elif meant := _meant(name, known):
        is_exponent = equation.text[: node.column].rstrip().endswith(("^", "**"))
        written = f"({meant})" if is_exponent else meant
        remedy = f"Write `{written}`, or add `{name} = 1`, say."
        if others := {one: None for one in _products(laws, known) if one != meant}:
            remedy += f" Likewise: {', '.join(f'`{one}`' for one in others)}."
    else:
        remedy = f"Add `{name} = 1`, say."
        close = did_you_mean(name, known).partition("?")
        if close[1]:
            remedy = f"{close[0]}? Or add `{name} = 1`, say."
    return equation.error(rule, name, node.column, remedy)


def random_term(node: Node, equation: Equation) -> InputError:
    """The error for noise."""
    rule, name = "equations must have no random terms", node.symbol + "'" * node.order
    term = next((one for one in _terms(equation.right) if _has(one, node)), node)
    remedy = f"Leave out `{to_text(term)}`, or put a known force for `{name}`: `0.1*cos(5*t)`."
    return equation.error(rule, name, node.column, remedy)


def differential(equation: Equation) -> InputError | None:
    """The error for `dx = -x dt + dW`; None for another statement."""
    target, dt = equation.left, Node(NAME, "dt")
    if not (re.fullmatch(r"d\w+", target.symbol) and _has(equation.right, dt)):
        return None
    slope, rest = linear(equation.right, dt, equation)
    assert slope is not None  # dt is in it
    law = f"d{target.symbol[1:]}/dt = {to_text(slope)}"
    rule = "a law is written as a derivative"
    remedy = f"Write `{law}`."
    if rest is not None:
        rule = "equations must have no random terms"
        remedy = f"Leave out `{to_text(rest)}`: write `{law}`."
    return equation.error(rule, equation.text, target.column, remedy)


def _terms(node: Node) -> list[Node]:
    """What is added and subtracted."""
    if node.symbol in ("+", "-") and node.kind == OPERATION:
        return [*_terms(node.children[0]), node.children[1]]
    return [node]


def _has(node: Node, name: Node) -> bool:
    return any(one.symbol == name.symbol and one.order == name.order for one in node.names())


def _is_noise_of_time(name: str, equation: Equation) -> bool:
    """Whether a name was written as `ξ(t)`, or is a letter that stands for noise alone."""
    written = {one[1] for one in NOISE_OF_TIME.finditer(equation.text)}
    return name in ("ξ", *written) or (name == "W" and "dW" in equation.text)


def lag_of(name: str, variables: Collection[str], values: Collection[str]) -> str | None:
    """`x(t - τ)` for `x_τ`, `x_17` and `xtau`, where x is a variable; None for other names."""
    for base in variables:
        lag = name.removeprefix(base)
        if name.startswith(f"{base}_") and lag[1:] in {*LAGS, *values}:
            return f"{base}(t - {_named(lag[1:], values)})"
        if name.startswith(base) and lag in {"tau", "τ", "lag", "delayed"}:
            return f"{base}(t - {_named(lag, values)})"
        if name.startswith(f"{base}_") and lag[1:].isdecimal() and int(lag[1:]):
            return f"{base}(t - {int(lag[1:])})"
    return None


def index_as_lag(node: Node, values: Collection[str]) -> str | None:
    """`x(t - τ)` for `x_{t-τ}` and `x[τ]`, where x has no indices; None for other names."""
    if len(node.indices) != 1:
        return None
    (index,) = node.indices
    if index.kind == OPERATION and index.symbol == "-" and index.children[0].symbol == TIME:
        return f"{node.symbol}({to_text(index)})"
    if index.kind == NAME and index.symbol in {*LAGS, *values}:
        return f"{node.symbol}(t - {index.symbol})"
    return None


def _named(lag: str, values: Collection[str]) -> str:
    """The name of a delay: that which is given, of `tau` and `τ`."""
    other = lag if lag in ("tau", "T") else "τ"
    return next((one for one in (lag, "τ", "tau", "T", "delay", "lag") if one in values), other)


def _meant(name: str, known: Collection[str]) -> str:
    """`sin(2*t)` for `sin2t`, `x*y` for `xy`; "" for other names."""
    for function in sorted(FUNCTIONS, key=len, reverse=True):
        rest = name.removeprefix(function)
        digits = "".join(takewhile(str.isdecimal, rest))
        if rest and rest != name:
            factors = factors_of(rest[len(digits) :], known) if rest != digits else []
            if factors:
                return f"{function}({'*'.join([*([digits] if digits else []), *factors])})"
    return "*".join(factors_of(name, known))


def _products(laws: Iterable[Equation], known: Collection[str]) -> list[str]:
    """What is meant by names that are not given, but made of names that are."""
    names = (one for law in laws for side in (law.left, law.right) for one in side.names())
    unknown = (one.symbol for one in names if not (one.order or one.indices))
    return [meant for name in unknown if "*" in (meant := _meant(name, known))]


def factors_of(name: str, known: Collection[str]) -> list[str]:
    """The known names that a name consists of, longest first; [] if there are none."""
    if name in {*known, TIME}:
        return [name]
    for cut in range(len(name) - 1, 0, -1):
        if name[:cut] in {*known, TIME}:
            others = factors_of(name[cut:], known)
            if others:
                return [name[:cut], *others]
    return []
