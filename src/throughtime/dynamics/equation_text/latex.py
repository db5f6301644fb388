r"""Equations in LaTeX as plain text: `\dot{x} &= \frac{a}{b} x \\` as `x' = (a/b) x;`.

Read is what has one meaning: derivatives, fractions, roots, Greek letters, functions, sums,
brackets of any size, and the rows of `aligned`. What else there is stays as it is, and is
refused with its column.
"""

import re

from throughtime.errors import InputError

from .cursor import MAX_DEPTH
from .expressions import FUNCTIONS

GREEK: dict[str, str] = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma"
        " tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
        " varepsilon vartheta varphi varrho".split(),
        [*"αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ", *"εθφρ"],
        strict=True,
    )
)

SIGNS = {
    **{"cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<="},
    **{"ge": ">=", "geq": ">=", "lt": "<", "gt": ">", "ne": "!=", "neq": "!="},
    **{"lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "prime": "'"},
    **dict.fromkeys(("ldots", "dots", "cdots"), "..."),
    **{"partial": "∂", "int": "∫", "infty": "∞", "\\": ";"},
}
"""Commands that are signs; those that no equation may have are refused as signs are."""

SILENT = {
    *",:;! ", "quad", "qquad", "left", "right", "displaystyle", "limits", "nolimits", "big",
    "Big", "bigl", "bigr", "Bigl", "Bigr", "bigg", "Bigg", "nonumber", "notag", "[", "]", "(",
    ")",
}  # fmt: skip
"""Commands that mean nothing."""

LETTERS = {"mathrm", "text", "mathbf", "mathit", "operatorname", "boldsymbol", "bm", "rm"}
"""Commands that change the letters of their argument."""

DOTS = {"dot": 1, "ddot": 2, "dddot": 3}

COMMAND = re.compile(r"\\([A-Za-z]+|.)\*?", re.DOTALL)

LOST = re.compile(r"[\a\b\f\v](?=[a-z])|\t(?=heta|au\b|imes|anh|ext)|\r(?=ho\b)|\n(?=u\b|eq\b)")
"""What is left of `\\beta`, `\\frac` and `\\theta` in a text of Python that is not raw."""

_POWER = r"(?:\s*\^\s*\{?\s*(\d)\s*\}?)?"
_FUNCTION = rf"\b(?:{'|'.join(FUNCTIONS)})\s*(?:\^\s*(?:\{{[^{{}}]*\}}|\w))?\s*$"


def without_latex(text: str) -> str:
    """The text without LaTeX; one that has none is as it was.

    Raises
    ------
    InputError
        If the text has lost its backslashes to Python.
    """
    if lost := LOST.search(text):
        rule, remedy = "LaTeX in Python stands in a raw string", 'Write it as r"...".'
        raise InputError(rule, repr(text[lost.start() :][:12]), remedy)
    text = text.replace("∑", "Σ")
    if not ("\\" in text or "&=" in text or text.lstrip().startswith("$")):
        return text
    plain = _Reader(text).read()
    plain = re.sub(r"\^\s*\{?\s*('+)\s*\}?", r"\1", plain)  # x^{\prime}
    return re.sub(r"[.,]\s*(?=;|$)", "", plain)


class _Reader:
    """What was read of a text, and a place in it."""

    def __init__(self, text: str, depth: int = 0):
        self.text, self.at, self.read_, self.depth = text, 0, "", depth

    def read(self) -> str:
        """The whole text without LaTeX."""
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign == "\\" and (command := COMMAND.match(self.text, self.at)):
                self.at = command.end()
                self._command(command[1], command[0])
            elif sign == "{":
                inside = self._read_group()
                is_index = self.read_.rstrip()[-1:] in ("_", "^")
                self.read_ += f"{{{inside}}}" if is_index else ""
                if not is_index:
                    self._add_factor(f"({inside})")
            else:
                self.read_ += " " if sign in "&$~" else sign
                self.at += 1
        return self.read_

    def _group(self) -> str:
        """Take what stands in the next braces, or the next sign or command."""
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        begin = self.at
        if command := COMMAND.match(self.text, begin):
            self.at = command.end()
            return command[0]
        depth = 0
        while self.at < len(self.text):
            depth += {"{": 1, "}": -1}.get(self.text[self.at], 0)
            self.at += 1
            if depth <= 0:
                break
        found = self.text[begin : self.at]
        if not found.startswith("{"):
            return found
        return found[1:] if depth else found[1:-1]  # (not closed: what there is)

    def _read_group(self) -> str:
        """Take a group, and read it."""
        if self.depth == MAX_DEPTH:
            rule, remedy = (
                "LaTeX must not be nested too deep",
                "Give names to parts: `a = ...`.",
            )
            raise InputError(rule, f"{self.depth} braces in each other", remedy)
        return _Reader(self._group(), self.depth + 1).read()

    def _argument(self) -> str:
        return self._read_group().strip()

    def _command(self, name: str, written: str) -> None:
        """Read a command, whose name was taken."""
        if name in DOTS:
            self._add_name(self._argument() + "'" * DOTS[name])
        elif name in ("frac", "dfrac", "tfrac"):
            self._fraction(self._argument(), self._argument())
        elif name == "sqrt":
            root = re.compile(r"\s*\[([^\]]*)\]").match(self.text, self.at)
            self.at = root.end() if root else self.at
            inside = self._argument()
            self._add_name(f"({inside})^(1/({root[1]}))" if root else f"sqrt({inside})")
        elif name in LETTERS:
            self._add_name(self._argument())
        elif name in ("begin", "end", "label", "tag"):
            self._group()
            self.read_ += " "
        elif name == "sum":
            self._add_name("Σ")
        elif name in GREEK or name in FUNCTIONS:
            self._add_name(GREEK.get(name, name))
        elif name == "\\":
            spacing = re.compile(r"\s*\[[\d.]+\s*\w+\]").match(self.text, self.at)
            self.at = spacing.end() if spacing else self.at
            self.read_ += ";"
        else:
            self.read_ += " " if name in SILENT else SIGNS.get(name, written)

    def _fraction(self, above: str, below: str) -> None:
        """Add a derivative or a quotient."""
        of_time = re.fullmatch(rf"d\s*t{_POWER}", below)
        of_what = re.fullmatch(rf"d{_POWER}\s*(.*?)(?:\s*\(\s*t\s*\))?", above)
        if of_time and of_what and of_time[1] == of_what[1]:
            name = of_what[2].strip()
            if not name:  # d/dt x
                name = self._argument()
                if index := re.compile(r"_(\w|\{[^{}]*\})").match(self.text, self.at):
                    self.at, name = index.end(), name + index[0]
            self._add_name(name + "'" * int(of_time[1] or 1))
        else:
            above, below = (
                one if re.fullmatch(r"\w+", one) else f"({one})" for one in (above, below)
            )
            self._add_factor(f"({above}/{below})")

    def _add_name(self, name: str) -> None:
        """Add a name, apart from one before it."""
        apart = re.search(r"[\w'}\])]$", self.read_) and not re.search(r"_$", self.read_)
        self.read_ += f" {name}" if apart and name else name

    def _add_factor(self, factor: str) -> None:
        """Add what stands in parentheses: the argument of a function, or a factor."""
        after_name = re.search(r"[\w'}\]]\s*$", self.read_) and not re.search(
            rf"{_FUNCTION}|(?<![\w.])[\d.]+\s*$", self.read_
        )
        self.read_ += f"*{factor}" if after_name else factor
