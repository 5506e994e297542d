"""Jobs of which something failed and will be attempted again: which units, how often, when next. Used by the API."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.identifier import parse_unit_id
from perdure.contract.state import StepStatus
from perdure.projection.record import LiveObservation
from perdure.store.job import StoredJob
from perdure.store.json_row import is_one_of
from perdure.store.live import newest_observations
from perdure.store.table import steps


async def retrying_units(connection: AsyncConnection, listed: Sequence[StoredJob]) -> dict[str, list[LiveObservation]]:
    """What was last seen of each unit of these jobs that failed and is still open."""
    runs = {job.id: job.run_id for job in listed}
    query = select(steps.c.job_id, steps.c.id, steps.c.round, steps.c.running_items)
    open_ = query.where(is_one_of(steps.c.job_id, list(runs)), steps.c.status == StepStatus.RUNNING.value)
    rounds = {}
    for row in await connection.execute(open_):
        rounds[row.job_id, row.id] = row.round
        rounds |= {(row.job_id, f"{row.id}.{index}"): round_ for index, round_ in (row.running_items or {}).items()}
    found: dict[str, list[LiveObservation]] = {}
    for job_id, seen in (await newest_observations(connection, list(runs))).items():
        found[job_id] = [one for one in seen if one.run_id == runs[job_id] and _open(one, rounds)]
    return found


def _open(seen: LiveObservation, rounds: dict[tuple[str, str], int]) -> bool:
    id_ = parse_unit_id(seen.step_id)
    if seen.error is None or id_ is None:
        return False
    return id_.compensates or rounds.get((seen.job_id, seen.step_id)) == seen.round
