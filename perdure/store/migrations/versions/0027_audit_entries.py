"""What was done or refused at the API itself, in a table that only grows: the database refuses all else."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision: str | None = "0026"
branch_labels = None
depends_on = None

_TABLE = "audit_entries"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it happened; the row may have come later.",
        ),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False, comment="Who may read it; `*`: who may read of every tenant."),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_key_id", sa.Text(), comment="The key that the actor had."),
        sa.Column("job_id", sa.Text()),
        sa.Column("subject", sa.Text(), comment="Id of what it is about, where that is no job: a key, a bulk action."),
        sa.Column("reason", sa.Text(), comment="Why, in the words of the actor."),
        sa.Column("request_id", sa.Text()),
        sa.Column("trace_id", sa.Text()),
        sa.Column("data", sa.JSON(), nullable=False, comment="More facts; never a secret or a payload."),
        sa.PrimaryKeyConstraint("seq", name=f"{_TABLE}_pkey"),
    )
    newest = [sa.text("at DESC"), sa.text("seq DESC")]
    op.create_index(f"{_TABLE}_newest_idx", _TABLE, newest)
    for name in ("tenant", "type", "actor"):
        op.create_index(f"{_TABLE}_{name}_newest_idx", _TABLE, [name, *newest])
    for name in ("job_id", "subject"):
        there = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"{_TABLE}_{name}_newest_idx", _TABLE, [name, *newest], postgresql_where=there)
    for kind, level in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        name = f"{_TABLE}_only_grows_{level.lower()}"
        # The function that revision 0005 made: it raises insufficient_privilege (42501).
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {kind} ON {_TABLE} FOR EACH {level} EXECUTE FUNCTION perdure_only_grows()"
        )
        # Also for a session that plays a replica, whose triggers rest otherwise.
        op.execute(f"ALTER TABLE {_TABLE} ENABLE ALWAYS TRIGGER {name}")


def downgrade() -> None:
    op.drop_table(_TABLE)
