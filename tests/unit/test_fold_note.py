"""The fold of the workflow's notes, of sleeping steps, and of what the job's status is while several things hold."""

from typing import Any

import pytest

from perdure.contract.error import ErrorClass, ErrorInfo
from perdure.contract.execution import JobState, StepState
from perdure.contract.journal import JournalType
from perdure.contract.note import Note
from perdure.contract.state import JobStatus, StepStatus
from tests.unit.fold_event import START, TICK, History, failed_error, types

TOO_LARGE = ErrorInfo.model_validate(
    {"code": "ENGINE.STATE_TOO_LARGE", "class": ErrorClass.PERMANENT, "message": "too much"}
)


def parallel(*ids: str) -> list[dict[str, Any]]:
    return [{"id": id_, "type": "LOG", "depends_on": []} for id_ in ids]


def asleep(history: History, step: str = "nap", milliseconds: int = 60_000) -> int:
    return history.add("TIMER_STARTED", step, milliseconds=milliseconds)


# --- notes ---


def test_all_notes_of_an_activation_are_rows_of_one_event_in_their_order() -> None:
    history = (
        History("a", "b")
        .begun()
        .noted(
            Note(kind=JournalType.STEP_SKIPPED, step="a", round=1, reason="its condition is false"),
            Note(kind=JournalType.STEP_OMITTED, step="b", reason="the job failed"),
        )
    )
    job, journal = history.fold()
    assert [step.status for step in job.steps] == [StepStatus.SKIPPED, StepStatus.OMITTED]
    assert all(step.completed_at == history.events[-1].at for step in job.steps)
    rows = journal[-2:]
    assert [(row.type, row.step_id, row.status, row.ordinal) for row in rows] == [
        ("STEP_SKIPPED", "a", "SKIPPED", 0),
        ("STEP_OMITTED", "b", "OMITTED", 1),
    ]
    assert rows[0].event_id == rows[1].event_id == 5
    assert rows[0].data == {"reason": "its condition is false", "round": 1}
    assert job.note_count == 2


def test_c1_a_parked_step_dead_letters_the_job_with_its_error() -> None:
    history = History("a", "b").begun()
    job, journal = history.failed(history.scheduled("a"), 2).task().parked("a").fold()
    assert (job.status, job.error, job.error_step) == (JobStatus.DEAD_LETTERED, failed_error(), "a")
    assert job.status_reason == "step a is parked: STEP.HTTP.5XX: it answered 500"
    assert (job.steps[0].status, job.steps[0].completed_at) == (StepStatus.DEAD_LETTERED, None)
    parked, dead = journal[-2:]
    assert (parked.type, parked.status, parked.data["error"]["code"]) == (
        "STEP_PARKED",
        "DEAD_LETTERED",
        "STEP.HTTP.5XX",
    )
    assert (dead.type, dead.step_id, dead.status, dead.data["steps"]) == (
        "JOB_DEAD_LETTERED", None, "DEAD_LETTERED", ["a"],
    )  # fmt: skip


def test_several_parked_steps_are_told_together() -> None:
    history = History(*parallel("a", "b")).begun().parked("b").parked("a")
    job, _ = history.fold()
    assert (job.error_step, job.status_reason) == ("a", "steps a, b are parked: STEP.HTTP.5XX: it answered 500")


def test_a_retry_sends_the_parked_step_into_another_round() -> None:
    history = History("a").begun()
    history.failed(history.scheduled("a"), 2).parked("a").retried("a")
    job, journal = history.fold()
    step = job.steps[0]
    assert (step.status, step.round, step.error, step.started_at) == (StepStatus.PENDING, 2, None, None)
    assert (job.status, job.error) == (JobStatus.RUNNING, None)
    row = journal[-1]
    assert (row.type, row.actor, row.status) == ("JOB_RETRY_REQUESTED", "ops", "RUNNING")
    assert row.data == {"steps": ["a"], "rounds": {"a": 2}, "via": "update", "reason": "again"}
    history.completed(history.scheduled("a", 2), "done")
    job, _ = history.fold()
    assert (job.steps[0].status, job.steps[0].output, job.attempts) == (StepStatus.COMPLETED, "done", 3)


def test_a_retry_noted_after_the_round_began_does_not_set_the_step_back() -> None:
    history = History("a").begun()
    history.failed(history.scheduled("a"), 2).parked("a")
    history.scheduled("a", 2)
    job, _ = history.retried("a").fold()
    assert (job.steps[0].status, job.steps[0].round) == (StepStatus.RUNNING, 2)


def test_a_retry_noted_after_a_sleep_began_does_not_set_the_step_back() -> None:
    history = History("nap").begun().parked("nap")
    asleep(history)
    assert history.retried("nap").fold()[0].steps[0].status is StepStatus.WAITING


