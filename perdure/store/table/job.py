"""Tables of the projection: what the fold of the histories says now. They can be dropped and folded again."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    func,
)

from perdure.store.table.base import MOMENT, PAYLOAD, RUN_STARTED, SEARCHABLE, metadata

LIVE_FIELDS = ("status", "status_reason", "attempts", "retry_count", "error", "error_step")
"""Fields of a job that live observations change. The columns hold them as shown, `history` as folded."""
WORDS_CONFIGURATION = "pg_catalog.simple"
"""How `job_words` and those who search them take words: no language, no stemming."""

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
    Column("start_at", MOMENT, comment="When it is to start, where its spec says so."),
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


def job_words(name: ColumnElement[Any], labels: ColumnElement[Any], error: ColumnElement[Any]) -> ColumnElement[Any]:
    """The words of a job's name, labels and error as a `tsvector`: a function of the database's."""
    return func.perdure_job_words(name, labels, error)


def dated_job_words(
    created_at: ColumnElement[Any], name: ColumnElement[Any], labels: ColumnElement[Any], error: ColumnElement[Any]
) -> ColumnElement[Any]:
    """The same words, and the labels, each behind the week of the job (since 1970, from Thursday); this is indexed."""
    return func.perdure_dated_job_words(created_at, name, labels, error)


_NEWEST = (jobs.c.created_at.desc(), jobs.c.id.desc())
Index("jobs_newest_idx", *_NEWEST)
for _name in ("tenant", "status", "type", "queue"):
    Index(f"jobs_{_name}_newest_idx", jobs.c[_name], *_NEWEST)
for _name in ("submitted_by", "correlation_id", "parent_id", "trace_id"):
    Index(f"jobs_{_name}_newest_idx", jobs.c[_name], *_NEWEST, postgresql_where=jobs.c[_name].is_not(None))
for _name in ("code", "fingerprint"):
    _found = jobs.c.error[_name].as_string()
    Index(f"jobs_error_{_name}_newest_idx", _found, *_NEWEST, postgresql_where=jobs.c.error.is_not(None))
for _name in ("completed_at", "execution_ms"):
    _order = (jobs.c[_name].desc(), jobs.c.id.desc())
    Index(f"jobs_{_name}_idx", *_order, postgresql_where=jobs.c[_name].is_not(None))
_SHORT_LIST = {"gin_pending_list_limit": 256}
"""Every search reads all that is not yet sorted into an inverted index: let it be little (KiB)."""
Index(
    "jobs_dated_words_idx",
    dated_job_words(jobs.c.created_at, jobs.c.name, jobs.c.labels, jobs.c.error),
    postgresql_using="gin",
    postgresql_with=_SHORT_LIST,
)

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
    Column("items", PAYLOAD, comment="Of a fan-out: how many items it has, and in which states."),
    Column("running_items", PAYLOAD),
    Column("compensation", PAYLOAD),
    Column("waiting_for", PAYLOAD),
    Column("decisions", PAYLOAD),
)

items = Table(
    "items",
    metadata,
    Column("job_id", Text, ForeignKey(jobs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("step_id", Text, primary_key=True),
    Column("index", Integer, primary_key=True, autoincrement=False),
    Column("run_id", Text, nullable=False, comment="Whose history changed it last, at `event_id`."),
    Column("run_started_at", MOMENT, nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("round", Integer, nullable=False, comment="One below the step's: an item of an earlier fan-out."),
    Column("started_at", MOMENT),
    Column("completed_at", MOMENT),
    Column("output", PAYLOAD),
    Column("error", PAYLOAD),
    Column("code", Text, comment="Of the error."),
    Column("attempt_count", Integer, nullable=False),
    Column("compensation", PAYLOAD),
    Column("waiting_for", PAYLOAD),
    Column("decisions", PAYLOAD),
)

attempts = Table(
    "attempts",
    metadata,
    Column("run_id", Text, primary_key=True, comment="Whose history holds it; a job may have several."),
    Column("step_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("run_started_at", MOMENT, primary_key=True, comment=RUN_STARTED),
    Column("worker", Text),
    Column("started_at", MOMENT),
    Column("ended_at", MOMENT),
    Column("outcome", Text),
    Column("error", PAYLOAD),
    Column("next_retry_at", MOMENT),
    Column("usage", PAYLOAD, comment="CPU and memory, where it ran in a process of its own."),
    Column("live", Boolean, nullable=False),
    postgresql_partition_by="RANGE (run_started_at)",
)
