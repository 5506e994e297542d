"""Reconciliation: what ended in Temporal and in the tables is counted, and what differs is named."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from perdure.contract.state import JobStatus
from perdure.store.reconciliation import Reconciliation, newest_reconciliation
from perdure.store.session import transaction
from perdure.telemetry.metric.label import Labels
from perdure.telemetry.metric.reconciliation import ReconciliationMetrics
from tests.integration.projection.conftest import Plant
from tests.integration.projection.test_archive import leader
from tests.integration.projection.test_live_view import LOG
from tests.integration.projection.test_operation import FAIL
from worker.mark import MarkSet
from worker.service.leader import Leader
from worker.service.reconciler import Reconciler, ReconcilerConfig
from worker.service.sweep import Sweep

__all__ = ["leader"]


def reconciler(
    client: Client,
    engine: AsyncEngine,
    leader: Leader,
    registry: CollectorRegistry,
    *,
    span: float = 3600,
    pause: float = 30,
) -> Reconciler:
    config = ReconcilerConfig(timedelta(seconds=span), settle=timedelta(0), pause=pause)
    return Reconciler(client, engine, leader, ReconciliationMetrics(registry, Labels()), config)


async def until(
    look: Callable[[], Awaitable[Reconciliation]], holds: Callable[[Reconciliation], bool]
) -> Reconciliation:
    """What `look` gives once it holds: visibility and the projection take a moment."""
    found = None
    try:
        async with asyncio.timeout(60):
            while found is None or not holds(found):
                found = await look()
    except TimeoutError:
        pytest.fail(f"not within 60 s; last seen: {found!r}")
    return found


async def jobs_of(plant: Plant) -> list[str]:
    done = [await plant.bench.start([{"id": "a", **LOG}]) for _ in range(2)]
    failed = await plant.bench.start([FAIL], dead_letter={"enabled": False})
    for handle in (*done, failed):
        await plant.shown(handle.id, lambda job: job.status.final, 60.0)
    return [handle.id for handle in (*done, failed)]


async def test_what_ended_is_counted_alike(plant: Plant, client: Client, leader: Leader) -> None:
    look, since = reconciler(client, plant.engine, leader, CollectorRegistry()), datetime.now(UTC)
    await jobs_of(plant)
    found = await until(lambda: look.compare(since), lambda one: _sum(one.temporal, "COMPLETED") == 2)
    assert (found.missing, found.extra) == (0, 0)
    assert _sum(found.projection, "COMPLETED") == 2
    assert _sum(found.temporal, "FAILED") == _sum(found.projection, "FAILED") == 1


async def test_a_job_that_the_tables_lack_is_missing(plant: Plant, client: Client, leader: Leader) -> None:
    look, since = reconciler(client, plant.engine, leader, CollectorRegistry()), datetime.now(UTC)
    ids = await jobs_of(plant)

    async def without_one() -> Reconciliation:
        async with plant.engine.begin() as connection:  # the sweep brings it back
            await connection.execute(text("DELETE FROM jobs WHERE id = :id"), {"id": ids[0]})
            await connection.execute(text("DELETE FROM runs WHERE job_id = :id"), {"id": ids[0]})
        return await look.compare(since)

    found = await until(without_one, lambda one: one.missing == 1)
    assert sum(found.difference.values()) == 1


async def test_a_job_that_temporal_never_had_is_extra(plant: Plant, client: Client, leader: Leader) -> None:
    look, since = reconciler(client, plant.engine, leader, CollectorRegistry()), datetime.now(UTC)
    ids = await jobs_of(plant)
    async with plant.engine.begin() as connection:
        await connection.execute(text("CREATE TEMPORARY TABLE copied ON COMMIT DROP AS TABLE jobs WITH NO DATA"))
        await connection.execute(text("INSERT INTO copied SELECT * FROM jobs WHERE id = :id"), {"id": ids[0]})
        await connection.execute(text("UPDATE copied SET id = :id, run_id = :id"), {"id": f"default:{uuid4().hex}"})
        await connection.execute(text("INSERT INTO jobs TABLE copied"))
    found = await until(
        lambda: look.compare(since), lambda one: (one.missing, _sum(one.temporal, "COMPLETED")) == (0, 2)
    )
    assert found.extra == 1
    assert sum(found.difference.values()) == -1


async def test_each_hour_is_compared_once_and_told(plant: Plant, client: Client, leader: Leader) -> None:
    registry = CollectorRegistry()
    service = reconciler(client, plant.engine, leader, registry, span=1.0, pause=0.1)
    async with plant.engine.begin() as connection:
        await connection.execute(text("TRUNCATE reconciliations"))
    begun = datetime.now(UTC).timestamp()
    await service.start()
    try:
        async with asyncio.timeout(60):
            while (registry.get_sample_value("perdure_reconciliation_timestamp_seconds") or 0) < begun:
                await asyncio.sleep(0.05)
    finally:
        await service.stop()
    async with transaction(plant.engine) as connection:
        newest = await newest_reconciliation(connection)
    assert newest is not None
    assert newest.hour.timestamp() >= begun - 2


async def test_a_difference_is_a_metric_until_an_hour_without_one() -> None:
    registry = CollectorRegistry()
    metrics = ReconciliationMetrics(registry, Labels())
    metrics.compared({("INLINE", "FAILED"): -2}, datetime.now(UTC))
    labels = {"type": "INLINE", "outcome": "FAILED"}
    assert registry.get_sample_value("perdure_reconciliation_difference", labels) == -2
    metrics.compared({}, datetime.now(UTC))
    assert registry.get_sample_value("perdure_reconciliation_difference", labels) is None


def test_a_difference_names_type_and_outcome_and_leaves_out_what_is_alike() -> None:
    now = datetime.now(UTC)
    found = Reconciliation(
        now, now, {"A": {"COMPLETED": 3, "FAILED": 1}}, {"A": {"COMPLETED": 3}, "B": {"CANCELED": 2}}, 1, 2
    )
    assert found.difference == {("A", JobStatus.FAILED): 1, ("B", JobStatus.CANCELED): -2}


def _sum(counts: object, outcome: str) -> int:
    assert isinstance(counts, dict)
    return sum(of_type.get(outcome, 0) for of_type in counts.values())


async def test_the_sweep_lists_ends_one_by_one_only_where_their_number_differs(
    plant: Plant, client: Client, leader: Leader
) -> None:
    sweep, since = Sweep(client, plant.engine, MarkSet(), leader), datetime.now(UTC)
    ids = await jobs_of(plant)
    now = datetime.now(UTC)

    async def listed() -> bool:
        before = sweep._visibility.busy
        await sweep._closed_between(since, now)
        return sweep._visibility.busy > before

    assert await sweep._closed_between(now, since) == [], "nothing has settled since"
    async with asyncio.timeout(60):
        while await listed():  # visibility takes a moment
            await asyncio.sleep(0.05)
        async with plant.engine.begin() as connection:
            await connection.execute(text("UPDATE jobs SET completed_at = NULL WHERE id = :id"), {"id": ids[0]})
        assert await listed()
