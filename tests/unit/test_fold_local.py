"""Steps tried within the workflow task, as their markers tell of them."""

from typing import Any

import pytest

from perdure.contract.error import ErrorClass, ErrorInfo
from perdure.contract.error import error_info as error
from perdure.contract.ledger import AttemptRecord
from perdure.contract.local_first import LocalResult, LocalTry
from perdure.contract.name import ACTIVITY_LOCAL
from perdure.contract.state import AttemptOutcome, StepStatus
from perdure.contract.step_call import StepResult
from perdure.projection import fold
from tests.unit.fold_event import (
    JOB_ID,
    RUN_ID,
    History,
    application,
    dump,
    failed_error,
    failures,
    ledger,
    timeout,
    tried,
)

LATE: dict[str, Any] = application(
    error("STEP.TIMEOUT", ErrorClass.TIMEOUT, "an attempt took longer than 5m"), failures(1)
)


def marked(history: History, **data: Any) -> History:
    history.add("MARKER_RECORDED", "a", activity_id="a", activity_type="LOG", **data)
    return history


def test_one_marker_tells_schedule_start_and_end() -> None:
    result = dump(StepResult(output=7, ledger=ledger(tried(1, AttemptOutcome.COMPLETED))))
    job, journal = marked(History("a").begun(), result=result, failure=None).fold()
    rows = [row for row in journal if row.step_id == "a"]
    assert [(row.type, row.attempt) for row in rows] == [
        ("STEP_SCHEDULED", None),
        ("STEP_STARTED", 1),
        ("STEP_COMPLETED", 1),
    ]
    assert len({(row.event_id, row.ordinal) for row in rows}) == 3
    step = job.steps[0]
    assert (step.status, step.output, step.attempt_count, step.attempts[0].worker) == (
        StepStatus.COMPLETED,
        7,
        1,
        "w1",
    )


def test_a_local_failure_leaves_the_decision_to_the_note() -> None:
    wrong = error("ENGINE.EXPRESSION", ErrorClass.PERMANENT, "no")
    job, journal = marked(History("a").begun(), failure=application(wrong, ledger(tried(1, error=wrong)))).fold()
    assert [row.type for row in journal][-1] == "STEP_ATTEMPT_FAILED"
    assert (job.steps[0].status, job.steps[0].error) == (StepStatus.RUNNING, wrong)


def test_a_local_try_that_took_too_long_leaves_no_trace() -> None:
    for failure in (LATE, timeout("START_TO_CLOSE")):
        history = marked(History("a").begun(), failure=failure)
        history.completed(history.scheduled("a"), output=1)
        job, journal = history.fold()
        assert [row.type for row in journal if row.step_id == "a"] == [
            "STEP_SCHEDULED",
            "STEP_STARTED",
            "STEP_COMPLETED",
        ]
        assert (job.steps[0].attempt_count, job.retry_count) == (1, 0)


def test_attempts_go_on_counting_after_a_local_one() -> None:
    history = marked(History("a").begun(), failure=application(tried(1).error, failures(1)))
    scheduled = history.scheduled("a")
    history.attempt(scheduled, 2)
    whole = failures(2).put(tried(3, AttemptOutcome.COMPLETED))
    history.add(
        "ACTIVITY_TASK_COMPLETED", scheduled_event_id=scheduled, result=dump(StepResult(output=1, ledger=whole))
    )
    job, _ = history.fold()
    step = job.steps[0]
    assert [(each.attempt, each.outcome) for each in step.attempts] == [(1, "FAILED"), (2, "FAILED"), (3, "COMPLETED")]
    assert (step.attempt_count, job.retry_count) == (3, 2)


def test_markers_of_the_sdk_itself_say_nothing() -> None:
    history = History("a").begun()
    history.add("MARKER_RECORDED")
    _, journal = history.fold()
    assert [row.type for row in journal] == ["JOB_SUBMITTED", "JOB_STARTED"]


DONE = AttemptOutcome.COMPLETED


def made(id_: str, output: Any = None, failure: ErrorInfo | None = None, number: int = 1) -> LocalTry:
    record = tried(number, AttemptOutcome.FAILED if failure else DONE, error=failure)
    return LocalTry(id=id_, record=record.model_copy(update={"attempt": 1}), output=output)


def batched(history: History, *tries: LocalTry) -> History:
    data = {"activity_id": "perdure:local.1", "activity_type": ACTIVITY_LOCAL, "failure": None}
    history.add("MARKER_RECORDED", "a, b", **data, result=dump(LocalResult(tries=list(tries), took_ms=3)))
    return history


def rows_of(history: History) -> list[tuple[Any, ...]]:
    _, journal = history.fold()
    return [(row.step_id, row.data.get("item"), row.type.value) for row in journal if row.step_id]


