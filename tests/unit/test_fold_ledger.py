"""Attempts in the fold where the ledger has gaps, or there is none: what Temporal says, and what is lost."""

from datetime import timedelta

from perdure.contract.error import ErrorClass
from perdure.contract.ledger import AttemptLedger
from tests.unit.fold_event import (
    START,
    History,
    application,
    dump,
    failed_error,
    failures,
    ledger,
    timeout,
    tried,
    types,
)
from tests.unit.test_fold_activity import COMPLETED, FAILED, LOST, TIMED_OUT, ends, outcomes


def test_a_gap_in_the_ledger_is_a_lost_attempt() -> None:
    history = History("a").begun()
    scheduled = history.scheduled("a")
    history.attempt(scheduled, 4)
    known = ledger(tried(1), tried(4, COMPLETED))
    history.add(
        "ACTIVITY_TASK_COMPLETED",
        scheduled_event_id=scheduled,
        result={"output": 1, "ledger": known.model_dump(mode="json", by_alias=True)},
    )
    job, journal = history.fold()
    assert outcomes(job) == [(1, FAILED), (2, LOST), (3, LOST), (4, COMPLETED)]
    assert [(row.attempt, row.outcome) for row in journal if row.type == "STEP_ATTEMPT_FAILED"] == [
        (1, FAILED), (2, LOST), (3, LOST),
    ]  # fmt: skip
    assert job.attempts == 4


def test_attempts_the_ledger_did_not_keep_are_not_taken_for_lost() -> None:
    known = AttemptLedger()
    for number in range(1, 31):
        known = known.put(tried(number))
    job, _ = ends(History("a").begun(), timeout("HEARTBEAT", known.put(tried(31, None))), 31).fold()
    assert [n for n, outcome in outcomes(job) if outcome is LOST] == [31]
    assert job.attempts == 31


def test_a_total_timeout_between_attempts_adds_no_attempt() -> None:
    history = ends(History("a").begun(), timeout("SCHEDULE_TO_CLOSE", failures(2)), None)
    job, journal = history.fold()
    step = job.steps[0]
    assert step.error is not None
    assert (outcomes(job), job.attempts) == ([(1, FAILED), (2, FAILED)], 2)
    assert step.error.code == "STEP.TOTAL_TIMEOUT"
    assert types(journal)[-2:] == ["STEP_ATTEMPT_FAILED"] * 2


def test_between_attempts_all_that_the_ledger_kept_is_told() -> None:
    job, _ = ends(History("a").begun(), timeout("SCHEDULE_TO_CLOSE", failures(100)), None).fold()
    assert [number for number, _ in outcomes(job)] == [1, 2, 3, *range(81, 101)]


def test_a_ledger_with_fields_of_a_newer_worker_is_read() -> None:
    history = History("a").begun()
    scheduled = history.scheduled("a")
    history.attempt(scheduled, 2)
    told = dump(failures(1).put(tried(2, COMPLETED)))
    told["first"][0] |= {"cost": 5}
    told["first"][0]["error"] |= {"hint": "new"}
    history.add("ACTIVITY_TASK_COMPLETED", scheduled_event_id=scheduled, result={"ledger": told, "more": 1})
    assert outcomes(history.fold()[0]) == [(1, FAILED), (2, COMPLETED)]


def test_a_total_timeout_without_heartbeat_tells_the_attempts_from_its_cause() -> None:
    cause = application(failed_error(), failures(2))
    job, _ = ends(History("a").begun(), timeout("SCHEDULE_TO_CLOSE", cause=cause), None).fold()
    assert outcomes(job) == [(1, FAILED), (2, FAILED)]


def test_a_step_that_no_worker_ever_took_has_no_attempts() -> None:
    job, journal = ends(History("a").begun(), timeout("SCHEDULE_TO_START"), None).fold()
    assert (job.attempts, job.steps[0].attempts) == (0, [])
    assert types(journal)[-1] == "STEP_SCHEDULED"


def test_an_open_record_that_ran_its_whole_time_timed_out_and_one_that_did_not_was_lost() -> None:
    long = tried(1, None, started_at=START)
    short = tried(2, None, started_at=START + timedelta(seconds=300))
    known = ledger(long, short, tried(3, started_at=START + timedelta(seconds=330)))
    job, _ = ends(History("a").begun(), application(failed_error(), known), 3).fold()
    assert outcomes(job) == [(1, TIMED_OUT), (2, LOST), (3, FAILED)]


def test_what_temporal_says_of_the_attempt_before_goes_before_a_guess() -> None:
    known = ledger(tried(1, None), tried(2))
    history = ends(History("a").begun(), application(failed_error(), known), 2, timeout("START_TO_CLOSE"))
    assert outcomes(history.fold()[0]) == [(1, TIMED_OUT), (2, FAILED)]


def test_without_any_ledger_only_what_temporal_says_is_told() -> None:
    foreign = application(type_="ValueError")
    job, _ = ends(History("a").begun(), foreign, 5, foreign).fold()
    assert (outcomes(job), job.attempts) == ([(4, FAILED), (5, FAILED)], 5)
    error = job.steps[0].error
    assert error is not None
    assert (error.code, error.error_class, error.message) == ("STEP.INTERNAL", ErrorClass.INTERNAL, "oh no")


def test_without_any_ledger_silent_workers_were_all_lost() -> None:
    job, _ = ends(History("a").begun(), timeout("HEARTBEAT"), 3, timeout("HEARTBEAT")).fold()
    assert outcomes(job) == [(1, LOST), (2, LOST), (3, LOST)]


def test_of_many_silent_attempts_the_first_3_and_last_20_are_told() -> None:
    job, _ = ends(History("a").begun(), timeout("HEARTBEAT"), 100, timeout("HEARTBEAT")).fold()
    assert [number for number, _ in outcomes(job)] == [1, 2, 3, *range(81, 101)]
    assert job.attempts == 100
