"""Tolerant reading of decoded event data: what is missing or of another type reads as absent; used by the fold."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from perdure.contract.model import Model

_M = TypeVar("_M", bound=Model)
_LONGEST_MS = 1_000 * 365 * 86_400_000
"""A thousand years: what is longer is as good as for ever, and ends after the last date there is."""


def text(data: Mapping[str, Any], key: str) -> str | None:
    """The non-empty string at `key`."""
    value = data.get(key)
    return value if isinstance(value, str) and value else None


def number(data: Mapping[str, Any], key: str) -> int | None:
    """The whole number at `key`."""
    value = data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def span(data: Mapping[str, Any], key: str) -> timedelta | None:
    """The time of `key` milliseconds; None for none, and for more than Temporal has."""
    milliseconds = number(data, key) or 0
    return timedelta(milliseconds=milliseconds) if 0 < milliseconds <= _LONGEST_MS else None


def mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object at `key`; empty where there is none."""
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def items(data: Mapping[str, Any], key: str) -> list[Any]:
    """The list at `key`; empty where there is none."""
    value = data.get(key)
    return value if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """The time an RFC 3339 string names, in UTC where it names no zone."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def model(type_: type[_M], value: Any) -> _M | None:
    """`value` as a `type_`, fields of a newer version ignored; None where it is not one."""
    if not isinstance(value, Mapping):
        return None
    try:
        return type_.model_validate(value, strict=False, extra="ignore")
    except (ValidationError, RecursionError):
        return None
