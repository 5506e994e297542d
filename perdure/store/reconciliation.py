"""How many jobs ended in an hour, and how that compared with Temporal. Used by the reconciler and the API."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.state import JobStatus
from perdure.store.table import jobs
from perdure.store.table import reconciliations as table

Counts = Mapping[str, Mapping[str, int]]
"""Jobs by type, then by outcome as Temporal tells it: COMPLETED, also with errors."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """An hour compared. `missing` and `extra` are runs; without any, what differs was reset since.

    `metrics` is None where no worker counted all the hour; `vanished` is how many workers took counts with them.
    """

    hour: datetime
    compared_at: datetime
    temporal: Counts
    projection: Counts
    missing: int
    extra: int
    metrics: Counts | None = None
    vanished: int = 0

    @property
    def difference(self) -> dict[tuple[str, str], int]:
        """How many more Temporal has, by type and outcome, where they differ."""
        keys = {
            (type_, outcome) for side in (self.temporal, self.projection) for type_ in side for outcome in side[type_]
        }
        found = {key: _count(self.temporal, key) - _count(self.projection, key) for key in sorted(keys)}
        return {key: number for key, number in found.items() if number}

    @property
    def miscounted(self) -> dict[tuple[str, str], int]:
        """How many more (below 0: fewer) the workers' counters have, by type and outcome.

        A reset makes Temporal and the tables differ: what lies between them is right. Where workers vanished fewer
        are no fault.
        """
        if self.metrics is None:
            return {}
        sides = self.temporal, self.projection, self.metrics
        keys = sorted({(type_, outcome) for side in sides for type_ in side for outcome in side[type_]})
        found = {key: self._miscounted(self.metrics, key) for key in keys}
        return {key: number for key, number in found.items() if number > 0 or (number < 0 and not self.vanished)}

    def _miscounted(self, metrics: Counts, key: tuple[str, str]) -> int:
        fewest, most = sorted((_count(self.temporal, key), _count(self.projection, key)))
        number = _count(metrics, key)
        return max(0, number - most) + min(0, number - fewest)


def _count(counts: Counts, key: tuple[str, str]) -> int:
    return counts.get(key[0], {}).get(key[1], 0)


async def ended_jobs(connection: AsyncConnection, since: datetime, until: datetime) -> dict[str, dict[str, int]]:
    """The jobs that ended at `since` or later, and before `until`."""
    within = (jobs.c.completed_at >= since, jobs.c.completed_at < until)
    rows = await connection.execute(
        select(jobs.c.type, jobs.c.status, func.count()).where(*within).group_by(jobs.c.type, jobs.c.status)
    )
    found: dict[str, dict[str, int]] = {}
    for type_, status, number in rows:
        outcome = JobStatus.COMPLETED if status == JobStatus.COMPLETED_WITH_ERRORS else JobStatus(status)
        of_type = found.setdefault(type_, {})
        of_type[outcome.value] = of_type.get(outcome.value, 0) + number
    return found


async def ended_runs(connection: AsyncConnection, since: datetime, until: datetime) -> set[str]:
    """Their newest runs."""
    within = (jobs.c.completed_at >= since, jobs.c.completed_at < until)
    return set(await connection.scalars(select(jobs.c.run_id).where(*within)))


async def keep_reconciliation(connection: AsyncConnection, entry: Reconciliation) -> None:
    """Keep it, in the place of an earlier one of that hour."""
    statement = insert(table).values(asdict(entry))
    new = {column.name: statement.excluded[column.name] for column in table.columns if column.name != "hour"}
    await connection.execute(statement.on_conflict_do_update(index_elements=[table.c.hour], set_=new))


async def newest_reconciliation(connection: AsyncConnection) -> Reconciliation | None:
    """The last hour that was compared."""
    row = (await connection.execute(select(table).order_by(table.c.hour.desc()).limit(1))).one_or_none()
    return None if row is None else Reconciliation(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
