"""The fold of a run's beginning and end, of workflow tasks, resets and runs that continue others."""

from datetime import timedelta
from typing import Any

import pytest

from perdure.contract.error import ErrorClass
from perdure.contract.execution import JobResult, JobState, StepState
from perdure.contract.journal import JournalType
from perdure.contract.note import Note
from perdure.contract.state import JobStatus, Resolution, StepStatus
from perdure.projection import fold
from tests.unit.fold_event import JOB_ID, RUN_ID, START, TICK, History, failed_error, types

DONE = JobResult(status=JobStatus.COMPLETED, output={"b": 2})


def test_a_submitted_job_is_queued_and_says_what_it_is() -> None:
    history = History("a", "b", labels={"team": "x"}, priority=2, correlation_id="c", input={"n": 1}).submitted()
    job, journal = history.fold()
    assert (job.status, job.status_reason) == (JobStatus.QUEUED, "waiting for a worker on queue default")
    assert (job.id, job.tenant, job.name, job.queue, job.priority) == (JOB_ID, "acme", "order", "default", 2)
    assert (job.labels, job.correlation_id, job.input) == ({"team": "x"}, "c", {"n": 1})
    assert (job.submitted_by, job.spec_fingerprint) == ("key:ops", "f1")
    assert [(step.id, step.type, step.position, step.status) for step in job.steps] == [
        ("a", "LOG", 0, StepStatus.PENDING),
        ("b", "LOG", 1, StepStatus.PENDING),
    ]
    assert types(journal) == ["JOB_SUBMITTED"]
    assert (journal[0].actor, journal[0].status, journal[0].event_id) == ("key:ops", "QUEUED", 1)


def test_a_job_started_past_the_api_has_the_connection_as_its_submitter() -> None:
    job, journal = History("a").submitted(memo={}, identity="temporal-cli:me@host").fold()
    assert (job.submitted_by, journal[0].actor) == ("temporal-cli:me@host",) * 2


