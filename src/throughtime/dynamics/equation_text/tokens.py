r"""Equations as text, cut into statements, and statements into tokens.

What keyboards, papers and word processors write is read alike: `x''`, `x″`, `ẍ` and
`d²x/dt²` are a name with two primes; `x³` is `x^(3)`, `xᵢ₊₁` is `x[i+1]`, and the minus signs,
products and inequalities of Unicode are those of ASCII. Columns are those of the text itself.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from throughtime.errors import InputError

PRIMES = {**dict.fromkeys("'’‘′ʹʼ", 1), **dict.fromkeys('"”“″', 2), "‴": 3, "⁗": 4}
DOTS = {"\u0307": 1, "\u0308": 2, "\u20db": 3}

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ₙᵢⱼₖₘₜ", "0123456789+-nijkmt")

OPERATORS = {
    **dict.fromkeys("−–‐‑﹣－", "-"), **dict.fromkeys("·×⋅∙∗•", "*"),
    **dict.fromkeys("÷∕⁄", "/"), **dict.fromkeys(("**", "＾"), "^"), "∣": "|",
    "≤": "<=", "⩽": "<=", "≥": ">=", "⩾": ">=", "≠": "!=", "＝": "=",
    **dict.fromkeys(("...", "…", "⋯", ":"), ".."),
}  # fmt: skip
"""Operators as they are also written."""

_RAISED = re.escape("".join(map(chr, SUPERSCRIPTS)))
_LOWERED = re.escape("".join(map(chr, SUBSCRIPTS)))
_DOTS = "".join(DOTS)
_LETTER = rf"(?:(?![\d{_RAISED}{_LOWERED}])\w)"
_NAME = rf"{_LETTER}[{_DOTS}]*(?:(?![{_RAISED}{_LOWERED}])[\w{_DOTS}])*"
_POWER = r"(?:\^?\{?[1-9]\}?|[²³⁴])?"
TOKEN = re.compile(
    r"(?P<blank>\s*)(?:"
    # d2x/dt2, d^2x/dt^2, d²x/dt², dx(t)/dt; the order stands after the first d
    rf"(?P<ratio>d(?P<order>{_POWER})\s?(?P<of>{_LETTER}(?:(?![{_RAISED}{_LOWERED}])\w)*?)"
    rf"(?P<lowered>[{_LOWERED}]*)(?:\s?\(t\))?\s?/\s?d\s?t{_POWER}(?![\w]))"
    r"|(?P<number>(?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"|(?P<raised>[{_RAISED}]+)|(?P<subscript>[{_LOWERED}]+)|(?P<name>{_NAME})"
    rf"|(?P<primes>[{''.join(PRIMES)}]+)"
    r"|(?P<operator>\*\*|<=|>=|==|!=|\.\.\.?|[-+*/^(),=<>|\[\]{}:"
    rf"{''.join(re.escape(one) for one in OPERATORS if len(one) == 1 and one != ':')}]))"
)

NAME_OF_INFINITY = "∞"
REMEDIES = {
    ".": "Names have no attributes; write numbers as 0.5.",
    "%": "Write `mod(a, b)` for the remainder.",
    "&": "Write `a > b and c > d`.",
    "!": "Write `a != b` for what is not equal; there is no factorial.",
    "\\": "Write it without LaTeX: `dx/dt`, `sin(x)`, `a/b`.",
    "∂": "Write a partial derivative by differences: "
    "`u_i' = (u_{i+1} - 2*u_i + u_{i-1})/h^2; i = 1..64`.",
    "∫": "Give the integral a name: `z' = x`.",
    "√": "Write `sqrt(x)`.",
    NAME_OF_INFINITY: "Write a finite number.",
}
"""What to write in place of characters that are not read."""


MODULE = re.compile(r"\b(np|numpy|math|jnp|sp|sympy|torch)\.$")
"""A module of Python, of which a function is taken."""


_SIGNS = re.escape("".join(one for one in OPERATORS if len(one) == 1))
BRACKETS = re.compile(
    rf"(?P<rate>d\s?\[(?P<of>\w+)[-+]*\]\s?/\s?d\s?t)"
    rf"|(?:^|(?<=[\s=+*/^(,<>|{_SIGNS}-]))"
    r"\[(?P<inside>[^\[\],]*)(?:\]|$)"
)
"""Brackets that hold no index: none stand after blanks and operators."""


class Token(NamedTuple):
    """A token of a statement.

    Attributes
    ----------
    kind
        `number`, `name`, `primes`, `operator` or `end`.
    text
        The token, as ASCII writes it where it has a sign for it.
    column
        Where it stands in its statement, from 0.
    order
        For a name, the dots on it or the order of `d²x/dt²`; for primes, their number.
    adjacent
        Whether it follows the token before without a blank.
    """

    kind: str
    text: str
    column: int
    order: int = 0
    adjacent: bool = False


def statements(text: str) -> list[str]:
    """The statements of a text: they end with `;`, a new line, or a comma between equations.

    `a = b = 0.2` is two.

    Raises
    ------
    InputError
        If a comma stands where it may be one of decimals.
    """
    found, depth, begin = [], 0, 0
    text = re.sub(r"#[^\n]*", "", text)
    for at, sign in enumerate(text):
        depth = max(0, depth + (sign in "([{") - (sign in ")]}"))
        comma = sign == "," and depth == 0 and not _is_of_a_range(text, at)
        if comma and re.match(r"\d,\d", text[max(0, at - 1) : at + 2]):
            got = text[begin : at + 2]
            rule, remedy = "decimals are written with a point", "Write `0.5`, not `0,5`."
            raise error_at(rule, ",", got.strip(), at - begin, remedy)
        if sign == ";" or (sign == "\n" and depth == 0) or comma:
            found.append(text[begin:at])
            begin, depth = at + 1, 0
    return [one for part in [*found, text[begin:]] if part.strip() for one in _chained(part)]


def _chained(statement: str) -> list[str]:
    """The statements that `a = b = 0.2` is short for."""
    chain = re.fullmatch(r"((?:\s*\w+\s*(?:\(0\)\s*)?=(?!=)){2,})([^=]*)", statement)
    if chain is None:
        return [statement.strip()]
    return [f"{name.strip()} = {chain[2].strip()}" for name in chain[1].split("=")[:-1]]


def _is_of_a_range(text: str, at: int) -> bool:
    """Whether a comma is one of `1, 2, ..., 40`."""
    return bool(
        re.match(r",\s*(\.\.|…)", text[at:]) or re.search(r"(\.\.|…)\s*$", text[:at])
        or re.match(r",\s*\d+\s*,\s*(\.\.|…)", text[at:])
    )  # fmt: skip


def tokens(text: str) -> list[Token]:
    """The tokens of a statement, the last of which is its end.

    Raises
    ------
    InputError
        If a character is none of an equation.
    """
    if match := BRACKETS.search(text):
        raise _no_index(match)
    return [*_tokens(text, text), Token("end", "the end", len(text))]


def _no_index(match: re.Match[str]) -> InputError:
    """The error for the concentration `[A]`, and for brackets in place of parentheses."""
    inside = match["inside"] or ""
    found = re.fullmatch(r"(\w+)[-+]*", inside)
    name = match["of"] or (found[1] if found else "")
    remedy = f"Write `({inside.strip()})` with parentheses."
    if name:
        rate = f", and `d{name}/dt` for how it changes" if match["rate"] else ""
        remedy = f"Write `{name}` for `[{name}]`{rate}; products with `*`."
    rule = "brackets hold an index, as in `x[n]`"
    return error_at(rule, match[0], match.string, match.start(), remedy)


def _tokens(text: str, statement: str, shift: int = 0) -> Iterator[Token]:
    at = 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise _unreadable(text[at], statement, at + shift, MODULE.search(text[: at + 1]))
        kind, column = str(match.lastgroup), match.end("blank") + shift
        at, found = match.end(), match[0].strip()
        yield from _read(kind, found, match, Token("", "", column, 0, not match["blank"]))


def _read(kind: str, found: str, match: re.Match, token: Token) -> Iterator[Token]:
    """The tokens that one match stands for."""
    statement = match.string
    if match["ratio"]:
        order = int((match["order"] or "1").translate(SUPERSCRIPTS).strip("^{}"))
        yield token._replace(
            kind="name", text=_name(match["of"], token, statement), order=order
        )
        if match["lowered"]:
            yield from _bracketed("[", match["lowered"].translate(SUBSCRIPTS), "]", token)
    elif kind == "raised":
        yield token._replace(kind="operator", text="^", adjacent=False)
        yield from _bracketed("(", found.translate(SUPERSCRIPTS), ")", token)
    elif kind == "subscript":
        yield from _bracketed("[", found.translate(SUBSCRIPTS), "]", token)
    elif kind == "primes":
        yield token._replace(kind=kind, text="'", order=sum(PRIMES[one] for one in found))
    elif kind == "name":
        letter = re.fullmatch(rf"(\w)([{_DOTS}]+)((?:_|\d).*)?", _decomposed(found))
        order = sum(DOTS[one] for one in letter[2]) if letter else 0
        name = letter[1] + (letter[3] or "") if letter else found
        yield token._replace(kind=kind, text=_name(name, token, statement), order=order)
    else:
        yield token._replace(kind=kind, text=OPERATORS.get(found, found))


def _bracketed(opened: str, inside: str, closed: str, token: Token) -> Iterator[Token]:
    """What is raised or lowered, as tokens in brackets, all at the column of the first."""
    whole = token._replace(kind="operator", adjacent=True)
    yield whole._replace(text=opened)
    for one in _tokens(inside, inside):
        yield one._replace(column=token.column, adjacent=True)
    yield whole._replace(text=closed)


def _decomposed(name: str) -> str:
    return unicodedata.normalize("NFD", name)


def _name(found: str, token: Token, statement: str) -> str:
    """A name, in the one form of letters that look alike."""
    name = unicodedata.normalize("NFKC", found)
    if not name.isidentifier():
        wrong = next((one for one in found if not (one == "_" or one.isalpha())), found)
        raise _unreadable(wrong, statement, token.column)
    return name


def _unreadable(
    sign: str, statement: str, column: int, module: re.Match[str] | None = None
) -> InputError:
    remedy = "Use numbers, names, + - * / ^ ( ) and the known functions."
    if unicodedata.numeric(sign, None) is not None:
        remedy = "Write numbers in digits: `(1/2)`."
    rule, remedy = "a statement must be mathematics", REMEDIES.get(sign, remedy)
    if module is not None:
        remedy = f"Leave out each `{module[0]}`: write `sin(x)` or `pi`."
    return error_at(rule, sign, statement, column, remedy)


def error_at(rule: str, got: str, text: str, column: int, remedy: str) -> InputError:
    """An error that quotes a statement and the column of what is wrong in it."""
    where = f"`{got}`" if got != "the end" else got
    return InputError(rule, f"{where} at column {column + 1} of `{shortened(text)}`", remedy)


def shortened(text: str) -> str:
    """The text in one line of at most 60 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
