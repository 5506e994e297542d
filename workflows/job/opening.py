"""Reads what a `Job` workflow was started with; the API checked it, but anybody can start a workflow."""

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from perdure.contract import graph
from perdure.contract.execution import JobStart
from perdure.contract.model import first_problem

# A default, so that a start without input is told what is wrong; the hint must be RawValue alone.
NO_INPUT = RawValue(Payload())


class InvalidStartError(Exception):
    """The workflow's input is not a job that can run."""


def read_start(raw: RawValue) -> JobStart:
    """The job to run.

    Raises:
        InvalidStartError: the input is missing, no `JobStart`, or its steps are no DAG.
    """
    if raw is NO_INPUT:
        raise InvalidStartError("it was started without input; submit jobs through the API")
    try:
        start = JobStart.model_validate_json(raw.payload.data)
    except ValidationError as problem:
        raise InvalidStartError(first_problem(problem)) from None
    _check_graph(start)
    return start


def _check_graph(start: JobStart) -> None:
    waits_for = graph.dependencies(start.spec.steps)
    if len(waits_for) < len(start.spec.steps):
        raise InvalidStartError("two steps have the same id")
    unknown = {other for waits in waits_for.values() for other in waits} - waits_for.keys()
    if unknown:
        raise InvalidStartError(f"steps depend on unknown steps: {', '.join(sorted(unknown))}")
    stuck = graph.unreachable(waits_for)
    if stuck:
        raise InvalidStartError(f"steps wait for each other: {', '.join(stuck)}")