def test_the_trace_of_the_request_is_on_the_job_and_every_row() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    history = History("a").begun(memo={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    job, journal = history.fold()
    assert job.trace_id == trace
    assert {row.trace_id for row in journal} == {trace}


@pytest.mark.parametrize("traceparent", ["", "nonsense", "00-zz-1-01", 5, None])
def test_a_malformed_traceparent_is_no_trace(traceparent: Any) -> None:
    assert History("a").begun(memo={"traceparent": traceparent}).fold()[0].trace_id is None


def test_queue_wait_ends_and_the_job_starts_when_the_first_workflow_task_begins() -> None:
    history = History("a").submitted()
    history.add("WORKFLOW_TASK_STARTED")
    assert history.fold()[0].status is JobStatus.QUEUED
    history.add("WORKFLOW_TASK_COMPLETED")
    job, journal = history.fold()
    assert (job.status, job.started_at, job.queue_wait_ms) == (JobStatus.RUNNING, START + 3 * TICK, 20)
    assert (journal[-1].type, journal[-1].at, journal[-1].event_id) == ("JOB_STARTED", job.started_at, 4)


def test_a_job_starts_once_however_many_workflow_tasks_it_has() -> None:
    assert types(History("a").begun().task().task().fold()[1]) == ["JOB_SUBMITTED", "JOB_STARTED"]


def test_execution_time_is_from_start_to_close() -> None:
    job, _ = History("a").begun().ran("a").closed(DONE).fold()
    assert job.started_at is not None
    assert job.completed_at is not None
    assert job.execution_ms == (job.completed_at - job.started_at) // timedelta(milliseconds=1)


def test_a_completed_job_has_its_output_and_says_how_many_steps_completed() -> None:
    job, journal = History("a", "b").begun().ran("a").ran("b").closed(DONE).fold()
    assert (job.status, job.output, job.error) == (JobStatus.COMPLETED, {"b": 2}, None)
    assert job.status_reason == "all 2 steps completed"
    assert (journal[-1].type, journal[-1].status) == ("JOB_COMPLETED", "COMPLETED")


def test_skipped_steps_are_told_in_the_reason() -> None:
    history = History("a", "b").begun().noted(Note(kind=JournalType.STEP_SKIPPED, step="a", round=1)).ran("b")
    assert history.closed(DONE).fold()[0].status_reason == "1 of 2 steps completed, 1 skipped"


def test_a_failed_job_names_its_step_and_error() -> None:
    error = failed_error()
    job, journal = History("a").begun().closed(JobResult(status=JobStatus.FAILED, error=error, error_step="a")).fold()
    assert (job.status, job.error, job.error_step) == (JobStatus.FAILED, error, "a")
    assert job.status_reason == "step a failed: STEP.HTTP.5XX: it answered 500"
    assert journal[-1].data["error"]["code"] == "STEP.HTTP.5XX"


def test_a_job_that_timed_itself_out_is_timed_out_though_its_workflow_failed() -> None:
    error = failed_error("ENGINE.JOB_TIMEOUT", "too long")
    job, journal = History("a").begun().closed(JobResult(status=JobStatus.TIMED_OUT, error=error)).fold()
    assert (job.status, journal[-1].type) == (JobStatus.TIMED_OUT, "JOB_TIMED_OUT")


def test_a_dead_letter_that_expired_is_told_as_that() -> None:
    history = History("a").begun().failed(History("a").scheduled("a")).parked("a")
    discarded = Note(kind=JournalType.JOB_DISCARDED, reason="retention", data={"resolution": "EXPIRED"})
    history.noted(discarded, Note(kind=JournalType.STEP_FAILED, step="a", round=1, error=failed_error()))
    result = JobResult(status=JobStatus.FAILED, error=failed_error(), error_step="a", resolution=Resolution.EXPIRED)
    job, _ = history.closed(result).fold()
    assert (job.status, job.resolution) == (JobStatus.FAILED, Resolution.EXPIRED)
    assert job.status_reason is not None
    assert job.status_reason.startswith("nobody decided before the dead letter expired: step a failed")


def test_what_is_no_job_fails_with_the_workflows_own_code() -> None:
    history = History("a").submitted(input={"whatever": True}).task()
    failure = {"kind": "application", "type": "ENGINE.SPEC_INVALID", "message": "this is no job", "details": []}
    history.add("WORKFLOW_EXECUTION_FAILED", failure=failure)
    job, _ = history.fold()
    assert job.error is not None
    assert (job.status, job.error.code, job.error.error_class) == (
        JobStatus.FAILED, "ENGINE.SPEC_INVALID", ErrorClass.PERMANENT,
    )  # fmt: skip
    assert (job.name, job.tenant, job.steps) == ("order-1", "acme", [])


@pytest.mark.parametrize(
    "input_",
    [
        None, "text", 5, [], {"spec": None}, {"spec": {"steps": None}}, {"spec": {"steps": [1, None, {}]}},
        {"spec": {"name": 5, "labels": [1], "priority": True, "steps": [{"id": 5}, {"id": "x", "type": 7}]}},
        {"spec": {"labels": {"a": 1, "b": "c"}, "steps": [{"id": "x"}, {"id": "x"}]}, "carried": {"steps": 5}},
        {"spec": {"name": "n" * 9_000, "priority": 10**12, "steps": [{"id": "s" * 9_000}, {"id": "A"}]}},
        {"perdure.undecodable": {"encoding": "binary/encrypted"}},
    ],
)  # fmt: skip
def test_any_workflow_input_gives_a_record(input_: Any) -> None:
    job, journal = History("a").begun(input=input_).fold()
    assert job.status is JobStatus.RUNNING
    assert types(journal) == ["JOB_SUBMITTED", "JOB_STARTED"]
    assert (len(job.name) <= 255, job.priority, {step.id for step in job.steps} <= {"x"}) == (True, 3, True)


def test_terminate_ends_the_job_with_who_and_why() -> None:
    history = History("ran", "runs", "never").begun().ran("ran")
    history.scheduled("runs")
    history.add("WORKFLOW_EXECUTION_TERMINATED", reason="stuck", identity="temporal-cli:me")
    job, journal = history.fold()
    assert (job.status, job.status_reason) == (JobStatus.TERMINATED, "terminated by temporal-cli:me: stuck")
    assert {step.id: step.status for step in job.steps} == {
        "ran": StepStatus.COMPLETED,
        "runs": StepStatus.CANCELED,
        "never": StepStatus.OMITTED,
    }
    assert all(step.completed_at for step in job.steps)
    last = journal[-1]
    assert (last.type, last.actor, last.data) == ("JOB_TERMINATED", "temporal-cli:me", {"reason": "stuck"})


def test_a_job_terminated_while_parked_still_shows_what_had_parked_it() -> None:
    history = History("a").begun()
    history.failed(history.scheduled("a")).parked("a")
    history.add("WORKFLOW_EXECUTION_TERMINATED", reason="", identity="me")
    job, _ = history.fold()
    assert job.error is not None
    assert (job.status, job.error.code, job.error_step) == (JobStatus.TERMINATED, "STEP.HTTP.5XX", "a")
    assert job.steps[0].status is StepStatus.CANCELED


def test_temporals_own_time_limit_ends_the_job_as_timed_out() -> None:
    history = History("a").begun()
    history.scheduled("a")
    history.add("WORKFLOW_EXECUTION_TIMED_OUT")
    job, journal = history.fold()
    assert job.error is not None
    assert (job.status, job.error.code, journal[-1].type) == (
        JobStatus.TIMED_OUT, "ENGINE.JOB_TIMEOUT", "JOB_TIMED_OUT",
    )  # fmt: skip


def test_a_cancel_shows_who_asked_and_then_that_it_is_done() -> None:
    history = History("a").begun()
    scheduled = history.scheduled("a")
    history.add("WORKFLOW_EXECUTION_CANCEL_REQUESTED", identity="key:ops", cause="not needed")
    job, journal = history.fold()
    assert job.status_reason == "cancel requested by key:ops; stopping what runs"
    row = journal[-1]
    assert (row.type, row.actor, row.data) == ("JOB_CANCEL_REQUESTED", "key:ops", {"reason": "not needed"})
    history.task().add("ACTIVITY_TASK_CANCELED", scheduled_event_id=scheduled)
    history.task().add("WORKFLOW_EXECUTION_CANCELED")
    job, journal = history.fold()
    assert (job.status, job.status_reason) == (JobStatus.CANCELED, "canceled by key:ops: not needed")
    assert types(journal)[-2:] == ["STEP_CANCELED", "JOB_CANCELED"]


def test_a_workflow_task_that_fails_is_told_until_one_completes() -> None:
    history = History("a").begun()
    history.add("WORKFLOW_TASK_FAILED", cause="NON_DETERMINISTIC_ERROR", message="no match")
    reason = history.fold()[0].status_reason
    assert reason == "the workflow cannot go on and keeps trying: NON_DETERMINISTIC_ERROR: no match"
    assert history.task().fold()[0].status_reason == "deciding what is next"


def test_a_workflow_task_overtaken_by_a_signal_is_no_problem() -> None:
    history = History("a").begun()
    history.add("WORKFLOW_TASK_FAILED", cause="UNHANDLED_COMMAND", message="UnhandledCommand")
    assert history.fold()[0].status_reason == "deciding what is next"


def carried(**steps: StepState) -> JobState:
    return JobState(
        steps=steps, notes=7, started_at=START.isoformat(), submitted_at=(START - timedelta(seconds=2)).isoformat()
    )


def test_a_record_needs_the_first_event() -> None:
    with pytest.raises(ValueError, match="no first event"):
        fold.record(fold.start(JOB_ID, RUN_ID))
