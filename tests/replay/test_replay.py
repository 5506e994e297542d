"""Stored histories of every construct still replay on the code of today (acceptance B9)."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from worker.queue_worker import PASS_THROUGH
from workflows.job.workflow import Job

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))
RUNNERS: dict[str, WorkflowRunner] = {
    "unsandboxed": UnsandboxedWorkflowRunner(),
    "sandboxed": SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASS_THROUGH)
    ),
}


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_b9_a_stored_history_replays(path: Path, runner: str) -> None:
    replayer = Replayer(workflows=[Job], data_converter=pydantic_data_converter, workflow_runner=RUNNERS[runner])
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))


def test_b9_every_construct_has_a_history() -> None:
    assert len(HISTORIES) >= 8
