"""Starts child workflows: dependents, which outlive their parent, and the jobs of `JOB` steps."""

from typing import Any

from temporalio import workflow
from temporalio.common import (
    Priority,
    RawValue,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from perdure.contract.execution import JobStart
from perdure.contract.json_size import json_bytes
from perdure.contract.name import (
    ATTRIBUTE_CORRELATION_ID,
    ATTRIBUTE_TENANT,
    ATTRIBUTE_TYPE,
    JOB_WORKFLOW,
    MEMO_REQUEST_ID,
    MEMO_SUBMITTED_BY,
    MEMO_TRACEPARENT,
    task_queue,
)
from perdure.contract.spec import JobSpec
from perdure.contract.trace import child_traceparent
from workflows.job.state import JobRun


def inherit(parent: JobSpec, spec: JobSpec, input_: Any) -> JobSpec:
    """A child's spec with its resolved input, and what it takes from its parent where it has none of its own."""
    return spec.model_copy(
        update={
            "input": input_,
            "labels": {**parent.labels, **spec.labels},
            "correlation_id": spec.correlation_id or parent.correlation_id,
        }
    )


async def start_child(
    job: JobRun, id_: str, spec: JobSpec, *, bound: bool
) -> workflow.ChildWorkflowHandle[Any, RawValue]:
    """Start a child job; returns once its start is confirmed.

    `bound`: it is canceled with its parent; otherwise it goes on by itself.
    Raises WorkflowAlreadyStartedError where a job of that id runs.
    """
    start = JobStart(spec=spec, tenant=job.start.tenant, limits=job.limits, local_batches=job.start.local_batches)
    size = json_bytes(start.model_dump(mode="json", by_alias=True))
    await job.budget.reserve(job.limits.sent_bytes(size))
    return await workflow.start_child_workflow(
        JOB_WORKFLOW,
        start,
        id=id_,
        task_queue=task_queue(spec.queue),
        result_type=RawValue,
        parent_close_policy=ParentClosePolicy.REQUEST_CANCEL if bound else ParentClosePolicy.ABANDON,
        cancellation_type=ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED
        if bound
        else ChildWorkflowCancellationType.ABANDON,
        # REJECT_DUPLICATE would stop a parent that was reset; the history prevents a second start in a run.
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        memo=_memo(job),
        search_attributes=_search_attributes(start),
        priority=Priority(priority_key=spec.priority, fairness_key=spec.fairness_key or start.tenant),
        static_summary=spec.name,
    )


def _memo(job: JobRun) -> dict[str, Any]:
    traceparent = workflow.memo_value(MEMO_TRACEPARENT, None)
    return {
        MEMO_SUBMITTED_BY: workflow.memo_value(MEMO_SUBMITTED_BY, None),
        MEMO_REQUEST_ID: workflow.memo_value(MEMO_REQUEST_ID, None),
        MEMO_TRACEPARENT: child_traceparent(traceparent, job.id) if isinstance(traceparent, str) else None,
    }


def _search_attributes(start: JobStart) -> TypedSearchAttributes:
    values = {
        ATTRIBUTE_TYPE: start.spec.type,
        ATTRIBUTE_TENANT: start.tenant,
        ATTRIBUTE_CORRELATION_ID: start.spec.correlation_id,
    }
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
            for name, value in values.items()
            if value is not None
        ]
    )
