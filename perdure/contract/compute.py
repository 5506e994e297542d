"""How the expression of a `COMPUTE` step is written: bare CEL, or CEL inside a single `${ }`.

Admission, the workflow and the catalogue read it with `compute_text`, so that all see the same CEL.
"""

import re

_STRING = re.compile(
    r"""
    (?P<raw>[rR][bB]?|[bB][rR])?[bB]?
    (?: (?P<long>\"\"\"|''') | (?P<short>["']) )
    """,
    re.VERBOSE,
)


def compute_text(expression: str) -> str:
    """The CEL text of `expression`: what is inside when the whole is one `${ }`, else all of it, trimmed."""
    text = expression.strip()
    if text.startswith("${") and _closing_brace(text, 2) == len(text) - 1:
        return text[2:-1].strip()
    return text


def _closing_brace(text: str, position: int) -> int | None:
    """Where the brace opened just before `position` closes; braces in CEL strings do not count."""
    depth = 1
    while position < len(text):
        opening = _STRING.match(text, position)
        if opening is not None:
            position = _end_of_string(text, opening)
            continue
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
        position += 1
    return None


def _end_of_string(text: str, opening: re.Match[str]) -> int:
    quote = opening["long"] or opening["short"]
    position = opening.end()
    while position < len(text):
        if text.startswith(quote, position):
            return position + len(quote)
        position += 2 if text[position] == "\\" and not opening["raw"] else 1
    return len(text)
