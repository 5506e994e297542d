"""Opaque cursors of keyset pages: where the last row of a page stood. Used by the query modules."""

import base64
import json
from datetime import UTC, datetime
from typing import NamedTuple

from perdure.contract.error import ErrorClass, PerdureError


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


def encode(key: Keyset) -> str:
    """The cursor for the page after `key`."""
    raw = json.dumps([key.created_at.isoformat(), key.id], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decode(cursor: str) -> Keyset:
    """The key in `cursor`.

    Raises:
        CursorError: it is not a cursor.
    """
    try:
        raw = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True))
        created_at, id_ = datetime.fromisoformat(raw[0]).astimezone(UTC), str(raw[1])
        id_.encode()
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError) as error:
        raise CursorError from error
    if "\x00" in id_:
        raise CursorError
    return Keyset(created_at, id_)
