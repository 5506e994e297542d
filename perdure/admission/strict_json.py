"""Bytes to JSON, strictly: what other readers would see differently is refused; the API reads every body so.

Python's reader lets the last duplicate name win, takes NaN, rounds large numbers, and passes lone surrogates
and NUL, which Postgres then refuses (docs/decisions/0005-strict-bodies.md).
"""

import json
import re
from itertools import accumulate, chain
from typing import Any

from perdure.admission.json_flaw import Doubled, Refused, flaws_of, repeated
from perdure.admission.json_number import decimal, whole
from perdure.admission.json_path import Path, path_at, render
from perdure.admission.problem import AdmissionError, Problem
from perdure.contract.limit import MAX_DEPTH, MAX_SAFE_INTEGER

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_STRING_OR_BRACKET = re.compile(_STRING.pattern + r"|[\[\]{}]", re.DOTALL)
_STEPS = [1 if chr(byte) in "[{" else -1 if chr(byte) in "]}" else 0 for byte in range(256)]
_NO_BRACKETS = bytes(byte for byte in range(256) if _STEPS[byte] == 0)
_TRACED = 256 * 1024
"""Characters up to which the path of a syntax error is told; finding it takes a microsecond a token."""
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])", re.ASCII)
_SHOWN = 40


def read_json(body: bytes, limit: int) -> Any:
    """The JSON value in `body`, of at most `limit` bytes.

    Raises:
        AdmissionError: API.BODY_TOO_LARGE, or API.BODY_INVALID with every place that is wrong.
    """
    if len(body) > limit:
        raise too_large(limit)
    text = _decoded(body)
    _check_depth(text)
    value, flawed = _parsed(text)
    if flawed or _SUSPECT.search(text):
        flaws = flaws_of(value)
        if (first := next(flaws, None)) is not None:
            raise AdmissionError("API.BODY_INVALID", chain((first,), flaws))
    return value


def too_large(limit: int) -> AdmissionError:
    """The refusal of a body of more than `limit` bytes; also for a reader that stopped at the limit."""
    message = f"the body is larger than {limit} bytes: send less, or keep large data elsewhere and pass a link"
    return AdmissionError("API.BODY_TOO_LARGE", [Problem("$", "API.BODY_TOO_LARGE", message)])


def _invalid(path: Path, code: str, message: str) -> AdmissionError:
    return AdmissionError("API.BODY_INVALID", [Problem(render(path), f"API.BODY.{code}", message)])


def _decoded(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        before = body[: error.start].decode("utf-8", "replace")
        raise _invalid(
            _path_at(before, len(before)),
            "UTF8",
            f"byte {error.start} (0x{body[error.start]:02x}) is not valid UTF-8: send the body in UTF-8",
        ) from error
    if text.startswith("\ufeff"):
        raise _invalid((), "SYNTAX", "the body starts with a byte order mark: leave it out")
    if not text.strip(" \t\r\n"):
        raise _invalid((), "EMPTY", "the body is empty: send a JSON object")
    return text


def _check_depth(text: str) -> None:
    """Looked at before parsing, without recursion: 200,000 levels must harm nobody."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    brackets = _STRING.sub("", text).encode().translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH:
        position = _too_deep_at(text)
        message = f"nested deeper than {MAX_DEPTH} levels ({_place(text, position)}): nest less"
        raise _invalid(_path_at(text, position), "DEPTH", message)


def _too_deep_at(text: str) -> int:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        depth += _STEPS[ord(match[0][0])]
        if depth > MAX_DEPTH:
            return match.start()
    raise AssertionError("only called for a text that is too deep")


def _path_at(text: str, position: int) -> Path:
    """The path of a position, unless it is so far into the text that line and column must do."""
    return path_at(text, position) if position <= _TRACED else ()


def _place(text: str, position: int) -> str:
    line_start = text.rfind("\n", 0, position) + 1
    return f"line {text.count(chr(10), 0, position) + 1}, column {position - line_start + 1}"


def _parsed(text: str) -> tuple[Any, bool]:
    """The value, and whether something in it is refused."""
    flaws: list[Refused | Doubled] = []

    def refuse(message: str) -> Refused:
        flaws.append(Refused(message))
        return Refused(message)

    def fields(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Doubled:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        flaws.append(doubled := Doubled(found, repeated(pairs)))
        return doubled

    try:
        value = json.loads(
            text,
            object_pairs_hook=fields,
            parse_constant=lambda word: refuse(f"{word} is not a JSON number: send null or a string"),
            parse_int=lambda literal: refuse(_unsafe(literal)) if (n := whole(literal)) is None else n,
            parse_float=lambda literal: refuse(_inexact(literal)) if (n := decimal(literal)) is None else n,
        )
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg} ({_place(text, error.pos)})"
        raise _invalid(_path_at(text, error.pos), "SYNTAX", message) from error
    return value, bool(flaws)


def _shown(literal: str) -> str:
    return literal if len(literal) <= _SHOWN else literal[:_SHOWN] + "…"


def _unsafe(literal: str) -> str:
    return f"the integer {_shown(literal)} is beyond ±{MAX_SAFE_INTEGER} (2^53-1): send it as a string"


def _inexact(literal: str) -> str:
    return (
        f"the number {_shown(literal)} cannot be kept as written (JSON numbers are doubles:"
        " up to 1.8e308 and 17 digits): send it as a string"
    )
