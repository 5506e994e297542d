"""Decisions of people in the trace of the job they are about; told by the routes that take them."""

import time

from api.context import RequestContext
from perdure.contract.trace import job_context
from perdure.projection.record import JobRecord
from perdure.security.principal import Principal
from perdure.telemetry.trace.attribute import told
from perdure.telemetry.trace.tracing import Told, Tracing


class DecisionSpan:
    """A decision from the moment it was asked for, linked to the request that asked."""

    def __init__(self, tracing: Tracing, name: str, principal: Principal, context: RequestContext) -> None:
        self._tracing = tracing
        self._name = name
        self._principal = principal
        self._context = context
        self._start = time.time_ns()

    def taken(self, job: JobRecord, reason: str | None) -> None:
        """Temporal took it; `job` is how it stands now."""
        within = job_context(job.traceparent, job.id)
        if within is None:
            return
        attributes = told(
            job_id=job.id,
            parent_job_id=job.parent_id,
            status=job.status,
            trace_id=within.trace_id,
            actor=self._principal.actor,
            reason=reason,
            request_id=self._context.request_id,
        )
        # Exported also from an unsampled trace: decisions are few, and each changes what the rest of it means.
        self._tracing.tell(
            Told(
                self._name,
                self._tracing.place(within),
                within,
                self._start,
                time.time_ns(),
                attributes,
                kept=True,
                links=[self._context.place],
            )
        )
