"""A second, temporary set of the projection's tables, to hold what is stored against what a fold gives.

Whoever writes in this session writes into the temporary tables, because they come first in the search path; the
stored ones are named with their schema. So check and rebuild use the projector's own writer, and nothing they fold
touches a stored row until `replace`. Ledger and outcomes are shadowed too and so never touched; live observations
are not: their overlay is part of what a row shows. Used by the inspector of the worker.
"""

# ruff: noqa: S608 - the names in these statements are those of our own tables, the values are parameters

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import JSON, Column, CursorResult, Table, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.table import attempts, dead_letters, items, jobs, journal, ledger, ledger_outcomes, runs, steps

COMPARED = (jobs, steps, items, runs, attempts, journal, dead_letters)
_OF_JOB = {jobs.name: "id", steps.name: "job_id", items.name: "job_id", dead_letters.name: "job_id"}
"""Tables that tell a job as its newest run has it; the others tell of each run."""
_NOT_COMPARED = frozenset({"projected_at", "lag_ms", "problem", "parked_at"})
"""When it was written, what the sweep adds, and what an earlier run that is gone may have told."""
_KEPT = ("projected_at", "lag_ms", "problem")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is compared: runs, with the jobs whose they are, and those of the jobs that they are the newest of."""

    runs: Mapping[str, str]
    """The job of each run."""
    jobs: Collection[str]

    def parameters(self) -> dict[str, list[str]]:
        """For `_within`."""
        return {"jobs": sorted(self.jobs), "runs": sorted(self.runs), "owners": sorted(set(self.runs.values()))}


class Difference(NamedTuple):
    """A row that is not as the fold gives it. `kind`: MISSING, EXTRA or DIFFERENT (then in `columns`)."""

    table: str
    kind: str
    key: str
    columns: list[str]
    owner: str
    """The job's id, or the run's where the table is one of runs."""


async def shadow(connection: AsyncConnection) -> str:
    """Make the temporary tables, if this session has none; they are emptied at the end of each transaction.

    Returns:
        The schema of the stored tables.
    """
    shadowed = (*COMPARED, ledger, ledger_outcomes)
    there = f"to_regclass('pg_temp.{shadowed[-1].name}') IS NOT NULL"
    schema, made = (await connection.execute(text(f"SELECT quote_ident(current_schema()), {there}"))).one()
    for table in () if made else shadowed:
        key = ", ".join(column.name for column in table.primary_key)
        like = f"LIKE {schema}.{table.name} INCLUDING DEFAULTS, PRIMARY KEY ({key})"
        await connection.execute(text(f"CREATE TEMPORARY TABLE {table.name} ({like}) ON COMMIT DELETE ROWS"))
    return str(schema)


async def differences(connection: AsyncConnection, schema: str, scope: Scope) -> list[Difference]:
    """The stored rows in `scope` that are not as the temporary ones, and the other way round."""
    all_tables = " UNION ALL ".join(_comparison(table, schema) for table in COMPARED)
    rows = await _execute(connection, all_tables, scope)
    return [Difference(**row) for row in rows.mappings()]


async def replace(connection: AsyncConnection, schema: str, scope: Scope) -> None:
    """Put the temporary rows of `scope` in the place of the stored ones; what is no part of a fold is kept."""
    for name in _KEPT:
        keep = f"UPDATE pg_temp.jobs AS new SET {name} = old.{name} FROM {schema}.jobs AS old WHERE new.id = old.id"
        await connection.execute(text(keep))
    for table in reversed(COMPARED):
        gone = f"DELETE FROM {schema}.{table.name} AS old WHERE {_within(table, 'old')}"
        await _execute(connection, gone, scope)
    for table in COMPARED:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        rows = f"SELECT {names} FROM pg_temp.{table.name} AS new WHERE {_within(table, 'new')}"
        await _execute(connection, f"INSERT INTO {schema}.{table.name} ({names}) {rows}", scope)


async def digest(connection: AsyncConnection, schema: str, scope: Scope) -> int:
    """A number that all stored rows in `scope` make together, in whatever order they are read."""
    each = " UNION ALL ".join(_hashes(table, schema) for table in COMPARED)
    return (await _execute(connection, f"SELECT bit_xor(hash) FROM ({each}) AS rows", scope)).scalar_one() or 0


def _hashes(table: Table, schema: str) -> str:
    row = ", ".join(f"stored.{_comparable(column)}" for column in _compared(table))
    each = f"hashtextextended('{table.name}' || ROW({row})::text, 0)"
    return f"SELECT {each} AS hash FROM {schema}.{table.name} AS stored WHERE {_within(table, 'stored')}"


async def _execute(connection: AsyncConnection, statement: str, scope: Scope) -> CursorResult[Any]:
    given = {name: ids for name, ids in scope.parameters().items() if f":{name}" in statement}
    bound = text(statement).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in given))
    return await connection.execute(bound, given)


def _compared(table: Table) -> Sequence[Column[object]]:
    return [column for column in table.columns if column.name not in _NOT_COMPARED]


def _comparable(column: Column[object]) -> str:
    # JSON has no equality of its own; its text is kept as it was written.
    return f'"{column.name}"::text' if isinstance(column.type, JSON) else f'"{column.name}"'


def _within(table: Table, alias: str) -> str:
    if table.name in _OF_JOB:
        return f"{alias}.{_OF_JOB[table.name]} = ANY(:jobs)"
    # The journal's index begins with the job.
    owners = f"{alias}.job_id = ANY(:owners) AND " if table is journal else ""
    return f"{owners}{alias}.run_id = ANY(:runs)"


def _comparison(table: Table, schema: str) -> str:
    keys = [column.name for column in table.primary_key]
    compared = [column for column in _compared(table) if column.name not in keys]
    pairs = [(column.name, f"new.{_comparable(column)}", f"old.{_comparable(column)}") for column in compared]
    changed = ", ".join(f"CASE WHEN {new} IS DISTINCT FROM {old} THEN '{name}' END" for name, new, old in pairs)
    either = {name: f"coalesce(new.{name}, old.{name})" for name in keys}
    owner = either[_OF_JOB.get(table.name, "run_id")]
    first = keys[0]
    # Parts of a full join, so that each side is read with its own condition.
    new = f"(SELECT * FROM pg_temp.{table.name} AS new WHERE {_within(table, 'new')}) AS new"
    old = f"(SELECT * FROM {schema}.{table.name} AS old WHERE {_within(table, 'old')}) AS old"
    joined = " AND ".join(f"new.{name} = old.{name}" for name in keys)
    differ = " OR ".join(f"{one} IS DISTINCT FROM {other}" for _, one, other in pairs)
    return f"""
        SELECT
            '{table.name}' AS table,
            CASE WHEN old.{first} IS NULL THEN 'MISSING' WHEN new.{first} IS NULL THEN 'EXTRA' ELSE 'DIFFERENT' END
                AS kind,
            concat_ws('/', {", ".join(either.values())}) AS key,
            CASE WHEN old.{first} IS NULL OR new.{first} IS NULL THEN ARRAY[]::text[]
                ELSE array_remove(ARRAY[{changed}], NULL) END AS columns,
            {owner} AS owner
        FROM {new} FULL JOIN {old} ON {joined}
        WHERE old.{first} IS NULL OR new.{first} IS NULL OR {differ}
    """
