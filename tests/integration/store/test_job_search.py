"""Lists of jobs: every filter, every order, words, and pages that stand still while jobs come and go."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.contract.error import ErrorClass, ErrorInfo, error_info
from perdure.contract.state import JobStatus
from perdure.projection.record import JobRecord
from perdure.projection.writer import write
from perdure.store import job_search
from perdure.store.cursor import CursorError
from perdure.store.job import StoredJob
from perdure.store.job_filter import JobFilter, search_words
from perdure.store.job_order import JobSort
from perdure.store.job_search import list_jobs
from perdure.store.session import transaction
from tests.integration.store.sample import START, job, projection, retrying

EVERY = JobFilter(tenant=None)


@pytest.fixture(autouse=True)
async def _no_jobs(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE jobs CASCADE"))
        await connection.execute(text("TRUNCATE runs, attempts, live_observations"))


def wanted(**fields: Any) -> JobFilter:
    return JobFilter(**({"tenant": None} | fields))


def about(text_: str) -> JobFilter:
    return wanted(words=search_words(text_))


def timed_out() -> ErrorInfo:
    return error_info("STEP.HTTP.TIMEOUT", ErrorClass.TIMEOUT, "no answer from https://partner.example/orders/1042")


def ended(number: int, seconds: int, **fields: Any) -> JobRecord:
    at = START + timedelta(seconds=seconds)
    return job(
        f"default:{number:02}", status=JobStatus.COMPLETED, completed_at=at, execution_ms=seconds * 1000, **fields
    )


async def put(engine: AsyncEngine, *records: JobRecord) -> None:
    await write(engine, [projection(record) for record in records])


async def page(
    engine: AsyncEngine, which: JobFilter, cursor: str | None = None, limit: int = 200, sort: JobSort = JobSort.NEWEST
) -> tuple[list[StoredJob], str | None]:
    async with transaction(engine) as connection:
        return await list_jobs(connection, which, cursor, limit, sort)


async def ids(engine: AsyncEngine, which: JobFilter, sort: JobSort = JobSort.NEWEST) -> list[str]:
    return [found.id for found in (await page(engine, which, sort=sort))[0]]


async def test_jobs_are_found_by_trace_parent_error_and_fingerprint(engine: AsyncEngine) -> None:
    error = timed_out()
    failed = job("default:failed", status=JobStatus.FAILED, error=error, error_step="a", trace_id="t1")
    child = job("default:failed~a", parent_id=failed.id, trace_id="t1")
    other = job("default:other", trace_id="t2")
    await put(engine, failed, child, other)
    assert await ids(engine, wanted(trace_id="t1")) == [child.id, failed.id]
    assert await ids(engine, wanted(parent_id=failed.id)) == [child.id]
    assert await ids(engine, wanted(error_code="STEP.HTTP.TIMEOUT")) == [failed.id]
    assert await ids(engine, wanted(error_code="STEP.HTTP.5XX")) == []
    assert error.fingerprint
    assert await ids(engine, wanted(fingerprint=error.fingerprint)) == [failed.id]


async def test_the_error_of_a_job_that_is_retried_is_found(engine: AsyncEngine) -> None:
    record = job()
    await write(engine, [projection(record, retrying(record, 1))])
    assert await ids(engine, wanted(error_code="STEP.HTTP.5XX")) == [record.id]
    assert await ids(engine, wanted(statuses=[JobStatus.RETRYING, JobStatus.FAILED])) == [record.id]
    assert await ids(engine, wanted(statuses=[JobStatus.RUNNING])) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("invoice", ["run", "label"]),
        ("INVOICE run", ["run"]),
        ("invoice-run", ["run"]),
        ("inv", ["run", "label"]),
        ("run inv", ["run"]),
        ("inv run", []),
        ("voice", []),
        ("billing", ["label"]),
        ("team=billing", ["label"]),
        ("team", ["label"]),
        ("1042", ["error"]),
        ("10", []),
        ("42", []),
        ("STEP.HTTP.TIMEOUT", ["error"]),
        ("partner.example no answer", ["error"]),
        ("partner billing", []),
        ("Übung", ["label"]),
        ("übu", ["label"]),
        ("日本", ["label"]),
        ("日", ["label"]),
        ("a' | !b:* & (c", []),
        ("\\", []),
        ("🙂", []),
    ],
)
async def test_words_are_found_in_name_labels_and_error(engine: AsyncEngine, query: str, found: list[str]) -> None:
    await put(
        engine,
        job("default:error", name="other", status=JobStatus.FAILED, error=timed_out()),
        job("default:label", labels={"team": "billing", "kind": "Invoice", "wort": "Übung", "ort": "日本橋"}),
        job("default:run", name="invoice-run"),
    )
    which = about(query)
    if not which.words:
        assert query == "\\"
        return
    assert await ids(engine, which) == [f"default:{name}" for name in found]


async def test_a_job_with_more_text_than_can_be_searched_is_written(engine: AsyncEngine) -> None:
    labels = {f"label{number}": "x" * 250 + f" {number}" for number in range(32)}
    large = error_info("STEP.FAILED", ErrorClass.PERMANENT, " ".join(f"word{number}" for number in range(200_000)))
    record = job(labels=labels, error=large, status=JobStatus.FAILED)
    await put(engine, record)
    assert await ids(engine, about("word7 label3")) == [record.id]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (JobSort.NEWEST, [4, 3, 2, 1, 0]),
        (JobSort.OLDEST, [0, 1, 2, 3, 4]),
        (JobSort.LAST_COMPLETED, [3, 0, 2, 1]),
        (JobSort.FIRST_COMPLETED, [1, 2, 0, 3]),
        (JobSort.LONGEST, [3, 0, 2, 1]),
        (JobSort.SHORTEST, [1, 2, 0, 3]),
    ],
)
@pytest.mark.parametrize("statuses", [(), (JobStatus.COMPLETED, JobStatus.RUNNING)])
@pytest.mark.parametrize("words", [(), ("sample",)])
async def test_lists_are_in_the_order_asked_for(
    engine: AsyncEngine, sort: JobSort, order: list[int], statuses: tuple[JobStatus, ...], words: tuple[str, ...]
) -> None:
    await put(engine, *(ended(number, seconds) for number, seconds in enumerate([7, 1, 3, 9])), job("default:04"))
    found = await ids(engine, wanted(statuses=statuses, words=words), sort)
    assert found == [f"default:{number:02}" for number in order]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seconds=st.lists(st.integers(0, 3), max_size=14),
    limit=st.integers(1, 6),
    sort=st.sampled_from(JobSort),
    filtered=st.fixed_dictionaries(
        {},
        optional={
            "statuses": st.just((JobStatus.COMPLETED, JobStatus.RUNNING)),
            "words": st.just(("sample",)),
            "labels": st.just({"every": "one"}),
            "tenant": st.just("default"),
        },
    ),
)
async def test_pages_in_any_order_hold_every_job_once_while_jobs_are_added(
    engine: AsyncEngine, seconds: list[int], limit: int, sort: JobSort, filtered: dict[str, Any]
) -> None:
    await _truncate(engine)
    labels = {"every": "one"}
    old = [
        ended(number, at, created_at=START + timedelta(seconds=at), labels=labels) for number, at in enumerate(seconds)
    ]
    await put(engine, *old)
    seen: list[str] = []
    cursor: str | None = None
    for number in range(len(old) + 1):
        found, cursor = await page(engine, wanted(**filtered), cursor, limit, sort)
        seen += [record.id for record in found]
        # First of all in this order, so before every page that is turned.
        early = -1 if not sort.descending else 5
        moment = START + timedelta(seconds=early)
        await put(engine, ended(50 + number, early, created_at=moment, labels=labels))
        if cursor is None:
            break
    key = sort.value.removeprefix("-")
    expected = sorted(old, key=lambda record: (getattr(record, key), record.id), reverse=sort.descending)
    assert seen == [record.id for record in expected]


async def _truncate(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE jobs CASCADE"))


async def test_a_cursor_of_another_order_is_refused(engine: AsyncEngine) -> None:
    await put(engine, *(ended(number, number) for number in range(3)))
    _, cursor = await page(engine, EVERY, None, 1)
    for sort in set(JobSort) - {JobSort.NEWEST}:
        with pytest.raises(CursorError):
            await page(engine, EVERY, cursor, 1, sort)


@pytest.mark.parametrize("window", [2, 3, 4])
async def test_what_lies_beyond_the_first_rows_is_found_all_the_same(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(job_search, "_WINDOW", window)
    monkeypatch.setattr(job_search, "_WIDER", 2 * window)
    records = [job(f"default:{number}", labels={"odd": str(number % 2)}) for number in range(8)]
    await put(engine, *records)
    odd = [f"default:{number}" for number in (7, 5, 3, 1)]
    assert await ids(engine, wanted(labels={"odd": "1"})) == odd
    assert await ids(engine, wanted(labels={"odd": "1"}, words=["odd"], statuses=[JobStatus.RUNNING])) == odd
    first, cursor = await page(engine, wanted(labels={"odd": "1"}), None, 2)
    rest, end = await page(engine, wanted(labels={"odd": "1"}), cursor, 2)
    assert [record.id for record in (*first, *rest)] == odd
    assert end is None


async def test_filters_together_must_all_fit(engine: AsyncEngine) -> None:
    error = timed_out()
    record = job(
        "acme:all", tenant="acme", name="invoice", status=JobStatus.FAILED, type="report", queue="slow",
        labels={"team": "a"}, correlation_id="order", trace_id="t", submitted_by="key:ops", parent_id="acme:p",
        error=error, created_at=START,
    )  # fmt: skip
    await put(engine, record)
    fitting: dict[str, Any] = {
        "tenant": "acme", "statuses": [JobStatus.FAILED], "types": ["report"], "queue": "slow",
        "labels": {"team": "a"}, "correlation_id": "order", "trace_id": "t", "submitted_by": "key:ops",
        "parent_id": "acme:p", "error_code": error.code, "fingerprint": error.fingerprint, "since": START,
        "until": START + timedelta(seconds=1), "words": ["invoice"],
    }  # fmt: skip
    other: dict[str, Any] = {
        "tenant": "b", "statuses": [JobStatus.RUNNING], "types": ["x"], "queue": "x", "labels": {"team": "b"},
        "correlation_id": "x", "trace_id": "x", "submitted_by": "x", "parent_id": "x", "error_code": "x",
        "fingerprint": "x", "since": START + timedelta(microseconds=1), "until": START, "words": ["other"],
    }  # fmt: skip
    assert await ids(engine, JobFilter(**fitting)) == [record.id]
    for name, value in other.items():
        assert await ids(engine, JobFilter(**(fitting | {name: value}))) == [], name


async def test_ids_decide_where_the_order_does_not(engine: AsyncEngine) -> None:
    await put(engine, *(ended(number, 1, created_at=START) for number in range(5)))
    for sort in JobSort:
        found = await ids(engine, EVERY, sort)
        assert all((one > other) is sort.descending for one, other in pairwise(found)), sort
