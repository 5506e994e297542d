"""A real API server over real Postgres and Temporal, in the test's event loop."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from api.app import Secrets, create_app
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.projection import fold
from perdure.projection.backoff import backing_off
from perdure.projection.live import observe
from perdure.projection.reader import read_all_runs, read_new
from perdure.projection.writer import ItemSource, Projection, RunProjection, write
from perdure.security.key import PresentedKey, key_hash, parse_key
from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.store.key import ApiKey, insert_key
from perdure.store.migrate import upgrade
from perdure.store.session import transaction
from worker.mark import MarkSet
from worker.queue_worker import make_worker

PEPPER = b"p" * 32
NO_TLS = False
"""For `verify`: a client that is made to check certificates reads all there are first, which takes 20 ms."""


def new_key() -> PresentedKey:
    key = parse_key(f"pdr_{secrets.token_hex(6)}_{secrets.token_hex(20)}")
    assert key is not None
    return key


def spec(**fields: Any) -> dict[str, Any]:
    return {"name": "test", "steps": [{"id": "a", "type": "LOG", "with": {"message": "x"}}], **fields}


def unique() -> str:
    return uuid4().hex


@dataclass
class Api:
    """The server's address, a client with the first admin key, and the server's own database and Temporal."""

    url: str
    settings: Settings
    engine: AsyncEngine
    temporal: Client
    admin: PresentedKey
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, key: PresentedKey | None) -> httpx.AsyncClient:
        headers = {} if key is None else {"Authorization": f"Bearer {key.text}"}
        limits = httpx.Limits(max_connections=200)
        options: dict[str, Any] = {"timeout": 60, "limits": limits, "trust_env": False, "verify": NO_TLS}
        made = httpx.AsyncClient(base_url=self.url, headers=headers, **options)
        self._clients.append(made)
        return made

    async def key(self, tenant: str = "*", role: str = "admin", name: str = "test", **fields: Any) -> PresentedKey:
        """A new key, stored."""
        key = new_key()
        row = ApiKey(key.id, tenant, name, role, key_hash(PEPPER, key), datetime.now(UTC), **fields)
        async with transaction(self.engine) as connection:
            await insert_key(connection, row)
        return key

    async def project(self, job_id: str) -> None:
        """Write the job's projection, as a projector does."""
        runs, journal = [], []
        for run_id in await read_all_runs(self.temporal, job_id):
            state, rows = fold.fold_run(job_id, run_id, await read_new(self.temporal, job_id, run_id))
            closed = state.closed is not None
            runs.append(RunProjection(fold.record(state), closed=closed, items=ItemSource.of(state)))
            journal += rows
        await write(self.engine, [Projection(job_id, runs, journal)])

    async def observe(self, job_id: str) -> None:
        """Write the job's projection with what is live of it."""
        runs = await read_all_runs(self.temporal, job_id)
        state, rows = fold.fold_run(job_id, runs[-1], await read_new(self.temporal, job_id, runs[-1]))
        now = datetime.now(UTC)
        seen = [*backing_off(state, now), *await observe(self.temporal, job_id, runs[-1], now)]
        run = RunProjection(fold.record(state), closed=False)
        await write(self.engine, [Projection(job_id, [run], rows, seen)])

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


@asynccontextmanager
async def serving(address: str, queue: str) -> AsyncIterator[None]:
    """A worker with the real workflow and steps on a queue."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with guarded_client(EgressPolicy.of(allow_private=True, allowed_hosts=[])) as http:
        runtime = StepRuntime(worker="test", http=http, secrets=SecretStore({}))
        async with make_worker(client, Settings(), queue, all_activities(runtime), MarkSet()):
            yield


async def until(look: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """What `look` answers once that is true."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


@asynccontextmanager
async def running_api(
    settings: Settings, temporal: Client | None = None, *, migrate: bool = True
) -> AsyncIterator[Api]:
    """The API with these settings; ready once it answers and, with a database, knows the admin key."""
    admin = new_key()
    engine = create_engine(settings)
    if migrate:
        await upgrade(engine)
    client = temporal or await Client.connect(
        settings.temporal_address, data_converter=pydantic_data_converter, lazy=True
    )
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        create_app(settings, Secrets(PEPPER, admin)),
        log_config=None,
        lifespan="on",
        http="httptools",
        ws="none",
        # Longer than clients keep a connection (5 s), as in api/__main__: on a busy machine the server would close one
        # just as it is used again.
        timeout_keep_alive=75,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    api = Api(url, settings, engine, client, admin)
    try:
        await until(lambda: _ready(api, known=migrate))
        yield api
    finally:
        await api.close()
        server.should_exit = True
        await serving
        await engine.dispose()


async def _ready(api: Api, *, known: bool) -> bool:
    async with httpx.AsyncClient(base_url=api.url, trust_env=False, verify=NO_TLS) as client:
        try:
            headers = {"X-API-Key": api.admin.text}
            answer = await client.get("/v1/jobs?limit=1" if known else "/livez", headers=headers)
        except httpx.TransportError:
            return False
    return answer.status_code == 200
