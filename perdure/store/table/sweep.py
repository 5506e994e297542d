"""How far the sweep has looked: one row."""

from sqlalchemy import CheckConstraint, Column, Integer, Table

from perdure.store.table.base import MOMENT, metadata

sweep_state = Table(
    "sweep_state",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="sweep_state_one_row"), primary_key=True),
    Column("watermark", MOMENT, nullable=False),
)
