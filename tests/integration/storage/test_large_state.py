"""Jobs whose state is far beyond Temporal's limits: over continue-as-new, and after their worker forgot them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import BaseModel
from temporalio.client import Client

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.contract.execution import JobStart
from perdure.contract.name import JOB_WORKFLOW, task_queue
from perdure.contract.spec import JobSpec, effective
from perdure.settings import Settings
from perdure.steps import StepContext, step
from perdure.steps.definition import definition_of
from perdure.storage.converter import data_converter
from tests.integration.workflow.conftest import Bench, Handle
from tests.server.temporal import running_temporal
from worker.mark import MarkSet
from worker.queue_worker import make_worker

MIB = 1024 * 1024
pytestmark = [pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(180)]


class RowsParams(BaseModel):
    count: int


@step("ROWS")
async def rows(ctx: StepContext, params: RowsParams) -> list[dict[str, Any]]:
    """A megabyte for each 12,000: many small values take longest to read."""
    name = f"customer of {ctx.step_id}"
    return [{"id": number, "name": name, "amount": number * 1.5, "tags": ["a", "b"]} for number in range(params.count)]


@pytest.fixture(scope="module")
def short_runs() -> Iterator[str]:
    """A Temporal server that asks a workflow to continue as new after 60 events."""
    with running_temporal(["limit.historyCount.suggestContinueAsNew=60"]) as address:
        yield address


def settings_of(directory: Path) -> Settings:
    return Settings(storage_dir=directory, limit_output_bytes=2 * MIB, limit_state_bytes=32 * MIB)


@asynccontextmanager
async def storing(address: str, settings: Settings, queue: str) -> AsyncIterator[Bench]:
    client = await Client.connect(address, data_converter=data_converter(settings))
    async with httpx.AsyncClient() as http:
        runtime = StepRuntime(worker="test/1", http=http, secrets=SecretStore({}))
        activities = all_activities(runtime, [definition_of(rows)])
        async with make_worker(client, settings, queue, activities, MarkSet()):
            yield Bench(client, queue)


async def start(bench: Bench, settings: Settings, steps: list[dict[str, Any]], **fields: Any) -> Handle:
    body = {"name": "large", "steps": steps, "queue": bench.queue, **fields}
    spec = effective(JobSpec.model_validate_json(json.dumps(body)))
    job = JobStart(spec=spec, tenant="default", limits=settings.limits)
    id_ = f"default:{uuid4().hex}"
    return await bench.client.start_workflow(JOB_WORKFLOW, job, id=id_, task_queue=task_queue(bench.queue))


def rows_step(id_: str, count: int = 12_000) -> dict[str, Any]:
    return {"id": id_, "type": "ROWS", "with": {"count": count}, "timeout": "30s"}


async def failed_tasks(handle: Handle) -> list[str]:
    return [
        event.workflow_task_failed_event_attributes.failure.message
        async for event in handle.fetch_history_events()
        if event.HasField("workflow_task_failed_event_attributes")
    ]


async def test_twenty_megabytes_pass_continue_as_new(short_runs: str, tmp_path: Path) -> None:
    settings, queue = settings_of(tmp_path), f"t{uuid4().hex[:12]}"
    async with storing(short_runs, settings, queue) as bench:
        steps = [rows_step(f"s{number}") for number in range(24)]
        output = "${ [size(steps.s0.output), size(steps.s23.output)] }"
        handle = await start(bench, settings, steps, output=output)
        result = await asyncio.wait_for(bench.finish(handle), 150)
        assert (result.status, result.error) == ("COMPLETED", None)
        assert result.output == [12_000, 12_000]
        begun = bench.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        ended = (await begun.fetch_history()).events[-1]
        assert ended.HasField("workflow_execution_continued_as_new_event_attributes")
        assert [*await failed_tasks(begun), *await failed_tasks(handle)] == []


async def test_a_new_worker_reads_what_another_kept(temporal_address: str, tmp_path: Path) -> None:
    settings, queue = settings_of(tmp_path), f"t{uuid4().hex[:12]}"
    fail = {"id": "f", "type": "FAIL", "with": {"class": "PERMANENT", "message": "m", "times": 1}}
    async with storing(temporal_address, settings, queue) as first:
        handle = await start(first, settings, [rows_step("a"), fail], output="${ size(steps.a.output) }")
        await first.until(handle, "f", "DEAD_LETTERED")
    async with storing(temporal_address, settings, queue) as second:
        await handle.signal("retry")
        result = await asyncio.wait_for(second.finish(handle), 60)
    assert (result.status, result.output) == ("COMPLETED", 12_000)
    assert await failed_tasks(handle) == []


async def test_a_result_that_cannot_be_kept_fails_the_attempt_and_is_tried_again(
    temporal_address: str, tmp_path: Path
) -> None:
    settings, queue = settings_of(tmp_path / "storage"), f"t{uuid4().hex[:12]}"
    async with storing(temporal_address, settings, queue) as bench:
        (tmp_path / "storage").rename(tmp_path / "away")
        retry = {"initial_interval": "1s", "maximum_interval": "1s", "maximum_attempts": 100}
        handle = await start(bench, settings, [rows_step("a") | {"retry": retry}], output=1)

        async def refused() -> bool:
            pending = (await handle.describe()).raw_description.pending_activities
            failures = [one.last_failure.application_failure_info.type for one in pending]
            return failures == ["WORKER.STORAGE"]

        await bench.eventually(refused)
        (tmp_path / "away").rename(tmp_path / "storage")
        result = await asyncio.wait_for(bench.finish(handle), 60)
    assert (result.status, result.error) == ("COMPLETED", None)
