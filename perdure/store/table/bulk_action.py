"""Decisions about many jobs at once: what is to be done, about which jobs, and what became of each."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from perdure.store.table.base import MOMENT, PAYLOAD, metadata

bulk_actions = Table(
    "bulk_actions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False, comment="Whose jobs, and who may see it; `*`: of every tenant."),
    Column("action", Text, nullable=False, comment="retry, skip or discard."),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", MOMENT, nullable=False),
    Column("filter", PAYLOAD, comment="What chose the jobs, as it was sent; null: their ids did."),
    Column("step", Text, comment="Of a skip."),
    Column("output", PAYLOAD, comment="Of a skip."),
    Column("force", Boolean, nullable=False),
    Column("rate_per_second", Float),
    Column("canary", Integer, nullable=False),
    Column("canary_seconds", Float, nullable=False),
    Column("total", Integer, nullable=False),
    Column("idempotency_key", Text),
    Column("fingerprint", Text, nullable=False, comment="Of the request."),
    Column("started_at", MOMENT),
    Column("finished_at", MOMENT),
    Column("problem", Text, comment="Why it did not send all."),
)
Index("bulk_actions_newest_idx", bulk_actions.c.requested_at.desc(), bulk_actions.c.id.desc())
Index(
    "bulk_actions_key_idx",
    bulk_actions.c.tenant,
    bulk_actions.c.idempotency_key,
    unique=True,
    postgresql_where=bulk_actions.c.idempotency_key.is_not(None),
)

bulk_action_items = Table(
    "bulk_action_items",
    metadata,
    Column("action_id", Text, ForeignKey(bulk_actions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("job_id", Text, nullable=False),
    Column("units", PAYLOAD, comment="What of the job is meant; null: all that is parked."),
    Column("status", Text, nullable=False),
    Column("code", Text),
    Column("detail", Text),
    Column("decided_at", MOMENT),
)
Index(
    "bulk_action_items_pending_idx",
    bulk_action_items.c.action_id,
    bulk_action_items.c.position,
    postgresql_where=bulk_action_items.c.status == "PENDING",
)
