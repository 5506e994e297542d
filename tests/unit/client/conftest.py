"""Both clients of an API that answers what a test says."""

from collections.abc import AsyncIterator, Iterator

import pytest

from perdure.client import AsyncPerdureClient, PerdureClient
from tests.unit.canned_api import CannedApi


@pytest.fixture
def client(api: CannedApi) -> Iterator[PerdureClient]:
    with PerdureClient(api.url, api_key="pdr_a_b") as client:
        yield client


@pytest.fixture
async def async_client(api: CannedApi) -> AsyncIterator[AsyncPerdureClient]:
    async with AsyncPerdureClient(f"{api.url}/", api_key="pdr_a_b") as client:
        yield client
