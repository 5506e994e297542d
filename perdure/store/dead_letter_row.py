"""The rows of `dead_letters`: what of a job is parked now, as its other rows say. Used by the projection writer.

One statement over the tables as they stand, so that the rows are right whoever wrote the others, and in what order.
Table names stand alone: whoever shadows the projection's tables gets rows of the shadow.
"""

from collections.abc import Collection

from sqlalchemy import Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

# Job by job, so that it takes as long as there are jobs, whatever the planner knows of the tables.
_PARKED = """
    SELECT s.id AS unit, s.id AS step_id, s.type, s.round, s.error
    FROM steps AS s
    WHERE s.job_id = j.id AND s.status = 'DEAD_LETTERED' AND NOT EXISTS (
        SELECT FROM items AS i WHERE i.job_id = j.id AND i.step_id = s.id AND i.status = 'DEAD_LETTERED'
        AND i.round >= s.round)
    UNION ALL
    SELECT s.id || '.compensate', s.id, s.type, (s.compensation ->> 'round')::integer, s.compensation -> 'error'
    FROM steps AS s
    WHERE s.job_id = j.id AND s.compensation ->> 'status' = 'DEAD_LETTERED' AND s.items IS NULL
    UNION ALL
    SELECT i.step_id || '.' || i.index, i.step_id, s.type, i.round, i.error
    FROM items AS i JOIN steps AS s ON s.job_id = i.job_id AND s.id = i.step_id
    WHERE i.job_id = j.id AND i.status = 'DEAD_LETTERED' AND i.round >= s.round AND s.status = 'DEAD_LETTERED'
    UNION ALL
    SELECT i.step_id || '.' || i.index || '.compensate', i.step_id, s.type,
        (i.compensation ->> 'round')::integer, i.compensation -> 'error'
    FROM items AS i JOIN steps AS s ON s.job_id = i.job_id AND s.id = i.step_id
    WHERE i.job_id = j.id AND i.compensation ->> 'status' = 'DEAD_LETTERED' AND i.round >= s.round
"""
_TOLD = """
    SELECT jsonb_object_agg(each.unit, each.at) AS at FROM (
        SELECT step_id || coalesce('.' || (data ->> 'item'), '')
            || CASE WHEN data ->> 'compensation' = 'true' THEN '.compensate' ELSE '' END AS unit, max(at) AS at
        FROM journal WHERE job_id = j.id AND type = 'STEP_PARKED' AND step_id IS NOT NULL GROUP BY 1
    ) AS each
"""
_INSERT = """
INSERT INTO dead_letters (job_id, unit, tenant, step_id, step_type, round, parked_at, code, error_class, fingerprint,
    message, http_status)
SELECT j.id, p.unit, j.tenant, p.step_id, p.type, p.round,
    coalesce((t.at ->> p.unit)::timestamptz, j.run_started_at),
    coalesce(p.error ->> 'code', ''), coalesce(p.error ->> 'class', ''),
    coalesce(p.error ->> 'fingerprint', p.error ->> 'code', ''), coalesce(p.error ->> 'message', ''),
    CASE WHEN p.error #>> '{{details,status}}' ~ '^[0-9]{{3}}$' THEN (p.error #>> '{{details,status}}')::integer END
FROM {jobs} CROSS JOIN LATERAL ({told}) AS t CROSS JOIN LATERAL ({parked}) AS p
WHERE j.completed_at IS NULL
"""


def _insert(jobs: str) -> str:
    return _INSERT.format(jobs=jobs, told=_TOLD, parked=_PARKED)


REFRESH_ALL = _insert("jobs AS j")
"""For the migration: the rows of all jobs, into an empty table."""
_IDS = bindparam("ids", type_=ARRAY(Text))
_REFRESH = text(_insert("unnest(:ids) AS wanted (id) JOIN jobs AS j ON j.id = wanted.id")).bindparams(_IDS)
_FORGET = text("DELETE FROM dead_letters WHERE job_id = ANY(:ids)").bindparams(_IDS)


async def refresh(connection: AsyncConnection, job_ids: Collection[str], parked: Collection[str]) -> None:
    """Make the rows of these jobs anew, in the transaction that wrote the others.

    Args:
        connection: in a transaction that holds the locks of the jobs.
        job_ids: the jobs that were written.
        parked: those of them of which something may be parked.
    """
    await connection.execute(_FORGET, {"ids": sorted(job_ids)})
    if parked:
        await connection.execute(_REFRESH, {"ids": sorted(parked)})
