"""Workers of a versioned deployment: a job goes on on the version that is current, wherever it began."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.settings import Settings
from tests.integration.activities.operator_cli import temporal
from tests.integration.workflow.conftest import Bench, Handle
from worker.mark import MarkSet
from worker.queue_worker import deployment, make_worker


def test_without_both_settings_a_worker_is_unversioned() -> None:
    assert deployment(Settings()) is None


@pytest.mark.parametrize("given", [{"build_id": "1"}, {"deployment_name": "perdure"}])
def test_half_a_version_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="set together"):
        Settings(**given)  # type: ignore[arg-type]  # pydantic's own options stand beside the fields


async def test_a_job_begun_on_one_version_goes_on_on_the_next(temporal_address: str) -> None:
    name, queue = f"perdure-{uuid4().hex[:8]}", f"t{uuid4().hex[:12]}"
    async with _worker(temporal_address, name, "1", queue) as first:
        await _current(temporal_address, name, "1")
        handle = await first.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "8s"}}, _say("after")])
        await first.until(handle, "nap", "WAITING")
        assert await _version(handle) == f"{name}.1"
        async with _worker(temporal_address, name, "2", queue):
            await _current(temporal_address, name, "2")
            assert (await first.finish(handle)).status == "COMPLETED"
            assert await _version(handle) == f"{name}.2"


async def test_a_job_parked_on_a_version_that_is_gone_is_retried_on_the_next(temporal_address: str) -> None:
    name, queue = f"perdure-{uuid4().hex[:8]}", f"t{uuid4().hex[:12]}"
    fail = {"id": "f", "type": "FAIL", "with": {"class": "PERMANENT", "message": "m", "times": 1}}
    async with _worker(temporal_address, name, "1", queue) as first:
        await _current(temporal_address, name, "1")
        handle = await first.start([fail, _say("after")])
        await first.until(handle, "f", "DEAD_LETTERED")
    async with _worker(temporal_address, name, "2", queue) as second:
        await _current(temporal_address, name, "2")
        await temporal(temporal_address, "workflow", "signal", "--workflow-id", handle.id, "--name", "retry")
        assert (await second.finish(handle)).status == "COMPLETED"


def _say(id_: str) -> dict[str, object]:
    return {"id": id_, "type": "LOG", "with": {"message": id_}}


@asynccontextmanager
async def _worker(address: str, name: str, build: str, queue: str) -> AsyncIterator[Bench]:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    settings = Settings(deployment_name=name, build_id=build, worker_grace_seconds=1)
    async with guarded_client(EgressPolicy.of(allow_private=False, allowed_hosts=[])) as http:
        runtime = StepRuntime(worker=f"{name}/{build}", http=http, secrets=SecretStore({}))
        async with make_worker(client, settings, queue, all_activities(runtime), MarkSet()):
            yield Bench(client, queue)


async def _current(address: str, name: str, build: str) -> None:
    """Make a version the current one, once Temporal knows of it."""
    words = ["--deployment-name", name, "--build-id", build, "--yes"]
    async with asyncio.timeout(60):
        while True:
            try:
                await temporal(address, "worker", "deployment", "set-current-version", *words)
            except AssertionError:
                await asyncio.sleep(0.2)
            else:
                return


async def _version(handle: Handle) -> str:
    info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
    version = info.deployment_version
    return f"{version.deployment_name}.{version.build_id}"
