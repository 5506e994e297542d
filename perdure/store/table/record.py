"""Tables that only grow: the journal (folded again on a rebuild), live observations and the ledger."""

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Integer, Table, Text, func, literal_column, text

from perdure.store.table.base import MOMENT, PAYLOAD, RUN_STARTED, metadata

NOT_USED = "Since revision 0005 in ledger_outcomes; the API of the release before still reads it."

journal = Table(
    "journal",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("run_started_at", MOMENT, primary_key=True, comment=RUN_STARTED),
    Column("run_id", Text, primary_key=True),
    Column("event_id", BigInteger, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("parent_job_id", Text),
    Column("type", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("actor", Text),
    Column("step_id", Text),
    Column("attempt", Integer),
    Column("status", Text),
    Column("outcome", Text),
    Column("trace_id", Text),
    Column("data", PAYLOAD, nullable=False),
    postgresql_partition_by="RANGE (run_started_at)",
)

_FINGERPRINT = "((data -> 'error') ->> 'fingerprint')"
Index(
    "journal_failures_idx",
    func.split_part(journal.c.job_id, literal_column("':'"), literal_column("1")),
    literal_column(_FINGERPRINT),
    journal.c.at.desc(),
    postgresql_where=text(f"{_FINGERPRINT} IS NOT NULL"),
)
_PARKED = journal.c.type == literal_column("'STEP_PARKED'")
Index("journal_parked_idx", literal_column(_FINGERPRINT), journal.c.at, postgresql_where=_PARKED)
Index("journal_parked_at_idx", journal.c.at, postgresql_where=_PARKED)

live_observations = Table(
    "live_observations",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("job_id", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("step_id", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("observed_at", MOMENT, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("attempts", PAYLOAD, nullable=False),
    Column("error", PAYLOAD),
    Column("next_retry_at", MOMENT),
    Column("progress", PAYLOAD),
    Column("before", Integer, nullable=False, comment="Attempts of the round that earlier activities made."),
    Column("paused", Boolean, nullable=False),
)
Index(
    "live_observations_newest_idx",
    live_observations.c.job_id,
    live_observations.c.run_id,
    live_observations.c.step_id,
    live_observations.c.round,
    live_observations.c.id.desc(),
)

Index("live_observations_observed_idx", live_observations.c.observed_at)

# The two tables of the ledger: the database itself refuses to change or remove a row of them.
ledger = Table(
    "ledger",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("fingerprint", Text),
    Column("submitted_at", MOMENT, nullable=False),
    Column("outcome", Text, comment=NOT_USED),
    Column("closed_at", MOMENT, comment=NOT_USED),
)

ledger_outcomes = Table(
    "ledger_outcomes",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("outcome", Text, nullable=False, comment="The first final status the job reached."),
    Column("closed_at", MOMENT),
)
