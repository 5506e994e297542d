"""Makes the Temporal worker of one queue, with the options evidence found to matter; used by the composition root."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from perdure.contract.bulk import BULK_TASK_QUEUE
from perdure.contract.name import task_queue
from perdure.settings import Settings
from worker.mark import MarkSet
from worker.marking_runner import MarkingRunner
from workflows.bulk_action.workflow import BulkAction
from workflows.job.workflow import Job

_HEARTBEAT_THROTTLE = timedelta(seconds=2)
_BULK_PAGES = 2
"""Pages of bulk actions that one worker sends at the same time."""
PASS_THROUGH = ("perdure", "pydantic", "pydantic_core", "annotated_types", "cel_expr_python")
"""What the sandbox takes as it is. `workflows` is not among them: it is what the sandbox watches."""


def make_worker(
    client: Client, settings: Settings, queue: str, activities: Sequence[Callable[..., Any]], marks: MarkSet
) -> Worker:
    """A worker for one Perdure queue; the caller runs it and shuts it down."""
    return Worker(
        client,
        task_queue=task_queue(queue),
        workflows=[Job],
        activities=activities,
        workflow_runner=MarkingRunner(workflow_runner(settings), marks),
        unsandboxed_workflow_runner=MarkingRunner(UnsandboxedWorkflowRunner(), marks),
        max_concurrent_activities=settings.worker_max_concurrent_steps,
        graceful_shutdown_timeout=timedelta(seconds=settings.worker_grace_seconds),
        # A cancel reaches a running step with its next heartbeat that is sent; the default holds them for 24 s.
        max_heartbeat_throttle_interval=_HEARTBEAT_THROTTLE,
        deployment_config=deployment(settings),
        # Eager activities bypass the rate limits of queues (evidence).
        disable_eager_activity_execution=True,
    )


def make_bulk_worker(client: Client, settings: Settings, activities: Sequence[Callable[..., Any]]) -> Worker:
    """A worker for bulk actions, with slots of its own: however many there are, they take none from jobs."""
    return Worker(
        client,
        task_queue=BULK_TASK_QUEUE,
        workflows=[BulkAction],
        activities=activities,
        workflow_runner=workflow_runner(settings),
        max_concurrent_activities=_BULK_PAGES,
        max_concurrent_activity_task_polls=1,
        max_concurrent_workflow_tasks=_BULK_PAGES,
        graceful_shutdown_timeout=timedelta(seconds=settings.worker_grace_seconds),
        deployment_config=deployment(settings),
        disable_eager_activity_execution=True,
    )


def deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    """The version this worker is, where the settings name one; None: unversioned."""
    if settings.deployment_name is None or settings.build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment_name, settings.build_id),
        use_worker_versioning=True,
        # A parked job would keep the version it is pinned to alive for as long as its retention.
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def workflow_runner(settings: Settings) -> WorkflowRunner:
    """Sandboxed where the settings ask for it."""
    if not settings.workflow_sandbox:
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASS_THROUGH))