def test_one_marker_of_a_batch_tells_of_each_unit_in_the_order_they_were_made() -> None:
    history = batched(History("a", "b").begun(), made("b", 2), made("a", 1, number=2))
    assert rows_of(history) == [
        (step, None, kind) for step in "ba" for kind in ("STEP_SCHEDULED", "STEP_STARTED", "STEP_COMPLETED")
    ]
    job, journal = history.fold()
    assert [step.output for step in job.steps] == [1, 2]
    assert [step.attempts[0].worker for step in job.steps] == ["w1", "w1"]
    assert job.steps[1].started_at < job.steps[0].started_at  # type: ignore[operator]
    told = [row for row in journal if row.step_id]
    assert {row.event_id for row in told} == {history.events[-1].event_id}
    assert [row.ordinal for row in told] == list(range(6))
    assert {row.data.get("type") for row in told if row.type == "STEP_SCHEDULED"} == {"LOG"}


def test_items_rounds_and_compensations_are_told_as_such() -> None:
    undo = {"compensate": {"type": "COMPUTE", "with": {"expression": "1"}}}
    history = History({"id": "a", "type": "LOG", "for_each": {"items": [1, 2]}, **undo}, "b").begun()
    batched(history, made("a.1", 7), made("a.0", 8), made("b.r2", 9))
    batched(history, made("a.1.compensate", None))
    assert rows_of(history)[2::3] == [
        ("a", 1, "STEP_COMPLETED"), ("a", 0, "STEP_COMPLETED"), ("b", None, "STEP_COMPLETED"),
        ("a", 1, "STEP_COMPENSATED"),
    ]  # fmt: skip
    job, journal = history.fold()
    assert (job.steps[1].round, job.steps[1].output) == (2, 9)
    scheduled = [row.data["type"] for row in journal if row.type == "STEP_SCHEDULED"]
    assert scheduled == ["LOG", "LOG", "LOG", "COMPUTE"]


def test_of_a_batch_what_failed_is_an_attempt_and_what_does_not_count_is_nothing() -> None:
    wrong = error("ENGINE.EXPRESSION", ErrorClass.PERMANENT, "no")
    late = error("STEP.TIMEOUT", ErrorClass.TIMEOUT, "an attempt took longer than 5m")
    history = batched(History("a", "b", "c").begun(), made("a", failure=late), made("b", failure=wrong), made("c"))
    assert [row[0] for row in rows_of(history)] == ["b"] * 3 + ["c"] * 3
    job, _ = history.fold()
    assert [(step.status, step.attempt_count) for step in job.steps] == [
        ("PENDING", 0),
        ("RUNNING", 1),
        ("COMPLETED", 1),
    ]
    assert job.steps[1].error == wrong


def test_attempts_go_on_counting_after_one_in_a_batch() -> None:
    history = batched(History("a").begun(), made("a", failure=failed_error()))
    scheduled = history.scheduled("a")
    history.attempt(scheduled, 1)
    whole = ledger(tried(1), tried(2, DONE))
    data = dump(StepResult(output=1, ledger=whole))
    history.add("ACTIVITY_TASK_COMPLETED", scheduled_event_id=scheduled, result=data)
    job, journal = history.fold()
    assert [(each.attempt, each.outcome) for each in job.steps[0].attempts] == [(1, "FAILED"), (2, "COMPLETED")]
    assert [row.attempt for row in journal if row.type == "STEP_ATTEMPT_FAILED"] == [1]


@pytest.mark.parametrize(
    "result",
    [None, 7, {}, {"tries": 1}, {"tries": [{"id": "a"}]}, {"perdure.undecodable": "x"}, dump(LocalResult(tries=[]))],
)
def test_a_batch_that_cannot_be_read_or_was_given_up_tells_nothing(result: Any) -> None:
    history = History("a").begun()
    failure = None if result else timeout("START_TO_CLOSE")
    data = {"activity_id": "perdure:local.1", "activity_type": ACTIVITY_LOCAL, "failure": failure}
    history.add("MARKER_RECORDED", "a", **data, result=result)
    assert rows_of(history) == []


def test_a_unit_that_nobody_knows_and_a_strange_id_do_no_harm() -> None:
    record = AttemptRecord(attempt=1)
    history = batched(History("a").begun(), LocalTry(id="perdure:x", record=record), LocalTry(id="new", record=record))
    assert [row[0] for row in rows_of(history)] == ["new"] * 3


def test_a_batch_folds_alike_in_portions_and_as_a_whole() -> None:
    history = batched(History("a", "b").begun(), made("a", 1))
    batched(history, made("b", failure=failed_error()))
    whole = fold.fold_run(JOB_ID, RUN_ID, history.events)
    state = fold.start(JOB_ID, RUN_ID)
    journal = [row for event in (*history.events, *history.events) for row in fold.apply(state, event)]
    assert (state, journal) == whole
