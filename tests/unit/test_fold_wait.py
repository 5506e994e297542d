"""The fold of waits, planned starts, pauses, child jobs, resubmissions, and rounds of several activities."""

from datetime import timedelta
from typing import Any

import pytest

from perdure.contract.execution import JobState, StepState
from perdure.contract.journal import JournalType
from perdure.contract.note import Note
from perdure.contract.state import JobStatus, StepStatus
from tests.unit.fold_event import START, TICK, History, types

EXPIRES = (START + timedelta(hours=1)).isoformat()


def waiting(step: str = "hold", kind: str = "WAIT", **data: Any) -> Note:
    return Note(kind=JournalType.STEP_WAITING, step=step, round=1, data={"kind": kind, **data})


def decided(actor: str, decision: str = "approve", **data: Any) -> Note:
    facts = {"decision": decision, "via": "update", **data}
    return Note(kind=JournalType.STEP_DELIVERED, step="ask", round=1, actor=actor, reason="seen", data=facts)


def test_a_wait_says_what_it_waits_for_and_ends_with_the_payload() -> None:
    history = History({"id": "hold", "type": "WAIT", "with": {"name": "paid"}}).begun()
    history.noted(waiting(name="paid", expires_at=EXPIRES))
    job, journal = history.fold()
    wait = job.steps[0].waiting_for
    assert wait is not None
    assert (wait.kind, wait.name, wait.expires_at and wait.expires_at.isoformat()) == ("WAIT", "paid", EXPIRES)
    assert (job.status, job.status_reason) == (
        JobStatus.WAITING, 'step hold waits for "paid" until 2026-11-22T13:00:00Z',
    )  # fmt: skip
    assert journal[-1].status == "WAITING"
    history.add("WORKFLOW_EXECUTION_SIGNALED", name="deliver", identity="temporal-cli:me")
    data = {"name": "paid", "payload": {"sum": 5}, "via": "signal"}
    history.noted(Note(kind=JournalType.STEP_DELIVERED, step="hold", round=1, data=data))
    job, journal = history.fold()
    step = job.steps[0]
    assert (step.status, step.output, step.waiting_for) == (StepStatus.COMPLETED, {"sum": 5}, None)
    assert (journal[-1].actor, journal[-1].status) == ("temporal-cli:me", "COMPLETED")


def test_approvals_are_counted_until_there_are_enough() -> None:
    history = History({"id": "ask", "type": "APPROVAL", "with": {}}).begun()
    history.noted(waiting("ask", "APPROVAL", required_approvals=2, roles=["admin"], message="ship it?"))
    assert history.fold()[0].status_reason == "waiting for approval of step ask (0 of 2)"
    history.noted(decided("key:ann", approvals=1, required_approvals=2, complete=False))
    job, _ = history.fold()
    wait = job.steps[0].waiting_for
    assert wait is not None
    assert (wait.approvals, wait.roles, wait.message) == (1, ["admin"], "ship it?")
    assert job.status_reason == "waiting for approval of step ask (1 of 2)"
    output = {"approved": True, "decisions": []}
    history.noted(decided("key:bob", approvals=2, required_approvals=2, complete=True, output=output))
    step = history.fold()[0].steps[0]
    assert (step.status, step.output) == (StepStatus.COMPLETED, output)
    assert [(said.actor, said.decision, said.reason) for said in step.decisions] == [
        ("key:ann", "approve", "seen"), ("key:bob", "approve", "seen"),
    ]  # fmt: skip


def test_a_rejection_is_kept_and_the_note_after_it_says_what_becomes_of_the_step() -> None:
    history = History({"id": "ask", "type": "APPROVAL", "with": {}}).begun()
    history.noted(waiting("ask", "APPROVAL", required_approvals=1), decided("key:ann", "reject", complete=False))
    assert history.fold()[0].steps[0].status is StepStatus.WAITING
    step = history.parked("ask").fold()[0].steps[0]
    assert (step.status, step.waiting_for) == (StepStatus.DEAD_LETTERED, None)
    assert [said.decision for said in step.decisions] == ["reject"]
    assert history.retried("ask").fold()[0].steps[0].decisions == []


def test_a_wait_that_times_out_and_goes_on_completes_with_what_the_note_says() -> None:
    history = History("hold").begun().noted(waiting(name="paid"))
    timed_out = {"output": None, "timed_out": True}
    history.noted(Note(kind=JournalType.STEP_COMPLETED, step="hold", round=1, data=timed_out))
    step = history.fold()[0].steps[0]
    assert (step.status, step.output, step.waiting_for) == (StepStatus.COMPLETED, None, None)


def test_a_wait_goes_on_over_continue_as_new_with_what_the_spec_says_of_it() -> None:
    said = [{"actor": "key:ann", "decision": "approve", "reason": None, "at": START.isoformat()}]
    ask = StepState(status=StepStatus.WAITING, wake_at=EXPIRES, decisions=said)
    carried = JobState(steps={"ask": ask}, started_at=START.isoformat())
    spec = {"id": "ask", "type": "APPROVAL", "with": {"required_approvals": 3, "message": "${ input.what }"}}
    history = History(spec, run_id="run-2").begun(carried=carried, continued_from="run-1")
    job, journal = history.fold()
    wait = job.steps[0].waiting_for
    assert wait is not None
    assert (wait.required_approvals, wait.approvals, wait.message, wait.roles) == (3, 1, None, [])
    assert (job.status, journal) == (JobStatus.WAITING, [])


