"""Journal and attempts by month (docs/decisions/0018): what they were becomes the first partition, with its rows.

Nothing is copied, and nobody is locked out for longer than a change of names takes. Workers of the release before
cannot write attempts any more: they say so and wait until they are replaced; jobs run on.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None

_AHEAD = 3
_BATCH = 20_000
_KEYS = {
    "journal": "job_id, run_started_at, run_id, event_id, ordinal",
    "attempts": "run_id, step_id, round, attempt, run_started_at",
}
_OLD_KEYS = {"journal": "run_id, event_id, ordinal", "attempts": "run_id, step_id, round, attempt"}
_STARTED = "Start of the run: its month is the partition."
# Rows that are written while the others are filled in: the run is in the table before its attempts are.
_FILL_IN = """
CREATE OR REPLACE FUNCTION perdure_attempt_started() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.run_started_at IS NULL THEN
        NEW.run_started_at := coalesce((SELECT started_at FROM runs WHERE run_id = NEW.run_id), '-infinity');
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    bound = _month(1)
    with op.get_context().autocommit_block():
        _say_when_attempts_belong()
        for table, key in _KEYS.items():
            _prepare(table, key, bound)
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.execute("DROP TRIGGER IF EXISTS perdure_attempt_started ON attempts")
    op.execute("DROP FUNCTION IF EXISTS perdure_attempt_started()")
    op.execute("DROP INDEX IF EXISTS journal_of_job_idx")
    for table, key in _KEYS.items():
        _divide(table, key, bound)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    for table, key in _OLD_KEYS.items():
        op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        op.execute(f"CREATE TABLE {table}_whole (LIKE {table} INCLUDING COMMENTS)")
        op.execute(f"INSERT INTO {table}_whole TABLE {table}")
        op.execute(f"DROP TABLE {table}")
        op.execute(f"ALTER TABLE {table}_whole RENAME TO {table}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({key})")
    op.drop_column("attempts", "run_started_at")
    op.create_index("journal_of_job_idx", "journal", ["job_id", "run_started_at", "run_id", "event_id", "ordinal"])


def _say_when_attempts_belong() -> None:
    op.execute("ALTER TABLE attempts ADD COLUMN IF NOT EXISTS run_started_at timestamptz")
    op.execute(_FILL_IN)
    op.execute("DROP TRIGGER IF EXISTS perdure_attempt_started ON attempts")
    op.execute(
        "CREATE TRIGGER perdure_attempt_started BEFORE INSERT OR UPDATE ON attempts"
        " FOR EACH ROW EXECUTE FUNCTION perdure_attempt_started()"
    )
    fill = sa.text(
        "WITH empty AS (SELECT ctid FROM attempts WHERE run_started_at IS NULL LIMIT :batch)"
        " UPDATE attempts SET run_started_at = NULL FROM empty WHERE attempts.ctid = empty.ctid"
    )
    while op.get_bind().execute(fill, {"batch": _BATCH}).rowcount:
        pass


def _prepare(table: str, key: str, bound: str) -> None:
    """The index and the check that a partition must have, made while the table is in use."""
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {table}_first_pkey")
    op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {table}_first_pkey ON {table} ({key})")
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_first")
    within = f"run_started_at IS NOT NULL AND run_started_at < '{bound}'"
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_first CHECK ({within}) NOT VALID")
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {table}_first")


def _divide(table: str, key: str, bound: str) -> None:
    first = f"{table}_first"
    op.execute(f"ALTER TABLE {table} ALTER COLUMN run_started_at SET NOT NULL")  # the check spares the look at each row
    op.execute(f"COMMENT ON COLUMN {table}.run_started_at IS '{_STARTED}'")
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {first}_pkey PRIMARY KEY USING INDEX {first}_pkey")
    op.execute(f"ALTER TABLE {table} RENAME TO {first}")
    op.execute(f"CREATE TABLE {table} (LIKE {first} INCLUDING COMMENTS) PARTITION BY RANGE (run_started_at)")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({key})")
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ('{bound}')")
    op.execute(f"ALTER TABLE {first} DROP CONSTRAINT {first}")
    op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    for number in range(1, 1 + _AHEAD):
        start, end = _month(number), _month(number + 1)
        name = f"{table}_{start[:7].replace('-', '_')}"
        op.execute(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{start}') TO ('{end}')")


def _month(later: int) -> str:
    """The start of the month that is so many later than this one, in UTC."""
    now = datetime.now(UTC)
    year, month = divmod(now.year * 12 + now.month - 1 + later, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC).isoformat()
