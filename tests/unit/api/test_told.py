"""What was told from Temporal is not told back by a row that is behind."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from api.jobs.told import Place, Told

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def job(event: int, *, run: int = 0, id_: str = "default:a") -> Any:
    return SimpleNamespace(id=id_, run_started_at=BEGAN + timedelta(seconds=run), last_event_id=event)


def stored(event: int, *, run: int = 0) -> Place:
    return BEGAN + timedelta(seconds=run), event


def test_a_row_behind_what_was_told_is_known_until_it_has_caught_up() -> None:
    told = Told()
    assert not told.more_than("default:a", None)
    told.note(job(20))
    told.note(job(15))
    assert told.more_than("default:a", None)
    assert told.more_than("default:a", stored(15))
    assert not told.more_than("default:a", stored(20))
    assert not told.more_than("default:a", stored(15)), "it is forgotten once the row was there"


def test_a_later_run_is_more_however_few_events_it_has() -> None:
    told = Told()
    told.note(job(5, run=60))
    assert told.more_than("default:a", stored(900))
    assert not told.more_than("default:a", stored(6, run=60))


def test_jobs_are_told_apart_and_only_so_many_remembered() -> None:
    told = Told()
    for number in range(10_001):
        told.note(job(9, id_=f"default:{number}"))
    assert not told.more_than("default:0", stored(1))
    assert told.more_than("default:1", stored(1))
