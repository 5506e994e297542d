"""Keeps secrets and payloads out of the logs, whoever writes the line; the last processor before its form.

The step wrapper masks the secrets a step used by their values; this is for what is known by its name or shape.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from structlog.typing import EventDict

from perdure.telemetry.log_field import FIXED

MASKED = "***"

_SECRET_NAME = re.compile(
    r"(?:^|[_.-])(?:authorization|cookie|password|passwd|passphrase|secret|token|credential|pepper"
    r"|(?:api|private|secret|access|signing)[_-]?key)s?$",
    re.IGNORECASE,
)
_PAYLOAD_NAMES = frozenset({"input", "output", "params", "payload", "payloads", "body", "headers", "heartbeat_details"})
_SHAPES = (
    (re.compile(r"\b(pdr_[A-Za-z0-9]+_)[A-Za-z0-9_-]{8,}"), rf"\1{MASKED}"),
    (re.compile(r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1{MASKED}"),
    (re.compile(r"(?i)(://[^\s/:@]*:)[^\s/@]+(@)"), rf"\1{MASKED}\2"),
    # Values that libraries put into their messages: Postgres' row, SQLAlchemy's parameters, pydantic's input.
    (re.compile(r"(?<![A-Z])((?:DETAIL|CONTEXT): ).*"), rf"\1{MASKED}"),
    (re.compile(r"\[parameters: .*\]"), f"[parameters: {MASKED}]"),
    (re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL), f"input_value={MASKED}"),
)
_HINT = re.compile(r"pdr_|[Bb](?:earer|asic) |B(?:EARER|ASIC) |://|(?:DETAIL|CONTEXT): |\[parameters: |input_value=")
"""A text without any of these has none of the shapes: most texts cost one look."""
_SHORTEST = 10
_DEEPEST = 20
_NEVER = frozenset((*FIXED, "timestamp", "level", "logger", "service"))
"""Made by Perdure: looked at by nobody, a line a hundred times a second."""


def mask_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """For structlog: the line with what must not be in a log replaced."""
    for name, value in event.items():
        if name in _NEVER or value is None:
            continue
        event[name] = MASKED if _is_secret(name) or name in _PAYLOAD_NAMES else masked(value)
    return event


def masked(value: Any, depth: int = 0) -> Any:
    """The value with secrets replaced, by their names in mappings and by their shapes in texts."""
    if isinstance(value, str):
        return _masked_text(value)
    if depth > _DEEPEST:
        return MASKED
    if isinstance(value, Mapping):
        return {
            key: MASKED if item is not None and _is_secret(str(key)) else masked(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _masked_text(str(value))


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _masked_text(text: str) -> str:
    if len(text) >= _SHORTEST and _HINT.search(text):
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
    return text
