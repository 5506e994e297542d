"""One leads; another takes over when its session ends, however it ends; the leader hears the API's marks."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.settings import Settings
from tests.integration.store.server import PostgresServer
from worker.service.leader import Leader, LeaderConfig

ROOT = Path(__file__).parents[3]
LEADING_PROCESS = """
import asyncio
from perdure.settings import Settings
from perdure.store.engine import create_engine
from worker.service.leader import Leader, LeaderConfig

async def main():
    leader = Leader(create_engine(Settings()), print, LeaderConfig(check=0.05, silence=2.0))
    await leader.start()
    while not leader.leading:
        await asyncio.sleep(0.01)
    print("leading", flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""
CONFIG = LeaderConfig(check=0.05, silence=2.0)


@asynccontextmanager
async def leaders(engine: AsyncEngine, count: int, heard: list[str]) -> AsyncIterator[list[Leader]]:
    made = [Leader(engine, heard.append, CONFIG) for _ in range(count)]
    for leader in made:
        await leader.start()
    try:
        yield made
    finally:
        for leader in made:
            await leader.stop()


async def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


async def _end_sessions(engine: AsyncEngine) -> None:
    mine = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    query = f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND {mine}"
    async with engine.connect() as connection:
        await connection.execute(text(query))


async def test_exactly_one_leads_and_another_follows_when_it_stops(engine: AsyncEngine) -> None:
    async with leaders(engine, 3, []) as made:
        await until(lambda: sum(leader.leading for leader in made) == 1)
        first = next(leader for leader in made if leader.leading)
        await first.stop()
        assert not first.leading
        await until(lambda: sum(leader.leading for leader in made) == 1)


async def test_a_leader_whose_session_was_ended_stops_leading_and_one_leads_again(engine: AsyncEngine) -> None:
    async with leaders(engine, 2, []) as made:
        await until(lambda: any(leader.leading for leader in made))
        await _end_sessions(engine)
        await until(lambda: sum(leader.leading for leader in made) == 1)


async def test_the_leader_hears_the_marks_of_the_api(engine: AsyncEngine) -> None:
    heard: list[str] = []
    async with leaders(engine, 2, heard) as made:
        await until(lambda: any(leader.leading for leader in made))
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_notify('perdure_mark', 'default:ünï-🙂')"))
        await until(lambda: bool(heard))
    assert heard == ["default:ünï-🙂"]


async def test_a_leader_leads_again_after_postgres_was_killed(engine: AsyncEngine, postgres: PostgresServer) -> None:
    async with leaders(engine, 1, []) as (leader,):
        await until(lambda: leader.leading)
        postgres.kill()
        await until(lambda: not leader.leading)
        postgres.start()
        await until(lambda: leader.leading)


@pytest.fixture
def leading_process(database: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {**os.environ, "PERDURE_DATABASE_URL": database.database_url.get_secret_value()}
    command = [sys.executable, "-c", LEADING_PROCESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"leading\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
async def test_a_leader_that_was_suspended_or_killed_loses_the_lead(
    engine: AsyncEngine, leading_process: "subprocess.Popen[bytes]", how: signal.Signals
) -> None:
    async with leaders(engine, 1, []) as (leader,):
        assert not leader.leading
        leading_process.send_signal(how)
        await until(lambda: leader.leading, 60.0)


async def test_stop_bears_never_having_started_and_being_called_twice(engine: AsyncEngine) -> None:
    leader = Leader(engine, print)
    await leader.stop()
    await leader.start()
    await leader.stop()
    await leader.stop()
