"""Tables of the projection: what the fold of the histories says now. They can be dropped and folded again."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text

from perdure.store.table.base import MOMENT, PAYLOAD, SEARCHABLE, metadata

LIVE_FIELDS = ("status", "status_reason", "attempts", "retry_count", "error", "error_step")
"""Fields of a job that live observations change. The columns hold them as shown, `history` as folded."""

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_reason", Text),
    Column("history", PAYLOAD, nullable=False, comment="What live observations changed, as histories tell it."),
    Column("problem", Text, comment="What Temporal says of a stuck workflow; the sweep sets it."),
    Column("resolution", Text),
    Column("queue", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("labels", SEARCHABLE, nullable=False),
    Column("correlation_id", Text),
    Column("submitted_by", Text),
    Column("spec_fingerprint", Text),
    Column("parent_id", Text),
    Column("resubmit_of", Text),
    Column("created_at", MOMENT, nullable=False),
    Column("started_at", MOMENT),
    Column("completed_at", MOMENT),
    Column("queue_wait_ms", BigInteger),
    Column("execution_ms", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("retry_count", Integer, nullable=False),
    Column("trace_id", Text),
    Column("input", PAYLOAD),
    Column("output", PAYLOAD),
    Column("error", PAYLOAD),
    Column("error_step", Text),
    Column("run_id", Text, nullable=False),
    Column("run_started_at", MOMENT, nullable=False),
    Column("last_event_id", BigInteger, nullable=False),
    Column("note_count", Integer, nullable=False),
    Column("projected_at", MOMENT, nullable=False),
    Column("lag_ms", BigInteger, comment="From the last event's time to its being written here."),
)
Index("jobs_tenant_newest_idx", jobs.c.tenant, jobs.c.created_at.desc(), jobs.c.id.desc())
Index("jobs_newest_idx", jobs.c.created_at.desc(), jobs.c.id.desc())
Index("jobs_status_newest_idx", jobs.c.status, jobs.c.created_at.desc(), jobs.c.id.desc())
Index("jobs_type_newest_idx", jobs.c.type, jobs.c.created_at.desc(), jobs.c.id.desc())
Index("jobs_correlation_id_idx", jobs.c.correlation_id, postgresql_where=jobs.c.correlation_id.is_not(None))
Index("jobs_labels_idx", jobs.c.labels, postgresql_using="gin", postgresql_ops={"labels": "jsonb_path_ops"})

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("job_id", Text, nullable=False, index=True),
    Column("continued_from", Text, comment="The run before, where this one continues it as new."),
    Column("started_at", MOMENT, nullable=False),
    Column("last_event_id", BigInteger, nullable=False),
    Column("note_count", Integer, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("status", Text, nullable=False, comment="The job's status as this run's history alone tells it."),
    Column("projected_at", MOMENT, nullable=False),
)

steps = Table(
    "steps",
    metadata,
    Column("job_id", Text, ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("started_at", MOMENT),
    Column("completed_at", MOMENT),
    Column("output", PAYLOAD),
    Column("error", PAYLOAD),
    Column("attempt_count", Integer, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("run_id", Text, primary_key=True, comment="Whose history holds it; a job may have several."),
    Column("step_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("worker", Text),
    Column("started_at", MOMENT),
    Column("ended_at", MOMENT),
    Column("outcome", Text),
    Column("error", PAYLOAD),
    Column("next_retry_at", MOMENT),
    Column("live", Boolean, nullable=False),
)
