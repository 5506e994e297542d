"""Properties of the fold over histories of any course, and over events that make no sense at all."""

from collections import Counter
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.contract.state import JobStatus, StepStatus
from perdure.projection import fold
from perdure.projection.fold.dispatch import _HANDLERS as HANDLERS
from perdure.projection.fold.unit import OPEN as OPEN_STATES
from perdure.projection.fold.unit import UnitFold
from perdure.projection.history import HistoryEvent
from perdure.projection.record import ItemRecord, JobRecord
from tests.unit.fold_course import courses
from tests.unit.fold_event import JOB_ID, RUN_ID, START, TICK, History


@given(courses(), st.data())
@settings(max_examples=150, deadline=None)
def test_folding_in_portions_gives_what_folding_at_once_gives(history: History, data: st.DataObject) -> None:
    whole, journal = fold.fold_run(JOB_ID, RUN_ID, history.events)
    state = fold.start(JOB_ID, RUN_ID)
    rows = []
    cuts = sorted(data.draw(st.sets(st.integers(1, len(history.events)), max_size=4)))
    for start, end in zip([0, *cuts], [*cuts, len(history.events)], strict=True):
        rows += [row for event in history.events[start:end] for row in fold.apply(state, event)]
        if end:
            fold.record(state)  # looking changes nothing
    assert (rows, state) == (journal, whole)
    assert fold.record(state) == fold.record(whole)


@given(courses(), st.data())
@settings(max_examples=100, deadline=None)
def test_events_applied_before_change_nothing(history: History, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(history.events)))
    state, _ = fold.fold_run(JOB_ID, RUN_ID, history.events[:cut])
    before = deepcopy(state)
    again = data.draw(st.integers(0, cut))
    assert [row for event in history.events[again:cut] for row in fold.apply(state, event)] == []
    assert state == before


