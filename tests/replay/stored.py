"""The stored histories, and what is in them; read by the tests that replay, fold and count them."""

import json
from collections.abc import Iterator
from pathlib import Path

from temporalio.client import WorkflowHistory

from perdure.contract.command import Command
from perdure.contract.execution import JobStart
from perdure.contract.note import Note, NoteBatch
from perdure.contract.spec import JobParams, JobSpec
from workflows.job.command import UPDATES

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def read(path: Path) -> WorkflowHistory:
    """A stored history under the id of the job it was, which the ids of its children begin with."""
    history = WorkflowHistory.from_json(path.stem, path.read_text())
    id_ = history.events[0].workflow_execution_started_event_attributes.workflow_id
    return WorkflowHistory(id_ or path.stem, history.events)


def start_of(history: WorkflowHistory) -> JobStart:
    """What the run was started with."""
    data = history.events[0].workflow_execution_started_event_attributes.input.payloads[0].data
    return JobStart.model_validate_json(data)


def specs_of(spec: JobSpec) -> Iterator[JobSpec]:
    """A spec and those within it."""
    yield spec
    for dependent in spec.dependents:
        yield from specs_of(dependent.job)
    for step in spec.steps:
        if step.type == "JOB":
            yield from specs_of(JobParams.model_validate_json(json.dumps(step.params)).job)


def notes_of(history: WorkflowHistory) -> Iterator[Note]:
    """What the workflow noted."""
    for event in history.events:
        fields = event.workflow_properties_modified_event_attributes.upserted_memo.fields
        if "notes" in fields:
            yield from NoteBatch.model_validate_json(fields["notes"].data).e


def commands_of(history: WorkflowHistory) -> Iterator[tuple[str, str, Command]]:
    """Signals, and updates that were accepted, which are well-formed: `signal` or `update`, the name, the command."""
    for event in history.events:
        signal = event.workflow_execution_signaled_event_attributes
        update = event.workflow_execution_update_accepted_event_attributes.accepted_request.input
        for via, name, payloads in (
            ("signal", signal.signal_name, signal.input.payloads),
            ("update", update.name, update.args.payloads),
        ):
            model = UPDATES.get(name)
            data = payloads[0].data if payloads else b"{}"
            if model is not None and data.startswith(b"{"):
                try:
                    yield via, name, model.model_validate_json(data)
                except ValueError:
                    continue
