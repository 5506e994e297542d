"""The ledger only grows: outcomes in a table of their own, and the database refuses to change either.

Also an index that old live observations are found by.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels = None
depends_on = None

_TABLES = ("ledger", "ledger_outcomes")
_NOT_USED = "Since revision 0005 in ledger_outcomes; the API of the release before still reads it."
_REFUSE = """
CREATE OR REPLACE FUNCTION perdure_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % can be added, but neither changed nor removed', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS live_observations_observed_idx")
        op.execute("CREATE INDEX CONCURRENTLY live_observations_observed_idx ON live_observations (observed_at)")
    op.create_table(
        "ledger_outcomes",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, comment="The first final status the job reached."),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("job_id", name="ledger_outcomes_pkey"),
    )
    op.execute(
        "INSERT INTO ledger_outcomes (job_id, outcome, closed_at)"
        " SELECT job_id, outcome, closed_at FROM ledger WHERE outcome IS NOT NULL"
    )
    for column in ("outcome", "closed_at"):
        op.execute(f"COMMENT ON COLUMN ledger.{column} IS '{_NOT_USED}'")
    op.execute(_REFUSE)
    for table in _TABLES:
        for kind, level in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            name = f"{table}_only_grows_{level.lower()}"
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {kind} ON {table} FOR EACH {level} EXECUTE FUNCTION perdure_only_grows()"
            )
            # Also for a session that plays a replica, whose triggers rest otherwise.
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def downgrade() -> None:
    for level in ("row", "statement"):
        op.execute(f"DROP TRIGGER ledger_only_grows_{level} ON ledger")
    op.execute(
        "UPDATE ledger SET outcome = ended.outcome, closed_at = ended.closed_at"
        " FROM ledger_outcomes AS ended WHERE ended.job_id = ledger.job_id AND ledger.outcome IS NULL"
    )
    op.execute("COMMENT ON COLUMN ledger.outcome IS 'The first final status the job reached; set once.'")
    op.execute("COMMENT ON COLUMN ledger.closed_at IS NULL")
    op.drop_table("ledger_outcomes")
    op.execute("DROP FUNCTION perdure_only_grows()")
    op.drop_index("live_observations_observed_idx", "live_observations")
