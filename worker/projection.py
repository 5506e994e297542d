"""Runs the projection's services beside the Temporal workers; the composition root opens this."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client

from perdure.settings import Settings
from worker.mark import MarkSet


@asynccontextmanager
async def projection_services(client: Client, settings: Settings, marks: MarkSet) -> AsyncIterator[None]:
    yield
