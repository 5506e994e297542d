"""Starts the `Job` workflow of a submission, once; and says what the job looks like at that moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.context import RequestContext
from api.state import Services
from api.temporal_call import TemporalUnavailableError, temporal_call
from perdure.admission.admission import Admitted
from perdure.contract import name
from perdure.contract.execution import JobStart
from perdure.contract.limit import JobLimits
from perdure.projection import fold
from perdure.projection.history import HistoryEvent
from perdure.projection.payload import PayloadReader
from perdure.projection.reader import describe
from perdure.projection.record import JobRecord

_RPC_TIMEOUT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class StartRequest:
    """One submission, ready to start."""

    job_id: str
    tenant: str
    actor: str
    admitted: Admitted
    context: RequestContext
    limits: JobLimits = field(default_factory=JobLimits)
    """What the job runs under."""
    resubmit_of: str | None = None
    """The job that this one does again."""
    kept: Mapping[str, Any] = field(default_factory=dict)
    """Outputs it takes over from that one, by step id."""
    reason: str | None = None
    """Why it is resubmitted."""

    @property
    def memo(self) -> dict[str, str]:
        """What the workflow carries from its start: who submitted what, by which request."""
        again = {name.MEMO_RESUBMIT_OF: self.resubmit_of, name.MEMO_REASON: self.reason}
        return {key: value for key, value in again.items() if value is not None} | {
            name.MEMO_FINGERPRINT: self.admitted.fingerprint,
            name.MEMO_SUBMITTED_BY: self.actor,
            name.MEMO_REQUEST_ID: self.context.request_id,
            name.MEMO_TRACEPARENT: self.context.traceparent,
        }

    @property
    def input(self) -> JobStart:
        """The workflow's input."""
        return JobStart(
            spec=self.admitted.spec,
            tenant=self.tenant,
            limits=self.limits,
            resubmit_of=self.resubmit_of,
            kept=dict(self.kept),
            local_batches=True,
        )

    @property
    def queue(self) -> str:
        """The Temporal task queue."""
        return name.task_queue(self.admitted.spec.queue)


async def start_job(found: Services, request: StartRequest, *, tries: int) -> str:
    """Start the workflow; returns the run id.

    Args:
        found: the application's services.
        request: what to start. A second try after an unknown outcome uses the same id, so it cannot double.
        tries: how often to try when the outcome of a try is not known.

    Raises:
        WorkflowAlreadyStartedError: somebody else started this id before.
        TemporalUnavailableError: whether it was started is not known.
    """
    for left in reversed(range(tries)):
        try:
            return await _start(found, request)
        except TemporalUnavailableError:
            if not left:
                raise
        except WorkflowAlreadyStartedError as error:
            if left == tries - 1 or not await _is_ours(found, request):
                raise
            return error.run_id or ""
    raise TemporalUnavailableError


async def _start(found: Services, request: StartRequest) -> str:
    spec = request.admitted.spec
    async with temporal_call():
        handle = await found.temporal.start_workflow(
            name.JOB_WORKFLOW,
            request.input,
            id=request.job_id,
            task_queue=request.queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo=request.memo,
            search_attributes=_search_attributes(request),
            static_summary=spec.name,
            priority=Priority(priority_key=spec.priority, fairness_key=spec.fairness_key or request.tenant),
            rpc_timeout=_RPC_TIMEOUT,
        )
    return handle.result_run_id or ""


def _search_attributes(request: StartRequest) -> TypedSearchAttributes:
    spec = request.admitted.spec
    values = {
        name.ATTRIBUTE_TYPE: spec.type,
        name.ATTRIBUTE_TENANT: request.tenant,
        name.ATTRIBUTE_CORRELATION_ID: spec.correlation_id,
    }
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(key), value)
            for key, value in values.items()
            if value is not None
        ]
    )


async def memo_of(found: Services, job_id: str) -> dict[str, object]:
    """The fingerprint and request id of a job that Temporal holds, by memo name; without what is not there.

    Raises:
        TemporalUnavailableError: Temporal is away.
    """
    async with temporal_call():
        memo = (await describe(found.temporal, job_id)).workflow_execution_info.memo
    reader = PayloadReader(found.temporal.data_converter)
    return dict(await reader.memo(memo, (name.MEMO_FINGERPRINT, name.MEMO_REQUEST_ID)))


async def _is_ours(found: Services, request: StartRequest) -> bool:
    """Whether the workflow there is the one that an earlier try of this very request started."""
    memo = await memo_of(found, request.job_id)
    return all(memo.get(key) == request.memo[key] for key in (name.MEMO_FINGERPRINT, name.MEMO_REQUEST_ID))


def queued_job(request: StartRequest, run_id: str, created_at: datetime | None = None) -> JobRecord:
    """The job as the fold will tell it once it has read the first event."""
    state = fold.start(request.job_id, run_id)
    data = {
        "input": request.input.model_dump(mode="json", by_alias=True),
        "memo": request.memo,
        "task_queue": request.queue,
        "identity": request.actor,
        "first_run_id": run_id,
        "original_run_id": run_id,
    }
    fold.apply(state, HistoryEvent(1, created_at or datetime.now(UTC), "WORKFLOW_EXECUTION_STARTED", data))
    return fold.record(state)
