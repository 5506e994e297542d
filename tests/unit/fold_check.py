"""Checks a journal against the Temporal events it cites, from the raw events and not by way of the decoder (D1)."""

import json
import re
from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent as Event

from perdure.contract.identifier import UnitId
from perdure.contract.local_first import NOT_COUNTED
from perdure.contract.name import ACTIVITY_LOCAL, COMMAND_CANCEL, IDENTITY_CANCEL, IDENTITY_CANCELED_BEFORE
from perdure.projection.record import JournalEvent

CITES = {
    "JOB_SUBMITTED": {"WORKFLOW_EXECUTION_STARTED"},
    "JOB_STARTED": {"WORKFLOW_TASK_COMPLETED", "TIMER_FIRED"},
    "JOB_CANCEL_REQUESTED": {"WORKFLOW_EXECUTION_CANCEL_REQUESTED"},
    "JOB_RESET": {"WORKFLOW_TASK_FAILED"},
    "JOB_CONTINUED": {"WORKFLOW_EXECUTION_CONTINUED_AS_NEW"},
    "JOB_COMPLETED": {"WORKFLOW_EXECUTION_COMPLETED"},
    "JOB_FAILED": {"WORKFLOW_EXECUTION_FAILED"},
    "JOB_CANCELED": {"WORKFLOW_EXECUTION_CANCELED"},
    "JOB_TIMED_OUT": {"WORKFLOW_EXECUTION_FAILED", "WORKFLOW_EXECUTION_TIMED_OUT"},
    "JOB_TERMINATED": {"WORKFLOW_EXECUTION_TERMINATED"},
    "STEP_SCHEDULED": {"ACTIVITY_TASK_SCHEDULED", "MARKER_RECORDED"},
    "STEP_STARTED": {"ACTIVITY_TASK_STARTED", "MARKER_RECORDED"},
    "STEP_ATTEMPT_FAILED": {
        "ACTIVITY_TASK_COMPLETED",
        "ACTIVITY_TASK_FAILED",
        "ACTIVITY_TASK_TIMED_OUT",
        "ACTIVITY_TASK_CANCELED",
        "MARKER_RECORDED",
    },
    "STEP_COMPLETED": {
        "ACTIVITY_TASK_COMPLETED",
        "TIMER_FIRED",
        "MARKER_RECORDED",
        "CHILD_WORKFLOW_EXECUTION_COMPLETED",
    },
    "STEP_COMPENSATED": {"ACTIVITY_TASK_COMPLETED", "TIMER_FIRED", "MARKER_RECORDED"},
    "STEP_WAITING": {"TIMER_STARTED"},
    "STEP_CANCELED": {"ACTIVITY_TASK_CANCELED", "ACTIVITY_TASK_FAILED", "TIMER_CANCELED", "MARKER_RECORDED"},
    "CHILD_STARTED": {"CHILD_WORKFLOW_EXECUTION_STARTED"},
    "CHILD_CLOSED": {
        f"CHILD_WORKFLOW_EXECUTION_{how}" for how in ("COMPLETED", "FAILED", "CANCELED", "TIMED_OUT", "TERMINATED")
    },
}
NOTES = "WORKFLOW_PROPERTIES_MODIFIED"


def check_journal(raw: Sequence[Event], journal: Sequence[JournalEvent]) -> None:
    """Every row says what its event says; every event that has something to say has its rows."""
    events = {event.event_id: event for event in raw}
    for row in journal:
        _check_row(events, row)
    _check_complete(raw, journal)


def type_name(event: Event) -> str:
    return EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")


def payload(value: Payload) -> Any:
    return json.loads(value.data)


def notes(event: Event) -> list[dict[str, Any]]:
    fields = event.workflow_properties_modified_event_attributes.upserted_memo.fields
    return list(payload(fields["notes"])["e"]) if "notes" in fields else []


