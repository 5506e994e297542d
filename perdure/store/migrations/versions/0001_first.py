"""The first tables: projection, journal, live observations, ledger, keys, sweep."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_HISTORY = "What live observations changed, as histories tell it."
_PROBLEM = "What Temporal says of a stuck workflow; the sweep sets it."
_LAG = "From the last event's time to its being written here."
_RUN_STATUS = "The job's status as this run's history alone tells it."
_CONTINUED = "The run before, where this one continues it as new."
_WHOSE = "Whose history holds it; a job may have several."
_OUTCOME = "The first final status the job reached; set once."


def upgrade() -> None:
    _create_jobs()
    _create_runs()
    _create_steps()
    _create_journal()
    _create_live_observations()
    _create_ledger()
    _create_keys()
    op.create_table(
        "sweep_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("watermark", _MOMENT, nullable=False),
        sa.CheckConstraint("id = 1", name="sweep_state_one_row"),
        sa.PrimaryKeyConstraint("id", name="sweep_state_pkey"),
    )


def downgrade() -> None:
    for table in (
        "sweep_state",
        "api_keys",
        "ledger",
        "live_observations",
        "journal",
        "attempts",
        "steps",
        "runs",
        "jobs",
    ):
        op.drop_table(table)


def _text(name: str, *, nullable: bool = True, comment: str | None = None) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=nullable, comment=comment)


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        *(_text(name, nullable=False) for name in ("id", "tenant", "name", "type")),
        _text("status", nullable=False),
        _text("status_reason"),
        sa.Column("history", sa.JSON(), nullable=False, comment=_HISTORY),
        _text("problem", comment=_PROBLEM),
        _text("resolution"),
        _text("queue", nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("labels", JSONB(), nullable=False),
        *(_text(name) for name in ("correlation_id", "submitted_by", "spec_fingerprint", "parent_id")),
        _text("resubmit_of"),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("completed_at", _MOMENT),
        sa.Column("queue_wait_ms", sa.BigInteger()),
        sa.Column("execution_ms", sa.BigInteger()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retry_count", sa.Integer(), nullable=False),
        _text("trace_id"),
        *(sa.Column(name, sa.JSON()) for name in ("input", "output", "error")),
        _text("error_step"),
        _text("run_id", nullable=False),
        sa.Column("run_started_at", _MOMENT, nullable=False),
        sa.Column("last_event_id", sa.BigInteger(), nullable=False),
        sa.Column("note_count", sa.Integer(), nullable=False),
        sa.Column("projected_at", _MOMENT, nullable=False),
        sa.Column("lag_ms", sa.BigInteger(), comment=_LAG),
        sa.PrimaryKeyConstraint("id", name="jobs_pkey"),
    )
    newest = (sa.text("created_at DESC"), sa.text("id DESC"))
    op.create_index("jobs_newest_idx", "jobs", [*newest])
    for column in ("tenant", "status", "type"):
        op.create_index(f"jobs_{column}_newest_idx", "jobs", [column, *newest])
    op.create_index(
        "jobs_correlation_id_idx",
        "jobs",
        ["correlation_id"],
        postgresql_where=sa.text("correlation_id IS NOT NULL"),
    )
    op.create_index(
        "jobs_labels_idx",
        "jobs",
        ["labels"],
        postgresql_using="gin",
        postgresql_ops={"labels": "jsonb_path_ops"},
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        _text("run_id", nullable=False),
        _text("job_id", nullable=False),
        _text("continued_from", comment=_CONTINUED),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("last_event_id", sa.BigInteger(), nullable=False),
        sa.Column("note_count", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        _text("status", nullable=False, comment=_RUN_STATUS),
        sa.Column("projected_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="runs_pkey"),
    )
    op.create_index("runs_job_id_idx", "runs", ["job_id"])


def _create_steps() -> None:
    op.create_table(
        "steps",
        *(_text(name, nullable=False) for name in ("job_id", "id", "type")),
        sa.Column("position", sa.Integer(), nullable=False),
        _text("status", nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("completed_at", _MOMENT),
        sa.Column("output", sa.JSON()),
        sa.Column("error", sa.JSON()),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE", name="steps_job_id_fkey"),
        sa.PrimaryKeyConstraint("job_id", "id", name="steps_pkey"),
    )
    op.create_table(
        "attempts",
        _text("run_id", nullable=False, comment=_WHOSE),
        _text("step_id", nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("round", "attempt")),
        _text("worker"),
        sa.Column("started_at", _MOMENT),
        sa.Column("ended_at", _MOMENT),
        _text("outcome"),
        sa.Column("error", sa.JSON()),
        sa.Column("next_retry_at", _MOMENT),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "step_id", "round", "attempt", name="attempts_pkey"),
    )


def _create_journal() -> None:
    op.create_table(
        "journal",
        _text("run_id", nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        _text("job_id", nullable=False),
        _text("parent_job_id"),
        sa.Column("run_started_at", _MOMENT, nullable=False),
        _text("type", nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        *(_text(name) for name in ("actor", "step_id")),
        sa.Column("attempt", sa.Integer()),
        *(_text(name) for name in ("status", "outcome", "trace_id")),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "event_id", "ordinal", name="journal_pkey"),
    )
    op.create_index("journal_of_job_idx", "journal", ["job_id", "run_started_at", "run_id", "event_id", "ordinal"])


def _create_live_observations() -> None:
    op.create_table(
        "live_observations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *(_text(name, nullable=False) for name in ("job_id", "run_id", "step_id")),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("observed_at", _MOMENT, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.JSON(), nullable=False),
        sa.Column("error", sa.JSON()),
        sa.Column("next_retry_at", _MOMENT),
        sa.Column("progress", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="live_observations_pkey"),
    )
    op.create_index(
        "live_observations_newest_idx",
        "live_observations",
        ["job_id", "run_id", "step_id", "round", sa.text("id DESC")],
    )


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        _text("job_id", nullable=False),
        _text("fingerprint"),
        sa.Column("submitted_at", _MOMENT, nullable=False),
        _text("outcome", comment=_OUTCOME),
        sa.Column("closed_at", _MOMENT),
        sa.PrimaryKeyConstraint("job_id", name="ledger_pkey"),
    )


def _create_keys() -> None:
    op.create_table(
        "api_keys",
        *(_text(name, nullable=False) for name in ("id", "tenant", "name", "role", "hash")),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("revoked_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="api_keys_pkey"),
    )
