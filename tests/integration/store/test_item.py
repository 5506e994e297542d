"""Items of fan-outs in the store: written as they change, by whoever, in any order; read in pages."""

from collections.abc import Sequence
from itertools import count

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.contract.execution import FanOutState, JobState, StepState
from perdure.contract.journal import JournalType
from perdure.contract.note import Note
from perdure.contract.state import StepStatus
from perdure.projection import fold
from perdure.projection.record import ItemRecord
from perdure.projection.writer import ItemSource, Projection, RunProjection, write
from perdure.store.item import list_items
from perdure.store.job import get_job
from perdure.store.session import transaction
from tests.integration.store.rows import rows_of
from tests.unit.fold_event import START, History

EACH = {
    "id": "each",
    "type": "LOG",
    "for_each": {"items": "${ input.rows }"},
    "compensate": {"type": "LOG", "with": {}},
}
_numbers = count()


def fanned(items: int, job_id: str | None = None, run_id: str = "", **data: object) -> History:
    job_id = job_id or f"default:each-{next(_numbers)}"
    history = History(EACH, job_id=job_id, run_id=run_id or f"{job_id}/1")
    started = Note(kind=JournalType.STEP_STARTED, step="each", round=1, data={"items": items})
    return history.begun(**data).noted(started) if items else history.begun(**data)


class Writer:
    """Folds a run portion by portion and writes after each, as a projector does."""

    def __init__(self, engine: AsyncEngine, history: History) -> None:
        self._engine = engine
        self._history = history
        self._state = fold.start(history.job_id, history.run_id)
        self._base: RunProjection | None = None
        self.sent: list[int] = []

    async def write(self, up_to: int | None = None) -> None:
        events = self._history.events[self._state.last_event_id : up_to]
        journal = [row for event in events for row in fold.apply(self._state, event)]
        record = fold.record(self._state)
        self.sent.append(len(fold.changed_items(self._state)))
        items = ItemSource.of(self._state)
        base = self._base.record if self._base else None
        run = RunProjection(record, self._state.ended, self._state.continued_from, base, items)
        await write(self._engine, [Projection(record.id, [run], journal)])
        fold.settle(self._state)
        self._base = run


async def page(
    engine: AsyncEngine, job_id: str, *, statuses: Sequence[StepStatus] = (), after: int = -1, limit: int = 100
) -> list[ItemRecord]:
    async with transaction(engine) as connection:
        found = await list_items(connection, job_id, "each", statuses=statuses, after=after, limit=limit)
    assert found is not None
    assert found.has_more == (len(found.items) == limit)
    return found.items


async def test_only_what_changed_is_written_and_the_rows_are_those_of_the_whole(engine: AsyncEngine) -> None:
    history = fanned(3).ran("each.0", output=1)
    piecewise = Writer(engine, history)
    await piecewise.write()
    history.failed(history.scheduled("each.1"), 2).parked("each.1").ran("each.2", output=3)
    await piecewise.write()
    assert piecewise.sent == [1, 2]
    rows = await rows_of(engine, history.job_id)
    await Writer(engine, history).write()
    assert await rows_of(engine, history.job_id) == rows
    items = sorted(rows["items"], key=lambda row: int(row["index"]))
    assert [(row["index"], row["status"], row["output"], row["code"]) for row in items] == [
        (0, "COMPLETED", 1, None),
        (1, "DEAD_LETTERED", None, "STEP.HTTP.5XX"),
        (2, "COMPLETED", 3, None),
    ]


async def test_a_writer_that_lags_behind_takes_no_item_back(engine: AsyncEngine) -> None:
    history = fanned(2)
    history.scheduled("each.0")
    seen, behind = len(history.events), Writer(engine, history)
    history.completed(seen, "done")
    await Writer(engine, history).write()
    await behind.write(seen)
    (item, _) = await page(engine, history.job_id)
    assert (item.status, item.output) == (StepStatus.COMPLETED, "done")


async def test_items_nobody_heard_of_are_in_the_list_and_found_by_their_state(engine: AsyncEngine) -> None:
    history = fanned(5).ran("each.3", output="x")
    await Writer(engine, history).write()
    items = await page(engine, history.job_id)
    assert [(item.index, item.status.value) for item in items] == [
        (0, "PENDING"), (1, "PENDING"), (2, "PENDING"), (3, "COMPLETED"), (4, "PENDING"),
    ]  # fmt: skip
    pending = await page(engine, history.job_id, statuses=[StepStatus.PENDING], after=1, limit=1)
    assert [item.index for item in pending] == [2]
    assert [item.index for item in await page(engine, history.job_id, statuses=[StepStatus.COMPLETED])] == [3]
    history.add("WORKFLOW_EXECUTION_TERMINATED", identity="me")
    await Writer(engine, history).write()
    assert [item.index for item in await page(engine, history.job_id, statuses=[StepStatus.CANCELED])] == [0, 1, 2, 4]


