"""Every time that a unit was parked, also what was brought home since: as the journal tells it. Used by the groups."""

from sqlalchemy import Boolean, DateTime, Integer, Text, column, text

from perdure.store.table import jobs

# Expressions are spelled as in the indexes of the journal. A unit that parked again is parked in another round.
_PARKINGS = """
    SELECT t.job_id, owner.tenant, t.step_id, coalesce(s.type, '') AS step_type, t.at AS parked_at,
        ((t.data -> 'error') ->> 'fingerprint') AS fingerprint,
        coalesce((t.data -> 'error') ->> 'code', '') AS code,
        coalesce((t.data -> 'error') ->> 'class', '') AS error_class,
        coalesce((t.data -> 'error') ->> 'message', '') AS message,
        CASE WHEN t.data #>> '{error,details,status}' ~ '^[0-9]{3}$'
            THEN (t.data #>> '{error,details,status}')::integer END AS http_status,
        EXISTS (
            SELECT FROM dead_letters AS d WHERE d.job_id = t.job_id AND d.parked_at = t.at
            AND d.unit = t.step_id || coalesce('.' || (t.data ->> 'item'), '')
                || CASE WHEN t.data ->> 'compensation' = 'true' THEN '.compensate' ELSE '' END
        ) AS still
    FROM journal AS t JOIN jobs AS owner ON owner.id = t.job_id
    LEFT JOIN steps AS s ON s.job_id = t.job_id AND s.id = t.step_id
    WHERE t.type = 'STEP_PARKED' AND ((t.data -> 'error') ->> 'fingerprint') IS NOT NULL
"""
_TEXTS = ("job_id", "tenant", "step_id", "step_type", "fingerprint", "code", "error_class", "message")
parkings = (
    text(_PARKINGS)
    .columns(
        *(column(name, Text) for name in _TEXTS),
        column("parked_at", DateTime(timezone=True)),
        column("http_status", Integer),
        column("still", Boolean),
    )
    .subquery("parkings")
)
"""The columns of `dead_letters` that filters ask for, and `still`: whether it is parked to this day."""
EVER = parkings.join(jobs, jobs.c.id == parkings.c.job_id)
"""Those with the jobs whose they are."""
