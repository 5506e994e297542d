"""Checks and rebuilds of the projection: asked for by the API, done by the leading worker."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, func, literal_column

from perdure.store.table.base import MOMENT, PAYLOAD, metadata

projection_operations = Table(
    "projection_operations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False, comment="CHECK or REBUILD."),
    Column("status", Text, nullable=False, comment="QUEUED, RUNNING, COMPLETED or FAILED."),
    Column("tenant", Text, comment="Whose jobs; null: every tenant's."),
    Column("job_ids", PAYLOAD, comment="These jobs only; null: all that Temporal holds."),
    Column("requested_by", Text, nullable=False),
    Column("reason", Text),
    Column("requested_at", MOMENT, nullable=False),
    Column("started_at", MOMENT),
    Column("finished_at", MOMENT),
    Column("page_token", LargeBinary, comment="Where visibility's list goes on."),
    Column("counts", PAYLOAD, nullable=False),
    Column("digest", BigInteger, nullable=False, comment="Of all rows compared, once they are right."),
    Column("findings", PAYLOAD, nullable=False, comment="The first of what was found."),
    Column("problem", Text, comment="Why it failed."),
)
Index(
    "projection_operations_one_at_a_time_idx",
    func.coalesce(projection_operations.c.tenant, literal_column("'*'")),
    projection_operations.c.kind,
    unique=True,
    postgresql_where=projection_operations.c.finished_at.is_(None),
)
Index("projection_operations_newest_idx", projection_operations.c.requested_at.desc())

set_aside_jobs = Table(
    "set_aside_jobs",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("since", MOMENT, nullable=False),
    Column("last_at", MOMENT, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("problem", Text, nullable=False, comment="Why its history could not be folded, or the fold not written."),
)