def test_b10_a_job_is_scheduled_until_its_timer_fires() -> None:
    history = History("a", delay="1h").submitted()
    job, _ = history.fold()
    planned = history.events[0].at + timedelta(hours=1)
    assert (job.status, job.start_at, job.status_reason) == (
        JobStatus.SCHEDULED, planned, "starts at 2026-11-22T13:00:00Z",
    )  # fmt: skip
    history.task()
    timer = history.add("TIMER_STARTED", "perdure:start", milliseconds=3_600_000)
    job, journal = history.fold()
    assert (job.status, job.started_at, types(journal)) == (JobStatus.SCHEDULED, None, ["JOB_SUBMITTED"])
    history.add("TIMER_FIRED", started_event_id=timer)
    job, journal = history.fold()
    assert (job.status, job.started_at) == (JobStatus.RUNNING, history.events[-1].at)
    assert (journal[-1].type, journal[-1].event_id, journal[-1].at) == ("JOB_STARTED", 6, history.events[-1].at)
    assert job.queue_wait_ms == 0


def test_a_start_that_has_passed_when_a_worker_comes_is_a_start_at_once() -> None:
    history = History("a", start_at=(START + 2 * TICK).isoformat()).submitted()
    assert history.fold()[0].status is JobStatus.SCHEDULED
    job, journal = history.task().fold()
    assert (job.status, types(journal)[-1], job.queue_wait_ms) == (JobStatus.RUNNING, "JOB_STARTED", 10)


def test_a_start_in_the_past_is_no_schedule() -> None:
    job, _ = History("a", start_at="2020-01-01T00:00:00Z").submitted().fold()
    assert (job.status, job.start_at and job.start_at.year) == (JobStatus.QUEUED, 2020)


def test_a_scheduled_job_may_continue_as_new_be_paused_and_be_canceled() -> None:
    carried = JobState(steps={"a": StepState()}, submitted_at=START.isoformat(), paused=True)
    history = History("a", run_id="run-2", delay="1h").begun(carried=carried, continued_from="run-1")
    assert history.fold()[0].status is JobStatus.PAUSED
    history.noted(Note(kind=JournalType.JOB_RESUMED))
    timer = history.add("TIMER_STARTED", "perdure:start", milliseconds=3_600_000)
    assert history.fold()[0].status is JobStatus.SCHEDULED
    history.add("TIMER_FIRED", started_event_id=timer)
    assert types(history.fold()[1]) == ["JOB_RESUMED", "JOB_STARTED"]
    other = History("a", delay="1h").begun()
    other.add("WORKFLOW_EXECUTION_CANCELED")
    job, _ = other.fold()
    assert (job.status, job.started_at, job.steps[0].status) == (JobStatus.CANCELED, None, StepStatus.OMITTED)


def test_paused_goes_before_everything_and_says_who_and_why() -> None:
    history = History(
        {"id": "a", "type": "LOG", "depends_on": []}, {"id": "b", "type": "LOG", "depends_on": []}
    ).begun()
    history.scheduled("a")
    history.parked("b")
    data = {"via": "update"}
    history.noted(Note(kind=JournalType.JOB_PAUSED, actor="key:ops", reason="partner is down", data=data))
    job, journal = history.fold()
    assert (job.status, job.status_reason) == (JobStatus.PAUSED, "paused by key:ops: partner is down")
    assert (journal[-1].type, journal[-1].actor, journal[-1].status) == ("JOB_PAUSED", "key:ops", "PAUSED")
    history.noted(Note(kind=JournalType.JOB_RESUMED, actor="key:ops", data=data))
    assert history.fold()[0].status is JobStatus.DEAD_LETTERED


def test_a_cancel_ends_the_pause() -> None:
    history = History("a").begun().noted(Note(kind=JournalType.JOB_PAUSED, actor="key:ops"))
    history.add("WORKFLOW_EXECUTION_CANCEL_REQUESTED", identity="me")
    job, _ = history.fold()
    assert (job.status, job.status_reason) == (JobStatus.RUNNING, "cancel requested by me; stopping what runs")


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("JOB_PAUSED", "pause"),
        ("JOB_RESUMED", "resume"),
        ("JOB_DISCARDED", "discard"),
        ("JOB_RETRY_REQUESTED", "retry"),
    ],
)
def test_the_sender_of_a_command_is_the_actor_where_it_names_none(kind: str, command: str) -> None:
    history = History("a").begun()
    history.add("WORKFLOW_EXECUTION_UPDATE_ACCEPTED", name=command, identity="temporal-cli:me")
    history.noted(Note(kind=JournalType(kind), data={"via": "update"}))
    assert history.fold()[1][-1].actor == "temporal-cli:me"
