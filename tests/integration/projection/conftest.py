"""A worker with all services on a real Temporal and a real Postgres, in the test's process."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.settings import Settings
from perdure.store.job import StoredJob, get_job
from perdure.store.session import transaction
from tests.integration.workflow.conftest import Bench
from tests.server.partner import Partner, running_partner
from tests.server.temporal import running_temporal
from worker.mark import MarkSet
from worker.queue_worker import make_worker
from worker.service.projector import Projector
from worker.service.running import running_services


@pytest.fixture(scope="module")
def temporal_address() -> Iterator[str]:
    """A server of the module's own: the sweep and the checks look at every job there is."""
    with running_temporal() as address:
        yield address


@pytest.fixture(scope="module")
async def client(temporal_address: str) -> Client:
    return await Client.connect(temporal_address, data_converter=pydantic_data_converter)


@pytest.fixture(scope="module")
def partner() -> Iterator[Partner]:
    with running_partner() as partner:
        yield partner


@dataclass
class Plant:
    """A worker and its services, and how what they project is read."""

    bench: Bench
    engine: AsyncEngine
    projector: Projector
    marks: MarkSet

    async def job(self, id_: str) -> StoredJob | None:
        async with transaction(self.engine) as connection:
            return await get_job(connection, id_, None)

    async def shown(self, id_: str, holds: Callable[[StoredJob], bool], seconds: float = 60.0) -> StoredJob:
        """The job, once `holds` is true of it."""
        job = None
        try:
            async with asyncio.timeout(seconds):
                while not ((job := await self.job(id_)) and holds(job)):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"not within {seconds} s; last seen: {job!r}")
        return job


@asynccontextmanager
async def running_worker(client: Client, marks: MarkSet) -> AsyncIterator[Bench]:
    """A worker on a queue of its own that marks, without services."""
    queue = f"t{uuid4().hex[:12]}"
    async with guarded_client(EgressPolicy.of(allow_private=True, allowed_hosts=[])) as http:
        runtime = StepRuntime(worker="test", http=http, secrets=SecretStore(os.environ), on_attempt=marks.mark_attempt)
        async with make_worker(client, Settings(), queue, all_activities(runtime), marks):
            yield Bench(client, queue)


@pytest.fixture(scope="module")
async def plant(client: Client, engine: AsyncEngine, database: Settings) -> AsyncIterator[Plant]:
    marks = MarkSet()
    async with running_services(client, database, marks) as projector, running_worker(client, marks) as bench:
        yield Plant(bench, engine, projector, marks)
