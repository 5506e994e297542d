"""Units that only the job's pause keeps from their next attempt, where the workflow makes that itself."""

from datetime import timedelta
from typing import Any

import pytest

from perdure.contract.journal import JournalType
from perdure.contract.name import backoff_timer
from perdure.contract.note import Note
from perdure.contract.state import StepStatus
from perdure.projection import fold
from perdure.projection.backoff import backing_off
from perdure.projection.overlay import overlay
from tests.unit.fold_event import START, History

PAUSED = Note(kind=JournalType.JOB_PAUSED, actor="me")
RESUMED = Note(kind=JournalType.JOB_RESUMED, actor="me")


def backs_off(history: History, unit: str) -> int:
    return history.add("TIMER_STARTED", backoff_timer(unit), milliseconds=2_000)


def fires(history: History, timer: int) -> None:
    history.add("TIMER_FIRED", started_event_id=timer)


def seen(history: History) -> list[tuple[str, int, bool, bool]]:
    """Of each unit that waits: its id, its next attempt, whether that is held back, whether its time is known."""
    state, _ = fold.fold_run(history.job_id, history.run_id, history.events)
    found = backing_off(state, START)
    return [(one.step_id, one.attempt, one.paused, one.next_retry_at is not None) for one in found]


def test_a_backoff_that_is_over_in_a_paused_job_is_held_back_until_it_is_resumed() -> None:
    history = History("a").begun()
    history.failed(history.scheduled("a"))
    timer = backs_off(history, "a")
    history.noted(PAUSED)
    assert seen(history) == [("a", 2, False, True)]
    fires(history, timer)
    assert seen(history) == [("a", 2, True, False)]
    history.noted(RESUMED)
    assert seen(history) == []
    scheduled = history.scheduled("a")
    history.noted(PAUSED)
    assert seen(history) == []
    history.failed(scheduled).parked("a")
    assert seen(history) == []


def test_an_attempt_that_is_made_again_without_a_backoff_is_held_back_too() -> None:
    """As after a deployment cut it off: nothing in the history but the pause tells why it does not begin."""
    history = History("a", "b").begun()
    scheduled = history.scheduled("a")
    history.noted(PAUSED).failed(scheduled)
    assert seen(history) == [("a", 2, True, False)]
    state, _ = fold.fold_run(history.job_id, history.run_id, history.events)
    step = overlay(fold.record(state), backing_off(state, START + timedelta(seconds=1))).steps[0]
    assert (step.status, step.paused) == (StepStatus.RETRYING, True)


@pytest.mark.parametrize("unit", ["a.0", "a.compensate"])
def test_so_are_items_and_compensations(unit: str) -> None:
    history = History({"id": "a", "type": "LOG", "compensate": {"type": "LOG"}}).begun()
    started: dict[str, Any] = {"items": 2}
    if unit == "a.0":
        history.noted(Note(kind=JournalType.STEP_STARTED, step="a", round=1, data=started))
    else:
        history.ran("a")
    scheduled = history.scheduled(unit)
    history.noted(PAUSED).failed(scheduled)
    assert seen(history) == [(unit, 2, True, False)]


def test_what_was_not_tried_is_not_held_back() -> None:
    history = History("a").begun().noted(PAUSED)
    assert seen(history) == []
