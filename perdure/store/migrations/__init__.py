"""Alembic revisions of the tables; run by `python -m perdure.store.migrate`."""
