"""Decisions about many jobs at once, and what became of each."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision: str | None = "0015"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_TENANT = "Whose jobs, and who may see it; `*`: of every tenant."
_FILTER = "What chose the jobs, as it was sent; null: their ids did."
_UNITS = "What of the job is meant; null: all that is parked."


def upgrade() -> None:
    op.create_table(
        "bulk_actions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False, comment=_TENANT),
        sa.Column("action", sa.Text(), nullable=False, comment="retry, skip or discard."),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", _MOMENT, nullable=False),
        sa.Column("filter", sa.JSON(), comment=_FILTER),
        sa.Column("step", sa.Text(), comment="Of a skip."),
        sa.Column("output", sa.JSON(), comment="Of a skip."),
        sa.Column("force", sa.Boolean(), nullable=False),
        sa.Column("rate_per_second", sa.Float()),
        sa.Column("canary", sa.Integer(), nullable=False),
        sa.Column("canary_seconds", sa.Float(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="Of the request."),
        sa.Column("started_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.Column("problem", sa.Text(), comment="Why it did not send all."),
        sa.PrimaryKeyConstraint("id", name="bulk_actions_pkey"),
    )
    newest = [sa.text("requested_at DESC"), sa.text("id DESC")]
    op.create_index("bulk_actions_newest_idx", "bulk_actions", newest)
    op.create_index(
        "bulk_actions_key_idx",
        "bulk_actions",
        ["tenant", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_table(
        "bulk_action_items",
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("units", sa.JSON(), comment=_UNITS),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("decided_at", _MOMENT),
        sa.ForeignKeyConstraint(["action_id"], ["bulk_actions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("action_id", "position", name="bulk_action_items_pkey"),
    )
    op.create_index(
        "bulk_action_items_pending_idx",
        "bulk_action_items",
        ["action_id", "position"],
        postgresql_where=sa.text("status = 'PENDING'"),
    )


def downgrade() -> None:
    op.drop_table("bulk_action_items")
    op.drop_table("bulk_actions")
