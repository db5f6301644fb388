"""Functions and sums, and what they are applied to: `sin(x)`, `sin² 2t`, `sum_{j=1}^N x_j`."""

from abc import abstractmethod
from dataclasses import replace

from throughtime.errors import InputError

from .equation import Equation
from .expressions import (
    CALL,
    FUNCTIONS,
    NAME,
    NUMBER,
    ONE,
    RESERVED,
    SUM,
    Node,
    number,
    operation,
)
from .operators import MAX_CHAIN, SUMS, Operators, is_function
from .tokens import Token


class Applied(Operators):
    """A parser of functions and sums.

    Attributes
    ----------
    bounds
        The ranges of indices that sums state.
    """

    def __init__(self, text: str):
        super().__init__(text)
        self.bounds: list[Equation] = []

    @abstractmethod
    def arguments(self) -> tuple[Node, ...]:
        """Parse expressions between parentheses, separated by commas."""

    @abstractmethod
    def name(self, token: Token) -> Node:
        """Parse a name with its primes, its indices and what it is called with."""

    def function(self, token: Token) -> Node:
        """Parse `sin(x)`, or `sin^2(x)`, its square."""
        if self.next_token().kind == "primes" or self.next_token().text == "=":
            rule = "a name must not be that of the time, a constant or a function"
            raise self.error(rule, token.text, token.column, f"Rename `{token.text}`.")
        exponent = None
        if self.next_token().text == "^":
            self.take()
            exponent = self.signed()
            if exponent.kind != NUMBER or exponent.value < 1:
                rule = "a power of a function is that of its value"
                remedy = f"Write `1/{token.text}(x)`, or the inverse by its name, as `asin`."
                if exponent.kind in (NAME, CALL):
                    remedy = f"Write `{token.text}(x)^{exponent.symbol}`."
                raise self.error(rule, token.text, token.column, remedy)
        bare = self._bare_argument(token)
        if bare is None and self.next_token().text != "(":
            least = FUNCTIONS[token.text][0][0]
            remedy = f"Write `{token.text}({', '.join('abc'[:least]) if least > 1 else 'x'})`."
            raise self.error("a function needs its arguments", token.text, token.column, remedy)
        arguments = self.arguments() if bare is None else (bare,)
        least, most = FUNCTIONS[token.text][0]
        if not least <= len(arguments) <= most:
            wanted = f"{least} argument{'s' * (least > 1)}{' or more' * (most > least)}"
            rule, remedy = f"`{token.text}` takes {wanted}", f"Give it {wanted}."
            raise self.error(rule, f"{len(arguments)}", token.column, remedy)
        node = operation(token.text, *arguments, column=token.column)
        node = replace(node, bare=bare is not None)
        return node if exponent is None else operation("^", node, exponent)

    def _bare_argument(self, function: Token) -> Node | None:
        """Parse the product in `sin 2 π t`, up to the next function; None if there is none.

        Refused is what follows it in `sin t/2` and `sin 2*t`, for it may be meant inside or
        outside of the function. Whether a product such as `x y` may be meant so is seen when
        it is known what varies.
        """
        begin, token = self.position, self.next_token()
        if FUNCTIONS[function.text][0] != ONE or token.text == "(":
            return None
        if token.text in ("+", "-"):
            self.signed()
            raise self._bare_error(function, token, f"{self.source(begin)})")
        if token.kind != "number" and not self.begins_factor(token):
            return None
        self.nest(function)
        found = self.power()
        while self.begins_factor(self.next_token()) and not is_function(self.next_token()):
            following = self.next_token()
            self.check_reading(following, False, begin)
            found = operation("*", found, self.power(), column=following.column)
            if self.position - begin > 2 * MAX_CHAIN:
                raise self.too_deep(following)
        self.depth -= 1
        inside, after = self.source(begin), self.next_token()
        if after.text in ("*", "/"):
            self.take()
            other = self.position
            self.signed()
            both = f"{inside}{after.text}{self.source(other)}"
            outside = f"{inside}){after.text}{self.source(other)}"
            raise self._bare_error(function, after, f"{both})", outside)
        if found.kind == NUMBER and is_function(after):
            self.power()
            last = self.source(begin).removeprefix(inside).strip()
            raise self._bare_error(function, after, f"{inside}*{last})", f"{inside})*{last}")
        return found

    def _bare_error(self, function: Token, token: Token, *readings: str) -> InputError:
        """The error for an argument that may end in two places, with what to write for each."""
        rule = "an argument without parentheses must have one reading"
        written = " or ".join(f"`{function.text}({one}`" for one in readings)
        return self.error(rule, token.text, token.column, f"Write {written}.")

    def sum_over_index(self, token: Token) -> Node:
        """Parse `sum_j(...)`, `sum(j, ...)` or `sum_{j=1}^N ...`, of a product."""
        rule, remedy = "a sum names its index", "Write `sum_j(x_j)`, with `j = 1..10`."
        wrong = self.error(rule, token.text, token.column, remedy)
        letter = Node(NAME, _without_sum(token.text), column=token.column)
        if not letter.symbol and self.next_token().text in ("{", "["):
            letter = self._bounds()
        if self.next_token().text == "(" and token.text in SUMS and not letter.symbol:
            letter, *arguments = self.arguments()
        elif self.next_token().text == "(" and not self.bounds:
            arguments = [*self.arguments()]
        else:
            self.nest(token)
            arguments = [self.product()]
            self.depth -= 1
        if len(arguments) != 1 or letter.kind != NAME or letter.symbol in ("", *RESERVED):
            raise wrong
        return Node(SUM, letter.symbol, tuple(arguments), column=token.column)

    def _bounds(self) -> Node:
        """Parse `{j}`, or `{j=1}^N` or `{j=1}^{N-1}`, which is the range of j."""
        rule = "a sum goes from a number to another"
        remedy = "Write `sum_{j=1}^N`, or leave terms out as in `sum_j(where(j != i, x_j, 0))`."
        opened = self.take()
        letter = Node(NAME, self.take().text, column=opened.column)
        if self.next_token().text in ("}", "]"):
            self.take()
            return letter
        self.expect("=", rule, remedy)
        first = self.sum()
        self.expect("}", rule, remedy)
        self.expect("^", rule, remedy)
        if self.next_token().text == "{":
            last = self.exponent()
        else:  # no more than a name: N(...) would be a function
            token = self.take()
            if token.kind not in ("name", "number"):
                raise self.error(rule, token.text, token.column, remedy)
            last = Node(NAME, token.text, column=token.column)
            if token.kind == "number":
                last = number(float(token.text), token.column)
        self.bounds.append(Equation(letter, first, self.text, last))
        return letter


def _without_sum(name: str) -> str:
    """The j of `sum_j`; "" for `sum` and `sum_`."""
    base = next(one for one in SUMS if name.startswith(one))
    return name.removeprefix(base).removeprefix("_")