def test_a_row_about_the_job_has_its_status_at_that_point_of_the_event() -> None:
    history = (
        History("a")
        .begun()
        .parked("a")
        .noted(
            Note(kind=JournalType.JOB_DISCARDED, data={"resolution": "EXPIRED"}),
            Note(kind=JournalType.STEP_FAILED, step="a", round=1),
        )
    )
    assert [row.status for row in history.fold()[1][-2:]] == ["DEAD_LETTERED", "FAILED"]


def test_a_note_about_an_earlier_round_is_told_but_changes_nothing() -> None:
    history = History("a").begun()
    history.scheduled("a", 2)
    job, journal = history.noted(Note(kind=JournalType.STEP_PARKED, step="a", round=1, error=failed_error())).fold()
    assert (job.steps[0].status, journal[-1].type) == (StepStatus.RUNNING, "STEP_PARKED")


def test_one_of_two_parked_steps_retried_leaves_the_job_dead_lettered() -> None:
    history = History(*parallel("a", "b")).begun().parked("a").parked("b").retried("a")
    job, _ = history.fold()
    assert (job.status, job.error_step) == (JobStatus.DEAD_LETTERED, "b")


def test_an_output_without_room_parks_a_step_that_had_completed() -> None:
    history = History("a").begun().ran("a", output="x" * 10).parked("a", TOO_LARGE)
    job, journal = history.fold()
    step = job.steps[0]
    assert (step.status, step.output, step.completed_at, step.error) == (
        StepStatus.DEAD_LETTERED, None, None, TOO_LARGE,
    )  # fmt: skip
    assert types(journal)[-3:] == ["STEP_COMPLETED", "STEP_PARKED", "JOB_DEAD_LETTERED"]


def test_a_failed_step_without_dead_letter_is_failed() -> None:
    history = History("a").begun()
    history.failed(history.scheduled("a"))
    history.noted(Note(kind=JournalType.STEP_FAILED, step="a", round=1, error=failed_error()))
    step = history.fold()[0].steps[0]
    assert (step.status, step.error, step.completed_at) == (StepStatus.FAILED, failed_error(), history.events[-1].at)


def test_a_step_that_failed_before_any_activity_has_the_notes_error_and_no_attempt() -> None:
    job, _ = History("a").begun().parked("a", TOO_LARGE).fold()
    assert (job.steps[0].error, job.attempts, job.steps[0].started_at) == (TOO_LARGE, 0, None)


def test_the_sender_of_a_signal_is_the_actor_of_a_note_without_one() -> None:
    history = History("a").begun().parked("a")
    history.add("WORKFLOW_EXECUTION_SIGNALED", name="retry", identity="temporal-cli:me")
    history.add("WORKFLOW_EXECUTION_SIGNALED", name="other", identity="somebody else")
    history.retried("a", actor=None, via="signal")
    assert history.fold()[1][-1].actor == "temporal-cli:me"


def test_the_sender_of_an_update_likewise_and_not_that_of_a_signal() -> None:
    history = History("a").begun().parked("a")
    history.add("WORKFLOW_EXECUTION_UPDATE_ACCEPTED", name="retry", identity="api-1")
    history.add("WORKFLOW_EXECUTION_SIGNALED", name="retry", identity="temporal-cli:me")
    assert history.retried("a", actor=None).fold()[1][-1].actor == "api-1"


def test_an_actor_the_command_named_goes_before_the_connections() -> None:
    history = History("a").begun().parked("a")
    history.add("WORKFLOW_EXECUTION_UPDATE_ACCEPTED", name="retry", identity="api-1")
    assert history.retried("a", actor="key:ops").fold()[1][-1].actor == "key:ops"


def test_b14_a_refused_signal_is_told_with_its_sender_and_changes_nothing() -> None:
    history = History("a").begun()
    history.add("WORKFLOW_EXECUTION_SIGNALED", name="bogus", identity="temporal-cli:me")
    data = {"name": "bogus", "via": "signal", "problem": "no such command"}
    job, journal = history.noted(Note(kind=JournalType.JOB_COMMAND_REFUSED, data=data)).fold()
    assert job.status is JobStatus.RUNNING
    row = journal[-1]
    assert (row.type, row.actor, row.data) == ("JOB_COMMAND_REFUSED", "temporal-cli:me", data)


@pytest.mark.parametrize(
    "notes",
    [None, 5, {}, {"n": "x", "e": 5}, {"n": 1, "e": [None, 5, {}, {"kind": "NEVER_HEARD_OF"}]}, {"e": [{"kind": 3}]}],
)
def test_notes_nobody_understands_are_passed_over(notes: Any) -> None:
    history = History("a").begun()
    history.add("WORKFLOW_PROPERTIES_MODIFIED", notes=notes)
    job, journal = history.fold()
    assert (job.status, len(journal), job.last_event_id) == (JobStatus.RUNNING, 2, 5)