def unit_of(events: dict[int, Event], event: Event) -> str | None:
    """The unit an activity's, a timer's or a child's event is about: the summary of what it started with, or its id."""
    attributes = getattr(event, event.WhichOneof("attributes") or "")
    if type_name(event).startswith("CHILD"):
        # `{job}~{step}[.{index}][.r{round}]`
        return re.sub(r"\.r[0-9]+$", "", attributes.workflow_execution.workflow_id.rpartition("~")[2])
    for link in ("scheduled_event_id", "started_event_id"):
        if link in attributes.DESCRIPTOR.fields_by_name and type_name(event).startswith(("ACTIVITY", "TIMER")):
            return unit_of(events, events[getattr(attributes, link)])
    return payload(event.user_metadata.summary) if event.user_metadata.HasField("summary") else None


def sender_of_cancel(events: dict[int, Event], event: Event) -> str:
    """Who sent the update for which the worker asked Temporal to cancel the job."""
    asked = [
        each.workflow_execution_update_accepted_event_attributes.accepted_request
        for each in events.values()
        if type_name(each) == "WORKFLOW_EXECUTION_UPDATE_ACCEPTED" and each.event_id < event.event_id
    ]
    return next(request.meta.identity for request in reversed(asked) if request.input.name == COMMAND_CANCEL)


def unit_named(row: JournalEvent) -> str | None:
    """The unit that a row names: its step, the item of it, the compensation of either."""
    if row.step_id is None:
        return None
    return str(UnitId(row.step_id, row.data.get("item"), compensates=row.data.get("compensation", False)))


def _check_row(events: dict[int, Event], row: JournalEvent) -> None:
    event = events[row.event_id]
    type_ = type_name(event)
    if type_ == NOTES:
        note = notes(event)[row.ordinal]
        assert (note["kind"], note.get("step")) == (row.type, unit_named(row))
        assert note.get("data", {}).items() <= row.data.items()
        assert note.get("actor") in (None, row.actor)
        assert (note.get("error") or {}).items() <= (row.data.get("error") or {}).items()
    else:
        assert type_ in CITES[row.type], f"{row.type} cites a {type_}"
        if row.step_id is not None:
            assert unit_named(row) in {*tried_in(event), unit_of(events, event)}
    _check_details(events, event, row)


def _check_details(events: dict[int, Event], event: Event, row: JournalEvent) -> None:
    seen = json.dumps(MessageToDict(event, preserving_proto_field_name=True))
    if row.type == "STEP_STARTED" and type_name(event) == "MARKER_RECORDED":
        assert (row.attempt, row.data["local"]) == (1, True)
        told = event.marker_recorded_event_attributes
        for made in batch_of(event):
            if _unit_of_id(made["id"]) == unit_named(row):
                assert row.data["worker"] == made["record"]["worker"]
                assert f"{unit_named(row)}.r{row.data['round']}" in (made["id"], f"{made['id']}.r1")
        failed = told.failure.application_failure_info.details.payloads
        said = [*(told.details["result"].payloads if "result" in told.details else ()), *failed]
        assert row.data["worker"] is None or any(str(row.data["worker"]) in str(payload(part)) for part in said)
    elif row.type == "STEP_STARTED" and type_name(event) != NOTES:
        started = event.activity_task_started_event_attributes
        # Attempts of the round that other activities made come before Temporal's count.
        assert (row.attempt or 0) >= started.attempt
        assert row.data["worker"] == started.identity
    elif row.type == "JOB_STARTED" and type_name(event) == "TIMER_FIRED":
        assert unit_of(events, event) == "perdure:start"
    elif row.type == "JOB_STARTED":
        task = events[event.workflow_task_completed_event_attributes.started_event_id]
        assert row.at.timestamp() == _seconds(task)
    elif row.type == "JOB_TERMINATED":
        assert event.workflow_execution_terminated_event_attributes.identity == (row.actor or "")
        assert row.data.get("reason", "") in seen
    elif row.type == "JOB_CANCEL_REQUESTED":
        identity = event.workflow_execution_cancel_requested_event_attributes.identity
        assert (row.actor or "") == (sender_of_cancel(events, event) if identity == IDENTITY_CANCEL else identity)
    if row.type not in ("JOB_STARTED", "STEP_ATTEMPT_FAILED"):
        assert row.at.timestamp() == _seconds(event)


