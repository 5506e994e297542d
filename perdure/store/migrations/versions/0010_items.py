"""Items of fan-outs; compensations, waits and decisions of steps; planned starts; live observations of all units."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0006"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_OF_STEP = ("items", "running_items", "compensation", "waiting_for", "decisions")
_COUNTS = "Of a fan-out: how many items it has, and in which states."
_WHOSE = "Whose history changed it last, at `event_id`."
_ROUND = "One below the step's: an item of an earlier fan-out."
_START = "When it is to start, where its spec says so."
_BEFORE = "Attempts of the round that earlier activities made."


def upgrade() -> None:
    op.add_column("jobs", sa.Column("start_at", _MOMENT, comment=_START))
    for name in _OF_STEP:
        op.add_column("steps", sa.Column(name, sa.JSON(), comment=_COUNTS if name == "items" else None))
    _create_items()
    before = sa.Column("before", sa.Integer(), nullable=False, server_default="0", comment=_BEFORE)
    op.add_column("live_observations", before)
    op.add_column("live_observations", sa.Column("paused", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in ("before", "paused"):
        op.alter_column("live_observations", name, server_default=None)


def downgrade() -> None:
    for name in ("paused", "before"):
        op.drop_column("live_observations", name)
    op.drop_table("items")
    for name in reversed(_OF_STEP):
        op.drop_column("steps", name)
    op.drop_column("jobs", "start_at")


def _create_items() -> None:
    op.create_table(
        "items",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False, comment=_WHOSE),
        sa.Column("run_started_at", _MOMENT, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False, comment=_ROUND),
        sa.Column("started_at", _MOMENT),
        sa.Column("completed_at", _MOMENT),
        sa.Column("output", sa.JSON()),
        sa.Column("error", sa.JSON()),
        sa.Column("code", sa.Text(), comment="Of the error."),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.JSON()) for name in ("compensation", "waiting_for", "decisions")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE", name="items_job_id_fkey"),
        sa.PrimaryKeyConstraint("job_id", "step_id", "index", name="items_pkey"),
    )
