"""How the counts of Temporal and of the projection compare, hour by hour."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision: str | None = "0021"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_MISSING = "Runs closed in Temporal and not, or not so far, in the tables."
_EXTRA = "Jobs that ended in the tables and not in Temporal."


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("hour", _MOMENT, nullable=False, comment="Its start; what ended in it was counted."),
        sa.Column("compared_at", _MOMENT, nullable=False),
        sa.Column("temporal", sa.JSON(), nullable=False, comment="Jobs by type and outcome."),
        sa.Column("projection", sa.JSON(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False, comment=_MISSING),
        sa.Column("extra", sa.Integer(), nullable=False, comment=_EXTRA),
        sa.PrimaryKeyConstraint("hour", name="reconciliations_pkey"),
    )


def downgrade() -> None:
    op.drop_table("reconciliations")
