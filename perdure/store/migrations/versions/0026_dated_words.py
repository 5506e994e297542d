"""Words and labels of jobs by week, for searches from the newest week on; built beside the running system."""

from alembic import op

revision = "0026"
down_revision: str | None = "0025"
branch_labels = None
depends_on = None

_SHORT_LIST = "gin_pending_list_limit = 256"
# The words are those of perdure_job_words, said again: a function that calls another by its bare name cannot be
# indexed, because indexes are built without a search path. A week has 604,800 seconds. What is longer than a lexeme
# may be is cut: a job's row must be written.
_WORDS = r"""
CREATE OR REPLACE FUNCTION perdure_dated_job_words(created_at timestamptz, name text, labels jsonb, error json)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 4000 AS $$
    SELECT array_to_tsvector(coalesce(
        array_agg(floor(extract(epoch FROM created_at) / 604800)::bigint::text || found), '{}'
    ))
    FROM (
        SELECT ' ' || left(word, 500) FROM unnest(tsvector_to_array(to_tsvector(
            'pg_catalog.simple'::regconfig,
            translate(
                left(name, 200) || ' ' || left(labels::text, 16000) || ' '
                    || coalesce(left(error ->> 'code', 200), '') || ' '
                    || coalesce(left(error ->> 'message', 4000), ''),
                '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~',
                '                                '
            )
        ))) AS word
        UNION ALL
        SELECT '=' || left(key, 60) || '=' || left(coalesce(value, ''), 100) FROM jsonb_each_text(labels)
    ) AS words (found)
$$
"""
_BEFORE = {"jobs_words_idx": "perdure_job_words(name, labels, error)", "jobs_labels_idx": "labels jsonb_path_ops"}
_DATED = "perdure_dated_job_words(created_at, name, labels, error)"


def upgrade() -> None:
    op.execute(_WORDS)
    with op.get_context().autocommit_block():
        # One that broke off is there and invalid: it is made anew.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS jobs_dated_words_idx")
        op.execute(f"CREATE INDEX CONCURRENTLY jobs_dated_words_idx ON jobs USING gin ({_DATED}) WITH ({_SHORT_LIST})")
        for name in _BEFORE:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute("ANALYZE jobs")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, indexed in _BEFORE.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON jobs USING gin ({indexed}) WITH ({_SHORT_LIST})")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS jobs_dated_words_idx")
    op.execute("DROP FUNCTION IF EXISTS perdure_dated_job_words(timestamptz, text, jsonb, json)")
