"""The words of jobs by week, so that a search looks into the newest weeks first; built beside the running system."""

from alembic import op

revision = "0026"
down_revision: str | None = "0025"
branch_labels = None
depends_on = None

_SHORT_LIST = "gin_pending_list_limit = 256"
# The words are those of perdure_job_words, said again: a function that calls another by its bare name cannot be
# indexed, because indexes are built without a search path. A week has 604,800 seconds.
_WORDS = r"""
CREATE OR REPLACE FUNCTION perdure_dated_job_words(created_at timestamptz, name text, labels jsonb, error json)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 4000 AS $$
    SELECT array_to_tsvector(coalesce(
        array_agg(floor(extract(epoch FROM created_at) / 604800)::bigint::text || ' ' || word), '{}'
    ))
    FROM unnest(tsvector_to_array(to_tsvector(
        'pg_catalog.simple'::regconfig,
        translate(
            left(name, 200) || ' ' || left(labels::text, 16000) || ' '
                || coalesce(left(error ->> 'code', 200), '') || ' ' || coalesce(left(error ->> 'message', 4000), ''),
            '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~',
            '                                '
        )
    ))) AS word
$$
"""
_DATED = "perdure_dated_job_words(created_at, name, labels, error)"


def upgrade() -> None:
    op.execute(_WORDS)
    with op.get_context().autocommit_block():
        # One that broke off is there and invalid: it is made anew.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS jobs_dated_words_idx")
        op.execute(f"CREATE INDEX CONCURRENTLY jobs_dated_words_idx ON jobs USING gin ({_DATED}) WITH ({_SHORT_LIST})")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS jobs_words_idx")
        op.execute("ANALYZE jobs")


def downgrade() -> None:
    words = "perdure_job_words(name, labels, error)"
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS jobs_words_idx")
        op.execute(f"CREATE INDEX CONCURRENTLY jobs_words_idx ON jobs USING gin ({words}) WITH ({_SHORT_LIST})")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS jobs_dated_words_idx")
    op.execute("DROP FUNCTION IF EXISTS perdure_dated_job_words(timestamptz, text, jsonb, json)")
