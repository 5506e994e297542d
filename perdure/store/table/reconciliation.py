"""How the counts of each hour compare: a row an hour; and what workers have counted for it."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text, text

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
    Column(
        "metrics",
        PAYLOAD,
        comment="Jobs by type and outcome, as workers counted them; null where none counted all the hour.",
    ),
    Column(
        "vanished",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="Workers that vanished then: what they had counted last is not known.",
    ),
)

counting_workers = Table(
    "counting_workers",
    metadata,
    Column("worker", Text, primary_key=True, comment="Of one process."),
    Column("started_at", MOMENT, nullable=False),
    Column("seen_at", MOMENT, nullable=False, comment="When it told its counts last."),
    Column("stopped_at", MOMENT, comment="When it told its last counts; null of one that vanished."),
)

ended_counts = Table(
    "ended_counts",
    metadata,
    Column("span", MOMENT, primary_key=True, comment="Start of the hour in which the jobs ended."),
    Column("type", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("worker", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
