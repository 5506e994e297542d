"""Audit entries: added by whoever makes what they tell, in its transaction; listed by the API. Nothing changes one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.security.audit import AuditEntry, AuditEvent
from perdure.store import cursor as paging
from perdure.store.table import audit_entries as table

_DIGITS = 18
"""Of a `seq` that a bigint surely holds."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An `AuditEntry` as stored. `seq` counts up, with gaps; a later version may have stored other types."""

    seq: int
    at: datetime
    type: str
    tenant: str
    actor: str
    actor_key_id: str | None
    job_id: str | None
    subject: str | None
    reason: str | None
    request_id: str | None
    trace_id: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are meant; several types are alternatives, None or nothing: any."""

    tenant: str | None = None
    types: Sequence[AuditEvent] = ()
    actor: str | None = None
    job_id: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def add_entries(connection: AsyncConnection, entries: Sequence[AuditEntry]) -> None:
    """Add entries; they are there once the transaction is committed."""
    await connection.execute(insert(table), [asdict(entry) | {"type": entry.type.value} for entry in entries])


async def has_entry(connection: AsyncConnection, type_: AuditEvent, subject: str) -> bool:
    """Whether an entry of this type tells of that already. Who adds it else holds a lock meanwhile."""
    query = select(table.c.seq).where(table.c.subject == subject, table.c.type == type_.value).limit(1)
    return (await connection.execute(query)).first() is not None


async def list_entries(
    connection: AsyncConnection, wanted: AuditFilter, cursor: str | None, limit: int
) -> tuple[list[StoredEntry], str | None]:
    """A page of entries, newest first, and the cursor of the next.

    Raises:
        CursorError: no page has given this cursor.
    """
    query = _narrowed(select(table), wanted).order_by(table.c.at.desc(), table.c.seq.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(tuple_(table.c.at, table.c.seq) < tuple_(*_place(cursor)))
    rows = [_entry(row) for row in await connection.execute(query)]
    page = rows[:limit]
    more = len(rows) > limit
    return page, paging.encode(paging.Keyset(page[-1].at, str(page[-1].seq))) if more else None


def _narrowed(query: Select[Any], wanted: AuditFilter) -> Select[Any]:
    for name in ("tenant", "actor", "job_id", "subject"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(table.c[name] == value)
    if wanted.types:
        query = query.where(table.c.type.in_([type_.value for type_ in wanted.types]))
    if wanted.since is not None:
        query = query.where(table.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.c.at < wanted.until)
    return query


def _place(cursor: str) -> tuple[datetime, int]:
    at, seq = paging.decode(cursor)
    if not (seq.isascii() and seq.isdecimal() and len(seq) <= _DIGITS):
        raise paging.CursorError
    return at, int(seq)


def _entry(row: Any) -> StoredEntry:
    return StoredEntry(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
