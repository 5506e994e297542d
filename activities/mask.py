"""Keeps the secrets a step used out of everything that leaves it: output, errors, heartbeats, log lines."""

import base64
import json
from collections.abc import Iterator, MutableMapping
from typing import Any
from urllib.parse import quote, quote_plus

from structlog.processors import format_exc_info

MASKED = "***"
SHORTEST = 4
"""Shorter secrets are not looked for: they would be found everywhere."""


class Mask:
    """The secrets of one attempt, in the spellings they turn up in (plain, JSON, URL, host name, base64)."""

    def __init__(self) -> None:
        self._spellings: list[str] = []

    def add(self, secret: str) -> str:
        """Mask this secret from now on; returns it."""
        if len(secret) >= SHORTEST:
            spellings = {*self._spellings, *_spellings(secret)}
            self._spellings = sorted(spellings, key=len, reverse=True)
        return secret

    def text(self, text: str) -> str:
        """The text with every secret replaced."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASKED)
        return text

    def json(self, value: Any) -> Any:
        """The JSON value with every secret replaced, in names too; anything else is passed as it is."""
        if not self._spellings:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self.json(item) for item in value]
        if isinstance(value, dict):
            return {self.json(name): self.json(item) for name, item in value.items()}
        return value

    def log_processor(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """For structlog: the same for a log line, tracebacks included."""
        if not self._spellings:
            return event
        if event.get("exc_info"):
            event = format_exc_info(logger, method, event)
        return {name: self._logged(value) for name, value in event.items()}

    def _logged(self, value: Any) -> Any:
        if value is None or isinstance(value, str | bool | int | float | list | tuple | dict):
            return self.json(value)
        return self.text(str(value)) if self._spellings else value


def _spellings(secret: str) -> set[str]:
    return {
        secret,
        secret.lower(),  # as a part of a URL's host
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        *_in_base64(secret.encode("utf-8", "surrogatepass")),
    }


def _in_base64(secret: bytes) -> Iterator[str]:
    """As it looks in base64, at the start or behind other text (`user:secret` of Basic authorization)."""
    for before, mixed in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(secret)) * 8 // 6
        yield base64.b64encode(bytes(before) + secret).decode()[mixed:whole]
