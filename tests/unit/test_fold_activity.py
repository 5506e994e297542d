"""The fold of steps that run as activities: their attempts, however much of them the history tells."""

from datetime import timedelta
from typing import Any

import pytest

from perdure.contract.error import ErrorClass
from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.projection.record import JobRecord, StepAttempt
from tests.unit.fold_event import START, History, application, failed_error, failures, ledger, timeout, tried, types

LOST, TIMED_OUT, FAILED, COMPLETED, CANCELED = (
    AttemptOutcome.LOST,
    AttemptOutcome.TIMED_OUT,
    AttemptOutcome.FAILED,
    AttemptOutcome.COMPLETED,
    AttemptOutcome.CANCELED,
)


def outcomes(job: JobRecord, step: int = 0) -> list[tuple[int, str | None]]:
    return [(attempt.attempt, attempt.outcome) for attempt in job.steps[step].attempts]


def only(job: JobRecord) -> StepAttempt:
    (attempt,) = job.steps[0].attempts
    return attempt


def test_a_scheduled_step_runs() -> None:
    history = History("a").begun()
    history.scheduled("a")
    job, journal = history.fold()
    assert (job.status, job.status_reason) == (JobStatus.RUNNING, "running step a")
    assert (job.steps[0].status, job.steps[0].started_at) == (StepStatus.RUNNING, history.events[-1].at)
    assert (journal[-1].type, journal[-1].step_id, journal[-1].status) == ("STEP_SCHEDULED", "a", "RUNNING")


def test_many_running_steps_are_told_by_their_number() -> None:
    steps = [{"id": f"s{n}", "type": "LOG", "depends_on": []} for n in range(5)]
    history = History(*steps).begun()
    for step in steps:
        history.scheduled(str(step["id"]))
    assert history.fold()[0].status_reason == "running steps s0, s1, s2 and 2 more"


def test_a_completed_step_has_output_worker_and_times() -> None:
    job, journal = History("a").begun().ran("a", {"rows": 3}).fold()
    step = job.steps[0]
    assert (step.status, step.output, step.error) == (StepStatus.COMPLETED, {"rows": 3}, None)
    assert only(job) == StepAttempt(**dict(tried(1, COMPLETED)), round=1)
    assert types(journal)[2:] == ["STEP_SCHEDULED", "STEP_STARTED", "STEP_COMPLETED"]
    done = journal[-1]
    assert (done.attempt, done.outcome, done.status) == (1, "COMPLETED", "COMPLETED")


def test_b3_each_failed_attempt_before_a_success_has_its_row_and_record() -> None:
    job, journal = History("a").begun().ran("a", failed=2).fold()
    assert outcomes(job) == [(1, FAILED), (2, FAILED), (3, COMPLETED)]
    assert (job.attempts, job.retry_count, job.steps[0].attempt_count) == (3, 2, 3)
    assert types(journal)[2:] == [
        "STEP_SCHEDULED",
        "STEP_STARTED",
        "STEP_ATTEMPT_FAILED",
        "STEP_ATTEMPT_FAILED",
        "STEP_COMPLETED",
    ]
    first, second, done = journal[-3:]
    assert (first.attempt, first.outcome, first.status) == (1, "FAILED", "RETRYING")
    assert first.data["error"]["code"] == "STEP.HTTP.5XX"
    assert first.at == START + timedelta(seconds=1.5)
    assert {row.event_id for row in (first, second, done)} == {7}
    assert [row.ordinal for row in (first, second, done)] == [0, 1, 2]


def test_a_step_whose_attempts_are_used_up_waits_for_the_workflows_decision() -> None:
    history = History("a").begun()
    job, journal = history.failed(history.scheduled("a"), 4).fold()
    step = job.steps[0]
    assert step.error is not None
    assert (step.status, step.error.code, step.completed_at) == (StepStatus.RUNNING, "STEP.HTTP.5XX", None)
    assert types(journal)[-4:] == ["STEP_ATTEMPT_FAILED"] * 4
    assert (job.attempts, job.retry_count) == (4, 3)


def test_retries_are_counted_by_round() -> None:
    history = History("a").begun()
    history.failed(history.scheduled("a"), 3).parked("a").retried("a")
    history.failed(history.scheduled("a", 2), 2)
    job, _ = history.fold()
    assert (job.attempts, job.retry_count, job.steps[0].attempt_count) == (5, 3, 5)
    assert [(a.round, a.attempt) for a in job.steps[0].attempts] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]


