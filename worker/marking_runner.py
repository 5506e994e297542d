"""A wrapper of the SDK's workflow runner that marks jobs for the projector (evidence "Marks").

The composition root wraps both runners of each worker in it: `workflow_runner` and
`unsandboxed_workflow_runner`.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import structlog
from temporalio.bridge.proto.workflow_activation import RemoveFromCache, WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info

from perdure.contract.name import JOB_WORKFLOW
from perdure.garbage import collection_paused
from worker.mark import MarkSet

_Reason = RemoveFromCache.EvictionReason
_log = structlog.get_logger("worker.mark")


class MarkingRunner(WorkflowRunner):
    """A workflow runner that marks every `Job` it activates; otherwise it is the runner inside."""

    def __init__(self, inner: WorkflowRunner, marks: MarkSet) -> None:
        self._inner = inner
        self._marks = marks

    def prepare_workflow(self, defn: Any) -> None:
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = self._inner.create_instance(det)
        if det.info.workflow_type != JOB_WORKFLOW:
            return instance
        return _MarkingInstance(instance, self._marks, det.info)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._inner.set_worker_level_failure_exception_types(types)


_LARGE = 4 * 1024 * 1024
"""Bytes of payloads a workflow has got here, from which on reading and writing them counts."""


class _MarkingInstance(WorkflowInstance):
    def __init__(self, inner: WorkflowInstance, marks: MarkSet, info: Info) -> None:
        self._inner = inner
        self._marks = marks
        self._ids = (info.workflow_id, info.run_id)
        self._received = 0

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        self._received += act.ByteSize()
        # An activation has 2 s, and a job with external storage may read or write 32 MiB in one.
        pause = collection_paused() if self._received > _LARGE else nullcontext()
        try:
            with pause:
                return self._inner.activate(act)
        finally:
            self._mark(act)

    def _mark(self, act: WorkflowActivation) -> None:
        try:
            if all(job.HasField("query_workflow") for job in act.jobs):
                return
            reason = _eviction(act)
            if reason == _Reason.WORKFLOW_EXECUTION_ENDING:
                self._marks.mark_end(*self._ids)
            elif reason != _Reason.CACHE_FULL:
                self._marks.mark(*self._ids)
        except Exception:  # noqa: BLE001 - nothing of ours may reach the workflow
            _log.exception("job not marked; the sweep will find it", job_id=self._ids[0])

    def get_info(self) -> Info:
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        return self._inner.get_thread_id()

    def get_serialization_context(self, command_info: Any) -> Any:
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        return self._inner.get_external_store_context(command_info)


def _eviction(act: WorkflowActivation) -> int | None:
    """Why the worker forgets the workflow, if it does.

    WORKFLOW_EXECUTION_ENDING comes once the end is committed. CACHE_FULL means nothing, every other reason
    something: TASK_NOT_FOUND, say, that the job may have ended elsewhere.
    """
    reasons = (job.remove_from_cache.reason for job in act.jobs if job.HasField("remove_from_cache"))
    return next(reasons, None)
