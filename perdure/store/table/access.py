"""API keys: only an HMAC of the secret is kept (contract 10)."""

from sqlalchemy import Boolean, Column, Table, Text

from perdure.store.table.base import MOMENT, metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT),
    Column("revoked_at", MOMENT),
    Column("payloads", Boolean, nullable=False),
    Column("created_by", Text),
    Column("revoked_by", Text),
    Column("rotated_at", MOMENT),
    Column("previous_hash", Text, comment="Of the secret before the last rotation."),
    Column("previous_until", MOMENT, comment="How long that secret still counts."),
)
