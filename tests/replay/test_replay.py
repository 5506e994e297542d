"""Stored histories of every construct still replay on the code of today (acceptance B9)."""

from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner

from perdure.settings import Settings
from tests.replay.stored import HISTORIES, read
from worker.queue_worker import workflow_runner
from workflows.job.workflow import Job

RUNNERS: dict[str, WorkflowRunner] = {
    "unsandboxed": UnsandboxedWorkflowRunner(),
    "sandboxed": workflow_runner(Settings(workflow_sandbox=True)),
}


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_b9_a_stored_history_replays(path: Path, runner: str) -> None:
    # In debug mode, for on a busy machine an activation may take longer than the 2 s that else mean a deadlock.
    replayer = Replayer(
        workflows=[Job], data_converter=pydantic_data_converter, workflow_runner=RUNNERS[runner], debug_mode=True
    )
    await replayer.replay_workflow(read(path))
