"""A worker with the real workflow and steps, and steps that never end or never tell, to read and fold real runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel
from temporalio import activity
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.projection import fold, live
from perdure.projection.reader import read_all_runs, read_new
from perdure.projection.record import JobRecord, JournalEvent, LiveObservation
from perdure.settings import Settings
from perdure.steps import StepContext, step
from perdure.steps.definition import definition_of
from tests.integration.workflow.conftest import Bench, Handle
from tests.server.temporal import running_temporal
from tests.unit.fold_check import check_journal
from worker.mark import MarkSet
from worker.queue_worker import make_worker

FOR_EVER = 3_600


class Nothing(BaseModel):
    pass


@step("HANG")
async def hang(_ctx: StepContext, _params: Nothing) -> None:
    """Ends only when it is told to."""
    await asyncio.sleep(FOR_EVER)


@activity.defn(name="MUTE")
async def mute(_call: Any) -> None:
    """An activity without the wrapper: no ledger, no heartbeat, as of a worker that is gone."""
    await asyncio.sleep(FOR_EVER)


class FoldBench(Bench):
    """Starts jobs, reads and folds them as the projector does."""

    async def run_id(self, handle: Handle) -> str:
        description = await handle.describe()
        return description.run_id

    async def chain(self, handle: Handle) -> list[str]:
        """The runs of a job that continued as new, once Temporal lists them all: visibility lags."""
        runs = [handle.first_execution_run_id or ""]
        while following := await self._following(handle.id, runs[-1]):
            runs.append(following)

        async def listed() -> bool:
            return await read_all_runs(self.client, handle.id) == runs

        await until(listed)
        return runs

    async def _following(self, job_id: str, run_id: str) -> str:
        last = (await self.raw(job_id, run_id)).events[-1]
        return last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id

    async def raw(self, job_id: str, run_id: str) -> WorkflowHistory:
        return await self.client.get_workflow_handle(job_id, run_id=run_id).fetch_history()

    async def fold(self, handle: Handle, run_id: str | None = None) -> tuple[JobRecord, list[JournalEvent]]:
        """The run as it is now, its journal checked against the raw history where that has ended."""
        run_id = run_id or await self.run_id(handle)
        events = await read_new(self.client, handle.id, run_id)
        state, journal = fold.fold_run(handle.id, run_id, events)
        raw = (await self.raw(handle.id, run_id)).events
        check_journal(raw[: len(events)], journal)
        return fold.record(state), journal

    async def observe(self, handle: Handle) -> list[LiveObservation]:
        run_id = await self.run_id(handle)
        return await live.observe(self.client, handle.id, run_id, datetime.now(UTC))

    async def shown(self, handle: Handle) -> JobRecord:
        """The job as the API would show it."""
        record, _ = await self.fold(handle)
        return live.overlay(record, await self.observe(handle))


async def until(look: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """What `look` answers once that is true."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


@asynccontextmanager
async def running_fold_bench(address: str, **converter: Any) -> AsyncIterator[FoldBench]:
    data_converter = converter.get("data_converter", pydantic_data_converter)
    client = await Client.connect(address, data_converter=data_converter, identity="bench")
    queue = f"t{uuid4().hex[:12]}"
    async with guarded_client(EgressPolicy.of(allow_private=True, allowed_hosts=[])) as http:
        runtime = StepRuntime(worker="w1", http=http, secrets=SecretStore({}))
        activities = [*all_activities(runtime, [definition_of(hang)]), mute]
        # No grace: the steps that hang would use it up.
        async with make_worker(client, Settings(worker_grace_seconds=0), queue, activities, MarkSet()):
            yield FoldBench(client, queue)


@pytest.fixture(scope="module")
async def bench(temporal_address: str) -> AsyncIterator[FoldBench]:
    async with running_fold_bench(temporal_address) as running:
        yield running


@pytest.fixture(scope="module")
async def short_history_bench() -> AsyncIterator[FoldBench]:
    """A server that asks workflows to continue as new after few events."""
    with running_temporal(["limit.historyCount.suggestContinueAsNew=40"]) as address:
        async with running_fold_bench(address) as running:
            yield running
