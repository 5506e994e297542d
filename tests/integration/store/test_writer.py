"""The projection writer: any number of writers, any portions, any order give the rows of the whole fold."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.contract.state import StepStatus
from perdure.projection.writer import Projection, RunProjection, write
from tests.integration.store.history import Projector, StoredRun, names, stored_runs, under
from tests.integration.store.rows import rows_of
from tests.integration.store.sample import job, projection
from tests.integration.store.server import PostgresServer

CONTINUED = ("continued-1", "continued-2", "continued-3")
JOBS = [CONTINUED, *([(name,) for name in names() if name not in CONTINUED])]
_numbers = count()
_whole: dict[tuple[str, ...], dict[str, list[dict[str, Any]]]] = {}


async def _fresh(names: Sequence[str]) -> tuple[str, str, list[StoredRun]]:
    suffix = f"-x{next(_numbers)}x"
    return f"default:{names[0]}{suffix}", suffix, under(await stored_runs(*names), suffix)


async def _whole_rows(engine: AsyncEngine, names: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    if names not in _whole:
        job_id, suffix, runs = await _fresh(names)
        await write(engine, [Projector(job_id, runs).all()])
        _whole[names] = await rows_of(engine, job_id, suffix)
    return _whole[names]


schedules = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(names=st.sampled_from(JOBS), schedule=schedules, last=st.booleans())
async def test_two_projectors_in_any_order_give_the_rows_of_the_whole_fold(
    engine: AsyncEngine, names: tuple[str, ...], schedule: list[tuple[bool, int]], last: bool
) -> None:
    job_id, suffix, runs = await _fresh(names)
    projectors = {True: Projector(job_id, runs), False: Projector(job_id, runs)}
    for who, events in schedule:
        await write(engine, [projectors[who].advance(events)])
    await write(engine, [projectors[last].all()])
    assert await rows_of(engine, job_id, suffix) == await _whole_rows(engine, names)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(names=st.sampled_from(JOBS), portions=st.lists(st.integers(1, 30), min_size=1, max_size=8))
async def test_projectors_writing_at_the_same_time_give_the_rows_of_the_whole_fold(
    engine: AsyncEngine, names: tuple[str, ...], portions: list[int]
) -> None:
    job_id, suffix, runs = await _fresh(names)

    async def project(portions: list[int]) -> None:
        projector = Projector(job_id, runs)
        for portion in portions:
            await write(engine, [projector.advance(portion)])
        await write(engine, [projector.all()])

    await asyncio.gather(project(portions), project(portions[::-1]), project([]))
    assert await rows_of(engine, job_id, suffix) == await _whole_rows(engine, names)


@pytest.mark.parametrize("names", JOBS, ids=lambda names: names[0])
async def test_a_writer_that_lags_behind_takes_nothing_back(engine: AsyncEngine, names: tuple[str, ...]) -> None:
    job_id, suffix, runs = await _fresh(names)
    behind = Projector(job_id, runs)
    stale = [behind.advance(7) for _ in range(3)]
    await write(engine, [Projector(job_id, runs).all()])
    for old in reversed(stale):
        await write(engine, [old])
    assert await rows_of(engine, job_id, suffix) == await _whole_rows(engine, names)


async def test_batches_that_overlap_in_any_order_do_not_deadlock(engine: AsyncEngine, postgres: PostgresServer) -> None:
    fresh = [await _fresh(("listed_order",)) for _ in range(8)]

    async def project(order: int) -> None:
        projectors = [Projector(job_id, runs) for job_id, _, runs in fresh]
        for portion in (5, 5, 100):
            batch = [projector.advance(portion) for projector in projectors]
            await write(engine, batch[::order])

    await asyncio.gather(*(project(order) for order in (1, -1) for _ in range(3)))
    whole = await _whole_rows(engine, ("listed_order",))
    for job_id, suffix, _ in fresh:
        assert await rows_of(engine, job_id, suffix) == whole
    assert "deadlock detected" not in (postgres.home / "log").read_text()


async def test_a_difference_is_sent_only_to_what_it_is_a_difference_from(engine: AsyncEngine) -> None:
    first = job()
    await write(engine, [projection(first)])
    parked = first.steps[0].model_copy(update={"status": StepStatus.DEAD_LETTERED})
    await write(engine, [projection(first.model_copy(update={"last_event_id": 9, "steps": [parked]}))])
    last = first.model_copy(update={"last_event_id": 11})
    await write(engine, [projection(last, base=first)])
    rows = await rows_of(engine, first.id)
    assert [step["status"] for step in rows["steps"]] == ["RUNNING"]


async def test_a_batch_is_written_whole_or_not_at_all(engine: AsyncEngine) -> None:
    (good, _, good_runs), (bad, _, bad_runs) = await _fresh(("listed_order",)), await _fresh(("listed_order",))
    refused = Projector(bad, bad_runs).all()
    too_large = refused.job.model_copy(update={"priority": 2**40})
    runs = [RunProjection(too_large, closed=True)]
    with pytest.raises(Exception, match="out of range"):
        await write(engine, [Projector(good, good_runs).all(), Projection(bad, runs)])
    assert not any((await rows_of(engine, good)).values())
