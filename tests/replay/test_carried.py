"""What the fold makes of stored runs: what one takes over from another, whom a cancel came from, how a job is shown."""

from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus, Resolution, StepStatus
from perdure.projection import fold
from perdure.projection.decoder import decode_events
from perdure.projection.record import JobRecord, JournalEvent
from tests.replay.stored import HISTORIES, read, start_of

RUNS = {path.stem: path for path in HISTORIES}
SENDER = "recorder"
"""The identity that the recording's client had."""
CONTINUED = [path for path in HISTORIES if path.stem.startswith("continued_while_waiting_by_expression")][1:]


async def records(path: Path) -> list[tuple[JobRecord, list[JournalEvent]]]:
    """The job after each event of a stored run, with the journal rows of that event."""
    history = read(path)
    run_id = history.events[0].workflow_execution_started_event_attributes.original_execution_run_id
    state = fold.start(history.workflow_id, run_id)
    told = []
    for event in await decode_events(pydantic_data_converter, history.events):
        rows = fold.apply(state, event)
        told.append((fold.record(state), rows))
    return told


@pytest.mark.parametrize("path", CONTINUED, ids=lambda path: path.stem)
async def test_a_wait_that_goes_on_keeps_the_name_its_expression_gave(path: Path) -> None:
    first, _ = (await records(path))[0]
    steps = {step.id: step for step in first.steps}
    waiting = steps["go"].waiting_for
    assert waiting is not None
    assert (steps["go"].status, waiting.name) == (StepStatus.WAITING, "go-ann")
    carried = start_of(read(path)).carried
    assert carried is not None
    items = carried.steps["many"].items
    assert items is not None
    assert items.waits_for == {"0": "ann-0", "1": "ann-1"}


async def test_a_job_that_continues_while_it_is_paused_says_who_paused_it() -> None:
    told: list[str] = []
    for path in CONTINUED:
        first, _ = (await records(path))[0]
        carried = start_of(read(path)).carried
        if carried is not None and carried.paused:
            told.append(first.status_reason or "")
    assert len(told) > 0
    assert all(reason.startswith("paused by a") and ": for " in reason for reason in told), told


async def test_a_cancel_by_update_without_an_actor_is_its_senders() -> None:
    rows = [row for _, rows in await records(CONTINUED[-1]) for row in rows]
    asked = [row.actor for row in rows if row.type is JournalType.JOB_CANCEL_REQUESTED]
    assert asked == [SENDER]


async def test_a_discarded_job_has_its_resolution_only_once_it_has_ended() -> None:
    told = [await records(RUNS[name]) for name in ("compensation_given_up-1", "compensation_given_up-2")]
    shown = [(job.status, job.resolution) for run in told for job, _ in run]
    assert shown[-1] == (JobStatus.FAILED, Resolution.DISMISSED)
    assert {resolution for _, resolution in shown[:-1]} == {None}
    assert JobStatus.DEAD_LETTERED in {status for status, _ in shown}
