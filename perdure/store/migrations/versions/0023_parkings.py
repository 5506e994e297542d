"""Indexes of the journal by what was parked, for the groups of failures; built while the table is in use."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision: str | None = "0022"
branch_labels = None
depends_on = None

_PARKED = "WHERE type = 'STEP_PARKED'"
_INDEXES = {
    "parked": f"(((data -> 'error') ->> 'fingerprint'), at) {_PARKED}",
    "parked_at": f"(at) {_PARKED}",
}
_PARTITIONS = sa.text(
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass('journal') ORDER BY 1"
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for partition in op.get_bind().scalars(_PARTITIONS).all():
            for name, what in _INDEXES.items():
                own = f"{partition}_{name}_idx"
                # One that broke off is there and invalid: it is made anew.
                op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {own}")
                op.execute(f"CREATE INDEX CONCURRENTLY {own} ON {partition} {what}")
    op.execute("SET LOCAL lock_timeout = '30s'")
    for name, what in _INDEXES.items():
        # The partitions have theirs: this only says that they belong together.
        op.execute(f"CREATE INDEX journal_{name}_idx ON journal {what}")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    for name in _INDEXES:
        op.execute(f"DROP INDEX IF EXISTS journal_{name}_idx")
