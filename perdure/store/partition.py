"""Partitions by month of the tables that grow with every job: made ahead, while the tables are in use.

Called by the leading worker. A row's month is that of the start of its run, which every row of a run has alike, so
that what is unique within a run is unique in the table (docs/decisions/0018). A month nobody has made yet goes to
the default partition, where no row is ever lost, and moves out of it when its own partition is made.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PARTITIONED = ("journal", "attempts")
_LOCK = 0x7065726475726504
"""Advisory lock: "perdure" and 4. Held while partitions are made."""


class Month(NamedTuple):
    """A calendar month in UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        """The month of a moment."""
        there = moment.astimezone(UTC)
        return cls(there.year, there.month)

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    def after(self, months: int) -> "Month":
        """The month so many later."""
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, number + 1)

    def partition(self, table: str) -> str:
        """The name of its partition."""
        return f"{table}_{self.year:04}_{self.number:02}"


async def missing_partitions(connection: AsyncConnection, months: Sequence[Month]) -> list[tuple[str, Month]]:
    """The tables and months, of these, whose rows would go to the default partition."""
    found = []
    for table in PARTITIONED:
        covered = await _covered_until(connection, table)
        found += [(table, month) for month in months if month.start >= covered]
    there = set(await connection.scalars(text("SELECT relname FROM pg_class WHERE relispartition")))
    return [(table, month) for table, month in found if month.partition(table) not in there]


async def make_partition(connection: AsyncConnection, table: str, month: Month) -> int:
    """Make the partition of a month that has none. Returns how many rows moved there from the default one.

    Readers and writers of the table wait only while rows move, which are none where it is made ahead.

    Raises:
        sqlalchemy.exc.DBAPIError: it could not have its locks in two seconds (SQLSTATE 55P03); try again later.
    """
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    await connection.execute(text("SET LOCAL lock_timeout = '2s'"))
    name, start, end = month.partition(table), month.start.isoformat(), month.after(1).start.isoformat()
    within = f"run_started_at >= '{start}' AND run_started_at < '{end}'"
    await connection.execute(text(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)"))
    await connection.execute(text(f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE"))
    move = f"WITH moved AS (DELETE FROM {table}_default WHERE {within} RETURNING *) INSERT INTO {name} TABLE moved"  # noqa: S608 - names and times of our own
    moved = (await connection.execute(text(move))).rowcount
    # To attach takes a lock that lets others read and write, to create it in place would not.
    attach = f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')"
    await connection.execute(text(f"ALTER TABLE {name} ADD CONSTRAINT {name}_month CHECK ({within})"))
    await connection.execute(text(attach))
    await connection.execute(text(f"ALTER TABLE {name} DROP CONSTRAINT {name}_month"))
    return moved


async def _covered_until(connection: AsyncConnection, table: str) -> datetime:
    """Until when the partition that the table was before it had any holds rows."""
    bound = await connection.scalar(
        text(
            "SELECT substring(pg_get_expr(child.relpartbound, child.oid) FROM 'MINVALUE\\) TO \\(''([^'']+)''\\)')"
            " FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid"
            " WHERE inhparent = to_regclass(:table) AND pg_get_expr(child.relpartbound, child.oid) LIKE '%MINVALUE%'"
        ),
        {"table": table},
    )
    return datetime.fromisoformat(bound).astimezone(UTC) if bound else datetime(1, 1, 1, tzinfo=UTC)
