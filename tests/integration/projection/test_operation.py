"""D3: a check finds what is not as the histories have it, and a rebuild makes the same rows again."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from perdure.contract.state import JobStatus
from perdure.projection.writer import write
from perdure.settings import Settings
from perdure.store.operation import Operation, OperationKind, OperationStatus, get_operation, request
from perdure.store.session import transaction
from perdure.store.shadow import COMPARED
from perdure.store.table import metadata
from tests.integration.projection.conftest import Plant
from tests.integration.projection.test_live_view import LOG, temporal
from tests.integration.store.rows import count, rows_of
from tests.integration.store.sample import job, projection
from worker.mark import MarkSet
from worker.service.running import running_services

NAP = {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}
FAIL = {"id": "bad", "type": "FAIL", "with": {}, "retry": {"maximum_attempts": 2, "initial_interval": "10ms"}}
BACKOFF = {"id": "b", "type": "FAIL", "with": {"class": "TRANSIENT"}, "retry": {"initial_interval": "1h"}}
PROJECTED = [table.name for table in COMPARED]
Handle = WorkflowHandle[Any, Any]


async def operate(engine: AsyncEngine, kind: OperationKind, job_ids: list[str] | None, **fields: Any) -> Operation:
    """Ask for it and wait until it is done."""
    asked = Operation(uuid4().hex, kind, "key:test", datetime.now(UTC), job_ids=job_ids, **fields)
    async with transaction(engine) as connection:
        assert await request(connection, asked)
    async with asyncio.timeout(60):
        while True:
            async with transaction(engine) as connection:
                found = await get_operation(connection, asked.id)
            if found is not None and found.finished_at is not None:
                return found
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def jobs(plant: Plant) -> list[str]:
    """Jobs in all sorts of states, projected."""
    bench = plant.bench
    done = await bench.start([{"id": "a", **LOG}, {"id": "b", **LOG, "when": "${ false }"}], labels={"team": "ü"})
    failed = await bench.start([FAIL], dead_letter={"enabled": False}, input={"x": 1.0, "y": [1e22, None]})
    parked = await bench.start([FAIL, {"id": "a", **LOG}])
    asleep = await bench.start([NAP])
    ended = await bench.start([NAP])
    backoff = await bench.start([BACKOFF])
    await bench.until(ended, "nap", "WAITING")
    await plant.shown(backoff.id, lambda job: job.status is JobStatus.RETRYING, 60.0)
    await asyncio.to_thread(temporal, bench.client, "workflow", "terminate", "--workflow-id", ended.id)
    await backoff.cancel()
    states = {
        done: JobStatus.COMPLETED, failed: JobStatus.FAILED, parked: JobStatus.DEAD_LETTERED,
        asleep: JobStatus.WAITING, ended: JobStatus.TERMINATED, backoff: JobStatus.CANCELED,
    }  # fmt: skip
    for handle, status in states.items():
        await plant.shown(handle.id, lambda job, status=status: job.status is status, 60.0)  # type: ignore[misc]
    return [handle.id for handle in states]


async def everything(engine: AsyncEngine, ids: list[str]) -> dict[str, Any]:
    return {id_: await rows_of(engine, id_) for id_ in ids}


async def test_d3_a_check_of_what_is_right_finds_nothing(plant: Plant, jobs: list[str]) -> None:
    found = await operate(plant.engine, OperationKind.CHECK, jobs)
    assert found.status is OperationStatus.COMPLETED
    assert (found.findings, found.counts["jobs"], found.counts["drifted"]) == ([], len(jobs), 0)
    again = await operate(plant.engine, OperationKind.CHECK, jobs)
    assert again.digest == found.digest != 0


EXTRA = """
INSERT INTO journal (job_id, run_started_at, run_id, event_id, ordinal, type, at, data)
SELECT id, run_started_at, run_id, 999, 0, 'JOB_FAILED', now(), '{}' FROM jobs WHERE id = :id
"""
PLANTED = [
    ("UPDATE jobs SET status = 'FAILED' WHERE id = :id", "jobs", "DIFFERENT", ["status"]),
    ("UPDATE jobs SET input = '{\"x\": 2}' WHERE id = :id", "jobs", "DIFFERENT", ["input"]),
    ("UPDATE jobs SET labels = '{}' WHERE id = :id", "jobs", "DIFFERENT", ["labels"]),
    ("DELETE FROM steps WHERE job_id = :id AND position = 1", "steps", "MISSING", []),
    ("UPDATE steps SET output = '1' WHERE job_id = :id AND position = 0", "steps", "DIFFERENT", ["output"]),
    ("DELETE FROM journal WHERE job_id = :id AND type = 'JOB_STARTED'", "journal", "MISSING", []),
    ("UPDATE journal SET actor = 'nobody' WHERE job_id = :id AND event_id = 1", "journal", "DIFFERENT", ["actor"]),
    (EXTRA, "journal", "EXTRA", []),
    (
        "UPDATE attempts SET worker = 'other' WHERE run_id = (SELECT run_id FROM jobs WHERE id = :id)",
        "attempts", "DIFFERENT", ["worker"],
    ),
    ("UPDATE runs SET status = 'FAILED' WHERE job_id = :id", "runs", "DIFFERENT", ["status"]),
]  # fmt: skip


@pytest.mark.parametrize("drift", PLANTED, ids=lambda drift: f"{drift[1]}-{drift[2]}-{drift[3]}")
async def test_d3_planted_drift_is_named_and_mended(
    plant: Plant, jobs: list[str], drift: tuple[str, str, str, list[str]]
) -> None:
    planted, table, kind, columns = drift
    before = await everything(plant.engine, jobs)
    right = await operate(plant.engine, OperationKind.CHECK, jobs)
    async with plant.engine.begin() as connection:
        assert (await connection.execute(text(planted), {"id": jobs[0]})).rowcount
    check = await operate(plant.engine, OperationKind.CHECK, jobs)
    assert check.counts["drifted"] == 1
    assert check.digest != right.digest
    told = [(found["job_id"], found["table"], found["kind"], found["columns"]) for found in check.findings]
    assert set(map(repr, told)) == {repr((jobs[0], table, kind, columns))}
    rebuild = await operate(plant.engine, OperationKind.REBUILD, jobs)
    assert (rebuild.counts["drifted"], rebuild.counts["mended"], rebuild.digest) == (1, 1, right.digest)
    assert await everything(plant.engine, jobs) == before


@pytest.mark.parametrize("table", ["jobs", "runs"])
async def test_d3_a_job_that_is_gone_is_missed_and_comes_back(plant: Plant, jobs: list[str], table: str) -> None:
    before = await everything(plant.engine, jobs)
    column = "id" if table == "jobs" else "job_id"
    async with plant.engine.begin() as connection:
        await connection.execute(text(f"DELETE FROM {table} WHERE {column} = :id"), {"id": jobs[1]})
        await connection.execute(text(f"UPDATE {table} SET last_event_id = 3 WHERE {column} = :id"), {"id": jobs[2]})
    await operate(plant.engine, OperationKind.REBUILD, jobs)
    assert await everything(plant.engine, jobs) == before


async def test_d3_a_rebuild_from_nothing_makes_the_same_rows(plant: Plant, jobs: list[str]) -> None:
    before = await everything(plant.engine, jobs)
    kept = ("ledger", "ledger_outcomes", "live_observations")
    counted = {name: await count(plant.engine, name) for name in kept}
    right = await operate(plant.engine, OperationKind.CHECK, jobs)
    async with plant.engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {', '.join(PROJECTED)}"))
    rebuild = await operate(plant.engine, OperationKind.REBUILD, jobs)
    # The sweep may have been at it meanwhile.
    assert rebuild.counts["mended"] <= len(jobs)
    assert (rebuild.status, rebuild.counts["jobs"], rebuild.digest) == ("COMPLETED", len(jobs), right.digest)
    assert await everything(plant.engine, jobs) == before
    assert {name: await count(plant.engine, name) for name in kept} == counted


async def test_d3_a_rebuild_of_all_that_temporal_holds(plant: Plant, jobs: list[str]) -> None:
    before = await everything(plant.engine, jobs)
    async with plant.engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {', '.join(PROJECTED)}"))
    rebuild = await operate(plant.engine, OperationKind.REBUILD, None)
    assert rebuild.status is OperationStatus.COMPLETED, rebuild.problem
    assert rebuild.counts["jobs"] >= len(jobs)
    assert await everything(plant.engine, jobs) == before
    check = await operate(plant.engine, OperationKind.CHECK, None, tenant="default")
    assert (check.counts["drifted"], check.findings) == (0, [])
    other = await operate(plant.engine, OperationKind.CHECK, None, tenant="other")
    assert other.counts.get("jobs", 0) == 0


async def test_rows_of_jobs_that_temporal_does_not_hold_stay(plant: Plant, jobs: list[str]) -> None:
    async with plant.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO journal (job_id, run_started_at, run_id, event_id, ordinal, type, at, data)"
                " VALUES ('default:gone', now(), 'gone', 1, 0, 'JOB_STARTED', now(), '{}')"
            )
        )
    await operate(plant.engine, OperationKind.REBUILD, None)
    assert len((await rows_of(plant.engine, "default:gone"))["journal"]) == 1


async def test_a_job_that_is_open_here_and_nowhere_else_is_named(plant: Plant) -> None:
    record = job(f"default:{uuid4().hex}", run_id=str(uuid4()), run_started_at=datetime(2026, 1, 1, tzinfo=UTC))
    await write(plant.engine, [projection(record)])
    for kind in OperationKind:
        found = await operate(plant.engine, kind, [record.id])
        assert [(each["kind"], each["job_id"]) for each in found.findings] == [("UNKNOWN", record.id)]
        assert found.counts["unknown"] == 1
    assert (await rows_of(plant.engine, record.id))["jobs"]


def test_whoever_adds_a_table_says_whether_it_is_folded() -> None:
    not_folded = {
        "api_keys", "archive_state", "archived_histories", "audit_entries", "bulk_action_items", "bulk_actions",
        "counting_workers", "ended_counts",
        "ledger", "ledger_outcomes", "live_observations",
        "projection_operations", "reconciliations", "set_aside_jobs", "sweep_state",
    }  # fmt: skip
    assert set(metadata.tables) == {*PROJECTED, *not_folded}, "see perdure.store.shadow.COMPARED"


async def test_one_operation_is_under_way_at_a_time(engine: AsyncEngine, client: Client, database: Settings) -> None:
    asked = [Operation(uuid4().hex, OperationKind.CHECK, "key:test", datetime.now(UTC), job_ids=[]) for _ in range(2)]
    async with transaction(engine) as connection:
        taken = [await request(connection, each) for each in asked]
    assert taken == [True, False]
    async with running_services(client, database, MarkSet()), asyncio.timeout(60):
        while True:
            async with transaction(engine) as connection:
                found = await get_operation(connection, asked[0].id)
            if found is not None and found.finished_at is not None:
                break
            await asyncio.sleep(0.05)


async def test_a_job_that_moves_is_no_drift(plant: Plant) -> None:
    steps = [{"id": f"n{number}", "type": "SLEEP", "with": {"duration": "150ms"}} for number in range(20)]
    handle = await plant.bench.start(steps)
    check = await operate(plant.engine, OperationKind.CHECK, [handle.id])
    assert check.counts.get("drifted", 0) == 0
    with suppress(RPCError):  # a slow machine: it has ended
        await handle.terminate()


async def test_a_job_that_nobody_knows_is_passed_over(plant: Plant) -> None:
    found = await operate(plant.engine, OperationKind.REBUILD, ["default:never"])
    assert (found.status, found.counts.get("jobs", 0), found.findings) == ("COMPLETED", 0, [])
