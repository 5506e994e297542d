"""What is parked now, a row a unit: made anew from jobs, steps, items and journal whenever one of these changes."""

from sqlalchemy import Column, Index, Integer, Table, Text

from perdure.store.table.base import MOMENT, metadata

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("unit", Text, primary_key=True, comment="A step, an item (`fetch.7`) or a compensation of either."),
    Column("tenant", Text, nullable=False),
    Column("step_id", Text, nullable=False),
    Column("step_type", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("parked_at", MOMENT, nullable=False),
    Column("code", Text, nullable=False),
    Column("error_class", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("http_status", Integer),
)
Index("dead_letters_fingerprint_idx", dead_letters.c.fingerprint, dead_letters.c.parked_at)
Index("dead_letters_parked_idx", dead_letters.c.parked_at, dead_letters.c.job_id)
