"""`perdure demo`: real jobs against a real Temporal and Postgres, shown and checked."""
