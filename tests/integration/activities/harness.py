"""A worker with the real step activities, and a workflow that runs one step and tells how it ended."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from temporalio import exceptions, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.contract.duration import parse_duration
from perdure.contract.ledger import AttemptLedger, Heartbeat
from perdure.contract.model import Model
from perdure.contract.spec import RetryPolicy as RetrySpec
from perdure.contract.step_call import StepFailure, StepInput, StepResult
from perdure.steps.definition import StepDefinition

QUICK = RetrySpec(initial_interval="20ms", maximum_interval="100ms", maximum_attempts=4)


class Probe(Model):
    call: StepInput
    heartbeat_timeout: str = "30s"
    total_timeout: str | None = None
    local: bool = False


class Ended(Model):
    """How the activity ended: a result, a failure with its details, or a timeout with its last heartbeat."""

    result: StepResult | None = None
    failure: StepFailure | None = None
    code: str | None = None
    heartbeat: Heartbeat | None = None

    @property
    def ledger(self) -> AttemptLedger:
        if self.result is not None:
            return self.result.ledger
        if self.failure is not None:
            return self.failure.ledger
        assert self.heartbeat is not None
        return self.heartbeat.ledger

    @property
    def outcomes(self) -> list[str]:
        return [str(record.outcome) for record in self.ledger.records]


@workflow.defn(name="StepProbe")
class StepProbe:
    @workflow.run
    async def run(self, probe: Probe) -> Ended:
        if probe.local:
            return await _try_locally(probe.call)
        retry = probe.call.retry
        try:
            raw = await workflow.execute_activity(
                probe.call.step_type,
                probe.call,
                activity_id=probe.call.step_id,
                result_type=RawValue,
                start_to_close_timeout=parse_duration(probe.call.timeout),
                schedule_to_close_timeout=parse_duration(probe.total_timeout) if probe.total_timeout else None,
                heartbeat_timeout=parse_duration(probe.heartbeat_timeout),
                retry_policy=RetryPolicy(
                    initial_interval=parse_duration(retry.initial_interval),
                    backoff_coefficient=retry.backoff_coefficient,
                    maximum_interval=parse_duration(retry.maximum_interval),
                    maximum_attempts=retry.maximum_attempts,
                ),
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        except ActivityError as failed:
            return _ended(failed)
        return Ended(result=StepResult.model_validate_json(raw.payload.data))


async def _try_locally(call: StepInput) -> Ended:
    """One try in the workflow's own task, as cheap steps may be run."""
    try:
        raw = await workflow.execute_local_activity(
            call.step_type,
            call,
            result_type=RawValue,
            start_to_close_timeout=parse_duration(call.timeout),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
    except ApplicationError as failed:
        return Ended(failure=StepFailure.model_validate(failed.details[0], strict=False), code=failed.type)
    return Ended(result=StepResult.model_validate_json(raw.payload.data))


def _ended(failed: ActivityError) -> Ended:
    cause = failed.cause
    if isinstance(cause, ApplicationError):
        failure = StepFailure.model_validate(cause.details[0], strict=False) if cause.details else None
        return Ended(failure=failure, code=cause.type)
    assert isinstance(cause, exceptions.TimeoutError), cause
    details = cause.last_heartbeat_details
    heartbeat = Heartbeat.model_validate(details[0], strict=False) if details else Heartbeat()
    return Ended(heartbeat=heartbeat, code=str(cause.type))


def call_of(step_type: str, params: dict[str, Any], **changes: Any) -> StepInput:
    job_id = f"default:{uuid.uuid4()}"
    fields: dict[str, Any] = {
        "job_id": job_id,
        "job_name": "probe",
        "job_type": "INLINE",
        "tenant": "default",
        "step_id": "one",
        "step_type": step_type,
        "params": params,
        "idempotency_key": f"{job_id}/one",
        "retry": QUICK,
        "timeout": "30s",
    }
    return StepInput(**{**fields, **changes})


def runtime_with(http: httpx.AsyncClient, **changes: Any) -> StepRuntime:
    return StepRuntime(**{"worker": "test/1", "http": http, "secrets": SecretStore({}), **changes})


@asynccontextmanager
async def worker(
    client: Client, runtime: StepRuntime, queue: str, plugins: Sequence[StepDefinition] = (), **options: Any
) -> AsyncIterator[Worker]:
    async with Worker(
        client,
        task_queue=queue,
        workflows=[StepProbe],
        activities=all_activities(runtime, plugins),
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_heartbeat_throttle_interval=timedelta(milliseconds=200),
        disable_eager_activity_execution=True,
        **options,
    ) as running:
        yield running


async def start(client: Client, queue: str, call: StepInput, **options: Any) -> WorkflowHandle[Any, Ended]:
    return await client.start_workflow(
        "StepProbe", Probe(call=call, **options), id=call.job_id, task_queue=queue, result_type=Ended
    )


async def finish(client: Client, queue: str, call: StepInput, **options: Any) -> Ended:
    return await (await start(client, queue, call, **options)).result()
