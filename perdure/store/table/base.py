"""What all tables share: constraint names, and the two kinds of JSON."""

from sqlalchemy import JSON, DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)

MOMENT = DateTime(timezone=True)
PAYLOAD = JSON(none_as_null=True)
"""Kept as text, so numbers and the order of keys come back as they went in (JSONB changes both)."""
SEARCHABLE = JSONB(none_as_null=True)
RUN_STARTED = "Start of the run: its month is the partition."
