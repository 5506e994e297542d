"""The fixed fields of every log line (contract 13), and where lines that are not ours have them from."""

import re
from collections.abc import Mapping
from typing import Any

from structlog.typing import EventDict

from perdure.contract.identifier import tenant_of
from perdure.contract.trace import read_traceparent

FIXED = ("job_id", "parent_job_id", "step_id", "attempt", "status", "trace_id", "tenant")
"""On every line, null where the line is not about such a thing."""

_FIRST = ("timestamp", "level", "service", "logger", "event")
_ACTIVITY_ID = re.compile(r"([a-z][a-z0-9_]*)(?:\.r?[0-9]+)*", re.ASCII)
_ACTIVITY, _WORKFLOW, _CORE = "temporal_activity", "temporal_workflow", "temporal_log"


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace that a W3C traceparent names; None where there is none, or it is none."""
    found = read_traceparent(traceparent)
    return found and found.trace_id


def add_fixed_fields(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """For structlog: the fixed fields that a line lacks; what every line has comes first."""
    line = dict.fromkeys((*_FIRST, *FIXED)) | dict(event)
    job_id = line["job_id"]
    if line["tenant"] is None and isinstance(job_id, str):
        line["tenant"] = tenant_of(job_id) or None
    return line


def read_temporal_fields(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """For structlog: the fields that temporalio hangs on the records of its own loggers."""
    record = event.get("_record")
    if record is None:
        return event
    # temporalio writes the same dictionaries at the end of the message; as fields they can be found.
    for details, named in ((_ACTIVITY, _of_activity), (_WORKFLOW, _of_workflow), (_CORE, _of_core)):
        found = getattr(record, details, None)
        if found is not None:
            event.update(named(found))
    return event


def _of_activity(details: Mapping[str, Any]) -> dict[str, Any]:
    step = _ACTIVITY_ID.fullmatch(str(details.get("activity_id", "")))
    return {
        "job_id": details.get("workflow_id"),
        "run_id": details.get("workflow_run_id"),
        "step_id": step[1] if step else None,
        "attempt": details.get("attempt"),
    }


def _of_workflow(details: Mapping[str, Any]) -> dict[str, Any]:
    # Its `attempt` counts workflow tasks, not those of a step.
    return {"job_id": details.get("workflow_id"), "run_id": details.get("run_id")}


def _of_core(entry: Any) -> dict[str, Any]:
    fields: Mapping[str, Any] = entry.fields
    known = {"job_id": fields.get("workflow_id"), "run_id": fields.get("run_id")}
    return {name: value for name, value in known.items() if value}
