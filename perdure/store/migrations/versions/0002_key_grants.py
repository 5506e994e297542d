"""API keys: the grant `payloads`, who made and revoked them, the secret before a rotation."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ADDED: tuple[tuple[str, type[sa.Text] | sa.DateTime, str | None], ...] = (
    ("created_by", sa.Text, None),
    ("revoked_by", sa.Text, None),
    ("rotated_at", _MOMENT, None),
    ("previous_hash", sa.Text, "Of the secret before the last rotation."),
    ("previous_until", _MOMENT, "How long that secret still counts."),
)


def upgrade() -> None:
    # Keys made before there was the grant saw payloads: they go on seeing them.
    op.add_column("api_keys", sa.Column("payloads", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.alter_column("api_keys", "payloads", server_default=None)
    for name, kind, comment in _ADDED:
        op.add_column("api_keys", sa.Column(name, kind, comment=comment))


def downgrade() -> None:
    for name in ("payloads", *(name for name, _, _ in _ADDED)):
        op.drop_column("api_keys", name)
