"""Words for messages: what a JSON value is, which name was probably meant; used wherever something is refused."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

_SHOWN = 40
_NAMES = 20


def describe(value: Any) -> str:
    """The kind of a JSON value, and the value itself where it is short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    return kind_of(value)


def kind_of(value: Any) -> str:
    """The kind of a JSON value, and nothing of the value itself."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list | tuple) else "an object"


def quoted(text: str) -> str:
    """The text in quotes, cut to what fits a message."""
    return f'"{text if len(text) <= _SHOWN else text[:_SHOWN] + "…"}"'


def meant(name: str, known: Iterable[str]) -> str:
    """` (did you mean "x"?)`, or nothing where no known name is close."""
    by_lower = {one.lower(): one for one in known}
    close = get_close_matches(name[:_SHOWN].lower(), by_lower, n=1, cutoff=0.6)
    return f" (did you mean {quoted(by_lower[close[0]])}?)" if close else ""


def listed(names: Iterable[str]) -> str:
    """The names in one line, at most twenty of them."""
    every = list(names)
    more = f", … ({len(every) - _NAMES} more)" if len(every) > _NAMES else ""
    return ", ".join(every[:_NAMES]) + more
