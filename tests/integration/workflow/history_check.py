"""What must hold of the history of every job, whatever it was and whatever happened to it."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from temporalio.api.enums.v1 import EventType, ParentClosePolicy, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory

from perdure.contract.graph import dependencies
from perdure.contract.identifier import parse_unit_id
from perdure.contract.name import ACTIVITY_LOCAL
from perdure.contract.spec import JobSpec
from perdure.contract.state import JobStatus

CLOSES = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
}
HARMLESS = {
    # The end crossed with a signal: the server asks again.
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    # More signals came than the server keeps beside a task that runs: it breaks that off to write them down.
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
}
_ENDED_BY_NOTE = {"STEP_SKIPPED", "STEP_CAUGHT", "STEP_COMPLETED", "STEP_OVERRIDDEN", "STEP_DELIVERED"}
_FROM_OUTSIDE = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
    EventType.EVENT_TYPE_TIMER_FIRED,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
}
_BEGUN_BY_NOTE = {"STEP_STARTED", "STEP_WAITING"}


class Happening(NamedTuple):
    """Something that befell a unit. `task` counts workflow tasks: what is in one has no order of its own."""

    what: str
    unit: str
    task: int


async def histories(client: Client, id_: str) -> list[WorkflowHistory]:
    """All runs of a job, in order, then all of its children and dependents, as long as they have ended."""
    found: list[WorkflowHistory] = []
    run_id: str | None = None
    first = await client.get_workflow_handle(id_).describe()
    run_id = first.raw_description.workflow_execution_info.first_run_id or first.run_id
    while run_id:
        history = await client.get_workflow_handle(id_, run_id=run_id).fetch_history()
        found.append(history)
        last = history.events[-1]
        run_id = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id or None
    for history in list(found):
        for event in history.events:
            child = event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
            if child:
                found.extend(await histories(client, child))
    return found


def check_closed_once(runs: list[WorkflowHistory]) -> None:
    """Every run but the last continues as new; the last closes, once."""
    for place, run in enumerate(runs):
        kinds = [event.event_type for event in run.events]
        continued = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
        last = place == len(runs) - 1
        assert sum(kind in CLOSES for kind in kinds) == int(last), kinds
        assert kinds.count(continued) == int(not last)
        assert kinds[-1] in CLOSES if last else kinds[-1] == continued


def check_no_task_failed(run: WorkflowHistory) -> None:
    """No workflow task failed, but for what the server itself broke off."""
    for event in run.events:
        failed = event.workflow_task_failed_event_attributes
        harmless = failed.cause in HARMLESS
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED and not harmless:
            raise AssertionError(f"{run.workflow_id}, event {event.event_id}: {failed}")


def check_order(spec: JobSpec, told: list[Happening]) -> None:
    """Nothing of a step begins before all it depends on has ended well."""
    waits_for = dependencies(spec.steps)
    ended: set[str] = set()
    for what, unit, _ in told:
        step = unit.split(".")[0]
        if unit.endswith(".compensate"):
            continue
        if what in {"begun", "ended"}:
            missing = set(waits_for[step]) - ended
            assert not missing, f"{unit} {what} before {missing}: {told}"
        if what in {"ended", "given"} and unit == step:
            ended.add(step)


def check_reverse(told: list[Happening], undone: list[str]) -> None:
    """Units are undone newest first. `undone` are their names, as they were undone."""
    at = {unit: task for what, unit, task in told if what == "ended"}
    tasks = [at[unit] for unit in undone]
    assert tasks == sorted(tasks, reverse=True), (undone, tasks)


def happenings(runs: list[WorkflowHistory]) -> Iterator[Happening]:
    """What befell the units of a job, from the events and the notes, in order."""
    task = 0
    for run in runs:
        names: dict[int, str] = {}
        for event in run.events:
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                task += 1
            # What comes from outside is taken by the task after it, what a task itself wrote stands behind it.
            taken = task + (event.event_type in _FROM_OUTSIDE)
            for what, unit in _told(event, names):
                if parse_unit_id(unit) is not None:
                    yield Happening(what, unit, taken)


def _told(event: HistoryEvent, names: dict[int, str]) -> Iterator[tuple[str, str]]:
    summary = _text(event.user_metadata.summary.data)
    kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
    names[event.event_id] = summary
    match kind:
        case "ACTIVITY_TASK_SCHEDULED" | "TIMER_STARTED":
            yield "begun", summary
        case "ACTIVITY_TASK_COMPLETED":
            yield "ended", names[event.activity_task_completed_event_attributes.scheduled_event_id]
        case "TIMER_FIRED":
            yield "ended", names[event.timer_fired_event_attributes.started_event_id]
        case "MARKER_RECORDED":
            yield from _tried(event, summary)
        case "START_CHILD_WORKFLOW_EXECUTION_INITIATED":
            child = event.start_child_workflow_execution_initiated_event_attributes
            unit = _unit_of_child(child.workflow_id)
            # A child that nobody waits for ends its unit when it is started: a note says so, its close does not count.
            waited = child.parent_close_policy == ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL
            names[event.event_id] = unit if waited else ""
            yield "begun", unit
        case "CHILD_WORKFLOW_EXECUTION_COMPLETED":
            yield "ended", names[event.child_workflow_execution_completed_event_attributes.initiated_event_id]
        case "WORKFLOW_PROPERTIES_MODIFIED":
            yield from _noted(event)


def _tried(marker: HistoryEvent, summary: str) -> Iterator[tuple[str, str]]:
    """A try within the workflow task, or a batch of them in the order they were made."""
    attributes = marker.marker_recorded_event_attributes
    if attributes.HasField("failure"):
        return
    about = json.loads(attributes.details["data"].payloads[0].data) if "data" in attributes.details else {}
    if about.get("activity_type") != ACTIVITY_LOCAL:
        yield "ended", summary
        return
    for made in json.loads(attributes.details["result"].payloads[0].data)["tries"]:
        if made["record"]["error"] is None:
            yield "ended", made["id"].split(".r")[0]


def _noted(event: HistoryEvent) -> Iterator[tuple[str, str]]:
    fields = event.workflow_properties_modified_event_attributes.upserted_memo.fields
    for note in json.loads(fields["notes"].data)["e"]:
        kind, data = note["kind"], note.get("data", {})
        for step in data.get("reset", []):
            yield "reset", step
        if kind in _BEGUN_BY_NOTE:
            yield "begun", note["step"]
        elif kind in _ENDED_BY_NOTE and data.get("complete", True):
            yield ("ended" if kind in {"STEP_COMPLETED", "STEP_DELIVERED"} else "given"), note["step"]
        elif kind == "STEP_COMPENSATION_FAILED" or (kind == "STEP_FAILED" and data.get("continued")):
            yield "given", note["step"]


def _unit_of_child(id_: str) -> str:
    last = id_.rsplit("~", 1)[-1]
    return last.split(".r")[0]


def _text(data: bytes) -> str:
    return str(json.loads(data)) if data else ""


def to_undo(spec: JobSpec, told: list[Happening]) -> set[str]:
    """The units with a compensation that completed by themselves, and were not begun again."""
    steps = {step.id: step for step in spec.steps}
    completed: set[str] = set()
    for what, unit, _ in told:
        step = unit.split(".")[0]
        if what == "reset":
            completed = {name for name in completed if name.split(".")[0] != step}
        elif what == "ended" and not unit.endswith(".compensate"):
            completed.add(unit)
        elif what == "given" and not unit.endswith(".compensate"):
            completed.discard(unit)
    return {
        unit
        for unit in completed
        if (of := steps[unit.split(".")[0]]).compensate and (of.for_each is None) == ("." not in unit)
    }


def final_status(run: WorkflowHistory) -> JobStatus:
    """How a job whose last run this is ended."""
    last = run.events[-1]
    if last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
        return JobStatus.CANCELED
    if last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
        found = last.workflow_execution_completed_event_attributes.result.payloads
    else:
        failure = last.workflow_execution_failed_event_attributes.failure
        found = failure.application_failure_info.details.payloads
        assert found, f"a crash of the engine: {failure}"
    return JobStatus(json.loads(found[0].data)["status"])
