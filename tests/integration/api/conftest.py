"""One Postgres and one API server a session."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.integration.api.desk import Desk
from tests.integration.api.stack import Api, running_api, serving, unique
from tests.integration.store.server import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def api_postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
async def api(api_postgres: PostgresServer, temporal_address: str) -> AsyncIterator[Api]:
    database = api_postgres.create_database("api")
    settings = database.model_copy(
        update={"temporal_address": temporal_address, "temporal_ui_url": "http://ui", "decision_timeout_seconds": 1.0}
    )
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    async with running_api(settings, client) as running:
        yield running


@pytest.fixture(scope="session")
async def http(api: Api) -> httpx.AsyncClient:
    """A client with the admin key."""
    return api.client(api.admin)


@pytest.fixture(scope="session")
async def desk(api: Api, temporal_address: str) -> AsyncIterator[Desk]:
    """A worker of its own, and an API on the same database that waits for it longer than a busy machine takes."""
    queue = f"t{unique()[:12]}"
    settings = api.settings.model_copy(update={"decision_timeout_seconds": 15.0})
    async with serving(temporal_address, queue), running_api(settings, api.temporal, migrate=False) as patient:
        yield Desk(patient, patient.client(await api.key(name="admin", payloads=True)), queue)


@pytest.fixture(scope="session")
def hasty(api: Api, http: httpx.AsyncClient) -> Desk:
    """An API that does not wait long, and no worker."""
    return Desk(api, http, "nobody")
