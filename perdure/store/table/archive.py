"""Histories of closed runs, kept beyond Temporal's retention. Nothing but they and the archiver's place is here."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, Table, Text

from perdure.store.table.base import MOMENT, metadata

archived_histories = Table(
    "archived_histories",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("closed_at", MOMENT, nullable=False),
    Column("archived_at", MOMENT, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False, comment="Bytes before compression."),
    Column("content", LargeBinary, nullable=False, comment="temporal.api.history.v1.History, protobuf, zlib."),
)
Index("archived_histories_job_idx", archived_histories.c.job_id)

archive_state = Table(
    "archive_state",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="archive_state_one_row"), primary_key=True),
    Column("watermark", MOMENT, nullable=False, comment="What closed before is archived."),
)
