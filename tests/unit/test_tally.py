"""What a worker counts of jobs that ended, and how it compares."""

from datetime import UTC, datetime, timedelta

from perdure.contract.journal import JournalType
from perdure.projection.record import JobRecord, JournalEvent
from perdure.store.ended_count import Ended
from perdure.store.reconciliation import Reconciliation
from tests.integration.store.sample import job
from worker.service.tally import Tally

NOW = datetime.now(UTC)
THEN = NOW.replace(minute=59, second=59, microsecond=999_000) - timedelta(hours=1)
HOUR = THEN.replace(minute=0, second=0, microsecond=0)


def row(record: JobRecord, type_: JournalType, at: datetime = THEN) -> JournalEvent:
    return JournalEvent(
        job_id=record.id, run_started_at=THEN, run_id="r", event_id=1, ordinal=0, type=type_, at=at, data={}
    )


def test_ends_are_counted_in_the_hour_they_happened_in() -> None:
    tally, record = Tally(), job("default:a")
    tally.count(record, [row(record, JournalType.JOB_STARTED), row(record, JournalType.JOB_COMPLETED)])
    tally.count(record, [row(record, JournalType.JOB_COMPLETED, THEN + timedelta(milliseconds=1))])
    tally.count(record, [row(record, JournalType.JOB_FAILED)])
    assert tally.changed() == {
        Ended(HOUR, record.type, "COMPLETED"): 1,
        Ended(HOUR + timedelta(hours=1), record.type, "COMPLETED"): 1,
        Ended(HOUR, record.type, "FAILED"): 1,
    }


def test_what_was_told_is_told_again_once_it_changed_and_as_a_whole() -> None:
    tally, record = Tally(), job("default:a")
    tally.count(record, [row(record, JournalType.JOB_COMPLETED)])
    told = tally.changed()
    tally.count(record, [row(record, JournalType.JOB_COMPLETED)])
    tally.told(told)
    assert tally.changed() == {Ended(HOUR, record.type, "COMPLETED"): 2}
    tally.told(tally.changed())
    assert tally.changed() == {}
    tally.count(record, [row(record, JournalType.JOB_COMPLETED)])
    assert tally.changed() == {Ended(HOUR, record.type, "COMPLETED"): 3}


def test_ends_of_long_ago_are_not_counted_and_not_kept() -> None:
    tally, record = Tally(timedelta(hours=1)), job("default:a")
    tally.count(record, [row(record, JournalType.JOB_COMPLETED, NOW - timedelta(days=3))])
    assert tally.changed() == {}


def compared(temporal: int, projection: int, metrics: int, vanished: int = 0) -> dict[tuple[str, str], int]:
    temporals, tables, counters = ({"A": {"FAILED": number}} for number in (temporal, projection, metrics))
    return Reconciliation(NOW, NOW, temporals, tables, 0, 0, counters, vanished).miscounted


def test_what_lies_between_temporal_and_the_tables_is_right() -> None:
    # One of two was reset since: Temporal has its first end, the tables have not.
    assert compared(2, 1, 2) == compared(2, 1, 1) == {}
    assert compared(2, 1, 3) == {("A", "FAILED"): 1}
    assert compared(2, 1, 0) == {("A", "FAILED"): -1}


def test_fewer_are_no_fault_where_a_worker_vanished_and_more_are() -> None:
    assert compared(2, 2, 1, vanished=1) == {}
    assert compared(2, 2, 3, vanished=1) == {("A", "FAILED"): 1}


def test_a_type_that_only_the_workers_know_is_told() -> None:
    found = Reconciliation(NOW, NOW, {}, {}, 0, 0, {"B": {"COMPLETED": 1}})
    assert found.miscounted == {("B", "COMPLETED"): 1}
    assert Reconciliation(NOW, NOW, {}, {}, 0, 0, None).miscounted == {}
