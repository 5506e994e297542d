"""Postgres: engine and transactions, tables and migrations, and one query module a resource."""
