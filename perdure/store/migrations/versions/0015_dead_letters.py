"""What is parked now, to be listed, grouped and decided about in bulk."""

import sqlalchemy as sa
from alembic import op

from perdure.store.dead_letter_row import REFRESH_ALL

revision = "0015"
down_revision: str | None = "0010"
branch_labels = None
depends_on = None

_UNIT = "A step, an item (`fetch.7`) or a compensation of either."


def upgrade() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False, comment=_UNIT),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("step_type", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("error_class", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("http_status", sa.Integer()),
        sa.PrimaryKeyConstraint("job_id", "unit", name="dead_letters_pkey"),
    )
    op.create_index("dead_letters_fingerprint_idx", "dead_letters", ["fingerprint", "parked_at"])
    op.create_index("dead_letters_parked_idx", "dead_letters", ["parked_at", "job_id"])
    op.execute(REFRESH_ALL)


def downgrade() -> None:
    op.drop_table("dead_letters")
