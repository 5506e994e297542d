"""Decisions while Postgres is away: they go to Temporal, so they are taken all the same."""

from collections.abc import Iterator

import pytest

from tests.integration.api.desk import PARKED, WAIT, Desk
from tests.integration.api.stack import running_api, serving, unique
from tests.integration.store.server import PostgresServer, running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


async def test_without_postgres_every_decision_is_taken(postgres: PostgresServer, temporal_address: str) -> None:
    update = {"temporal_address": temporal_address, "decision_timeout_seconds": 15.0}
    settings = postgres.create_database("decisions").model_copy(update=update)
    queue = f"t{unique()[:12]}"
    async with running_api(settings) as running, serving(temporal_address, queue):
        desk = Desk(running, running.client(running.admin), queue)
        parked, waiting = await desk.started(PARKED, "DEAD_LETTERED"), await desk.started([WAIT], "WAITING")
        postgres.stop()
        try:
            answer = await desk.decide(parked, "/retry", {"reason": "x", "patch": {"a": {"message": "patched"}}})
            assert (answer.status_code, answer.json()["steps"]) == (202, ["a"])
            await desk.reach(parked, "COMPLETED")
            assert (await desk.decide(parked, "/retry", {"reason": "x"})).status_code == 409
            assert (await desk.decide(waiting, "deliver", {"name": "go"})).status_code == 202
            await desk.reach(waiting, "COMPLETED")
            again = await desk.decide(parked, "resubmit", {"reason": "x"})
            assert again.status_code == 202, again.text
            new = again.json()["id"]
            await desk.reach(new, "DEAD_LETTERED")
            assert (await desk.decide(new, "terminate")).status_code == 202
        finally:
            postgres.start()
