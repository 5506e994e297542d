"""How the counts of each hour compare: a row an hour."""

from sqlalchemy import Column, Integer, Table

from perdure.store.table.base import MOMENT, PAYLOAD, metadata

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("hour", MOMENT, primary_key=True, comment="Its start; what ended in it was counted."),
    Column("compared_at", MOMENT, nullable=False),
    Column("temporal", PAYLOAD, nullable=False, comment="Jobs by type and outcome."),
    Column("projection", PAYLOAD, nullable=False),
    Column(
        "missing", Integer, nullable=False, comment="Runs closed in Temporal and not, or not so far, in the tables."
    ),
    Column("extra", Integer, nullable=False, comment="Jobs that ended in the tables and not in Temporal."),
)
