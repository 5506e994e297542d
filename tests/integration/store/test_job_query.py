"""Jobs read back: whole, live, and in pages that stand still while jobs are added."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.contract.state import JobStatus, StepStatus
from perdure.projection.record import JobRecord
from perdure.projection.writer import write
from perdure.store.cursor import CursorError
from perdure.store.job import StoredJob, get_job
from perdure.store.job_filter import JobFilter
from perdure.store.job_search import list_jobs
from perdure.store.session import transaction
from perdure.store.sweep import set_problems
from tests.integration.store.sample import START, failed, job, projection, retrying

EVERY = JobFilter(tenant=None)


@pytest.fixture(autouse=True)
async def _no_jobs(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE jobs CASCADE"))
        await connection.execute(text("TRUNCATE runs, attempts, live_observations"))


async def _get(engine: AsyncEngine, id_: str, tenant: str | None = None) -> StoredJob | None:
    async with transaction(engine) as connection:
        return await get_job(connection, id_, tenant)


async def _shown(engine: AsyncEngine, id_: str) -> StoredJob:
    found = await _get(engine, id_)
    assert found is not None
    return found


async def _ids(engine: AsyncEngine, wanted: JobFilter) -> list[str]:
    async with transaction(engine) as connection:
        return [job.id for job in (await list_jobs(connection, wanted, None, 200))[0]]


def _plain(stored: StoredJob) -> dict[str, Any]:
    return {name: getattr(stored, name) for name in JobRecord.model_fields}


async def test_a_job_comes_back_as_it_was_written(engine: AsyncEngine) -> None:
    record = job(
        labels={"team": "billing", "ünï": "🙂"},
        input={"z": 1, "a": [1.0, 1, 1e22, 9007199254740993, -0.0, 1e-7], "text": "日本"},
        output={"b": None, "a": {}},
        steps=[
            job().steps[0].model_copy(update={"attempts": [failed(1), failed(2)], "output": [1.0]}),
            job().steps[0].model_copy(update={"id": "b", "position": 1}),
        ],
    )
    await write(engine, [projection(record)])
    stored = await _shown(engine, record.id)
    assert _plain(stored) == _plain(StoredJob(**dict(record), projected_at=START))
    assert repr(stored.input) == repr(record.input)  # order of keys and kinds of numbers too


async def test_what_postgres_cannot_hold_is_replaced(engine: AsyncEngine) -> None:
    deep: Any = []
    for _ in range(190):
        deep = [deep]
    record = job(output={"nul\x00": "a\x00b", "lone": "\ud800x", "pair": "\\u0000", "nan": float("nan")}, input=deep)
    await write(engine, [projection(record)])
    stored = await _shown(engine, record.id)
    assert stored.output == {"nul\ufffd": "a\ufffdb", "lone": "\ufffdx", "pair": "\\u0000", "nan": None}
    assert "nested too deeply" in repr(stored.input)


async def test_a_job_of_another_tenant_is_not_there(engine: AsyncEngine) -> None:
    record = job("acme:1", tenant="acme")
    await write(engine, [projection(record)])
    assert await _get(engine, "acme:1", "other") is None
    assert await _get(engine, "acme:1", "acme") is not None
    assert await _get(engine, "acme:2") is None


async def test_lag_is_the_time_from_the_event_to_the_row(engine: AsyncEngine) -> None:
    record = job()
    await write(engine, [projection(record, last_event_at=START)])
    stored = await _shown(engine, record.id)
    assert stored.lag_ms == round((stored.projected_at - START).total_seconds() * 1000)


async def test_lag_is_that_of_the_oldest_event_that_was_not_shown(engine: AsyncEngine) -> None:
    record, newest = job(), START + timedelta(seconds=3)
    await write(engine, [projection(record, last_event_at=newest, unseen_since=START)])
    stored = await _shown(engine, record.id)
    assert stored.lag_ms == round((stored.projected_at - START).total_seconds() * 1000)


async def test_a_failed_attempt_that_was_observed_shows_in_get_and_list(engine: AsyncEngine) -> None:
    record = job()
    await write(engine, [projection(record)])
    await write(engine, [projection(record, retrying(record, 1), base=record)])
    await write(engine, [projection(record, retrying(record, 2), base=record)])
    stored = await _shown(engine, record.id)
    assert (stored.status, stored.attempts, stored.retry_count) == (JobStatus.RETRYING, 2, 1)
    assert [(tried.attempt, tried.live) for tried in stored.steps[0].attempts] == [(1, True), (2, True)]
    (listed,), _ = await _page(engine, EVERY)
    overlaid = ("status", "status_reason", "attempts", "retry_count", "error", "error_step")
    assert {name: getattr(listed, name) for name in overlaid} == {name: getattr(stored, name) for name in overlaid}


@pytest.mark.parametrize("status", [JobStatus.CANCELED, JobStatus.TERMINATED, JobStatus.TIMED_OUT])
async def test_b11_a_job_ended_in_backoff_has_its_attempts_in_get_and_list(
    engine: AsyncEngine, status: JobStatus
) -> None:
    record = job()
    await write(engine, [projection(record, retrying(record, 3))])
    stopped = record.steps[0].model_copy(update={"status": StepStatus.CANCELED})
    await write(
        engine, [projection(record.model_copy(update={"status": status, "last_event_id": 9, "steps": [stopped]}))]
    )
    (listed,), _ = await _page(engine, EVERY)
    shown = await _shown(engine, record.id)
    assert (shown.status, shown.attempts, shown.retry_count) == (status, 3, 2)
    assert (listed.status, listed.attempts, listed.retry_count) == (status, 3, 2)


async def test_history_wins_over_what_was_observed_before(engine: AsyncEngine) -> None:
    record = job()
    await write(engine, [projection(record, retrying(record, 2))])
    done = record.model_copy(
        update={
            "status": JobStatus.COMPLETED,
            "status_reason": "all done",
            "completed_at": START,
            "last_event_id": 20,
            "steps": [record.steps[0].model_copy(update={"status": StepStatus.COMPLETED, "attempts": [failed(1)]})],
        }
    )
    await write(engine, [projection(done, base=record)])
    await write(engine, [projection(record, retrying(record, 3), base=record)])  # a projector that lags behind
    assert (await _shown(engine, record.id)).status is JobStatus.COMPLETED
    (listed,), _ = await _page(engine, EVERY)
    assert (listed.status, listed.status_reason) == (JobStatus.COMPLETED, "all done")


async def test_a_projector_that_observed_nothing_does_not_hide_what_another_saw(engine: AsyncEngine) -> None:
    record = job()
    await write(engine, [projection(record, retrying(record, 1))])
    await write(engine, [projection(record.model_copy(update={"last_event_id": 9}))])
    assert await _ids(engine, JobFilter(tenant=None, statuses=[JobStatus.RETRYING])) == [record.id]


async def test_what_a_projector_that_lags_behind_saw_is_found_as_it_is_shown(engine: AsyncEngine) -> None:
    record = job()
    await write(engine, [projection(record.model_copy(update={"last_event_id": 9}))])
    await write(engine, [projection(record, retrying(record, 1))])
    assert (await _shown(engine, record.id)).status is JobStatus.RETRYING
    assert await _ids(engine, JobFilter(tenant=None, statuses=[JobStatus.RETRYING])) == [record.id]


async def test_attempts_of_the_runs_a_job_continues_are_shown_and_of_no_other(engine: AsyncEngine) -> None:
    def run(number: int, attempts: list[Any], **fields: Any) -> JobRecord:
        step = job().steps[0].model_copy(update={"attempts": attempts})
        at = START + timedelta(seconds=number)
        return job("default:runs", run_id=f"r{number}", run_started_at=at, steps=[step], **fields)

    first, second = run(1, [failed(1), failed(2)]), run(2, [failed(1, round_=2)])
    replaced = run(3, [failed(9)])
    await write(engine, [projection(replaced)])
    newest = run(4, [failed(1, round_=3)])
    for record, before in ((newest, "r2"), (second, "r1"), (first, None)):
        await write(engine, [projection(record, continued_from=before)])
    stored = await _shown(engine, "default:runs")
    assert stored.run_id == "r4"
    assert [(tried.round, tried.attempt) for tried in stored.steps[0].attempts] == [(1, 1), (1, 2), (2, 1), (3, 1)]


async def test_attempts_the_ledger_dropped_are_dropped_here(engine: AsyncEngine) -> None:
    record = job()
    more = record.model_copy(
        update={
            "last_event_id": 9,
            "steps": [record.steps[0].model_copy(update={"attempts": [failed(1), failed(3)]})],
        }
    )
    before = record.model_copy(
        update={"steps": [record.steps[0].model_copy(update={"attempts": [failed(1), failed(2)]})]}
    )
    await write(engine, [projection(before)])
    await write(engine, [projection(more, base=before)])
    assert [tried.attempt for tried in (await _shown(engine, record.id)).steps[0].attempts] == [1, 3]


async def test_what_temporal_reports_of_a_stuck_job_is_part_of_its_reason(engine: AsyncEngine) -> None:
    stuck, ended = job(), job(status=JobStatus.TERMINATED, completed_at=START)
    await write(engine, [projection(stuck), projection(ended)])
    async with transaction(engine) as connection:
        await set_problems(connection, {stuck.id: "Temporal: task fails", ended.id: "Temporal: task fails"})
    assert (await _shown(engine, stuck.id)).status_reason == "running step a (Temporal: task fails)"
    assert (await _shown(engine, ended.id)).status_reason == "running step a"
    listed, _ = await _page(engine, EVERY)
    assert {job.id: job.status_reason for job in listed}[stuck.id] == "running step a (Temporal: task fails)"
    async with transaction(engine) as connection:
        await set_problems(connection, {})
    assert (await _shown(engine, stuck.id)).status_reason == "running step a"


async def test_filters_find_what_they_say(engine: AsyncEngine) -> None:
    one = job("acme:1", tenant="acme", status=JobStatus.COMPLETED, labels={"team": "a", "env": "p"}, queue="slow")
    two = job("acme:2", tenant="acme", correlation_id="order", labels={"team": "a"}, submitted_by="key:ops")
    other = job("other:1", tenant="other", type="SIMULATION")
    await write(engine, [projection(record) for record in (one, two, other)])
    expected: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [other.id, two.id, one.id]),
        ({"tenant": "acme"}, [two.id, one.id]),
        ({"statuses": [JobStatus.COMPLETED, JobStatus.FAILED]}, [one.id]),
        ({"types": ["SIMULATION"]}, [other.id]),
        ({"labels": {"team": "a"}}, [two.id, one.id]),
        ({"labels": {"team": "a", "env": "p"}}, [one.id]),
        ({"labels": {"team": "b"}}, []),
        ({"queue": "slow"}, [one.id]),
        ({"correlation_id": "order"}, [two.id]),
        ({"submitted_by": "key:ops"}, [two.id]),
        ({"since": two.created_at}, [other.id, two.id]),
        ({"until": two.created_at}, [one.id]),
    ]
    for fields, ids in expected:
        assert await _ids(engine, JobFilter(**({"tenant": None} | fields))) == ids, fields


async def _page(
    engine: AsyncEngine, wanted: JobFilter, cursor: str | None = None, limit: int = 50
) -> tuple[list[StoredJob], str | None]:
    async with transaction(engine) as connection:
        return await list_jobs(connection, wanted, cursor, limit)


async def test_pages_hold_every_job_once_while_jobs_are_added(engine: AsyncEngine) -> None:
    # Several at the same moment, so that the id decides.
    old = [job(f"default:{number:02}", created_at=START + timedelta(seconds=number // 4)) for number in range(23)]
    await write(engine, [projection(record) for record in old])
    seen: list[str] = []
    cursor: str | None = None
    for page in range(10):
        found, cursor = await _page(engine, EVERY, cursor, 5)
        seen += [record.id for record in found]
        await write(engine, [projection(job(created_at=START + timedelta(hours=page + 1)))])
        if cursor is None:
            break
    assert seen == [record.id for record in sorted(old, key=lambda r: (r.created_at, r.id), reverse=True)]


async def test_the_last_page_has_no_cursor(engine: AsyncEngine) -> None:
    await write(engine, [projection(job()) for _ in range(4)])
    first, cursor = await _page(engine, EVERY, None, 2)
    last, end = await _page(engine, EVERY, cursor, 2)
    assert (len(first), len(last), end) == (2, 2, None)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!",
        "bm90anNvbg",
        "W10",
        "WzEsMl0",
        "WyIyMDI2IiwiYSJd" * 3,
        "bnVsbA",
        "é",
        "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwiYSJd",
    ],
)
async def test_a_cursor_that_is_none_is_refused(engine: AsyncEngine, cursor: str) -> None:
    with pytest.raises(CursorError):
        await _page(engine, EVERY, cursor)
