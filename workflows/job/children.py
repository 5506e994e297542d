"""Starts the job's dependents: child workflows that outlive their parent, with ids known beforehand."""

import asyncio
from collections.abc import Callable

from temporalio import workflow
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from perdure.contract.execution import JobStart
from perdure.contract.identifier import dependent_id
from perdure.contract.journal import JournalType
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
from perdure.contract.spec import DependentSpec, DependentWhen, JobSpec
from perdure.expressions import ExpressionError, resolve
from workflows.job.ending import Ending, EndingKind
from workflows.job.note import NoteWriter
from workflows.job.outcome import told
from workflows.job.state import JobRun

_INHERITED_MEMO = (MEMO_SUBMITTED_BY, MEMO_REQUEST_ID, MEMO_TRACEPARENT)
_AFTER_END = {
    EndingKind.COMPLETED: DependentWhen.SUCCESS,
    EndingKind.FAILED: DependentWhen.FAILURE,
    EndingKind.EXPIRED: DependentWhen.FAILURE,
    EndingKind.TIMED_OUT: DependentWhen.FAILURE,
}


class Children:
    """The starts under way. A start is never cut off: once decided, the dependent runs."""

    def __init__(self, job: JobRun, notes: NoteWriter, on_moved: Callable[[], None]) -> None:
        self._job = job
        self._notes = notes
        self._on_moved = on_moved
        self._starting: dict[str, asyncio.Task[None]] = {}
        self.crash: BaseException | None = None

    @property
    def idle(self) -> bool:
        """Whether every start is confirmed."""
        return not self._starting

    def after_end(self, ending: Ending) -> None:
        """Start what waits for the job's end."""
        wanted = {DependentWhen.ALWAYS, _AFTER_END.get(ending.kind)}
        self._begin([each for each in self._job.spec.dependents if each.when in wanted], park=1)

    def after_park(self, park: int) -> None:
        """Start what waits for a dead letter; `park` counts them."""
        wanted = [each for each in self._job.spec.dependents if each.when is DependentWhen.DEAD_LETTER]
        self._begin(wanted, park)

    def _begin(self, dependents: list[DependentSpec], park: int) -> None:
        for dependent in dependents:
            id_ = dependent_id(self._job.id, dependent.name, park)
            self._starting[id_] = asyncio.create_task(self._start(id_, dependent))

    async def _start(self, id_: str, dependent: DependentSpec) -> None:
        try:
            await self._start_child(id_, self._child_spec(dependent.job))
        except ExpressionError as problem:
            reason = f"its input: {told(problem)}"
            self._notes.add(JournalType.CHILD_NOT_STARTED, reason=reason, child=id_, name=dependent.name)
        except WorkflowAlreadyStartedError:
            pass  # an earlier run of this job started it, before a reset
        except Exception as crash:  # noqa: BLE001  raised again by the main coroutine: the task must not vanish
            self.crash = crash
        del self._starting[id_]
        self._on_moved()

    def _child_spec(self, spec: JobSpec) -> JobSpec:
        parent = self._job.spec
        return spec.model_copy(
            update={
                "input": resolve(spec.input, self._job.scope()).value,
                "labels": {**parent.labels, **spec.labels},
                "correlation_id": spec.correlation_id or parent.correlation_id,
            }
        )

    async def _start_child(self, id_: str, spec: JobSpec) -> None:
        start = JobStart(spec=spec, tenant=self._job.start.tenant, limits=self._job.limits)
        await self._job.budget.reserve(json_bytes(start.model_dump(mode="json", by_alias=True)))
        await workflow.start_child_workflow(
            JOB_WORKFLOW,
            start,
            id=id_,
            task_queue=task_queue(spec.queue),
            parent_close_policy=ParentClosePolicy.ABANDON,
            cancellation_type=ChildWorkflowCancellationType.ABANDON,
            # REJECT_DUPLICATE would stop a parent that was reset; the history prevents a second start in a run.
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            memo={name: workflow.memo_value(name, None) for name in _INHERITED_MEMO},
            search_attributes=_search_attributes(start),
            priority=Priority(priority_key=spec.priority, fairness_key=spec.fairness_key or start.tenant),
            static_summary=spec.name,
        )


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