def test_a_retry_of_steps_that_are_not_there_is_told_and_passed_over() -> None:
    data = {"rounds": {"zzz": 2, "a": "two"}, "steps": 5}
    job, journal = History("a").begun().noted(Note(kind=JournalType.JOB_RETRY_REQUESTED, data=data)).fold()
    assert ([step.id for step in job.steps], journal[-1].type) == (["a"], "JOB_RETRY_REQUESTED")


# --- sleeping steps ---


def test_b1_a_sleeping_step_waits_and_the_job_says_until_when() -> None:
    history = History("nap").begun()
    asleep(history)
    job, journal = history.fold()
    assert (job.status, job.status_reason) == (JobStatus.WAITING, "step nap waits until 2026-11-22T12:01:00Z")
    assert (job.steps[0].status, job.steps[0].started_at) == (StepStatus.WAITING, START + 5 * TICK)
    assert (journal[-1].type, journal[-1].step_id, journal[-1].data["wake_at"]) == (
        "STEP_WAITING", "nap", "2026-11-22T12:01:00.050000+00:00",
    )  # fmt: skip


def test_a_sleep_that_is_over_completes_its_step_without_output() -> None:
    history = History("nap").begun()
    timer = asleep(history)
    history.add("TIMER_FIRED", started_event_id=timer)
    job, journal = history.fold()
    assert (job.steps[0].status, job.steps[0].output, job.attempts) == (StepStatus.COMPLETED, None, 0)
    assert types(journal)[-2:] == ["STEP_WAITING", "STEP_COMPLETED"]


@pytest.mark.parametrize("summary", ["perdure:retention", "perdure:timeout", None])
def test_the_engines_own_timers_are_no_steps(summary: str | None) -> None:
    history = History("a").begun()
    timer = history.add("TIMER_STARTED", summary, milliseconds=5)
    history.add("TIMER_CANCELED", started_event_id=timer)
    history.add("TIMER_FIRED", started_event_id=timer)
    job, journal = history.fold()
    assert (len(job.steps), len(journal)) == (1, 2)


def test_a_sleep_that_a_cancel_stopped_is_canceled_by_its_own_event() -> None:
    history = History("nap").begun()
    timer = asleep(history)
    history.add("WORKFLOW_EXECUTION_CANCEL_REQUESTED", identity="me")
    stopped = history.task().add("TIMER_CANCELED", started_event_id=timer)
    history.noted(Note(kind=JournalType.STEP_OMITTED, step="b")).add("WORKFLOW_EXECUTION_CANCELED")
    job, journal = history.fold()
    assert job.steps[0].status is StepStatus.CANCELED
    assert job.steps[0].completed_at == history.events[stopped - 1].at
    (row,) = [row for row in journal if row.type is JournalType.STEP_CANCELED]
    assert (row.event_id, row.ordinal, row.status) == (stopped, 0, "CANCELED")


def test_b7_a_sleep_stopped_because_the_run_continues_as_new_is_not_canceled() -> None:
    history = History("nap").begun()
    timer = asleep(history)
    history.add("TIMER_CANCELED", started_event_id=timer)
    history.noted(Note(kind=JournalType.STEP_SKIPPED, step="b"))
    history.add("WORKFLOW_EXECUTION_CONTINUED_AS_NEW", new_run_id="run-2")
    job, journal = history.fold()
    assert job.steps[0].status is StepStatus.WAITING
    assert "STEP_CANCELED" not in types(journal)


def test_b7_a_sleep_carried_into_the_next_run_is_told_once() -> None:
    state = StepState(status=StepStatus.WAITING, started_at=START.isoformat(), wake_at=START.isoformat())
    carried = JobState(steps={"nap": state}, started_at=START.isoformat())
    history = History("nap", run_id="run-2").begun(carried=carried, continued_from="run-1")
    timer = asleep(history)
    assert types(history.fold()[1]) == []
    history.add("TIMER_FIRED", started_event_id=timer)
    job, journal = history.fold()
    assert types(journal) == ["STEP_COMPLETED"]
    assert job.steps[0].started_at == START


# --- which status goes first ---


def test_dead_lettered_goes_before_running_and_running_before_waiting() -> None:
    history = History(*parallel("nap", "runs", "fails")).begun()
    asleep(history)
    assert history.fold()[0].status is JobStatus.WAITING
    scheduled = history.scheduled("runs")
    assert history.fold()[0].status is JobStatus.RUNNING
    history.parked("fails")
    assert history.fold()[0].status is JobStatus.DEAD_LETTERED
    history.completed(scheduled).retried("fails")
    assert history.fold()[0].status is JobStatus.WAITING


def test_between_two_steps_the_job_runs() -> None:
    job, _ = History("a", "b").begun().ran("a").fold()
    assert (job.status, job.status_reason) == (JobStatus.RUNNING, "deciding what is next")
