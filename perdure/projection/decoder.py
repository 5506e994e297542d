"""Makes the fold's input of Temporal's history events: of each type just what the fold needs, decoded.

Called by the projector and by rebuild, after the reader. The only asynchronous part of folding: a payload
codec may go elsewhere to decrypt. The keys of `HistoryEvent.data` are those of the functions below.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent as Event
from temporalio.converter import DataConverter

from perdure.contract.name import (
    MEMO_FINGERPRINT,
    MEMO_NOTES,
    MEMO_REASON,
    MEMO_REQUEST_ID,
    MEMO_SUBMITTED_BY,
    MEMO_TRACEPARENT,
)
from perdure.projection.history import HistoryEvent
from perdure.projection.payload import PayloadReader

_MEMO = (MEMO_FINGERPRINT, MEMO_SUBMITTED_BY, MEMO_REQUEST_ID, MEMO_TRACEPARENT, MEMO_REASON)
_LOCAL_ACTIVITY = "core_local_activity"
_Decoder = Callable[[Event, PayloadReader], Awaitable[dict[str, Any]]]


async def decode_events(converter: DataConverter, events: Iterable[Event]) -> list[HistoryEvent]:
    """The events in the order given. Never raises for what a history contains."""
    reader = PayloadReader(converter)
    return [await _decode(event, reader) for event in events]


async def _decode(event: Event, reader: PayloadReader) -> HistoryEvent:
    decode = _DECODERS.get(event.event_type)
    summary = await reader.one(event.user_metadata.summary) if event.user_metadata.HasField("summary") else None
    return HistoryEvent(
        event_id=event.event_id,
        at=moment(event.event_time),
        type=_type_name(event.event_type),
        data=await decode(event, reader) if decode else {},
        summary=summary if isinstance(summary, str) else None,
    )


def moment(timestamp: Timestamp) -> datetime:
    """The time in UTC, to the microsecond."""
    return timestamp.ToDatetime(tzinfo=UTC)


@cache
def _type_name(value: int) -> str:
    try:
        return EventType.Name(EventType.ValueType(value)).removeprefix("EVENT_TYPE_")
    except ValueError:
        return f"UNKNOWN_{value}"


def _milliseconds(duration: Duration) -> int:
    return duration.ToMilliseconds()


async def _started(event: Event, reader: PayloadReader) -> dict[str, Any]:
    found = event.workflow_execution_started_event_attributes
    return {
        "input": await reader.first(found.input),
        "memo": await reader.memo(found.memo, _MEMO),
        "task_queue": found.task_queue.name,
        "identity": found.identity,
        "parent_id": found.parent_workflow_execution.workflow_id,
        "first_run_id": found.first_execution_run_id,
        "original_run_id": found.original_execution_run_id,
        "continued_from": found.continued_execution_run_id,
    }


async def _completed(event: Event, reader: PayloadReader) -> dict[str, Any]:
    found = event.workflow_execution_completed_event_attributes
    return {"result": await reader.first(found.result), "new_run_id": found.new_execution_run_id}


async def _failed(event: Event, reader: PayloadReader) -> dict[str, Any]:
    found = event.workflow_execution_failed_event_attributes
    return {"failure": await reader.failure(found.failure), "new_run_id": found.new_execution_run_id}


async def _timed_out(event: Event, _: PayloadReader) -> dict[str, Any]:
    return {"new_run_id": event.workflow_execution_timed_out_event_attributes.new_execution_run_id}


async def _terminated(event: Event, _: PayloadReader) -> dict[str, Any]:
    found = event.workflow_execution_terminated_event_attributes
    return {"reason": found.reason, "identity": found.identity}


async def _continued(event: Event, _: PayloadReader) -> dict[str, Any]:
    return {"new_run_id": event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id}


async def _cancel_requested(event: Event, _: PayloadReader) -> dict[str, Any]:
    found = event.workflow_execution_cancel_requested_event_attributes
    by_workflow = found.external_workflow_execution.workflow_id
    return {"cause": found.cause, "identity": found.identity, "by_workflow": by_workflow}


async def _signaled(event: Event, _: PayloadReader) -> dict[str, Any]:
    found = event.workflow_execution_signaled_event_attributes
    return {"name": found.signal_name, "identity": found.identity}


async def _update_accepted(event: Event, _: PayloadReader) -> dict[str, Any]:
    request = event.workflow_execution_update_accepted_event_attributes.accepted_request
    return {"name": request.input.name, "identity": request.meta.identity}


async def _task_failed(event: Event, reader: PayloadReader) -> dict[str, Any]:
    found = event.workflow_task_failed_event_attributes
    try:
        cause = WorkflowTaskFailedCause.Name(found.cause).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_")
    except ValueError:
        cause = f"CAUSE_{found.cause}"
    return {
        "cause": cause,
        "message": (await reader.failure(found.failure))["message"],
        "identity": found.identity,
        "base_run_id": found.base_run_id,
        "new_run_id": found.new_run_id,
    }


async def _activity_scheduled(event: Event, _: PayloadReader) -> dict[str, Any]:
    found = event.activity_task_scheduled_event_attributes
    return {
        "activity_id": found.activity_id,
        "activity_type": found.activity_type.name,
        "start_to_close_ms": _milliseconds(found.start_to_close_timeout),
    }


async def _activity_started(event: Event, reader: PayloadReader) -> dict[str, Any]:
    found = event.activity_task_started_event_attributes
    failed = found.HasField("last_failure")
    return {
        "scheduled_event_id": found.scheduled_event_id,
        "identity": found.identity,
        "attempt": found.attempt,
        "last_failure": await reader.failure(found.last_failure) if failed else None,
    }


async def _activity_completed(event: Event, reader: PayloadReader) -> dict[str, Any]:
    found = event.activity_task_completed_event_attributes
    return {"scheduled_event_id": found.scheduled_event_id, "result": await reader.first(found.result)}


async def _activity_failed(event: Event, reader: PayloadReader) -> dict[str, Any]:
    found = event.activity_task_failed_event_attributes
    return {"scheduled_event_id": found.scheduled_event_id, "failure": await reader.failure(found.failure)}


async def _activity_timed_out(event: Event, reader: PayloadReader) -> dict[str, Any]:
    found = event.activity_task_timed_out_event_attributes
    return {"scheduled_event_id": found.scheduled_event_id, "failure": await reader.failure(found.failure)}


async def _activity_canceled(event: Event, _: PayloadReader) -> dict[str, Any]:
    return {"scheduled_event_id": event.activity_task_canceled_event_attributes.scheduled_event_id}


async def _marker(event: Event, reader: PayloadReader) -> dict[str, Any]:
    """A local activity's end. Its form is sdk-core's: `data` names the activity, `result` is what it gave."""
    found = event.marker_recorded_event_attributes
    if found.marker_name != _LOCAL_ACTIVITY:
        return {}
    about = await reader.first(found.details["data"])
    return {
        "activity_id": about.get("activity_id") if isinstance(about, dict) else None,
        "activity_type": about.get("activity_type") if isinstance(about, dict) else None,
        "result": await reader.first(found.details["result"]),
        "failure": await reader.failure(found.failure) if found.HasField("failure") else None,
    }


async def _timer_started(event: Event, _: PayloadReader) -> dict[str, Any]:
    return {"milliseconds": _milliseconds(event.timer_started_event_attributes.start_to_fire_timeout)}


async def _timer_fired(event: Event, _: PayloadReader) -> dict[str, Any]:
    return {"started_event_id": event.timer_fired_event_attributes.started_event_id}


async def _timer_canceled(event: Event, _: PayloadReader) -> dict[str, Any]:
    return {"started_event_id": event.timer_canceled_event_attributes.started_event_id}


async def _child(event: Event, _: PayloadReader) -> dict[str, Any]:
    name = event.WhichOneof("attributes")
    child = getattr(event, name).workflow_execution if name else WorkflowExecution()
    return {"child_id": child.workflow_id, "child_run_id": child.run_id}


async def _child_completed(event: Event, reader: PayloadReader) -> dict[str, Any]:
    result = event.child_workflow_execution_completed_event_attributes.result
    return {**await _child(event, reader), "result": await reader.first(result)}


async def _properties_modified(event: Event, reader: PayloadReader) -> dict[str, Any]:
    memo = event.workflow_properties_modified_event_attributes.upserted_memo
    return await reader.memo(memo, (MEMO_NOTES,))


_DECODERS: Mapping[int, _Decoder] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: _started,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: _completed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: _failed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: _timed_out,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: _terminated,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: _continued,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _cancel_requested,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _signaled,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _update_accepted,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: _task_failed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _activity_scheduled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: _activity_started,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: _activity_completed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: _activity_failed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: _activity_timed_out,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: _activity_canceled,
    EventType.EVENT_TYPE_MARKER_RECORDED: _marker,
    EventType.EVENT_TYPE_TIMER_STARTED: _timer_started,
    EventType.EVENT_TYPE_TIMER_FIRED: _timer_fired,
    EventType.EVENT_TYPE_TIMER_CANCELED: _timer_canceled,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: _child,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: _child_completed,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: _child,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: _child,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: _child,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: _child,
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: _properties_modified,
}
