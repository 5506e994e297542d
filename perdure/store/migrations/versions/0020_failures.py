"""An index of the journal by failure, for how often one like it was seen; built while the table is in use."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision: str | None = "0016"
branch_labels = None
depends_on = None

_NAME = "journal_failures_idx"
_INDEX = (
    "(split_part(job_id, ':', 1), ((data -> 'error') ->> 'fingerprint'), at DESC)"
    " WHERE ((data -> 'error') ->> 'fingerprint') IS NOT NULL"
)
_PARTITIONS = sa.text(
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass('journal') ORDER BY 1"
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for partition in op.get_bind().scalars(_PARTITIONS).all():
            name = f"{partition}_failures_idx"
            # One that broke off is there and invalid: it is made anew.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {partition} {_INDEX}")
    op.execute("SET LOCAL lock_timeout = '30s'")
    # The partitions have theirs: this only says that they belong together.
    op.execute(f"CREATE INDEX {_NAME} ON journal {_INDEX}")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute(f"DROP INDEX IF EXISTS {_NAME}")
