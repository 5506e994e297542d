"""Cheap steps, and the batches that a history tells of, for the tests of local batches."""

import json
from typing import Any

from temporalio.api.history.v1 import HistoryEvent
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from perdure.contract.name import ACTIVITY_LOCAL
from perdure.projection import fold
from perdure.projection.reader import read_new
from perdure.projection.record import JobRecord, JournalEvent
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.history_check import check_no_task_failed
from tests.unit.fold_check import check_journal
from workflows.job.workflow import Job

UNTIL_THERE = {"maximum_attempts": 500, "initial_interval": "150ms", "maximum_interval": "150ms", "jitter": 0}


def log(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "LOG", "with": {"message": id_}, **fields}


def compute(id_: str, expression: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "COMPUTE", "with": {"expression": expression}, **fields}


def row(count: int) -> dict[str, Any]:
    return log("row", **many(list(range(count)), 3))


def many(items: Any, at_once: int = 10) -> dict[str, Any]:
    return {"for_each": {"items": items, "max_parallel": at_once}}


def tries_of(event: HistoryEvent) -> list[tuple[str, bool]]:
    """The tries that the marker of a batch tells of, and whether each failed; of any other event none."""
    details = event.marker_recorded_event_attributes.details
    about = json.loads(details["data"].payloads[0].data) if "data" in details else {}
    if about.get("activity_type") != ACTIVITY_LOCAL or "result" not in details:
        return []
    made = json.loads(details["result"].payloads[0].data)["tries"]
    return [(each["id"], each["record"]["error"] is not None) for each in made]


async def batches(handle: Handle) -> list[list[str]]:
    """The tries of each batch whose marker is in the history."""
    told = [tries_of(event) for event in (await handle.fetch_history()).events]
    return [[id_ for id_, _ in tries] for tries in told if tries]


async def folded(bench: Bench, handle: Handle) -> tuple[JobRecord, list[JournalEvent]]:
    """The job as folded; what every row says was checked against the history, which also replays."""
    history = await handle.fetch_history()
    check_no_task_failed(history)
    replayer = Replayer(
        workflows=[Job], data_converter=pydantic_data_converter, workflow_runner=UnsandboxedWorkflowRunner()
    )
    await replayer.replay_workflow(history)
    run_id = history.events[0].workflow_execution_started_event_attributes.original_execution_run_id
    state, journal = fold.fold_run(handle.id, run_id, await read_new(bench.client, handle.id, run_id))
    check_journal(history.events, journal)
    return fold.record(state), journal
