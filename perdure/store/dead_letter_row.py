"""The rows of `dead_letters`: what of a job is parked now, as its other rows say. Used by the projection writer.

One statement over the tables as they stand, so that the rows are right whoever wrote the others, and in what order.
Table names stand alone: whoever shadows the projection's tables gets rows of the shadow.
"""

from collections.abc import Collection

from sqlalchemy import Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

_PARKED = """
    SELECT s.job_id, s.id AS unit, s.id AS step_id, s.type, s.round, s.error, NULL::text AS item, false AS undo
    FROM steps AS s
    WHERE s.status = 'DEAD_LETTERED' AND {of_steps} AND NOT EXISTS (
        SELECT FROM items AS i WHERE i.job_id = s.job_id AND i.step_id = s.id AND i.status = 'DEAD_LETTERED'
        AND i.round >= s.round)
    UNION ALL
    SELECT s.job_id, s.id || '.compensate', s.id, s.type, (s.compensation ->> 'round')::integer,
        s.compensation -> 'error', NULL, true
    FROM steps AS s
    WHERE s.compensation ->> 'status' = 'DEAD_LETTERED' AND s.items IS NULL AND {of_steps}
    UNION ALL
    SELECT i.job_id, i.step_id || '.' || i.index, i.step_id, s.type, i.round, i.error, i.index::text, false
    FROM items AS i JOIN steps AS s ON s.job_id = i.job_id AND s.id = i.step_id
    WHERE i.status = 'DEAD_LETTERED' AND i.round >= s.round AND s.status = 'DEAD_LETTERED' AND {of_items}
    UNION ALL
    SELECT i.job_id, i.step_id || '.' || i.index || '.compensate', i.step_id, s.type,
        (i.compensation ->> 'round')::integer, i.compensation -> 'error', i.index::text, true
    FROM items AS i JOIN steps AS s ON s.job_id = i.job_id AND s.id = i.step_id
    WHERE i.compensation ->> 'status' = 'DEAD_LETTERED' AND i.round >= s.round AND {of_items}
"""
_TOLD = """
    SELECT job_id, step_id, data ->> 'item' AS item, coalesce(data ->> 'compensation', 'false') = 'true' AS undo,
        max(at) AS at
    FROM journal WHERE type = 'STEP_PARKED' AND {of_journal} GROUP BY 1, 2, 3, 4
"""
_INSERT = """
INSERT INTO dead_letters (job_id, unit, tenant, step_id, step_type, round, parked_at, code, error_class, fingerprint,
    message, http_status)
SELECT p.job_id, p.unit, j.tenant, p.step_id, p.type, p.round, coalesce(t.at, j.run_started_at),
    coalesce(p.error ->> 'code', ''), coalesce(p.error ->> 'class', ''),
    coalesce(p.error ->> 'fingerprint', p.error ->> 'code', ''), coalesce(p.error ->> 'message', ''),
    CASE WHEN p.error #>> '{{details,status}}' ~ '^[0-9]{{3}}$' THEN (p.error #>> '{{details,status}}')::integer END
FROM ({parked}) AS p
JOIN jobs AS j ON j.id = p.job_id AND j.completed_at IS NULL
LEFT JOIN ({told}) AS t
    ON t.job_id = p.job_id AND t.step_id = p.step_id AND t.item IS NOT DISTINCT FROM p.item AND t.undo = p.undo
"""


def _insert(of_steps: str, of_items: str, of_journal: str) -> str:
    parked = _PARKED.format(of_steps=of_steps, of_items=of_items)
    return _INSERT.format(parked=parked, told=_TOLD.format(of_journal=of_journal))


REFRESH_ALL = _insert("true", "true", "true")
"""For the migration: the rows of all jobs, into an empty table."""
_IDS = bindparam("ids", type_=ARRAY(Text))
_REFRESH = text(_insert("s.job_id = ANY(:ids)", "i.job_id = ANY(:ids)", "job_id = ANY(:ids)")).bindparams(_IDS)
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
