"""Since when a row was behind: the oldest event that was not shown, not the newest."""

from datetime import UTC, datetime, timedelta

from perdure.projection.history import HistoryEvent
from worker.service.refold import _unseen_since

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def events(*seconds: float) -> list[HistoryEvent]:
    return [
        HistoryEvent(number, NOW + timedelta(seconds=each), "TIMER_FIRED", {}) for number, each in enumerate(seconds, 1)
    ]


def test_of_a_run_that_goes_on_it_is_the_first_new_event() -> None:
    assert _unseen_since(events(0, 2, 3), new=False) == NOW
    assert _unseen_since(events(0, 300), new=False) == NOW


def test_of_a_run_that_just_began_it_is_its_start() -> None:
    assert _unseen_since(events(0, 2), new=True) == NOW


def test_of_a_run_that_is_folded_anew_after_long_nobody_knows() -> None:
    assert _unseen_since(events(0, 300), new=True) == NOW + timedelta(seconds=300)
