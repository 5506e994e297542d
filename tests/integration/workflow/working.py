"""A worker that tests start and stop by themselves, so that what happens in between meets in one workflow task."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.settings import Settings
from tests.integration.workflow.conftest import Bench
from worker.mark import MarkSet
from worker.queue_worker import make_worker


@asynccontextmanager
async def working(bench: Bench, identity: str = "test/1", **settings: Any) -> AsyncIterator[None]:
    """A worker for the bench's queue, as long as the block runs."""
    async with guarded_client(EgressPolicy.of(allow_private=True, allowed_hosts=[])) as http:
        runtime = StepRuntime(worker=identity, http=http, secrets=SecretStore(os.environ))
        async with make_worker(bench.client, Settings(**settings), bench.queue, all_activities(runtime), MarkSet()):
            yield
