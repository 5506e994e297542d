"""Steps tried within the workflow task, as their markers tell of them."""

from typing import Any

from perdure.contract.error import ErrorClass
from perdure.contract.error import error_info as error
from perdure.contract.state import AttemptOutcome, StepStatus
from perdure.contract.step_call import StepResult
from tests.unit.fold_event import History, application, dump, failures, ledger, timeout, tried

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
