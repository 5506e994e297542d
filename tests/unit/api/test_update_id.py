"""Which decisions are one: the same words about the same state of the job, or whatever comes under one key."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.jobs.current import Current
from api.jobs.update_id import update_id
from perdure.contract.command import (
    ApprovalDecision,
    ApproveCommand,
    Command,
    DeliverCommand,
    DiscardCommand,
    PauseCommand,
    ResumeCommand,
    RetryCommand,
    SkipCommand,
)
from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus
from perdure.projection.record import JobRecord

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ABOUT_A_PARK = [RetryCommand(), SkipCommand(step="a", output=1.5), DiscardCommand()]
APPROVE = ApproveCommand(decision=ApprovalDecision.APPROVE, actor="key:ann")
DELIVER = DeliverCommand(name="go", payload={"n": 1})


def job(status: JobStatus = JobStatus.DEAD_LETTERED, *, run: str = "r1", **newest: str) -> Current:
    fields: dict[str, Any] = {"type": "INLINE", "queue": "default", "priority": 3, "last_event_id": 9}
    fields |= {"created_at": NOW, "run_started_at": NOW}
    record = JobRecord(id="default:x", tenant="default", name="x", status=status, run_id=run, **fields)
    return Current(record, {JournalType(type_): key for type_, key in newest.items()})


def id_of(command: Command, now: Current, key: str | None = None) -> str:
    return update_id("it", command, now, key)


@pytest.mark.parametrize("command", ABOUT_A_PARK)
def test_the_same_decision_about_the_same_park_is_one(command: Command) -> None:
    assert id_of(command, job(STEP_PARKED="1")) == id_of(command, job(STEP_PARKED="1"))


@pytest.mark.parametrize("command", ABOUT_A_PARK)
def test_what_parked_again_is_decided_anew(command: Command) -> None:
    ids = {id_of(command, job(STEP_PARKED="1")), id_of(command, job(STEP_PARKED="2"))}
    assert len(ids | {id_of(command, job(run="r2", STEP_PARKED="1"))}) == 3


@pytest.mark.parametrize("command", ABOUT_A_PARK)
def test_where_nothing_is_parked_each_decision_is_asked_for_itself(command: Command) -> None:
    running = job(JobStatus.RUNNING, STEP_PARKED="1")
    assert id_of(command, running) != id_of(command, running)


def test_a_pause_does_not_hide_the_park() -> None:
    paused = job(JobStatus.PAUSED, STEP_PARKED="1")
    assert id_of(RetryCommand(), paused) == id_of(RetryCommand(), paused)


def test_other_words_are_another_decision() -> None:
    parked = job(STEP_PARKED="1")
    said = [RetryCommand(), RetryCommand(reason="x"), RetryCommand(actor="key:b"), RetryCommand(steps=["a"])]
    said += [RetryCommand(patch={"a": {"x": 1}}), RetryCommand(patch={"a": {"x": 2}}), RetryCommand(force=True)]
    assert len({id_of(command, parked) for command in said}) == len(said)


@pytest.mark.parametrize("command", [PauseCommand(), ResumeCommand(), *ABOUT_A_PARK, APPROVE, DELIVER])
def test_under_a_key_nothing_else_counts(command: Command) -> None:
    first, later = job(STEP_PARKED="1"), job(JobStatus.RUNNING, run="r2", STEP_DELIVERED="7")
    assert id_of(command, first, "k") == id_of(command, later, "k") != id_of(command, first, "k2")


def test_pause_and_resume_are_asked_each_time() -> None:
    for command in (PauseCommand(), ResumeCommand()):
        assert id_of(command, job()) != id_of(command, job())


def test_a_delivery_repeated_before_anything_was_delivered_is_one() -> None:
    waiting = job(JobStatus.WAITING, STEP_WAITING="1")
    assert id_of(DELIVER, waiting) == id_of(DELIVER, waiting)
    assert id_of(DELIVER, waiting) != id_of(DELIVER, job(JobStatus.WAITING, STEP_WAITING="2"))
    assert id_of(DELIVER, waiting) != id_of(DELIVER, job(JobStatus.WAITING, STEP_WAITING="1", STEP_DELIVERED="2"))


def test_a_person_approves_once_until_the_step_is_asked_again() -> None:
    once, twice = job(JobStatus.WAITING), job(JobStatus.WAITING, STEP_DELIVERED="1", STEP_WAITING="1")
    assert id_of(APPROVE, once) == id_of(APPROVE, twice)
    assert id_of(APPROVE, once) != id_of(APPROVE, job(JobStatus.WAITING, JOB_RETRY_REQUESTED="5"))
    other = APPROVE.model_copy(update={"actor": "key:bob"})
    assert id_of(APPROVE, once) != id_of(other, once)
