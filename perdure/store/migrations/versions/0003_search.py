"""Indexes that lists of jobs are found by, built without locking a table that is in use."""

from collections.abc import Iterator

from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None

_NEWEST = "created_at DESC, id DESC"
# Every search reads all that is not yet sorted into an inverted index.
_SHORT_LIST = "gin_pending_list_limit = 256"
# Only words: punctuation parts them, so `invoice-run`, `STEP.HTTP.5XX` and `team=billing` have two or three each.
# What does not fit is left out, because a tsvector that is too large is an error, and a job's row must be written.
_WORDS = r"""
CREATE OR REPLACE FUNCTION perdure_job_words(name text, labels jsonb, error json) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 2000 AS $$
    SELECT to_tsvector(
        'pg_catalog.simple'::regconfig,
        translate(
            left(name, 200) || ' ' || left(labels::text, 16000) || ' '
                || coalesce(left(error ->> 'code', 200), '') || ' ' || coalesce(left(error ->> 'message', 4000), ''),
            '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~',
            '                                '
        )
    )
$$
"""


def upgrade() -> None:
    op.execute(_WORDS)
    with op.get_context().autocommit_block():
        for name, rest in _indexes():
            # One that broke off is there and invalid: it is made anew.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON jobs {rest}")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS jobs_correlation_id_idx")
        op.execute(f"ALTER INDEX jobs_labels_idx SET ({_SHORT_LIST})")
        op.execute("ANALYZE jobs")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("ALTER INDEX jobs_labels_idx RESET (gin_pending_list_limit)")
        before = "CREATE INDEX CONCURRENTLY jobs_correlation_id_idx ON jobs (correlation_id)"
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS jobs_correlation_id_idx")
        op.execute(f"{before} WHERE correlation_id IS NOT NULL")
        for name, _ in _indexes():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    op.execute("DROP FUNCTION IF EXISTS perdure_job_words(text, jsonb, json)")


def _indexes() -> Iterator[tuple[str, str]]:
    yield "jobs_queue_newest_idx", f"(queue, {_NEWEST})"
    for column in ("submitted_by", "correlation_id", "parent_id", "trace_id"):
        yield f"jobs_{column}_newest_idx", f"({column}, {_NEWEST}) WHERE {column} IS NOT NULL"
    for key in ("code", "fingerprint"):
        yield f"jobs_error_{key}_newest_idx", f"((error ->> '{key}'), {_NEWEST}) WHERE error IS NOT NULL"
    for column in ("completed_at", "execution_ms"):
        yield f"jobs_{column}_idx", f"({column} DESC, id DESC) WHERE {column} IS NOT NULL"
    yield "jobs_words_idx", f"USING gin (perdure_job_words(name, labels, error)) WITH ({_SHORT_LIST})"
