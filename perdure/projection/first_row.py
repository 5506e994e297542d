"""The row of a job of which no worker knows yet, so that lists show what waits in a queue. Called by the API.

Jobs are marked for the projector by the workers that take them up; where all are busy or away, nobody marks.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.projection import row
from perdure.projection.record import JobRecord
from perdure.store import projected

_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


async def write_first_rows(connection: AsyncConnection, submitted: Sequence[JobRecord]) -> set[str]:
    """Write rows of just submitted jobs, of those that have none; of an empty list Postgres hears nothing.

    A row says that it holds nothing of the history (`last_event_id` 0), so that whatever is folded replaces it:
    neither journal nor ledger nor runs are written.

    Returns:
        The ids of the jobs whose rows were written.
    """
    known = await projected.known_jobs(connection, [job.id for job in submitted]) if submitted else set()
    first = {job.id: _of_nothing(job) for job in submitted if job.id not in known}
    if not first:
        return set()
    await projected.lock_jobs(connection, list(first))
    now = datetime.now(UTC)
    rows = [row.job_row(job, job, now, job.created_at) for job in first.values()]
    written = await projected.write_first_jobs(connection, rows)
    await projected.write_steps(connection, [row.step_row(id_, step) for id_ in written for step in first[id_].steps])
    return written


def _of_nothing(job: JobRecord) -> JobRecord:
    # The API's clock may be ahead of Temporal's: a run that began before is what makes every fold the newer one.
    return job.model_copy(update={"last_event_id": 0, "run_started_at": _BEFORE_ALL})
