"""A client of the session's Temporal server, a partner's server and the guarded client that may reach it."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from tests.integration.activities.partner import Partner, partner_server


@pytest_asyncio.fixture(scope="session")
async def client(temporal_address: str) -> Client:
    return await Client.connect(temporal_address, data_converter=pydantic_data_converter)


@pytest.fixture
def queue() -> str:
    return f"perdure-{uuid.uuid4()}"


@pytest_asyncio.fixture
async def partner() -> AsyncIterator[Partner]:
    async with partner_server() as running:
        yield running


@pytest_asyncio.fixture
async def http(partner: Partner) -> AsyncIterator[httpx.AsyncClient]:
    policy = EgressPolicy.of(allow_private=False, allowed_hosts=[f"127.0.0.1:{partner.port}"])
    async with guarded_client(policy) as opened:
        yield opened
