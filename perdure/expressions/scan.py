"""Template strings taken apart: text, `${ expression }`, `${ secrets.NAME }`; used by `template` and `check`."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from perdure.expressions.error import ExpressionError
from perdure.expressions.limit import EXPRESSION_LENGTH


@dataclass(frozen=True, slots=True)
class Code:
    """The expression between `${` and `}`, trimmed."""

    text: str


@dataclass(frozen=True, slots=True)
class SecretRef:
    """`${ secrets.NAME }`: a value only the worker's activity ever sees."""

    name: str


Part: TypeAlias = str | Code | SecretRef

_OPEN = re.compile(r"\$?\$\{")
_SECRET = re.compile(r"secrets\.([A-Za-z_][A-Za-z0-9_]{0,99})")
_TOKEN = re.compile(
    r"""(?:[rR][bB]?|[bB][rR])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
      |\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}
      |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'
      |//[^\n]*|[A-Za-z0-9_]+|.""",
    re.VERBOSE | re.DOTALL,
)
# Room for what surrounds the longest expression: white space is trimmed before its length counts.
_WINDOW = EXPRESSION_LENGTH + 200
_CACHED_LENGTH = 2 * EXPRESSION_LENGTH
_CACHED = 2_048


def scan(text: str) -> tuple[Part, ...]:
    """The parts of a template string, in order, neighbouring text joined; `$${` is the text `${`.

    Raises ExpressionError for a `${` that is never closed.
    """
    if "${" not in text:
        return (text,) if text else ()
    return _scan_cached(text) if len(text) <= _CACHED_LENGTH else _scan(text)


def _scan(text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    position = 0
    while (found := _OPEN.search(text, position)) is not None:
        _add_text(parts, text[position : found.start()])
        position = found.end()
        if found[0] == "$${":
            _add_text(parts, "${")
        else:
            end = _closing(text, position)
            parts.append(_part(text[position:end].strip()))
            position = end + 1
    _add_text(parts, text[position:])
    return tuple(parts)


def _add_text(parts: list[Part], text: str) -> None:
    if text and parts and isinstance(parts[-1], str):
        parts[-1] += text
    elif text:
        parts.append(text)


_scan_cached = lru_cache(maxsize=_CACHED)(_scan)


def _part(text: str) -> Part:
    secret = _SECRET.fullmatch(text)
    return Code(text) if secret is None else SecretRef(secret[1])


def _closing(text: str, start: int) -> int:
    """Where the `}` of an expression stands: braces inside texts, comments and objects do not count."""
    depth = 0
    for token in _TOKEN.finditer(text, start, start + _WINDOW):
        if token[0] == "{":
            depth += 1
        elif token[0] == "}":
            depth -= 1
            if depth < 0:
                return token.start()
    cut = text[start : start + _WINDOW]
    if start + _WINDOW < len(text):
        raise ExpressionError(f"longer than {EXPRESSION_LENGTH:,} characters, or never closed with '}}'", cut)
    raise ExpressionError("'${' is never closed with '}'; write '$${' for the text itself", cut)
