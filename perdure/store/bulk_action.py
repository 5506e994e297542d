"""Bulk actions and their items. Used by the API (makes, shows) and by the activities of the workflow (do)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, Row, Text, and_, bindparam, func, insert, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.bulk import BulkItemStatus, BulkStatus, BulkVerb
from perdure.security.audit import AuditEntry, AuditEvent
from perdure.store import cursor as paging
from perdure.store.audit import add_entries, has_entry
from perdure.store.dead_letter import DeadLetterFilter, chosen
from perdure.store.json_row import is_one_of
from perdure.store.table import bulk_action_items as items
from perdure.store.table import bulk_actions as table
from perdure.store.table import dead_letters, jobs


@dataclass(frozen=True, slots=True)
class BulkActionRow:
    """One bulk action as stored. `canary_seconds`: how long its canary is watched."""

    id: str
    tenant: str
    action: BulkVerb
    status: BulkStatus
    reason: str
    requested_by: str
    requested_at: datetime
    filter: Mapping[str, Any] | None
    step: str | None
    output: Any
    force: bool
    rate_per_second: float | None
    canary: int
    canary_seconds: float
    total: int
    idempotency_key: str | None
    fingerprint: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class BulkItem:
    """One job of a bulk action, and what became of it. `units`: what of it is meant; None: all that is parked."""

    position: int
    job_id: str
    units: Sequence[str] | None
    status: BulkItemStatus = BulkItemStatus.PENDING
    code: str | None = None
    detail: str | None = None
    decided_at: datetime | None = None


async def add(connection: AsyncConnection, action: BulkActionRow) -> bool:
    """Store a new action; its items follow. False where its key has made one; waits for one who makes it just now."""
    values = {column.name: getattr(action, column.name) for column in table.columns}
    row = upsert(table).values(values | {"action": action.action.value, "status": action.status.value})
    return (await connection.execute(row.on_conflict_do_nothing().returning(table.c.id))).first() is not None


async def add_chosen(connection: AsyncConnection, action_id: str, wanted: DeadLetterFilter, most: int) -> int:
    """Freeze the jobs that the filter means now, `most` + 1 at most; how many there are."""
    found = chosen(wanted).subquery()
    position = func.row_number().over(order_by=(found.c.since, found.c.job_id)) - 1
    rows = select(literal(action_id), position, found.c.job_id, found.c.units, literal(BulkItemStatus.PENDING.value))
    names = ["action_id", "position", "job_id", "units", "status"]
    done = await connection.execute(insert(items).from_select(names, rows.limit(most + 1)))
    return done.rowcount


async def add_ids(connection: AsyncConnection, action_id: str, job_ids: Sequence[str]) -> None:
    """Freeze these jobs, in this order."""
    rows = [
        {"action_id": action_id, "position": position, "job_id": job_id, "status": BulkItemStatus.PENDING.value}
        for position, job_id in enumerate(job_ids)
    ]
    await connection.execute(insert(items), rows)


async def set_total(connection: AsyncConnection, action_id: str, total: int) -> None:
    """How many jobs it is about."""
    await connection.execute(update(table).where(table.c.id == action_id).values(total=total))


async def known_jobs(connection: AsyncConnection, job_ids: Sequence[str], tenant: str | None) -> set[str]:
    """Those of the ids that are jobs of the tenant (None: of any)."""
    query = select(jobs.c.id).where(is_one_of(jobs.c.id, job_ids))
    return set(await connection.scalars(query if tenant is None else query.where(jobs.c.tenant == tenant)))


async def parked_jobs(connection: AsyncConnection, job_ids: Sequence[str]) -> set[str]:
    """Those of the jobs of which something is parked now."""
    query = select(dead_letters.c.job_id).distinct().where(is_one_of(dead_letters.c.job_id, job_ids))
    return set(await connection.scalars(query))


async def get_action(connection: AsyncConnection, action_id: str) -> BulkActionRow | None:
    """The action of that id."""
    return await _one(connection, select(table).where(table.c.id == action_id))


async def action_of_key(connection: AsyncConnection, tenant: str, key: str) -> BulkActionRow | None:
    """The action that was made under an Idempotency-Key."""
    return await _one(connection, select(table).where(table.c.tenant == tenant, table.c.idempotency_key == key))


async def list_actions(
    connection: AsyncConnection, tenant: str | None, cursor: str | None, limit: int
) -> tuple[list[BulkActionRow], str | None]:
    """A page of actions, newest first, and the cursor of the next; raises CursorError."""
    query = select(table).order_by(table.c.requested_at.desc(), table.c.id.desc()).limit(limit + 1)
    if tenant is not None:
        query = query.where(table.c.tenant == tenant)
    if cursor is not None:
        query = query.where(tuple_(table.c.requested_at, table.c.id) < tuple_(*paging.decode(cursor)))
    rows = [_action(row) for row in await connection.execute(query)]
    page = rows[:limit]
    more = len(rows) > limit
    return page, paging.encode(paging.Keyset(page[-1].requested_at, page[-1].id)) if more else None


async def list_items(
    connection: AsyncConnection,
    action_id: str,
    *,
    statuses: Sequence[BulkItemStatus] = (),
    after: int = -1,
    before: int | None = None,
    limit: int,
) -> list[BulkItem]:
    """Items after that position (and before the other), in order."""
    query = select(*(items.c[name] for name in BulkItem.__dataclass_fields__))
    query = query.where(items.c.action_id == action_id, items.c.position > after)
    if before is not None:
        query = query.where(items.c.position < before)
    if statuses:
        query = query.where(items.c.status.in_([status.value for status in statuses]))
    rows = await connection.execute(query.order_by(items.c.position).limit(limit))
    return [_item(row) for row in rows]


async def pending(connection: AsyncConnection, action_id: str, before: int | None) -> int:
    """How many of the first `before` jobs (None: of all) are still to be decided about."""
    query = select(func.count()).select_from(items)
    query = query.where(
        items.c.action_id == action_id, items.c.status == literal("PENDING", Text, literal_execute=True)
    )
    return await connection.scalar(query if before is None else query.where(items.c.position < before)) or 0


async def counts(connection: AsyncConnection, action_ids: Sequence[str]) -> dict[str, dict[BulkItemStatus, int]]:
    """How many items of each action are in which state."""
    query = select(items.c.action_id, items.c.status, func.count().label("number"))
    query = query.where(is_one_of(items.c.action_id, action_ids)).group_by(items.c.action_id, items.c.status)
    found: dict[str, dict[BulkItemStatus, int]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.action_id, {})[BulkItemStatus(row.status)] = row.number
    return found


async def begin(connection: AsyncConnection, action_id: str, now: datetime) -> None:
    """It has begun; said again, nothing changes."""
    waiting = and_(table.c.id == action_id, table.c.status == BulkStatus.QUEUED.value)
    await connection.execute(update(table).where(waiting).values(status=BulkStatus.RUNNING.value, started_at=now))


async def decided(connection: AsyncConnection, action_id: str, done: Sequence[BulkItem]) -> None:
    """Write what became of items; of one that is decided already the first result stays."""
    if not done:
        return
    one = update(items).where(
        items.c.action_id == action_id,
        items.c.position == bindparam("at_position"),
        items.c.status == BulkItemStatus.PENDING.value,
    )
    one = one.values({name: bindparam(f"new_{name}") for name in ("status", "code", "detail", "decided_at")})
    rows = [
        {
            "at_position": item.position,
            "new_status": item.status.value,
            "new_code": item.code,
            "new_detail": item.detail,
            "new_decided_at": item.decided_at,
        }
        for item in done
    ]
    await connection.execute(one, rows)


async def abort_asked(connection: AsyncConnection, entry: AuditEntry) -> bool:
    """Enter that somebody asked for its end, its `subject`'s; False where that is entered: equal decisions are one."""
    locked = select(table.c.id).where(table.c.id == entry.subject).with_for_update(key_share=True)
    await connection.execute(locked)
    if await has_entry(connection, entry.type, entry.subject or ""):
        return False
    await add_entries(connection, [entry])
    return True


