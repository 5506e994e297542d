"""The fold of a fan-out: its items, what they make of their step, and what is written of them."""

from typing import Any

import pytest

from perdure.contract.execution import FanOutState, JobResult, JobState, StepState
from perdure.contract.journal import JournalType
from perdure.contract.note import Note
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection import fold
from perdure.projection.fold import FoldState
from tests.unit.fold_event import JOB_ID, RUN_ID, START, History, failed_error, types

EACH = {"id": "each", "type": "LOG", "for_each": {"items": "${ input.rows }"}}


def fanned(items: int = 3, **spec: Any) -> History:
    """A job whose one step has begun with so many items."""
    history = History(EACH | spec).begun()
    data = {"items": items, "max_parallel": 10}
    return history.noted(Note(kind=JournalType.STEP_STARTED, step="each", round=1, data=data))


def parked(history: History, item: int, round_: int = 1) -> History:
    unit = f"each.{item}"
    return history.failed(history.scheduled(unit, round_)).parked(unit, round_=round_)


def state_of(history: History) -> FoldState:
    return fold.fold_run(JOB_ID, RUN_ID, history.events)[0]


def counts(history: History) -> dict[str, int]:
    items = history.fold()[0].steps[0].items
    assert items is not None
    return {status.value: number for status, number in items.counts.items()}


def closing(kind: JournalType, **data: Any) -> Note:
    return Note(kind=kind, step="each", round=1, data=data)


def test_outputs_stand_in_the_order_of_the_items_whatever_order_they_ended_in() -> None:
    history = fanned()
    for index in (2, 0, 1):
        history.ran(f"each.{index}", output=f"out {index}")
    job, journal = history.noted(closing(JournalType.STEP_COMPLETED)).fold()
    step = job.steps[0]
    assert (step.status, step.output) == (StepStatus.COMPLETED, ["out 0", "out 1", "out 2"])
    assert (step.attempt_count, job.attempts, job.retry_count) == (3, 3, 0)
    rows = [row for row in journal if row.type is JournalType.STEP_COMPLETED]
    assert [row.data.get("item") for row in rows] == [2, 0, 1, None]
    assert {row.step_id for row in rows} == {"each"}


def test_items_nobody_heard_of_are_pending_and_the_reason_tells_how_far_it_is() -> None:
    history = fanned(5).ran("each.0")
    history.scheduled("each.1")
    job, _ = history.fold()
    assert counts(history) == {"COMPLETED": 1, "RUNNING": 1, "PENDING": 3}
    assert job.status_reason == "running step each (1 of 5 items done)"
    assert job.steps[0].running_items == {1: 1}


def test_a_parked_item_parks_its_step_and_the_others_run_on() -> None:
    history = parked(fanned(), 1)
    running = history.scheduled("each.2")
    job, journal = history.fold()
    assert (job.status, job.steps[0].status, job.error_step) == (
        JobStatus.DEAD_LETTERED, StepStatus.DEAD_LETTERED, "each",
    )  # fmt: skip
    assert job.error == job.steps[0].error == failed_error()
    assert job.status_reason == "1 of 3 items of step each is parked: STEP.HTTP.5XX: it answered 500"
    row = next(row for row in journal if row.type is JournalType.STEP_PARKED)
    assert (row.step_id, row.data["item"], row.status) == ("each", 1, "DEAD_LETTERED")
    job, _ = parked(history.completed(running), 0).fold()
    assert job.status_reason == "2 of 3 items of step each are parked: STEP.HTTP.5XX: it answered 500"


def test_a_retried_item_runs_another_round_and_its_step_is_no_longer_parked() -> None:
    history = parked(fanned(), 1).retried("each.1")
    assert history.fold()[0].steps[0].status is StepStatus.RUNNING
    history.completed(history.scheduled("each.1", 2), "late")
    state = state_of(history)
    (item,) = fold.known_items(state, "each")
    assert (item.status, item.round, item.output, item.attempt_count) == (StepStatus.COMPLETED, 2, "late", 2)
    assert [(tried.round, tried.attempt) for tried in item.attempts] == [(1, 1), (2, 1)]


