"""Live observations: what `describe` said of open steps, append-only.

Used by the projection writer and the job queries.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.projection.record import LiveObservation
from perdure.store.json_row import as_text, insert_rows, is_one_of, json_object, write_rows
from perdure.store.table import live_observations

_COLUMNS = {name: live_observations.c[name] for name in LiveObservation.model_fields}
_ADD = insert_rows(live_observations, leave_out={"id"})


async def add_observations(connection: AsyncConnection, observations: Sequence[LiveObservation]) -> None:
    """Record the observations, in the order given."""
    rows = [observation.model_dump(mode="json", by_alias=True) for observation in observations]
    await write_rows(connection, _ADD, rows)


async def newest_observations(connection: AsyncConnection, job_ids: Sequence[str]) -> dict[str, list[LiveObservation]]:
    """The last observation of each round of each step of the jobs, in the order they were made."""
    table = live_observations.c
    key = (table.job_id, table.run_id, table.step_id, table.round)
    newest = (
        select(table.id, as_text(json_object(_COLUMNS)).label("row"))
        .where(is_one_of(table.job_id, job_ids))
        .ext(distinct_on(*key))
        .order_by(*key, table.id.desc())
        .subquery()
    )
    found: dict[str, list[LiveObservation]] = {}
    for row in await connection.scalars(select(newest.c.row).order_by(newest.c.id)):
        observation = LiveObservation.model_validate_json(row)
        found.setdefault(observation.job_id, []).append(observation)
    return found
