"""What a job left in the tables, made comparable: without clocks, and with a test's own ids taken off."""

import json
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.store.table import attempts, items, jobs, journal, ledger, ledger_outcomes, runs, steps

_CLOCKS = {"projected_at", "lag_ms"}


async def rows_of(engine: AsyncEngine, job_id: str, suffix: str = "") -> dict[str, list[dict[str, Any]]]:
    of_job = {jobs: jobs.c.id, runs: runs.c.job_id, steps: steps.c.job_id, items: items.c.job_id}
    of_job[journal] = journal.c.job_id
    queries = {table.name: select(table).where(column == job_id) for table, column in of_job.items()}
    for table in (ledger, ledger_outcomes):
        queries[table.name] = select(table).where(table.c.job_id == job_id)
    mine = select(runs.c.run_id).where(runs.c.job_id == job_id)
    queries["attempts"] = select(attempts).where(attempts.c.run_id.in_(mine))
    async with engine.connect() as connection:
        found = {name: (await connection.execute(query)).mappings().all() for name, query in queries.items()}
    return {name: _comparable([dict(row) for row in rows], suffix) for name, rows in found.items()}


def _comparable(rows: list[dict[str, Any]], suffix: str) -> list[dict[str, Any]]:
    plain = [{key: value for key, value in row.items() if key not in _CLOCKS} for row in rows]
    encoded = sorted(json.dumps(row, default=str, sort_keys=True) for row in plain)
    return [json.loads(row.replace(suffix, "") if suffix else row) for row in encoded]


async def count(engine: AsyncEngine, table: str) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)