def _seconds(event: Event) -> float:
    return event.event_time.ToNanoseconds() // 1000 / 1_000_000


def _check_complete(raw: Sequence[Event], journal: Sequence[JournalEvent]) -> None:
    """No event that is somebody's decision or a step's progress is passed over."""
    after = max((event.event_id for event in raw if event.workflow_task_failed_event_attributes.new_run_id), default=0)
    told = {row.event_id for row in journal}
    always = {NOTES, *(name for names in CITES.values() for name in names)} - {
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_STARTED",
    }
    events = {event.event_id: event for event in raw}
    # A sleep goes on over continue-as-new: stopping and starting its timer is nobody's decision.
    silent = set()
    if type_name(raw[-1]) == "WORKFLOW_EXECUTION_CONTINUED_AS_NEW":
        silent.add("TIMER_CANCELED")
    if raw[0].workflow_execution_started_event_attributes.continued_execution_run_id:
        silent.add("TIMER_STARTED")
    for event in raw:
        type_ = type_name(event)
        if event.event_id <= after or type_ not in always or (type_ == NOTES and not notes(event)):
            continue
        if type_.startswith(("ACTIVITY", "TIMER")) and (unit_of(events, event) or "").startswith("perdure:"):
            continue
        if event.workflow_execution_cancel_requested_event_attributes.identity == IDENTITY_CANCELED_BEFORE:
            continue  # told of the run before, in which it was somebody's decision
        if type_ in silent or (type_ == "MARKER_RECORDED" and not _tells_of_a_try(event)):
            continue
        assert event.event_id in told, f"nothing is told of event {event.event_id}, {type_}"
        for made in batch_of(event):
            _check_try(event, made, [row for row in journal if row.event_id == event.event_id])


def batch_of(marker: Event) -> list[dict[str, Any]]:
    """The tries that a marker tells of, where it is one of a batch."""
    details = marker.marker_recorded_event_attributes.details
    if "data" not in details or payload(details["data"].payloads[0]).get("activity_type") != ACTIVITY_LOCAL:
        return []
    return list(payload(details["result"].payloads[0])["tries"]) if "result" in details else []


def tried_in(marker: Event) -> list[str]:
    """Their units."""
    return [_unit_of_id(made["id"]) for made in batch_of(marker)]


def _unit_of_id(id_: str) -> str:
    return re.sub(r"\.r[0-9]+$", "", id_)


def _check_try(event: Event, made: dict[str, Any], rows: list[JournalEvent]) -> None:
    """A try is told as scheduled, started and ended, in this order; one that does not count not at all."""
    error = made["record"]["error"]
    told = [row.type.value for row in rows if unit_named(row) == _unit_of_id(made["id"])]
    if error and error["code"] in NOT_COUNTED:
        assert told == []
        return
    ends = {"STEP_ATTEMPT_FAILED"} if error else {"STEP_COMPLETED", "STEP_COMPENSATED"}
    assert told[:2] == ["STEP_SCHEDULED", "STEP_STARTED"]
    assert told[2] in ends, f"event {event.event_id}: {made['id']} is told as {told}"


def _tells_of_a_try(marker: Event) -> bool:
    """Others are the SDK's own, of `workflow.patched`, or of tries that do not count: only being local failed."""
    attributes = marker.marker_recorded_event_attributes
    details = attributes.details
    if "data" in details and payload(details["data"].payloads[0]).get("activity_type") == ACTIVITY_LOCAL:
        errors = [made["record"]["error"] for made in batch_of(marker)]
        return any(error is None or error["code"] not in NOT_COUNTED for error in errors)
    failed = attributes.failure.application_failure_info.type if attributes.HasField("failure") else ""
    timed_out = attributes.failure.HasField("timeout_failure_info")
    return attributes.marker_name == "core_local_activity" and failed not in NOT_COUNTED and not timed_out