async def finish(
    connection: AsyncConnection, action_id: str, status: BulkStatus, problem: str | None, now: datetime
) -> AuditEntry | None:
    """It has ended, for good: what was not sent is not sent any more.

    Returns:
        The entry that the audit has of it now; None where it had ended before.
    """
    open_ = table.c.status.in_([status.value for status in BulkStatus if not status.final])
    values = {"status": status.value, "problem": problem, "finished_at": now}
    action = await _one(connection, update(table).where(table.c.id == action_id, open_).values(values).returning(table))
    if action is None:
        return None
    left = update(items).where(items.c.action_id == action_id, items.c.status == BulkItemStatus.PENDING.value)
    await connection.execute(left.values(status=BulkItemStatus.NOT_SENT.value))
    entry = _ended(action, (await counts(connection, [action_id])).get(action_id, {}), now)
    await add_entries(connection, [entry])
    return entry


def _ended(action: BulkActionRow, jobs: Mapping[BulkItemStatus, int], now: datetime) -> AuditEntry:
    """In the name of who made it, as each of its decisions is. Not why it stopped: that may be in a job's words."""
    by_status = {status.value: number for status, number in jobs.items()}
    data = {"action": action.action.value, "status": action.status.value, "jobs": action.total, "counts": by_status}
    return AuditEntry(
        type=AuditEvent.BULK_ACTION_ENDED,
        tenant=action.tenant,
        actor=action.requested_by,
        subject=action.id,
        reason=action.reason,
        data=data,
        at=now,
    )


async def _one(connection: AsyncConnection, query: Executable) -> BulkActionRow | None:
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _action(row)


def _action(row: Row[Any]) -> BulkActionRow:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    known = {"action": BulkVerb(values["action"]), "status": BulkStatus(values["status"])}
    return BulkActionRow(**(values | known))


def _item(row: Row[Any]) -> BulkItem:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return BulkItem(**(values | {"status": BulkItemStatus(values["status"])}))
