"""A worker in a process of its own that kills itself: `python -m … <temporal address> <task queue> <moment>`.

Moments: `decision`, when a job has decided to start another and Temporal does not know yet; `child`, when the other
one is there and has its first workflow task.
"""

import asyncio
import os
import signal
import sys
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    StartChildWorkflowInput,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from workflows.job.workflow import Job

MOMENT = sys.argv[3] if __name__ == "__main__" else ""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Doom(Interceptor):
    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002, ARG002
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002
        if MOMENT == "child" and workflow.info().parent is not None:
            die()
        return await super().execute_workflow(input)


class _Outbound(WorkflowOutboundInterceptor):
    async def start_child_workflow(self, input: StartChildWorkflowInput) -> workflow.ChildWorkflowHandle[Any, Any]:  # noqa: A002
        if MOMENT == "decision":
            die()
        return await super().start_child_workflow(input)


async def main(address: str, queue: str) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with guarded_client(EgressPolicy.of(allow_private=True, allowed_hosts=[])) as http:
        runtime = StepRuntime(worker="doomed/1", http=http, secrets=SecretStore(os.environ))
        async with Worker(
            client,
            task_queue=queue,
            workflows=[Job],
            activities=all_activities(runtime),
            workflow_runner=UnsandboxedWorkflowRunner(),
            # Nothing cached: else the server offers the next task to the dead process for ten seconds.
            max_cached_workflows=0,
            interceptors=[Doom()],
            disable_eager_activity_execution=True,
        ):
            await asyncio.sleep(120)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
