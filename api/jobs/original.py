"""What a job was started with, read from Temporal: retries with a patch and resubmissions are checked against it.

So both work while Postgres is away. Every run of a job starts with the same spec, and the current run is the one that
Temporal surely still holds, so it is the one that is read.
"""

import json

from pydantic import ValidationError
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.service import RPCError, RPCStatusCode

from api.jobs.reading import not_found
from api.problem import ApiError
from api.state import Services
from api.temporal_call import temporal_call
from perdure.contract.execution import JobStart
from perdure.projection.payload import PayloadReader


async def read_original(found: Services, job_id: str, run_id: str) -> JobStart:
    """The input of the run. The caller has seen to it that the job is the principal's.

    Raises:
        ApiError: API.NOT_FOUND, or API.CONFLICT for a workflow that was started with something else.
        TemporalUnavailableError: Temporal is away.
    """
    request = GetWorkflowExecutionHistoryRequest(
        namespace=found.temporal.namespace,
        execution=WorkflowExecution(workflow_id=job_id, run_id=run_id),
        maximum_page_size=1,
    )
    try:
        async with temporal_call():
            answer = await found.temporal.workflow_service.get_workflow_execution_history(request, retry=True)
            started = answer.history.events[0].workflow_execution_started_event_attributes
            given = await PayloadReader(found.temporal.data_converter).first(started.input)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise not_found() from error
        raise
    try:
        return JobStart.model_validate_json(json.dumps(given))
    except ValidationError as error:
        message = f"job {job_id} was started with no job spec: there is nothing to do again or to patch"
        raise ApiError("API.CONFLICT", message) from error
