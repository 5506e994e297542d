"""What live observations add to a job, and what they never change."""

from datetime import timedelta
from typing import Any

import pytest

from perdure.contract.journal import JournalType
from perdure.contract.ledger import AttemptRecord
from perdure.contract.note import Note
from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.projection.overlay import overlay
from perdure.projection.record import JobRecord, LiveObservation, StepRecord
from tests.unit.fold_event import JOB_ID, RUN_ID, START, History, failed_error, tried

RETRY_AT = START + timedelta(seconds=30)


def seen(
    *attempts: AttemptRecord, attempt: int | None = None, due: bool = True, round_: int = 1, **fields: Any
) -> LiveObservation:
    """An observation of step `a`: the attempts failed and the next is due, or running where `due` is false."""
    error = next((a.error for a in reversed(attempts) if a.error), None)
    number = attempt or len(attempts) + (1 if due else 0)
    known: dict[str, Any] = {
        "job_id": JOB_ID,
        "run_id": RUN_ID,
        "step_id": "a",
        "round": round_,
        "observed_at": START,
        "attempt": number,
        "attempts": list(attempts),
        "error": error,
        "next_retry_at": RETRY_AT if due and attempts else None,
    }
    return LiveObservation(**(known | fields))


def running_job() -> JobRecord:
    history = History("a", "b").begun()
    history.scheduled("a")
    return history.fold()[0]


def first(job: JobRecord) -> StepRecord:
    return job.steps[0]


def test_b3_a_step_between_attempts_is_retrying_and_so_is_its_job() -> None:
    job = overlay(running_job(), [seen(tried(1), tried(2))])
    assert (job.status, first(job).status) == (JobStatus.RETRYING, StepStatus.RETRYING)
    assert job.status_reason == "step a failed 2 times, next attempt at 2026-11-22T12:00:30.000Z"
    assert (job.error, job.error_step, first(job).error) == (failed_error(), "a", failed_error())
    assert [(a.attempt, a.outcome, a.live) for a in first(job).attempts] == [(1, "FAILED", True), (2, "FAILED", True)]
    assert (job.attempts, job.retry_count, first(job).attempt_count) == (2, 1, 2)


def test_a_running_second_attempt_is_retrying_too() -> None:
    job = overlay(running_job(), [seen(tried(1), tried(2, None), due=False)])
    assert job.status is JobStatus.RETRYING
    assert job.status_reason == "step a failed once, attempt 2 is running"
    assert (job.attempts, job.retry_count) == (2, 1)


def test_a_running_first_attempt_is_shown_and_nothing_else_changes() -> None:
    record = running_job()
    job = overlay(record, [seen(tried(1, None), due=False)])
    assert (job.status, job.status_reason, job.error) == (record.status, record.status_reason, None)
    assert (first(job).status, first(job).attempts[0].live, job.attempts) == (StepStatus.RUNNING, True, 1)


def test_a_step_no_worker_has_taken_yet_has_no_attempt() -> None:
    record = running_job()
    assert overlay(record, [seen(attempt=1)]) == record


def test_the_newest_observation_of_a_round_counts() -> None:
    job = overlay(running_job(), [seen(tried(1)), seen(tried(1), tried(2), tried(3))])
    assert (job.attempts, job.status_reason) == (3, "step a failed 3 times, next attempt at 2026-11-22T12:00:30.000Z")


def test_observations_of_another_run_are_ignored() -> None:
    record = running_job()
    assert overlay(record, [seen(tried(1), run_id="run-0")]) == record


def test_attempts_from_the_history_are_not_replaced_and_not_counted_twice() -> None:
    history = History("a").begun()
    record = history.failed(history.scheduled("a"), 3).task().parked("a").fold()[0]
    stale = [tried(1, worker="old"), tried(2, worker="old"), tried(3, None, worker="old")]
    assert overlay(record, [seen(*stale, due=False)]) == record


def test_attempts_that_the_history_did_not_keep_do_not_come_back() -> None:
    history = History("a").begun()
    record = history.failed(history.scheduled("a"), 40).fold()[0]
    observed = [tried(n) for n in (1, 2, 3, *range(10, 30))]
    assert first(overlay(record, [seen(*observed, attempt=30)])).attempts == first(record).attempts


def test_an_observation_of_an_earlier_round_does_not_make_the_present_one_retry() -> None:
    history = History("a").begun()
    history.failed(history.scheduled("a"), 2).task().parked("a").retried("a")
    history.scheduled("a", 2)
    record = history.fold()[0]
    assert overlay(record, [seen(tried(1), tried(2), attempt=2)]).status is JobStatus.RUNNING


def test_rounds_add_up() -> None:
    history = History("a").begun()
    history.failed(history.scheduled("a"), 2).task().parked("a").retried("a")
    history.scheduled("a", 2)
    job = overlay(history.fold()[0], [seen(tried(1), tried(2), round_=2)])
    assert (job.status, job.attempts, job.retry_count, first(job).attempt_count) == (JobStatus.RETRYING, 4, 2, 4)
    assert [(a.round, a.attempt, a.live) for a in first(job).attempts] == [
        (1, 1, False), (1, 2, False), (2, 1, True), (2, 2, True),
    ]  # fmt: skip


