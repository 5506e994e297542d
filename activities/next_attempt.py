"""The engine's own activity behind `retry_now` and `give_up`: changes the next attempt of steps that wait for one.

Temporal alone knows what waits for an attempt, and changes it without an event; who asked is noted by the workflow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio import activity
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import RetryPolicy, WorkflowExecution
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    PauseActivityRequest,
    UnpauseActivityRequest,
    UpdateActivityOptionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.command import NextAttempt
from perdure.contract.name import ACTIVITY_NEXT_ATTEMPT, HELD_REASON
from perdure.projection.live import WAITS

_AT_ONCE = timedelta(milliseconds=1)
_NOT_SOON = timedelta(days=30)
_WHY = "attempt it now"


@activity.defn(name=ACTIVITY_NEXT_ATTEMPT)
async def next_attempt(wanted: NextAttempt) -> None:
    """Have the next attempt of these activities begin at once, or have none made any more.

    One whose attempt runs by now is not cut off: hurried it is already, and given up that attempt is its last. One that
    ended meanwhile, or that somebody paused, is left alone; given up is also what waits only because its job is paused.

    Raises:
        RPCError: the server cannot be reached; Temporal repeats the attempt.
    """
    info = activity.info()
    job = WorkflowExecution(workflow_id=info.workflow_id or "", run_id=info.workflow_run_id or "")
    to = _Job(activity.client(), info.namespace, job)
    for one in await to.open():
        if one.activity_id not in wanted.activities or not _is_free(one, wanted):
            continue
        runs = one.state not in WAITS
        try:
            if wanted.give_up:
                await (to.make_last(one) if runs else to.end(one))
            elif not runs:
                await to.hurry(one)
        except RPCError as refused:
            if refused.status is not RPCStatusCode.NOT_FOUND:
                raise


def _is_free(one: PendingActivityInfo, wanted: NextAttempt) -> bool:
    # One that is paused for our own reason was left so by a worker that was killed here.
    ours = {_WHY, HELD_REASON} if wanted.give_up else {_WHY}
    return not one.paused or one.pause_info.manual.reason in ours


@dataclass(frozen=True, slots=True)
class _Job:
    """The job whose activities are changed."""

    client: Client
    namespace: str
    job: WorkflowExecution

    async def open(self) -> Sequence[PendingActivityInfo]:
        request = DescribeWorkflowExecutionRequest(namespace=self.namespace, execution=self.job)
        return (await self.client.workflow_service.describe_workflow_execution(request)).pending_activities

    async def hurry(self, one: PendingActivityInfo) -> None:
        """An activity that is let go again is not made to wait for what is left of its backoff."""
        service, who = self.client.workflow_service, self.client.identity
        pause = PauseActivityRequest(
            namespace=self.namespace,
            execution=self.job,
            identity=who,
            id=one.activity_id,
            reason=_WHY,
            request_id=str(uuid4()),
        )
        if not one.paused:
            await service.pause_activity(pause)
        await self._let_go(one)

    async def end(self, one: PendingActivityInfo) -> None:
        over = ActivityOptions(schedule_to_close_timeout=_duration(_AT_ONCE))
        await self._update(one, over, "schedule_to_close_timeout")
        if one.paused:
            # Time does not pass for what is paused. An attempt that is due would begin as it is let go: hence, with
            # this jitter, at some moment of the next weeks, when the activity has long ended.
            await self._let_go(one, jitter=_duration(_NOT_SOON))

    async def make_last(self, one: PendingActivityInfo) -> None:
        last = RetryPolicy(maximum_attempts=one.attempt)
        await self._update(one, ActivityOptions(retry_policy=last), "retry_policy.maximum_attempts")
        if one.paused:
            # Else it would wait, having failed, and be attempted again whatever its policy says.
            await self._let_go(one)

    async def _let_go(self, one: PendingActivityInfo, jitter: Duration | None = None) -> None:
        unpause = UnpauseActivityRequest(
            namespace=self.namespace,
            execution=self.job,
            identity=self.client.identity,
            id=one.activity_id,
            jitter=jitter,
        )
        await self.client.workflow_service.unpause_activity(unpause)

    async def _update(self, one: PendingActivityInfo, options: ActivityOptions, field: str) -> None:
        request = UpdateActivityOptionsRequest(
            namespace=self.namespace,
            execution=self.job,
            id=one.activity_id,
            identity=self.client.identity,
            activity_options=options,
            update_mask=FieldMask(paths=[field]),
        )
        await self.client.workflow_service.update_activity_options(request)


def _duration(time: timedelta) -> Duration:
    found = Duration()
    found.FromTimedelta(time)
    return found