def test_a_skipped_item_has_the_output_it_was_given() -> None:
    history = parked(fanned(1), 0)
    given = {"output": "by hand", "via": "update"}
    history.noted(Note(kind=JournalType.STEP_OVERRIDDEN, step="each.0", round=1, actor="key:ops", data=given))
    job, journal = history.noted(closing(JournalType.STEP_COMPLETED)).fold()
    assert (job.steps[0].output, counts(history)) == (["by hand"], {"SKIPPED": 1})
    row = next(row for row in journal if row.type is JournalType.STEP_OVERRIDDEN)
    assert (row.actor, row.status, row.data["item"]) == ("key:ops", "SKIPPED", 0)


def test_a_caught_item_completes_with_what_the_rule_gives() -> None:
    history = fanned(1)
    history.failed(history.scheduled("each.0"))
    caught = {"output": {"found": False}, "code": "STEP.HTTP.5XX"}
    history.noted(Note(kind=JournalType.STEP_CAUGHT, step="each.0", round=1, error=failed_error(), data=caught))
    (item,) = fold.known_items(state_of(history), "each")
    assert (item.status, item.output, item.error) == (StepStatus.COMPLETED, {"found": False}, None)


def test_with_continue_on_error_the_list_is_kept_and_the_job_completes_with_errors() -> None:
    history = fanned(2, continue_on_error=True).ran("each.0", output=1)
    history.failed(history.scheduled("each.1"))
    history.noted(
        Note(kind=JournalType.STEP_FAILED, step="each.1", round=1, error=failed_error(), data={"continued": True})
    )
    history.noted(
        Note(kind=JournalType.STEP_FAILED, step="each", round=1, error=failed_error(), data={"continued": True})
    )
    result = JobResult(status=JobStatus.COMPLETED_WITH_ERRORS, error=failed_error(), error_step="each")
    history.add("WORKFLOW_EXECUTION_COMPLETED", result=result.model_dump(mode="json", by_alias=True))
    job, journal = history.fold()
    assert (job.steps[0].status, job.steps[0].output) == (StepStatus.FAILED, [1, None])
    assert (job.status, journal[-1].type, journal[-1].status) == (
        JobStatus.COMPLETED_WITH_ERRORS, "JOB_COMPLETED", "COMPLETED_WITH_ERRORS",
    )  # fmt: skip
    assert job.status_reason == "0 of 1 steps completed, 1 failed; step each failed: STEP.HTTP.5XX: it answered 500"


def test_items_follow_a_step_that_is_canceled() -> None:
    history = fanned(4).ran("each.0")
    history.scheduled("each.1")
    history.add("WORKFLOW_EXECUTION_TERMINATED", identity="me")
    assert counts(history) == {"COMPLETED": 1, "CANCELED": 3}
    statuses = [item.status.value for item in fold.known_items(state_of(history), "each")]
    assert statuses == ["COMPLETED", "CANCELED"]


def test_a_fan_out_all_of_whose_items_have_ended_some_stopped_is_canceled_without_a_note() -> None:
    history = fanned(2).ran("each.0")
    scheduled = history.scheduled("each.1")
    history.add("ACTIVITY_TASK_CANCELED", scheduled_event_id=scheduled)
    step = history.fold()[0].steps[0]
    assert (step.status, step.completed_at) == (StepStatus.CANCELED, history.events[-1].at)


def test_a_list_too_large_parks_the_step_as_a_whole_and_a_retry_begins_it_anew() -> None:
    history = fanned(2).ran("each.0", output="x")
    history.scheduled("each.1")
    history.parked("each")
    job, _ = history.fold()
    assert (job.steps[0].status, job.status_reason) == (
        StepStatus.DEAD_LETTERED, "step each is parked: STEP.HTTP.5XX: it answered 500",
    )  # fmt: skip
    assert counts(history) == {"COMPLETED": 1, "CANCELED": 1}
    history.retried("each")
    again = Note(kind=JournalType.STEP_STARTED, step="each", round=2, data={"items": 2})
    assert history.fold()[0].steps[0].status is StepStatus.PENDING
    history.noted(again)
    assert counts(history) == {"PENDING": 2}
    history.completed(history.scheduled("each.0", 2), "y")
    assert [item.round for item in fold.known_items(state_of(history), "each")] == [2]


