"""Live observations: what `describe` said of open steps, added only, and forgotten once they are old.

Used by the projection writer, the job queries and the worker's upkeep.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, any_, bindparam, delete, exists, select
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.projection.record import LiveObservation
from perdure.store.json_row import as_text, insert_rows, json_object, write_rows
from perdure.store.table import jobs, live_observations

_COLUMNS = {name: live_observations.c[name] for name in LiveObservation.model_fields}
_LOOKED_THROUGH = timedelta(days=7)
_ADD = insert_rows(live_observations, leave_out={"id"})


def _newest(*wanted: ColumnElement[bool]) -> Select[Any]:
    table = live_observations.c
    key = (table.job_id, table.run_id, table.step_id, table.round)
    newest = (
        select(table.id, as_text(json_object(_COLUMNS)).label("row"))
        .where(*wanted)
        .ext(distinct_on(*key))
        .order_by(*key, table.id.desc())
        .subquery()
    )
    return select(newest.c.row).order_by(newest.c.id)


_JOB_IDS, _UNITS = (bindparam(name, type_=ARRAY(Text)) for name in ("job_ids", "units"))
_OF_JOBS = live_observations.c.job_id == any_(_JOB_IDS)
_NEWEST, _NEWEST_OF_UNITS = _newest(_OF_JOBS), _newest(_OF_JOBS, live_observations.c.step_id == any_(_UNITS))


async def add_observations(connection: AsyncConnection, observations: Sequence[LiveObservation]) -> None:
    """Record the observations, in the order given."""
    rows = [observation.model_dump(mode="json", by_alias=True) for observation in observations]
    await write_rows(connection, _ADD, rows)


async def newest_observations(
    connection: AsyncConnection, job_ids: Sequence[str], units: Collection[str] | None = None
) -> dict[str, list[LiveObservation]]:
    """The last observation of each round of these units (None: of all) of the jobs, in the order they were made."""
    query, of_units = (_NEWEST, {}) if units is None else (_NEWEST_OF_UNITS, {"units": list(units)})
    found: dict[str, list[LiveObservation]] = {}
    for row in await connection.scalars(query, {"job_ids": list(job_ids), **of_units}):
        observation = LiveObservation.model_validate_json(row)
        found.setdefault(observation.job_id, []).append(observation)
    return found


async def forget_superseded(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Remove at most `limit` observations made before then that are not the last of their step's round.

    Those made long before are for `forget_observations`. Returns how many were removed.
    """
    newer = live_observations.alias()
    same = [newer.c[name] == live_observations.c[name] for name in ("job_id", "run_id", "step_id", "round")]
    superseded = exists().where(*same, newer.c.id > live_observations.c.id)
    recent = live_observations.c.observed_at >= before - _LOOKED_THROUGH
    return await _forget(connection, before, limit, recent, superseded)


async def forget_observations(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Remove at most `limit` observations made before then, of jobs that have ended or are gone."""
    open_ = exists().where(jobs.c.id == live_observations.c.job_id, jobs.c.completed_at.is_(None))
    return await _forget(connection, before, limit, ~open_)


async def _forget(connection: AsyncConnection, before: datetime, limit: int, *conditions: ColumnElement[bool]) -> int:
    made = live_observations.c.observed_at
    old = select(live_observations.c.id).where(made < before, *conditions).order_by(made).limit(limit)
    return (await connection.execute(delete(live_observations).where(live_observations.c.id.in_(old)))).rowcount
