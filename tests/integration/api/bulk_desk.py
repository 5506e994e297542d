"""A worker and an API of their own for bulk actions, and jobs to act on."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.bulk_action import BulkActivities
from perdure.settings import Settings
from tests.integration.api.desk import Desk, fail, log
from tests.integration.api.stack import running_api, serving, unique, until
from tests.integration.store.server import PostgresServer
from tests.server.temporal import running_temporal
from worker.queue_worker import make_bulk_worker

BULK = "/v1/bulk-actions"
WHY = "the partner is back"


@pytest.fixture(scope="module")
async def bulk(api_postgres: PostgresServer) -> AsyncIterator[Desk]:
    """A desk with a Temporal of its own: its queue of bulk actions belongs to its database."""
    with running_temporal() as address:
        database = api_postgres.create_database(f"bulk{unique()[:12]}")
        settings = database.model_copy(update={"temporal_address": address, "decision_timeout_seconds": 30.0})
        client = await Client.connect(address, data_converter=pydantic_data_converter)
        queue = f"t{unique()[:12]}"
        async with (
            running_api(settings, client) as api,
            serving(address, queue),
            make_bulk_worker(client, Settings(), BulkActivities(api.engine, client).all),
        ):
            yield Desk(api, api.client(await api.key(name="admin", payloads=True)), queue)


async def park(desk: Desk, number: int, **fields: Any) -> list[str]:
    """So many jobs parked at a step that would succeed the next time."""
    steps = fields.pop("steps", [fail("a"), log("b")])
    ids = [await desk.start(steps, **fields) for _ in range(number)]
    for job_id in ids:
        await desk.reach(job_id, "DEAD_LETTERED")
        await desk.api.project(job_id)
    return ids


async def create(desk: Desk, body: dict[str, Any], *, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await desk.http.post(BULK, json={"action": "retry", "reason": WHY, **body}, headers=headers)


async def finished(desk: Desk, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text

    async def ended() -> dict[str, Any] | None:
        seen = (await desk.http.get(answer.headers["location"])).json()
        return seen if seen["finished_at"] else None

    found: dict[str, Any] = await until(ended, 180)
    return found