async def test_an_item_has_its_attempts_and_those_of_its_compensation(engine: AsyncEngine) -> None:
    history = fanned(2).ran("each.0", failed=2).ran("each.1")
    history.noted(Note(kind=JournalType.STEP_COMPLETED, step="each", round=1))
    history.completed(history.scheduled("each.0.compensate"), failed=1)
    await Writer(engine, history).write()
    first, second = await page(engine, history.job_id)
    assert ([tried.attempt for tried in first.attempts], first.attempt_count) == ([1, 2, 3], 3)
    assert first.compensation is not None
    assert (first.status, [tried.attempt for tried in first.compensation.attempts]) == (StepStatus.COMPENSATED, [1, 2])
    assert (second.compensation, len(second.attempts)) == (None, 1)
    async with transaction(engine) as connection:
        job = await get_job(connection, history.job_id, None)
    assert job is not None
    step = job.steps[0]
    assert (step.attempt_count, step.attempts, job.attempts) == (4, [], 6)
    assert step.items is not None
    assert step.items.counts == {StepStatus.COMPENSATED: 1, StepStatus.COMPLETED: 1}


async def test_items_of_an_earlier_fan_out_of_the_step_are_not_shown(engine: AsyncEngine) -> None:
    history = fanned(3).ran("each.0").ran("each.1").ran("each.2")
    history.noted(Note(kind=JournalType.STEP_COMPLETED, step="each", round=1))
    writer = Writer(engine, history)
    await writer.write()
    data = {"rounds": {"each": 2}, "reset": ["each"], "from_step": "each"}
    history.noted(Note(kind=JournalType.JOB_RETRY_REQUESTED, data=data))
    await writer.write()
    assert await page(engine, history.job_id) == []
    history.noted(Note(kind=JournalType.STEP_STARTED, step="each", round=2, data={"items": 2}))
    history.scheduled("each.1", 2)
    await writer.write()
    assert [item.status.value for item in await page(engine, history.job_id)] == ["PENDING", "RUNNING"]


async def test_b7_a_run_that_goes_on_with_an_item_keeps_when_it_began(engine: AsyncEngine) -> None:
    first = fanned(2).ran("each.0", output="a")
    first.noted(Note(kind=JournalType.STEP_WAITING, step="each.1", round=1, data={"kind": "WAIT", "name": "go"}))
    first.add("WORKFLOW_EXECUTION_CONTINUED_AS_NEW", new_run_id=f"{first.job_id}/2")
    items = FanOutState(status="cw", outputs=["a", None], attempts={"1": 0})
    each = StepState(status=StepStatus.RUNNING, items=items, started_at=START.isoformat())
    second = fanned(
        0,
        first.job_id,
        f"{first.job_id}/2",
        carried=JobState(steps={"each": each}, started_at=START.isoformat()),
        continued_from=first.run_id,
    )
    delivered = {"name": "go", "payload": "b", "via": "update"}
    second.noted(Note(kind=JournalType.STEP_DELIVERED, step="each.1", round=1, data=delivered))
    second.noted(Note(kind=JournalType.STEP_COMPLETED, step="each", round=1))
    await Writer(engine, first).write()
    await Writer(engine, second).write()
    one, other = await page(engine, first.job_id)
    assert (one.output, one.attempt_count, len(one.attempts)) == ("a", 1, 1)
    assert (other.status, other.output, other.waiting_for) == (StepStatus.COMPLETED, "b", None)
    assert other.started_at is not None
    assert other.started_at < START.replace(second=1)
    async with transaction(engine) as connection:
        job = await get_job(connection, first.job_id, None)
    assert job is not None
    assert job.steps[0].output == ["a", "b"]


@pytest.mark.parametrize("step", ["nothing", "each.0"])
async def test_a_step_that_is_not_there_has_no_list(engine: AsyncEngine, step: str) -> None:
    history = fanned(1)
    await Writer(engine, history).write()
    async with transaction(engine) as connection:
        assert await list_items(connection, history.job_id, step, statuses=(), after=-1, limit=1) is None


async def test_ten_thousand_items_are_written_and_read_in_pages(engine: AsyncEngine) -> None:
    history = fanned(10_000)
    for index in range(10_000):
        history.completed(history.scheduled(f"each.{index}"), index)
    history.noted(Note(kind=JournalType.STEP_COMPLETED, step="each", round=1))
    await Writer(engine, history).write()
    last = await page(engine, history.job_id, after=9_998)
    assert [(item.index, item.output, len(item.attempts)) for item in last] == [(9_999, 9_999, 1)]
