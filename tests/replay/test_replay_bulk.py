"""Stored histories of bulk actions still replay on the code of today, and one of many pages continues as new."""

from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from perdure.contract.bulk import BULK_WORKFLOW, BulkStart
from tests.replay.record_bulk import CASES, HISTORIES, Rows
from tests.replay.test_replay import RUNNERS
from workflows.bulk_action.workflow import BulkAction

STORED = sorted(HISTORIES.glob("*.json"))


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
async def test_b9_a_stored_bulk_action_replays(path: Path, runner: str) -> None:
    replayer = Replayer(
        workflows=[BulkAction], data_converter=pydantic_data_converter, workflow_runner=RUNNERS[runner], debug_mode=True
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))


def test_b9_every_way_a_bulk_action_ends_has_a_history() -> None:
    assert {path.stem for path in STORED} == set(CASES)


async def test_many_pages_continue_as_new_without_trying_the_canary_again(temporal_address: str) -> None:
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    rows = Rows(203)
    async with Worker(
        client,
        task_queue="bulk-many",
        workflows=[BulkAction],
        activities=rows.all,
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        start = BulkStart(id="many", canary=1)
        handle = await client.start_workflow(BULK_WORKFLOW, start, id="bulk-action/many", task_queue="bulk-many")
        assert await handle.result() == "COMPLETED"
    assert (await handle.describe()).run_id != handle.first_execution_run_id
    assert (rows.canaries, rows.left) == (1, 0)
