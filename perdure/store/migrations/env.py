"""What Alembic runs for each command: the connection is handed over by `perdure.store.migrate`."""

from alembic import context

from perdure.store.table import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
