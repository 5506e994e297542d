"""One Temporal dev server for the tests of this folder."""

import asyncio
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from tests.integration.activities.partner import Partner, partner_server

_TEMPORAL = Path(sys.executable).parent / "temporal"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def temporal_address() -> Iterator[str]:
    address = f"127.0.0.1:{(port := _free_port())}"
    command = [_TEMPORAL, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "error"]
    settings = [
        "history.transferProcessorMaxPollRPS=1000",
        'history.timerProcessorMaxTimeShift="10ms"',
        "matching.numTaskqueueReadPartitions=1",
        "matching.numTaskqueueWritePartitions=1",
    ]
    options = [part for setting in settings for part in ("--dynamic-config-value", setting)]
    server = subprocess.Popen([*command, "--port", str(port), *options], stdout=subprocess.DEVNULL)
    try:
        yield address
    finally:
        server.terminate()
        server.wait(20)


@pytest_asyncio.fixture(scope="session")
async def client(temporal_address: str) -> Client:
    deadline = time.monotonic() + 30
    while True:
        try:
            return await Client.connect(temporal_address, data_converter=pydantic_data_converter)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


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