def test_a_dead_lettered_job_stays_that_while_another_step_retries() -> None:
    parallel: list[Any] = [{"id": id_, "type": "LOG", "depends_on": []} for id_ in ("a", "b")]
    history = History(*parallel).begun().parked("b")
    history.scheduled("a")
    job = overlay(history.fold()[0], [seen(tried(1))])
    assert (job.status, job.error_step, first(job).status) == (JobStatus.DEAD_LETTERED, "b", StepStatus.RETRYING)


@pytest.mark.parametrize("event", ["WORKFLOW_EXECUTION_TERMINATED", "WORKFLOW_EXECUTION_CANCELED"])
def test_b11_a_job_ended_in_backoff_keeps_its_attempts(event: str) -> None:
    history = History("a").begun()
    scheduled = history.scheduled("a")
    if event.endswith("CANCELED"):
        history.add("ACTIVITY_TASK_CANCELED", scheduled_event_id=scheduled)
    history.add(event, identity="me")
    record = history.fold()[0]
    job = overlay(record, [seen(tried(1), tried(2), tried(3))])
    assert (job.status, job.status_reason, first(job).status) == (
        record.status, record.status_reason, StepStatus.CANCELED,
    )  # fmt: skip
    assert [(a.attempt, a.outcome, a.live) for a in first(job).attempts] == [
        (n, AttemptOutcome.FAILED, True) for n in (1, 2, 3)
    ]
    assert (job.attempts, job.retry_count) == (3, 2)


def test_an_attempt_that_ran_when_its_job_was_terminated_was_canceled_then() -> None:
    history = History("a").begun()
    history.scheduled("a")
    history.add("WORKFLOW_EXECUTION_TERMINATED", identity="me")
    (attempt,) = first(overlay(history.fold()[0], [seen(tried(1, None), due=False)])).attempts
    assert (attempt.outcome, attempt.ended_at, attempt.live) == ("CANCELED", history.events[-1].at, True)


def test_live_fills_in_what_a_step_stopped_without_ledger_lacks() -> None:
    history = History("a").begun()
    scheduled = history.scheduled("a")
    history.attempt(scheduled, 3)
    history.add("ACTIVITY_TASK_CANCELED", scheduled_event_id=scheduled)
    job = overlay(history.fold()[0], [seen(tried(1), tried(2))])
    assert [(a.attempt, a.outcome, a.live) for a in first(job).attempts] == [
        (1, "FAILED", True), (2, "FAILED", True), (3, "CANCELED", False),
    ]  # fmt: skip
    assert job.attempts == 3


def test_a_subclass_of_the_record_stays_what_it_is() -> None:
    class Stored(JobRecord):
        lag: int = 5

    stored = Stored(**dict(running_job()))
    assert type(overlay(stored, [seen(tried(1))])) is Stored


def unit_seen(unit: str, **fields: Any) -> LiveObservation:
    usual: dict[str, Any] = {"job_id": JOB_ID, "run_id": RUN_ID, "round": 1, "observed_at": START, "attempt": 1}
    return LiveObservation(step_id=unit, **(usual | fields))


def running_items() -> JobRecord:
    history = History({"id": "each", "type": "LOG", "for_each": {"items": [1, 2, 3]}}).begun()
    history.noted(Note(kind=JournalType.STEP_STARTED, step="each", round=1, data={"items": 3}))
    history.ran("each.0")
    history.scheduled("each.1")
    history.scheduled("each.2")
    return history.fold()[0]


def test_an_item_between_attempts_makes_its_step_and_the_job_retrying() -> None:
    failed = unit_seen("each.1", attempt=3, attempts=[tried(1), tried(2)], error=failed_error())
    shown = overlay(running_items(), [failed, unit_seen("each.2", attempts=[tried(1, None)])])
    step = shown.steps[0]
    assert (shown.status, step.status, step.error) == (JobStatus.RETRYING, StepStatus.RETRYING, failed_error())
    assert shown.status_reason == "item 1 of step each failed 2 times, attempt 3 is running"
    assert (step.attempt_count, shown.attempts, shown.retry_count) == (4, 4, 1)


def test_what_was_seen_of_an_item_that_has_ended_since_counts_no_more() -> None:
    job = running_items()
    assert overlay(job, [unit_seen("each.0", attempt=3, attempts=[tried(1), tried(2)])]) == job


def test_an_activity_that_temporal_holds_back_is_shown_as_paused() -> None:
    shown = overlay(running_items(), [unit_seen("each.1", paused=True)])
    assert (shown.steps[0].paused, shown.status) == (True, JobStatus.RUNNING)
    assert shown.status_reason == "item 1 of step each is paused in Temporal"