@given(courses(), st.integers(1, 60), st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_two_projectors_at_different_places_write_the_same_rows(history: History, one: int, other: int) -> None:
    _, all_rows = fold.fold_run(JOB_ID, RUN_ID, history.events)
    places = {(row.event_id, row.ordinal): row for row in all_rows}
    for cut in (one, other):
        _, rows = fold.fold_run(JOB_ID, RUN_ID, history.events[:cut])
        assert all(places[row.event_id, row.ordinal] == row for row in rows)


@given(courses())
@settings(max_examples=150, deadline=None)
def test_rows_are_unique_and_cite_events_of_their_run(history: History) -> None:
    _, journal = fold.fold_run(JOB_ID, RUN_ID, history.events)
    places = [(row.event_id, row.ordinal) for row in journal]
    assert len(set(places)) == len(places)
    assert all(1 <= event_id <= len(history.events) for event_id, _ in places)
    # Within an event, ordinals count from 0 in the order the rows were made.
    for event_id in {event_id for event_id, _ in places}:
        ordinals = [ordinal for cited, ordinal in places if cited == event_id]
        assert ordinals == list(range(len(ordinals)))


@given(courses())
@settings(max_examples=150, deadline=None)
def test_states_are_legal(history: History) -> None:
    state = fold.start(JOB_ID, RUN_ID)
    for event in history.events:
        fold.apply(state, event)
        job = fold.record(state)
        statuses = [step.status for step in job.steps]
        assert {status: statuses.count(status) for status in set(statuses)} == +state.step_counts
        assert job.status_reason
        parked = StepStatus.DEAD_LETTERED in statuses or any(
            undo.status is StepStatus.DEAD_LETTERED for undo in compensations(state)
        )
        shown = not job.status.final and job.status not in (JobStatus.QUEUED, JobStatus.PAUSED)
        assert (job.status is JobStatus.DEAD_LETTERED) == (parked and shown)
        if job.status.final:
            assert job.completed_at
            assert all(status.final for status in statuses)
            assert not state.undoing
            assert all(item.status.final for step in state.steps.values() for item in step.items.values())
        for step in job.steps:
            numbers = [(attempt.round, attempt.attempt) for attempt in step.attempts]
            assert len(set(numbers)) == len(numbers)
            assert all(attempt.outcome for attempt in step.attempts)
            assert step.attempt_count >= len(step.attempts)
        assert JobRecord.model_validate_json(job.model_dump_json(by_alias=True)) == job


def compensations(state: fold.FoldState) -> list[UnitFold]:
    units = [unit for step in state.steps.values() for unit in (step, *step.items.values())]
    return [unit.compensation for unit in units if unit.compensation is not None]


@given(courses())
@settings(max_examples=150, deadline=None)
def test_what_is_counted_is_what_is_there(history: History) -> None:
    state = fold.start(JOB_ID, RUN_ID)
    for event in history.events:
        fold.apply(state, event)
        assert +state.undo_counts == Counter(undo.status for undo in compensations(state))
        open_ = {undo.unit for undo in compensations(state) if undo.status in OPEN_STATES}
        assert set(state.undoing) == open_
        for step in state.steps.values():
            items = step.items.values()
            assert +step.item_counts == Counter(item.status for item in items)
            for known, status in (
                (step.parked_items, StepStatus.DEAD_LETTERED), (step.running_items, StepStatus.RUNNING),
            ):  # fmt: skip
                assert set(known) == {item.unit.index for item in items if item.status is status}
            if step.parked_items and not step.status.final:
                assert step.status is StepStatus.DEAD_LETTERED
            if step.fans_out:
                assert len(step.collected()) == step.total
        shown = fold.record(state)
        for recorded in shown.steps:
            assert recorded.items is None or sum(recorded.items.counts.values()) == recorded.items.total


@given(courses(), st.sets(st.integers(1, 80), max_size=5))
@settings(max_examples=150, deadline=None)
def test_items_written_as_they_change_are_the_items_of_the_whole(history: History, cuts: set[int]) -> None:
    state, written = fold.start(JOB_ID, RUN_ID), dict[tuple[str, int], ItemRecord]()
    for event in history.events:
        fold.apply(state, event)
        if event.event_id in cuts:
            written |= {(item.step_id, item.index): item for item in fold.changed_items(state)}
            fold.settle(state)
    written |= {(item.step_id, item.index): item for item in fold.changed_items(state)}
    whole = {(item.step_id, item.index): item for item in fold.all_items(state)}
    assert {key: written[key] for key in whole} == whole
    # What is left over is of an earlier fan-out of its step, and known by its round.
    assert all(item.round < state.steps[key[0]].round for key, item in written.items() if key not in whole)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = (
    "input", "memo", "task_queue", "identity", "parent_id", "original_run_id", "continued_from", "result", "failure",
    "new_run_id", "reason", "cause", "name", "message", "base_run_id", "activity_id", "activity_type", "attempt",
    "child_id", "start_to_close_ms", "scheduled_event_id", "last_failure", "milliseconds", "started_event_id", "notes",
)  # fmt: skip
garbage_data = st.dictionaries(st.sampled_from(KEYS), json_values | st.integers(0, 9), max_size=5)
garbage = st.tuples(st.sampled_from([*HANDLERS, "NEVER_HEARD_OF"]), garbage_data, st.sampled_from(["a", "zz", None]))


@given(st.lists(garbage, max_size=12))
@settings(max_examples=400, deadline=None)
def test_no_event_stops_the_fold(events: list[tuple[str, dict[str, Any], str | None]]) -> None:
    history = History("a").begun()
    state, _ = fold.fold_run(JOB_ID, RUN_ID, history.events)
    for number, (type_, data, summary) in enumerate(events, len(history.events) + 1):
        fold.apply(state, HistoryEvent(number, START + number * TICK, type_, data, summary))
        assert state.last_event_id == number
        fold.record(state)
