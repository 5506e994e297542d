"""The sandbox that one CI run puts around workflow code: it is on where it is asked for, and watches."""

from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError, SandboxedWorkflowRunner

from perdure.settings import Settings
from tests.integration.workflow.conftest import running_bench
from tests.integration.workflow.impure import Impure
from tests.server.stack import environment
from worker.queue_worker import PASS_THROUGH, workflow_runner

SANDBOXED = Settings(workflow_sandbox=True)


async def test_workflow_code_that_looks_at_a_clock_fails_in_it(temporal_address: str) -> None:
    client = await Client.connect(temporal_address)
    queue = f"impure-{uuid4().hex[:8]}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Impure],
        workflow_runner=workflow_runner(SANDBOXED),
        workflow_failure_exception_types=[RestrictedWorkflowAccessError],
    ):
        with pytest.raises(WorkflowFailureError) as failed:
            await client.execute_workflow(Impure.run, id=queue, task_queue=queue)
    assert "datetime" in str(failed.value.cause)


def test_no_module_of_ours_that_runs_in_workflows_escapes_it() -> None:
    root = Path(__file__).parents[3]
    assert {path.name for path in root.iterdir() if path.is_dir()} & set(PASS_THROUGH) == {"perdure"}


def test_the_setting_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(workflow_runner(Settings(workflow_sandbox=False)), UnsandboxedWorkflowRunner)
    monkeypatch.setenv("PERDURE_WORKFLOW_SANDBOX", "true")
    assert isinstance(workflow_runner(Settings()), SandboxedWorkflowRunner)
    assert environment()["PERDURE_WORKFLOW_SANDBOX"] == "true", "the stacks of tests are told as well"


async def test_jobs_run_in_it(temporal_address: str) -> None:
    async with running_bench(temporal_address, workflow_sandbox=True) as bench:
        say = {"id": "say", "type": "LOG", "with": {"message": "${ job.id }"}}
        nap = {"id": "nap", "type": "SLEEP", "with": {"duration": "10ms"}}
        result = await bench.run([say, nap])
    assert str(result.status) == "COMPLETED"
