"""A place in the tokens of a statement, and the errors that a parser has there."""

from collections.abc import Container
from itertools import takewhile

from throughtime.errors import InputError

from .tokens import Token, error_at, tokens

MAX_DEPTH = 20
"""How deeply parentheses, signs and powers may be nested."""


class Cursor:
    """A place in the tokens of a statement.

    Attributes
    ----------
    text, tokens
        The statement.
    position
        The number of the next token.
    depth
        How deeply it is nested.
    """

    def __init__(self, text: str):
        self.text = text.strip()
        self.tokens = tokens(self.text)
        self.position = self.depth = 0

    def next_token(self) -> Token:
        """The token at the parser's position; it is not consumed."""
        return self.tokens[min(self.position, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Consume the next token."""
        token = self.next_token()
        self.position += 1
        return token

    def factors(self, functions: Container[str]) -> list[str]:
        """The names and numbers that follow each other from here on, up to a function."""
        rest = self.tokens[self.position :]
        few = takewhile(lambda token: token.kind in ("name", "number"), rest)
        return [token.text for token in takewhile(lambda one: one.text not in functions, few)]

    def expect(self, wanted: str, rule: str, remedy: str) -> Token:
        """Consume the next token, which must be of this kind or have this text."""
        token = self.next_token()
        if wanted not in (token.kind, token.text):
            raise self.error(rule, token.text, token.column, remedy)
        return self.take()

    def nest(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.too_deep(token)

    def too_deep(self, token: Token) -> InputError:
        rule = "an expression must not be nested too deep"
        remedy = "Give names to parts of it: `a = ...`."
        return self.error(rule, token.text, token.column, remedy)

    def not_expected(self, remedy: str) -> InputError:
        token = self.next_token()
        return self.error("an expression must be complete", token.text, token.column, remedy)

    def error(self, rule: str, got: str, column: int, remedy: str) -> InputError:
        """An error in this statement, at a column."""
        return error_at(rule, got, self.text, column, remedy)
