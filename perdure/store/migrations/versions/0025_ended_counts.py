"""What workers have counted of jobs that ended, for the comparison of each hour."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision: str | None = "0024"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_METRICS = "Jobs by type and outcome, as workers counted them; null where none counted all the hour."
_VANISHED = "Workers that vanished then: what they had counted last is not known."


def upgrade() -> None:
    op.create_table(
        "counting_workers",
        sa.Column("worker", sa.Text(), nullable=False, comment="Of one process."),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False, comment="When it told its counts last."),
        sa.Column("stopped_at", _MOMENT, comment="When it told its last counts; null of one that vanished."),
        sa.PrimaryKeyConstraint("worker", name="counting_workers_pkey"),
    )
    op.create_table(
        "ended_counts",
        sa.Column("span", _MOMENT, nullable=False, comment="Start of the hour in which the jobs ended."),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("span", "type", "outcome", "worker", name="ended_counts_pkey"),
    )
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("reconciliations", sa.Column("metrics", sa.JSON(), comment=_METRICS))
    vanished = sa.Column("vanished", sa.Integer(), nullable=False, server_default="0", comment=_VANISHED)
    op.add_column("reconciliations", vanished)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("reconciliations", "vanished")
    op.drop_column("reconciliations", "metrics")
    op.drop_table("ended_counts")
    op.drop_table("counting_workers")
