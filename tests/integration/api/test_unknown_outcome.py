"""A start of which nobody learns whether it happened: never doubled, never acknowledged in vain."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.integration.api.proxy import Proxy, running_proxy
from tests.integration.api.stack import Api, running_api, spec, unique, until
from tests.integration.store.server import PostgresServer


@pytest.fixture(scope="module")
async def proxy(temporal_address: str) -> AsyncIterator[Proxy]:
    async with running_proxy(temporal_address) as running:
        yield running


@pytest.fixture(scope="module")
async def deaf(proxy: Proxy, api_postgres: PostgresServer, temporal_address: str) -> AsyncIterator[Api]:
    """An API that reaches Temporal through the proxy."""
    settings = api_postgres.create_database("deaf").model_copy(update={"temporal_address": proxy.address})
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    async with running_api(settings, client) as api:
        http = api.client(api.admin)
        assert (await http.post("/v1/jobs", json=spec())).status_code == 202
        yield api


async def _started(api: Api, correlation: str) -> int:
    query = f'PerdureCorrelationId = "{correlation}"'
    return (await api.temporal.count_workflows(query)).count


async def test_a_generated_key_is_tried_again_and_recognised(deaf: Api, proxy: Proxy) -> None:
    correlation = unique()
    proxy.hold()
    sent = asyncio.create_task(deaf.client(deaf.admin).post("/v1/jobs", json=spec(correlation_id=correlation)))
    await until(lambda: _started(deaf, correlation))
    asked = proxy.asked

    async def given_up() -> bool:
        """The first try was over, its answer lost for good: the API sent something more."""
        return proxy.asked > asked

    await until(given_up)
    proxy.release()
    answer = await sent
    assert answer.status_code == 202, answer.text
    described = await deaf.temporal.get_workflow_handle(answer.json()["id"]).describe()
    assert described.run_id == answer.json()["run_id"]
    assert await _started(deaf, correlation) == 1


async def test_a_clients_key_is_503_and_the_same_request_again_finds_the_job(deaf: Api, proxy: Proxy) -> None:
    key, correlation = unique(), unique()
    client = deaf.client(deaf.admin)
    proxy.hold()
    body, headers = spec(correlation_id=correlation), {"Idempotency-Key": key}
    answer = await client.post("/v1/jobs", json=body, headers=headers)
    proxy.release()
    assert (answer.status_code, answer.json()["code"]) == (503, "API.UNAVAILABLE")
    assert "not known" in answer.json()["detail"]
    again = await client.post("/v1/jobs", json=body, headers=headers)
    assert (again.status_code, again.headers.get("idempotent-replayed")) == (200, "true")
    await until(lambda: _started(deaf, correlation))
    assert await _started(deaf, correlation) == 1
