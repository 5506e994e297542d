"""Checks and rebuilds of the projection as they are asked for, worked on and told.

Used by the API (asks, shows) and by the leading worker (does). One is done at a time, the one asked for first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.table import projection_operations as table

_SHOWN_FINDINGS = 100


class OperationKind(StrEnum):
    """A check only tells what is not as the histories have it; a rebuild also mends it."""

    CHECK = "CHECK"
    REBUILD = "REBUILD"


class OperationStatus(StrEnum):
    """How far it is."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Operation:
    """One check or rebuild. `counts` by name, see `Progress`; `findings` are the first ones as JSON objects."""

    id: str
    kind: OperationKind
    requested_by: str
    requested_at: datetime
    status: OperationStatus = OperationStatus.QUEUED
    tenant: str | None = None
    job_ids: Sequence[str] | None = None
    reason: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    page_token: bytes | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    digest: int = 0
    findings: Sequence[Mapping[str, Any]] = ()
    problem: str | None = None


@dataclass(slots=True)
class Progress:
    """What an operation has found so far."""

    counts: dict[str, int]
    digest: int
    findings: list[dict[str, Any]]
    page_token: bytes | None = None

    @classmethod
    def of(cls, operation: Operation) -> "Progress":
        """Where a worker that takes it up goes on."""
        findings = [dict(finding) for finding in operation.findings]
        return cls(dict(operation.counts), operation.digest, findings, operation.page_token)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a count."""
        self.counts[name] = self.counts.get(name, 0) + number

    def tell(self, finding: dict[str, Any]) -> None:
        """Keep a finding, if it is one of the first."""
        if len(self.findings) < _SHOWN_FINDINGS:
            self.findings.append(finding)


async def request(connection: AsyncConnection, operation: Operation) -> bool:
    """Ask for it. False where one of its kind, for the same tenant, waits or is under way."""
    values = {column.name: getattr(operation, column.name) for column in table.columns}
    asked = insert(table).values(values | {"findings": list(operation.findings), "counts": dict(operation.counts)})
    return (await connection.execute(asked.on_conflict_do_nothing().returning(table.c.id))).first() is not None


async def get_operation(connection: AsyncConnection, operation_id: str) -> Operation | None:
    """The operation of that id."""
    return await _one(connection, select(table).where(table.c.id == operation_id))


async def unfinished(connection: AsyncConnection) -> Operation | None:
    """The one that is under way, or has waited longest."""
    return await _one(connection, select(table).where(table.c.finished_at.is_(None)).order_by(table.c.requested_at))


async def list_operations(connection: AsyncConnection, tenant: str | None, limit: int) -> list[Operation]:
    """The newest ones for a tenant's jobs (None: for anybody's), newest first."""
    query = select(table).order_by(table.c.requested_at.desc(), table.c.id.desc()).limit(limit)
    if tenant is not None:
        query = query.where(table.c.tenant == tenant)
    return [_operation(row) for row in await connection.execute(query)]


async def save(connection: AsyncConnection, operation_id: str, progress: Progress, *, started_at: datetime) -> None:
    """Keep how far it is, so that whoever leads next goes on from there."""
    await _set(
        connection,
        operation_id,
        status=OperationStatus.RUNNING.value,
        started_at=started_at,
        page_token=progress.page_token,
        counts=progress.counts,
        digest=progress.digest,
        findings=progress.findings,
    )


async def finish(
    connection: AsyncConnection, operation_id: str, finished_at: datetime, problem: str | None = None
) -> None:
    """It is done, or failed because of `problem`."""
    status = OperationStatus.COMPLETED if problem is None else OperationStatus.FAILED
    values = {"status": status.value, "finished_at": finished_at, "problem": problem, "page_token": None}
    await _set(connection, operation_id, **values)


async def _set(connection: AsyncConnection, operation_id: str, **values: Any) -> None:
    statement = update(table).where(table.c.id == operation_id, table.c.finished_at.is_(None))
    await connection.execute(statement.values(values))


async def _one(connection: AsyncConnection, query: Select[Any]) -> Operation | None:
    row = (await connection.execute(query.limit(1))).one_or_none()
    return None if row is None else _operation(row)


def _operation(row: Row[Any]) -> Operation:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    kind, status = OperationKind(values["kind"]), OperationStatus(values["status"])
    return Operation(**(values | {"kind": kind, "status": status}))
