"""The engine's own activity that holds the open steps of the job which runs it, and lets them go."""

import asyncio
from datetime import timedelta

import httpx
from pydantic import BaseModel
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.wrapper import all_activities
from perdure.contract.command import HoldInput
from perdure.contract.name import ACTIVITY_HOLD_STEPS
from perdure.contract.step_call import StepResult
from perdure.steps import ErrorClass, StepContext, StepError, step
from perdure.steps.definition import StepDefinition, definition_of
from tests.integration.activities.harness import call_of, runtime_with
from tests.integration.activities.operator_cli import on_activity


class Nothing(BaseModel):
    pass


class Stage:
    """`FLAKY` fails until it may pass; `STEADY` runs until it may end."""

    def __init__(self) -> None:
        self.tries = 0
        self.pass_on = False
        self.steady = asyncio.Event()
        self.end = asyncio.Event()

    def definitions(self) -> list[StepDefinition]:
        @step("FLAKY")
        async def flaky(ctx: StepContext, params: Nothing) -> None:
            self.tries += 1
            if not self.pass_on:
                raise StepError("STEP.FLAKY", ErrorClass.TRANSIENT, "not yet")

        @step("STEADY")
        async def steady(ctx: StepContext, params: Nothing) -> str:
            self.steady.set()
            await self.end.wait()
            return "finished"

        return [definition_of(flaky), definition_of(steady)]


@workflow.defn(name="Holds", sandboxed=False)
class Holds:
    """Two steps; holds what is open as often as it is told, by signal."""

    def __init__(self) -> None:
        self.held: list[bool] = []

    @workflow.run
    async def run(self) -> str:
        retry = RetryPolicy(initial_interval=timedelta(milliseconds=100), backoff_coefficient=1)
        flaky, steady = (
            workflow.start_activity(
                kind,
                call_of_(kind),
                activity_id=kind.lower(),
                start_to_close_timeout=timedelta(seconds=50),
                heartbeat_timeout=timedelta(seconds=2),
                retry_policy=retry,
                result_type=StepResult,
            )
            for kind in ("FLAKY", "STEADY")
        )
        done = await steady
        await flaky
        return str(done.output)

    @workflow.signal
    async def hold(self, wanted: bool) -> None:
        await workflow.execute_activity(
            ACTIVITY_HOLD_STEPS,
            HoldInput(hold=wanted),
            activity_id="perdure:hold",
            start_to_close_timeout=timedelta(seconds=20),
        )
        self.held.append(wanted)

    @workflow.query
    def told(self) -> list[bool]:
        return self.held


@workflow.defn(name="HoldsNothing", sandboxed=False)
class HoldsNothing:
    @workflow.run
    async def run(self) -> None:
        for hold in (True, False):
            await workflow.execute_activity(
                ACTIVITY_HOLD_STEPS,
                {"hold": hold},
                activity_id="perdure:hold",
                start_to_close_timeout=timedelta(seconds=5),
            )


def call_of_(kind: str) -> object:
    return call_of(kind, {}).model_copy(update={"job_id": workflow.info().workflow_id})


async def test_steps_are_held_and_let_go_running_ones_finish(
    client: Client, http: httpx.AsyncClient, queue: str, temporal_address: str
) -> None:
    stage = Stage()
    async with _worker(client, http, queue, stage):
        handle = await client.start_workflow("Holds", id=queue, task_queue=queue, result_type=str)
        await stage.steady.wait()
        await _hold(handle, True, 1)
        await _hold(handle, True, 2)
        assert await _paused(handle) == {"flaky": True, "steady": True}
        tries = stage.tries
        await asyncio.sleep(1)
        assert stage.tries <= tries + 1  # the one that was on its way
        stage.end.set()
        async with asyncio.timeout(60):
            while set(await _paused(handle)) != {"flaky"}:
                await asyncio.sleep(0.05)
        await _hold(handle, False, 3)
        await _hold(handle, False, 4)
        stage.pass_on = True
        assert await asyncio.wait_for(handle.result(), 60) == "finished"


async def test_what_a_person_holds_stays_held(
    client: Client, http: httpx.AsyncClient, queue: str, temporal_address: str
) -> None:
    stage = Stage()
    async with _worker(client, http, queue, stage):
        handle = await client.start_workflow("Holds", id=queue, task_queue=queue, result_type=str)
        await stage.steady.wait()
        await on_activity(temporal_address, "pause", handle.id, activity_id="flaky")
        await _hold(handle, True, 1)
        await _hold(handle, False, 2)
        assert await _paused(handle) == {"flaky": True, "steady": False}
        stage.pass_on = True
        stage.end.set()
        await on_activity(temporal_address, "unpause", handle.id, activity_id="flaky")
        assert await asyncio.wait_for(handle.result(), 60) == "finished"


async def test_nothing_open_is_no_error(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    async with Worker(
        client, task_queue=queue, workflows=[HoldsNothing], activities=all_activities(runtime_with(http))
    ):
        handle = await client.start_workflow("HoldsNothing", id=queue, task_queue=queue)
        await asyncio.wait_for(handle.result(), 60)


def _worker(client: Client, http: httpx.AsyncClient, queue: str, stage: Stage) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[Holds],
        activities=all_activities(runtime_with(http), stage.definitions()),
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_heartbeat_throttle_interval=timedelta(milliseconds=200),
    )


async def _hold(handle: WorkflowHandle[object, str], hold: bool, times: int) -> None:
    await handle.signal("hold", hold)
    async with asyncio.timeout(60):
        while len(await handle.query("told")) < times:
            await asyncio.sleep(0.05)


async def _paused(handle: WorkflowHandle[object, str]) -> dict[str, bool]:
    found = (await handle.describe()).raw_description.pending_activities
    return {one.activity_id: one.paused for one in found}
