"""What can be wrong with an expression; raised all over this package, made job failures by its callers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

_SHOWN = 200


def shorten(text: str, limit: int) -> str:
    """Cut `text` to at most `limit` characters, the last of them an ellipsis when something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def printable(text: str) -> str:
    """`text` with what neither databases nor UTF-8 can carry written out: NUL and lone surrogates."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")


class ExpressionError(Exception):
    """An expression cannot be read, or has no JSON value in the scope it was given."""

    code: ClassVar[str] = "ENGINE.EXPRESSION"
    error_class: ClassVar[str] = "PERMANENT"

    def __init__(self, message: str, expression: str = "") -> None:
        self.message = printable(message)
        self.expression = printable(shorten(expression, _SHOWN))
        super().__init__(f"{self.message}, in: {self.expression}" if expression else self.message)


@contextmanager
def located(expression: str) -> Iterator[None]:
    """Give every ExpressionError raised within the text it is about."""
    try:
        yield
    except ExpressionError as error:
        raise ExpressionError(error.message, expression) from None


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """One thing wrong with one string of a template: where it stands, its source text, what to mend."""

    path: tuple[str | int, ...]
    expression: str
    message: str
