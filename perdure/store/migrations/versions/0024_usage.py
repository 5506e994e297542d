"""What attempts took in a process of their own. A column that may be null is added without rewriting a row."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision: str | None = "0023"
branch_labels = None
depends_on = None

_TOLD = "CPU and memory, where it ran in a process of its own."


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.add_column("attempts", sa.Column("usage", sa.JSON(), comment=_TOLD))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.drop_column("attempts", "usage")
