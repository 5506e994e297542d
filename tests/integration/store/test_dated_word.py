"""Words are indexed by week: what is found does not depend on how far back it lies, nor on how many weeks there are."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.contract.state import JobStatus
from perdure.projection.record import JobRecord
from perdure.store import job_search
from perdure.store.job_filter import search_words
from perdure.store.job_order import JobSort
from tests.integration.store.sample import START, job
from tests.integration.store.test_job_search import ids, page, put, wanted

YEARS = 3
DAYS = 365 * YEARS


@pytest.fixture(autouse=True)
def _no_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search goes through the weeks."""
    monkeypatch.setattr(job_search, "_WINDOW", 2)


@pytest.fixture
async def old_and_new(engine: AsyncEngine) -> list[JobRecord]:
    """120 jobs of three years, many of them created at the same moment; every third has the word."""
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE jobs CASCADE"))
        await connection.execute(text("TRUNCATE runs, attempts, live_observations"))
    draw = random.Random(1)
    records = []
    for number in range(120):
        at = START - timedelta(days=draw.randrange(DAYS) // 7 * 7)
        times = {
            "created_at": at,
            "completed_at": at + timedelta(seconds=draw.randrange(5)),
            "execution_ms": number % 7,
        }
        name = "refund-run" if number % 3 == 0 else "other"
        records.append(job(f"default:{number:03}", name=name, status=JobStatus.COMPLETED, **times))
    await put(engine, *records)
    return records


@pytest.mark.parametrize("sort", list(JobSort))
@pytest.mark.parametrize("query", ["refund", "refun", "run refund"])
async def test_pages_of_a_search_are_whole_and_in_order_over_years(
    engine: AsyncEngine, old_and_new: list[JobRecord], sort: JobSort, query: str
) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        found, cursor = await page(engine, wanted(words=search_words(query)), cursor, 7, sort)
        seen += [record.id for record in found]
        if cursor is None:
            break
    key = sort.value.removeprefix("-")
    named = [record for record in old_and_new if record.name == "refund-run"]
    expected = sorted(named, key=lambda record: (getattr(record, key), record.id), reverse=sort.descending)
    assert seen == [record.id for record in expected]


async def test_since_and_until_bound_a_search(engine: AsyncEngine, old_and_new: list[JobRecord]) -> None:
    since, until = START - timedelta(days=700), START - timedelta(days=70)
    found = await ids(engine, wanted(words=["refund"], since=since, until=until))
    within = [record for record in old_and_new if record.name == "refund-run" and since <= record.created_at < until]
    assert set(found) == {record.id for record in within}
    assert found
    later = START + timedelta(days=1)
    assert await ids(engine, wanted(words=["refund"], since=later)) == []
    assert await ids(engine, wanted(words=["refund"], since=later, until=START)) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("don’t", ["one"]),
        ("t don", ["one"]),
        ("don’t panic", ["one"]),
        ("t’don", []),
        ("panic—quickly", ["one"]),
        ("quickly’panic", []),
        ("· panic", ["one"]),
        ("·", []),
        ("PANIC", ["one"]),
        ("panic 🙂", ["one"]),
    ],
)
async def test_words_that_the_database_parts_further_are_found_as_they_stand(
    engine: AsyncEngine, old_and_new: list[JobRecord], query: str, found: list[str]
) -> None:
    await put(engine, job("default:one", labels={"said": "don’t panic—quickly"}))
    assert await ids(engine, wanted(words=search_words(query))) == [f"default:{name}" for name in found]


ODD = ["", "a b", "it's", "back\\slash", "=", '"', "日本", "🙂", "x" * 100, "x" * 101, "x" * 600, "%", ":*"]


@pytest.mark.parametrize("value", ODD)
async def test_labels_are_found_whatever_they_hold_and_others_are_not(
    engine: AsyncEngine, old_and_new: list[JobRecord], value: str
) -> None:
    at = START - timedelta(days=400)
    await put(
        engine,
        job("default:one", labels={"k": value, "other": "y"}, created_at=at),
        job("default:two", labels={"k": f"{value}z", "other": "y"}),
        job("default:three", labels={"other": value}),
    )
    assert await ids(engine, wanted(labels={"k": value})) == ["default:one"]
    assert await ids(engine, wanted(labels={"k": value, "other": "y"})) == ["default:one"]
    assert await ids(engine, wanted(labels={"k": value, "other": "x"})) == []
    assert await ids(engine, wanted(labels={"k": value}, words=["other"], statuses=[JobStatus.RUNNING])) == [
        "default:one"
    ]
    assert await ids(engine, wanted(labels={"k": value}, words=["absent"])) == []


async def test_labels_that_read_alike_are_told_apart(engine: AsyncEngine, old_and_new: list[JobRecord]) -> None:
    await put(engine, job("default:one", labels={"a=b": "c"}), job("default:two", labels={"a": "b=c"}))
    assert await ids(engine, wanted(labels={"a=b": "c"})) == ["default:one"]
    assert await ids(engine, wanted(labels={"a": "b=c"})) == ["default:two"]


async def test_a_word_of_any_length_can_be_stored(engine: AsyncEngine, old_and_new: list[JobRecord]) -> None:
    lengths = (499, 501, 1_020, 1_022, 1_023, 1_024, 4_000)
    await put(engine, *(job(f"default:{number}", labels={"k": "ü" * number}) for number in lengths))
    # What is no word to Postgres, being too long, is none here.
    assert set(await ids(engine, wanted(words=["ü" * 200]))) >= {f"default:{number}" for number in lengths[:3]}
    for number in lengths:
        assert await ids(engine, wanted(labels={"k": "ü" * number})) == [f"default:{number}"]
    many = {f"{'k' * 190}{number}": "v" * 600 for number in range(32)}
    await put(engine, job("default:many", labels=many))
    assert await ids(engine, wanted(labels=many)) == ["default:many"]
