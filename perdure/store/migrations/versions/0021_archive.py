"""The archive of histories that Temporal will not keep."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision: str | None = "0020"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "archived_histories",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=False),
        sa.Column("archived_at", _MOMENT, nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="Bytes before compression."),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="temporal.api.history.v1.History, protobuf, zlib.",
        ),
        sa.PrimaryKeyConstraint("run_id", name="archived_histories_pkey"),
    )
    # It is compressed already.
    op.execute("ALTER TABLE archived_histories ALTER COLUMN content SET STORAGE EXTERNAL")
    op.create_index("archived_histories_job_idx", "archived_histories", ["job_id"])
    op.create_table(
        "archive_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("watermark", _MOMENT, nullable=False, comment="What closed before is archived."),
        sa.CheckConstraint("id = 1", name="archive_state_one_row"),
        sa.PrimaryKeyConstraint("id", name="archive_state_pkey"),
    )


def downgrade() -> None:
    op.drop_table("archive_state")
    op.drop_table("archived_histories")
