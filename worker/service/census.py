"""Counts what only asking tells, for `/metrics`: jobs in Postgres, where this worker leads, and waiting tasks."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from perdure.contract.name import task_queue
from perdure.store.census import oldest_dead_letters, open_jobs, stuck_jobs
from perdure.store.session import transaction
from perdure.telemetry.metric.census import CensusMetrics, JobCensus, QueueBacklog
from worker.service.background import Background
from worker.service.leader import Leader

_KINDS = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}


class Census:
    """Counts every `interval` seconds. What cannot be counted now is not shown."""

    def __init__(
        self,
        client: Client,
        engine: AsyncEngine,
        leader: Leader,
        metrics: CensusMetrics,
        *,
        queues: Sequence[str],
        interval: float,
    ) -> None:
        self._client = client
        self._engine = engine
        self._leader = leader
        self._metrics = metrics
        self._queues = tuple(queues)
        self._interval = interval
        self._jobs = Background("census of jobs", self._jobs_round)
        self._tasks = Background("census of queues", self._tasks_round)

    async def start(self) -> None:
        """Begin to count."""
        self._jobs.start()
        self._tasks.start()

    async def stop(self) -> None:
        """End."""
        await self._jobs.stop()
        await self._tasks.stop()

    async def _jobs_round(self) -> None:
        counted = None
        try:
            if self._leader.leading:
                counted = await self._count()
        finally:
            self._metrics.jobs = counted
        # Who leads is known a moment after the start; nobody should wait a whole interval for it.
        await self._jobs.pause(self._interval if counted else min(1.0, self._interval))

    async def _count(self) -> JobCensus:
        async with transaction(self._engine) as connection:
            found = await open_jobs(connection)
            oldest = await oldest_dead_letters(connection)
            stuck = await stuck_jobs(connection)
        now = datetime.now(UTC)
        ages = {queue: max(0.0, (now - since).total_seconds()) for queue, since in oldest.items()}
        return JobCensus(found, ages, stuck)

    async def _tasks_round(self) -> None:
        backlog: list[QueueBacklog] = []
        try:
            backlog = [await self._backlog(queue, kind) for queue in self._queues for kind in _KINDS]
        finally:
            self._metrics.backlog = backlog
        await self._tasks.pause(self._interval)

    async def _backlog(self, queue: str, kind: str) -> QueueBacklog:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=task_queue(queue)),
            task_queue_type=_KINDS[kind],
            report_stats=True,
        )
        stats = (await self._client.workflow_service.describe_task_queue(request)).stats
        age = stats.approximate_backlog_age.ToTimedelta().total_seconds()
        return QueueBacklog(queue, kind, stats.approximate_backlog_count, max(0.0, age))
