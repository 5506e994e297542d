"""Items of fan-outs in batches: in order, never more open at once than asked for, failures alone."""

import pytest

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench
from tests.integration.workflow.local_batches import UNTIL_THERE, batches, compute, folded, log, many, row, tries_of

ONCE = {"maximum_attempts": 1}


async def test_items_are_made_in_batches_that_grow_whatever_max_parallel_is(bench: Bench) -> None:
    handle = await bench.start([compute("each", "item * 2", **many(list(range(60)), 3)), log("x"), row(150)])
    assert (await bench.finish(handle)).output == {"row": [None] * 150}
    assert [len(batch) for batch in await batches(handle)] == [40, 20, 1, 80, 70]
    job, _ = await folded(bench, handle)
    assert job.steps[0].output == [2 * n for n in range(60)]


async def test_items_are_made_in_order_and_none_after_one_that_fails_the_job(bench: Bench) -> None:
    each = compute("each", "12 / item", **many([1, 2, 0, 3, 4], 1))
    handle = await bench.start([each, log("after")], dead_letter={"enabled": False})
    assert (await bench.finish(handle)).status is JobStatus.FAILED
    assert await batches(handle) == [["each.0", "each.1", "each.2"]]
    job, _ = await folded(bench, handle)
    assert [step.status for step in job.steps] == ["FAILED", "OMITTED"]


async def test_items_that_are_parked_or_tolerated_free_their_places_in_order(bench: Bench) -> None:
    items = [1, 0, 2, 0, 3, 0, 4, 5]
    each = compute("each", "60 / item", **many(items, 2), retry=ONCE, continue_on_error=True)
    handle = await bench.start([each], output="${ steps.each.output }")
    result = await bench.finish(handle)
    assert result.output == [None if item == 0 else 60 / item for item in items]
    made = [name for batch in await batches(handle) for name in batch]
    assert sorted(made) == [f"each.{n}" for n in range(8)]
    await folded(bench, handle)


async def test_no_more_items_are_open_at_once_than_max_parallel_allows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {"message": "${ item } ${ secrets.LOCAL_ITEMS }"}
    step = log("each", **{"with": params}, **many(list(range(7)), 2), retry=UNTIL_THERE)
    handle = await bench.start([step])

    async def tried() -> bool:
        return bool(await batches(handle))

    await bench.eventually(tried)
    monkeypatch.setenv("PERDURE_SECRET_LOCAL_ITEMS", "there by now")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    await folded(bench, handle)
    names: dict[int, str] = {}
    open_: set[str] = set()
    for event in (await handle.fetch_history()).events:
        names[event.event_id] = event.activity_task_scheduled_event_attributes.activity_id
        open_ |= {id_ for id_, failed in tries_of(event) if failed}
        open_.discard(names.get(event.activity_task_completed_event_attributes.scheduled_event_id, ""))
        assert len(open_) <= 2


async def test_items_that_fail_park_alone_and_are_made_again_together(bench: Bench) -> None:
    handle = await bench.start([compute("each", "12 / item", **many([1, 0, 2, 0, 3]), retry=ONCE), log("after")])

    async def parked() -> bool:
        return len((await handle.query("state"))["parked"]) == 2

    await bench.eventually(parked)
    await handle.execute_update("retry", {"actor": "me", "patch": {"each": {"expression": "item"}}})
    result = await bench.finish(handle)
    assert result.status is JobStatus.COMPLETED
    job, _ = await folded(bench, handle)
    assert job.steps[0].output == [12, 0, 6, 0, 4]
    assert ["each.1.r2", "each.3.r2"] in await batches(handle)