def test_of_many_attempts_the_first_3_and_last_20_are_kept_and_all_are_counted() -> None:
    history = History("a").begun()
    job, journal = history.failed(history.scheduled("a"), 100).fold()
    assert [n for n, _ in outcomes(job)] == [1, 2, 3, *range(81, 101)]
    assert {outcome for _, outcome in outcomes(job)} == {FAILED}
    assert (job.attempts, types(journal).count("STEP_ATTEMPT_FAILED")) == (100, 23)


def ends(history: History, failure: dict[str, Any], number: int | None, last: dict[str, Any] | None = None) -> History:
    """A scheduled activity that failed or timed out; no attempt was running where `number` is None."""
    scheduled = history.scheduled("a")
    if number is not None:
        history.attempt(scheduled, number, last)
    type_ = "ACTIVITY_TASK_TIMED_OUT" if failure["kind"] == "timeout" else "ACTIVITY_TASK_FAILED"
    history.add(type_, scheduled_event_id=scheduled, failure=failure)
    return history


@pytest.mark.parametrize(
    ("kind", "outcome", "code", "error_class"),
    [
        ("START_TO_CLOSE", TIMED_OUT, "STEP.TIMEOUT", ErrorClass.TIMEOUT),
        ("HEARTBEAT", LOST, "WORKER.LOST", ErrorClass.LOST),
        ("SCHEDULE_TO_CLOSE", TIMED_OUT, "STEP.TOTAL_TIMEOUT", ErrorClass.TIMEOUT),
    ],
)
def test_the_attempt_that_temporal_timed_out_is_closed_by_what_temporal_says(
    kind: str, outcome: AttemptOutcome, code: str, error_class: ErrorClass
) -> None:
    history = ends(History("a").begun(), timeout(kind, failures(1).put(tried(2, None))), 2)
    job, journal = history.fold()
    assert outcomes(job) == [(1, FAILED), (2, outcome)]
    last = job.steps[0].attempts[-1]
    assert last.error is not None
    assert (last.error.code, last.error.error_class, last.worker) == (code, error_class, "w1")
    assert last.ended_at == history.events[-1].at
    assert job.steps[0].error == last.error
    assert (journal[-1].attempt, journal[-1].outcome, journal[-1].data["error"]["code"]) == (2, outcome, code)


def test_the_timeout_in_the_message_is_the_specs() -> None:
    history = ends(History({"id": "a", "type": "LOG", "timeout": "90s"}).begun(), timeout("START_TO_CLOSE"), 1)
    error = only(history.fold()[0]).error
    assert error is not None
    assert error.message == "an attempt took longer than 90s"


def test_an_attempt_whose_worker_never_reported_is_known_by_temporal_alone() -> None:
    job, _ = ends(History("a").begun(), timeout("HEARTBEAT"), 1).fold()
    assert (outcomes(job), only(job).worker, job.attempts) == ([(1, LOST)], "w1", 1)


def test_an_activity_that_runs_again_under_its_id_replaces_its_attempts() -> None:
    history = History("a").begun().ran("a", failed=2).ran("a")
    assert outcomes(history.fold()[0]) == [(1, COMPLETED)]


@pytest.mark.parametrize(
    ("type_", "code"),
    [
        ("NotFoundError", "WORKER.STEP_TYPE_UNKNOWN"),
        ("STEP.HTTP.BLOCKED", "STEP.HTTP.BLOCKED"),
        ("RuntimeError", "STEP.INTERNAL"),
        ("", "STEP.INTERNAL"),
    ],
)
def test_a_failure_that_is_not_the_wrappers_has_a_code_all_the_same(type_: str, code: str) -> None:
    error = ends(History("a").begun(), application(type_=type_), 1).fold()[0].steps[0].error
    assert error is not None
    assert error.code == code


@pytest.mark.parametrize("failure", [{"kind": "reset"}, {"kind": "unknown"}, {"kind": "server", "message": "x"}])
def test_any_failure_ends_the_round(failure: dict[str, Any]) -> None:
    job, journal = ends(History("a").begun(), failure, 1).fold()
    assert len(outcomes(job)) == 1
    assert types(journal)[-1] == "STEP_ATTEMPT_FAILED"


