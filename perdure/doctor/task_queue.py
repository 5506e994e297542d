"""What Temporal's task queues tell: which workers serve them, and what Temporal's clock says; for the doctor."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, PollWorkflowTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from perdure.contract import name
from perdure.doctor.clock import examine_clock, now
from perdure.doctor.finding import Finding, ok, warning
from perdure.settings import Settings

_CLOCK_QUEUE = "perdure-doctor"
_POLL = timedelta(seconds=10)


async def examine_workers(client: Client, settings: Settings) -> Sequence[Finding]:
    pollers = {queue: await _pollers(client, settings, name.task_queue(queue)) for queue in settings.queues}
    idle = [queue for queue, found in pollers.items() if not found]
    if idle:
        what = f"no worker serves the queue {', '.join(idle)}: its jobs wait"
        return [warning("workers", what, "Start one (perdure dev, or python -m worker with PERDURE_QUEUES).")]
    counted = ", ".join(f"{queue}: {len({one.identity for one in found})}" for queue, found in pollers.items())
    return [ok("workers", f"queues and their workers: {counted}")]


async def _pollers(client: Client, settings: Settings, task_queue: str) -> Sequence[PollerInfo]:
    request = DescribeTaskQueueRequest(
        namespace=settings.temporal_namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    return (await client.workflow_service.describe_task_queue(request)).pollers


async def examine_clock_of_temporal(client: Client, settings: Settings) -> Sequence[Finding]:
    """Poll a queue that nothing is sent to: of a poller, Temporal tells by its own clock when it came."""
    identity = f"doctor-{os.getpid()}-{os.urandom(4).hex()}"
    request = PollWorkflowTaskQueueRequest(
        namespace=settings.temporal_namespace, task_queue=TaskQueue(name=_CLOCK_QUEUE), identity=identity
    )
    before = now()
    poll = asyncio.create_task(client.workflow_service.poll_workflow_task_queue(request, timeout=_POLL))
    try:
        while True:
            for one in await _pollers(client, settings, _CLOCK_QUEUE):
                if one.identity == identity:
                    theirs = one.last_access_time.ToDatetime(tzinfo=UTC)
                    return [examine_clock("Temporal", before, theirs, now())]
            await asyncio.sleep(0.02)
    finally:
        poll.cancel()
        with suppress(asyncio.CancelledError, RPCError):
            await poll
