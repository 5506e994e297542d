"""The fold of children, of what a resubmission takes over, and of what people and rules decide about a step."""

from typing import Any

from perdure.contract.error import ErrorClass, ErrorInfo
from perdure.contract.execution import JobResult
from perdure.contract.journal import JournalType
from perdure.contract.ledger import SHUTDOWN
from perdure.contract.note import Note
from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.contract.step_call import StepResult
from tests.unit.fold_event import History, application, dump, failed_error, failures, ledger, tried, types


def child(history: History, suffix: str, how: str, **data: Any) -> None:
    history.add(f"CHILD_WORKFLOW_EXECUTION_{how}", child_id=f"{history.job_id}~{suffix}", child_run_id="c1", **data)


def test_b6_a_step_ends_with_the_child_it_waits_for_and_has_its_output() -> None:
    history = History({"id": "run", "type": "JOB", "with": {"wait": True}}).begun()
    child(history, "run", "STARTED")
    job, journal = history.fold()
    assert (job.steps[0].status, journal[-1].type, journal[-1].step_id) == (StepStatus.RUNNING, "CHILD_STARTED", "run")
    child(history, "run", "COMPLETED", result=dump(JobResult(status=JobStatus.COMPLETED, output={"n": 1})))
    job, journal = history.fold()
    assert (job.steps[0].status, job.steps[0].output) == (StepStatus.COMPLETED, {"n": 1})
    assert types(journal)[-2:] == ["CHILD_CLOSED", "STEP_COMPLETED"]


def test_a_child_nobody_waits_for_ends_without_its_step() -> None:
    history = History({"id": "run", "type": "JOB", "with": {"wait": False}}).begun()
    child(history, "run", "STARTED")
    child(history, "run", "COMPLETED", result=dump(JobResult(status=JobStatus.COMPLETED, output=1)))
    assert history.fold()[0].steps[0].status is StepStatus.RUNNING
    output = {"job_id": f"{history.job_id}~run"}
    history.noted(Note(kind=JournalType.STEP_COMPLETED, step="run", round=1, data={"output": output}))
    job, journal = history.fold()
    assert (job.steps[0].output, types(journal).count("STEP_COMPLETED")) == (output, 1)


def test_children_of_items_and_of_later_rounds_are_told_apart_and_dependents_are_no_steps() -> None:
    history = History({"id": "run", "type": "JOB", "with": {}}).begun()
    for suffix in ("run.7", "run.7.r2", "~mail"):
        child(history, suffix, "STARTED")
    rows = [(row.step_id, row.data.get("item"), row.data.get("round")) for row in history.fold()[1][-3:]]
    assert rows == [("run", 7, 1), ("run", 7, 2), (None, None, None)]


def test_a_failed_child_leaves_its_step_to_the_note() -> None:
    history = History({"id": "run", "type": "JOB", "with": {}}).begun()
    child(history, "run", "STARTED")
    child(history, "run", "FAILED")
    assert history.fold()[0].steps[0].status is StepStatus.RUNNING
    assert history.parked("run").fold()[0].steps[0].status is StepStatus.DEAD_LETTERED


def test_steps_that_a_resubmission_takes_over_are_completed_from_the_start() -> None:
    history = History("a", "b")
    start = {"spec": dump(history.spec), "tenant": "acme", "resubmit_of": "acme:old", "kept": {"a": {"n": 1}, "zz": 2}}
    job, journal = history.begun(input=start).fold()
    assert (job.resubmit_of, job.steps[0].status, job.steps[0].output) == ("acme:old", StepStatus.COMPLETED, {"n": 1})
    assert (journal[0].data["resubmit_of"], journal[0].data["kept"]) == ("acme:old", ["a", "zz"])
    assert job.steps[1].status is StepStatus.PENDING


def test_attempts_of_several_activities_of_a_round_are_numbered_through_and_told_once() -> None:
    shutdown = ErrorInfo.model_validate({"code": SHUTDOWN, "class": ErrorClass.LOST, "message": "stopping"})
    cut_off = tried(2, AttemptOutcome.LOST, error=shutdown)
    history = History("a").begun()
    scheduled = history.scheduled("a")
    history.attempt(scheduled, 2)
    before = ledger(tried(1), cut_off)
    history.add("ACTIVITY_TASK_FAILED", scheduled_event_id=scheduled, failure=application(shutdown, before))
    again = history.scheduled("a")
    history.attempt(again, 1)
    whole = before.put(tried(3, AttemptOutcome.COMPLETED))
    history.add("ACTIVITY_TASK_COMPLETED", scheduled_event_id=again, result=dump(StepResult(output=1, ledger=whole)))
    job, journal = history.fold()
    outcomes = [(attempt.attempt, attempt.outcome) for attempt in job.steps[0].attempts]
    assert outcomes == [(1, "FAILED"), (2, "LOST"), (3, "COMPLETED")]
    assert (job.attempts, job.retry_count) == (3, 2)
    assert [row.attempt for row in journal if row.type is JournalType.STEP_ATTEMPT_FAILED] == [1, 2]
    assert [row.attempt for row in journal if row.type is JournalType.STEP_STARTED] == [2, 3]


def test_an_attempt_lost_without_trace_keeps_those_of_the_activities_before() -> None:
    history = History("a").begun()
    history.failed(history.scheduled("a"), 2)
    again = history.scheduled("a")
    failure = {"kind": "timeout", "message": "", "timeout_type": "START_TO_CLOSE", "details": []}
    history.attempt(again, 1)
    history.add("ACTIVITY_TASK_TIMED_OUT", scheduled_event_id=again, failure=failure)
    job, _ = history.fold()
    assert [attempt.attempt for attempt in job.steps[0].attempts] == [1, 2, 3]
    assert (job.attempts, failures(2).count) == (3, 2)


def test_a_caught_failure_completes_its_step_and_stays_in_the_journal() -> None:
    history = History("a").begun()
    history.failed(history.scheduled("a"))
    data = {"output": "plan b", "code": "STEP.HTTP.5XX"}
    history.noted(Note(kind=JournalType.STEP_CAUGHT, step="a", round=1, error=failed_error(), data=data))
    job, journal = history.fold()
    assert (job.steps[0].status, job.steps[0].output, job.steps[0].error) == (StepStatus.COMPLETED, "plan b", None)
    assert journal[-1].data["error"]["code"] == "STEP.HTTP.5XX"


def test_a_step_skipped_by_a_person_counts_with_the_output_given() -> None:
    history = History("a").begun().parked("a")
    data = {"output": 7, "via": "update"}
    history.noted(Note(kind=JournalType.STEP_OVERRIDDEN, step="a", round=1, actor="key:ops", reason="known", data=data))
    job, journal = history.fold()
    assert (job.steps[0].status, job.steps[0].output, job.steps[0].error) == (StepStatus.SKIPPED, 7, None)
    assert (job.status, journal[-1].actor, journal[-1].data["reason"]) == (JobStatus.RUNNING, "key:ops", "known")


def test_a_retry_from_a_step_noted_after_it_began_again_does_not_set_it_back() -> None:
    history = History("a", "nap").begun().ran("a", output=1)
    history.scheduled("a", 2)
    data = {"rounds": {"a": 2}, "reset": ["a"], "from_step": "a", "via": "update"}
    history.noted(Note(kind=JournalType.JOB_RETRY_REQUESTED, data=data))
    step = history.fold()[0].steps[0]
    assert (step.status, step.round) == (StepStatus.RUNNING, 2)
