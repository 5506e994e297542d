"""Checks and rebuilds of the projection, and the jobs that could not be projected."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "projection_operations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="CHECK or REBUILD."),
        sa.Column("status", sa.Text(), nullable=False, comment="QUEUED, RUNNING, COMPLETED or FAILED."),
        sa.Column("tenant", sa.Text(), comment="Whose jobs; null: every tenant's."),
        sa.Column("job_ids", sa.JSON(), comment="These jobs only; null: all that Temporal holds."),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("requested_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.Column("page_token", sa.LargeBinary(), comment="Where visibility's list goes on."),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False, comment="Of all rows compared, once they are right."),
        sa.Column("findings", sa.JSON(), nullable=False, comment="The first of what was found."),
        sa.Column("problem", sa.Text(), comment="Why it failed."),
        sa.PrimaryKeyConstraint("id", name="projection_operations_pkey"),
    )
    op.create_index(
        "projection_operations_one_at_a_time_idx",
        "projection_operations",
        [sa.text("coalesce(tenant, '*')"), "kind"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("projection_operations_newest_idx", "projection_operations", [sa.text("requested_at DESC")])
    op.create_table(
        "set_aside_jobs",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column(
            "problem",
            sa.Text(),
            nullable=False,
            comment="Why its history could not be folded, or the fold not written.",
        ),
        sa.PrimaryKeyConstraint("job_id", name="set_aside_jobs_pkey"),
    )


def downgrade() -> None:
    op.drop_table("set_aside_jobs")
    op.drop_table("projection_operations")