def test_a_step_stopped_while_it_ran_keeps_its_ledger() -> None:
    error = failed_error("CANCELED", "the job was canceled")
    history = ends(History("a").begun(), application(error, failures(1).put(tried(2, CANCELED))), 2)
    job, journal = history.fold()
    assert (job.steps[0].status, outcomes(job)) == (StepStatus.CANCELED, [(1, FAILED), (2, CANCELED)])
    assert types(journal)[-2:] == ["STEP_ATTEMPT_FAILED", "STEP_CANCELED"]
    assert (journal[-1].attempt, journal[-1].outcome, journal[-1].status) == (2, "CANCELED", "CANCELED")


def test_a_step_stopped_between_attempts_has_none_in_the_history() -> None:
    history = History("a").begun()
    history.add("ACTIVITY_TASK_CANCELED", scheduled_event_id=history.scheduled("a"))
    job, _ = history.fold()
    assert (job.steps[0].status, job.steps[0].attempts, job.attempts) == (StepStatus.CANCELED, [], 0)


def test_a_step_stopped_without_ledger_has_what_the_last_failure_tells() -> None:
    history = History("a").begun()
    scheduled = history.scheduled("a")
    history.attempt(scheduled, 3, application(failed_error(), failures(2)))
    history.add("ACTIVITY_TASK_CANCELED", scheduled_event_id=scheduled)
    assert outcomes(history.fold()[0]) == [(1, FAILED), (2, FAILED), (3, CANCELED)]


def test_a_result_that_is_not_the_wrappers_is_the_output_as_it_is() -> None:
    history = History("a").begun()
    scheduled = history.scheduled("a")
    history.attempt(scheduled, 1)
    strange = {"perdure.undecodable": {"encoding": "binary/encrypted", "bytes": 5, "reason": "KeyError"}}
    history.add("ACTIVITY_TASK_COMPLETED", scheduled_event_id=scheduled, result=strange)
    job, _ = history.fold()
    assert (job.steps[0].output, outcomes(job)) == (strange, [(1, COMPLETED)])


def test_attempt_numbers_that_an_operator_set_back_stay_unique() -> None:
    known = ledger(tried(1), tried(2), tried(1), tried(2, COMPLETED))
    history = History("a").begun()
    scheduled = history.scheduled("a")
    history.attempt(scheduled, 2)
    history.add(
        "ACTIVITY_TASK_COMPLETED",
        scheduled_event_id=scheduled,
        result={"ledger": known.model_dump(mode="json", by_alias=True)},
    )
    job, _ = history.fold()
    assert (outcomes(job), job.attempts) == ([(1, FAILED), (2, COMPLETED)], 4)


def test_the_engines_own_activity_is_no_step() -> None:
    history = History("a").begun()
    scheduled = history.add(
        "ACTIVITY_TASK_SCHEDULED",
        "perdure:cancel",
        activity_id="perdure:cancel",
        activity_type="perdure.request_cancel",
    )
    history.attempt(scheduled, 1)
    history.add("ACTIVITY_TASK_COMPLETED", scheduled_event_id=scheduled, result=None)
    job, journal = history.fold()
    assert ([step.id for step in job.steps], types(journal)) == (["a"], ["JOB_SUBMITTED", "JOB_STARTED"])


def test_a_step_the_spec_does_not_have_is_shown_at_the_end() -> None:
    assert [(s.id, s.type, s.position) for s in History("a").begun().ran("other").fold()[0].steps] == [
        ("a", "LOG", 0), ("other", "LOG", 1),
    ]  # fmt: skip


def test_the_late_end_of_an_earlier_round_does_not_end_the_present_one() -> None:
    history = History("a").begun()
    first = history.scheduled("a")
    history.scheduled("a", 2)
    job, _ = history.completed(first, output="late").fold()
    assert (job.steps[0].status, job.steps[0].round, job.steps[0].output) == (StepStatus.RUNNING, 2, None)


def test_a_success_temporal_refused_to_take_is_no_success() -> None:
    record = tried(1, COMPLETED)
    job, journal = ends(History("a").begun(), timeout("HEARTBEAT", ledger(record)), 1).fold()
    assert outcomes(job) == [(1, LOST)]
    assert types(journal)[-1] == "STEP_ATTEMPT_FAILED"
