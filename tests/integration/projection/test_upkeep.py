"""The leading worker keeps partitions ahead of time and forgets what is old."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.store.live import add_observations
from perdure.store.partition import Month, missing_partitions
from perdure.store.session import transaction
from tests.integration.store.rows import count
from tests.integration.store.sample import job, retrying
from worker.service.leader import Leader
from worker.service.upkeep import Upkeep, UpkeepConfig


async def test_a_leader_makes_partitions_and_forgets_old_observations(engine: AsyncEngine) -> None:
    old = [retrying(job(f"default:{number}"), 1) for number in range(3)]
    long_ago = datetime.now(UTC) - timedelta(days=91)
    async with transaction(engine) as connection:
        await add_observations(connection, [seen.model_copy(update={"observed_at": long_ago}) for seen in old])
    leader = Leader(engine, lambda _: None)
    upkeep = Upkeep(engine, leader, UpkeepConfig(months_ahead=7))
    months = [Month.of(datetime.now(UTC)).after(later) for later in range(8)]
    await leader.start()
    await upkeep.start()
    try:
        async with asyncio.timeout(60):
            while await count(engine, "live_observations") or await _missing(engine, months):
                await asyncio.sleep(0.05)
    finally:
        await upkeep.stop()
        await leader.stop()


async def test_who_does_not_lead_keeps_off(engine: AsyncEngine) -> None:
    upkeep = Upkeep(engine, Leader(engine, lambda _: None), UpkeepConfig(months_ahead=9))
    await upkeep.start()
    await asyncio.sleep(0.1)
    await upkeep.stop()
    assert await _missing(engine, [Month.of(datetime.now(UTC)).after(9)])


async def _missing(engine: AsyncEngine, months: list[Month]) -> bool:
    async with transaction(engine) as connection:
        await connection.execute(text("SELECT 1"))
        return bool(await missing_partitions(connection, months))
