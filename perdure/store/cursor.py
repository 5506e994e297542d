"""Opaque cursors of keyset pages: where the last row of a page stood. Used by the query modules."""

import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from perdure.contract.error import ErrorClass, PerdureError

_MOST = 2**53
"""Beyond it JSON numbers are not exact; no row has such a key."""


class CursorError(PerdureError):
    """A cursor that no page of this list has given out."""

    def __init__(self) -> None:
        super().__init__(
            "API.VALIDATION",
            ErrorClass.PERMANENT,
            "the cursor is not one that a page of this list has given; start again without it",
            {"path": "cursor"},
        )


class Keyset(NamedTuple):
    """The sort key of a row: newest first, then by id."""

    created_at: datetime
    id: str


class Position(NamedTuple):
    """Where a row stands in a list that can be sorted in several ways."""

    value: datetime | int
    id: str


def encode(key: Keyset) -> str:
    """The cursor for the page after `key`."""
    return _encode([key.created_at.isoformat(), key.id])


def decode(cursor: str) -> Keyset:
    """The key in `cursor`.

    Raises:
        CursorError: it is not a cursor.
    """
    created_at, id_ = _decode(cursor, 2)
    return Keyset(_moment(created_at), _text(id_))


def encode_position(sort: str, position: Position) -> str:
    """The cursor for the page after `position` of a list sorted by `sort`."""
    value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
    return _encode([sort, value, position.id])


def decode_position(sort: str, kind: type[datetime] | type[int], cursor: str) -> Position:
    """The position in `cursor`, of a list sorted by `sort` whose keys are of that kind.

    Raises:
        CursorError: it is not a cursor, or one of another order.
    """
    order, value, id_ = _decode(cursor, 3)
    if order != sort:
        raise CursorError
    return Position(_moment(value) if kind is datetime else _number(value), _text(id_))


def _encode(parts: list[Any]) -> str:
    raw = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _decode(cursor: str, length: int) -> list[Any]:
    try:
        raw = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise CursorError from error
    if not isinstance(raw, list) or len(raw) != length:
        raise CursorError
    return raw


def _moment(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise CursorError from error


def _number(value: Any) -> int:
    if type(value) is not int or abs(value) > _MOST:
        raise CursorError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise CursorError
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise CursorError from error
    return value