def test_a_step_begun_again_from_an_earlier_one_forgets_its_items_and_its_output() -> None:
    history = fanned(2).ran("each.0", output=1).ran("each.1", output=2).noted(closing(JournalType.STEP_COMPLETED))
    data = {"steps": ["each"], "rounds": {"each": 2}, "reset": ["each"], "from_step": "each", "via": "update"}
    history.noted(Note(kind=JournalType.JOB_RETRY_REQUESTED, actor="key:ops", data=data))
    step = history.fold()[0].steps[0]
    assert (step.status, step.round, step.output, step.items) == (StepStatus.PENDING, 2, None, None)
    assert step.attempt_count == 2
    history.noted(Note(kind=JournalType.STEP_STARTED, step="each", round=2, data={"items": 1}))
    assert counts(history) == {"PENDING": 1}


def test_only_what_changed_since_the_last_write_is_given() -> None:
    history = fanned(3).ran("each.0")
    state = state_of(history)
    assert [item.index for item in fold.changed_items(state)] == [0]
    fold.settle(state)
    assert fold.changed_items(state) == []
    known = len(history.events)
    history.scheduled("each.2")
    for event in history.events[known:]:
        fold.apply(state, event)
    assert [(item.index, item.event_id) for item in fold.changed_items(state)] == [(2, known + 1)]
    assert [item.index for item in fold.all_items(state)] == [0, 2]


def test_b7_items_are_taken_over_by_the_next_run_and_only_what_that_changes_is_given() -> None:
    error = failed_error()
    items = FanOutState(
        status="cdpp", outputs=["a", None, None, None], attempts={"1": 2, "2": 0, "3": 0}, errors={"1": "f"}
    )
    each = StepState(status=StepStatus.DEAD_LETTERED, items=items, started_at=START.isoformat())
    carried = JobState(steps={"each": each}, started_at=START.isoformat(), errors={"f": error})
    history = History(EACH, run_id="run-2").begun(carried=carried, continued_from="run-1")
    state = fold.fold_run(JOB_ID, "run-2", history.events)[0]
    job = fold.record(state)
    assert (job.status, job.error, job.attempts, job.retry_count) == (JobStatus.DEAD_LETTERED, error, 3, 1)
    assert fold.changed_items(state) == []
    history.retried("each.1")
    history.completed(history.scheduled("each.1", 2), "b").ran("each.2", output="c").ran("each.3", output="d")
    history.noted(closing(JournalType.STEP_COMPLETED))
    state = fold.fold_run(JOB_ID, "run-2", history.events)[0]
    assert fold.record(state).steps[0].output == ["a", "b", "c", "d"]
    assert [(item.index, item.attempt_count) for item in fold.changed_items(state)] == [(1, 3), (2, 1), (3, 1)]


@pytest.mark.parametrize("items", [0, 1])
def test_an_empty_fan_out_completes_with_an_empty_list(items: int) -> None:
    history = fanned(items)
    for index in range(items):
        history.ran(f"each.{index}")
    job, journal = history.noted(closing(JournalType.STEP_COMPLETED)).fold()
    assert (job.steps[0].output, types(journal)[-1]) == ([None] * items, "STEP_COMPLETED")


def test_a_fan_out_of_which_every_item_waits_makes_a_job_that_waits() -> None:
    ask = {"id": "each", "type": "APPROVAL", "for_each": {"items": [1, 2]}, "with": {}}
    history = History(ask).begun()
    history.noted(Note(kind=JournalType.STEP_STARTED, step="each", round=1, data={"items": 2}))
    for index in range(2):
        said = {"kind": "APPROVAL", "required_approvals": 1}
        history.noted(Note(kind=JournalType.STEP_WAITING, step=f"each.{index}", round=1, data=said))
    assert history.fold()[0].status is JobStatus.WAITING
    done = {"decision": "approve", "complete": True, "output": {"approved": True}}
    for index in range(2):
        history.noted(Note(kind=JournalType.STEP_DELIVERED, step=f"each.{index}", round=1, actor="ann", data=done))
    assert history.fold()[0].status is JobStatus.RUNNING
