"""A place in the tokens of a statement, and the errors that a parser has there."""

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

    def expect(self, wanted: str, rule: str, remedy: str) -> Token:
        """Consume the next token, which must be of this kind or have this text."""
        token = self.next_token()
        if wanted not in (token.kind, token.text):
            if wanted in (")", "|") and token.kind == "number":  # (2 x 3)
                raise self.not_expected("Write products with `*`, as in `x*2`.")
            raise self.error(rule, token.text, token.column, remedy)
        return self.take()

    def source(self, begin: int, end: int | None = None) -> str:
        """The text of the tokens from one to before another, by default the next."""
        last = self.tokens[min(self.position if end is None else end, len(self.tokens) - 1)]
        return self.text[self.tokens[begin].column : last.column].strip()

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
