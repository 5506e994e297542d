"""What Temporal's visibility lists of the jobs' executions, slowly enough not to burden it. Used by the sweep."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
)
from temporalio.client import Client

from perdure.contract.name import ATTRIBUTE_STATUS, ATTRIBUTE_TYPE, JOB_WORKFLOW, MEMO_NOTES
from perdure.contract.state import JobStatus
from perdure.projection.decoder import moment
from perdure.projection.fold import reading
from perdure.projection.payload import PayloadReader

_PAGE = 1_000
"""Visibility gives no more at once."""
_PAUSE, _BURST = 0.5, 5
"""Seconds between calls in the long run, and how many may follow at once: production allows 10 a second to all."""
_PROBLEMS = "TemporalReportedProblems"
_HELD = "TemporalPauseInfo"
"""Temporal sets it while an activity of the run is paused."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A run as visibility lists it. `length` is the last event's id, known only of closed runs."""

    job_id: str
    run_id: str
    running: bool
    length: int
    notes: int
    dead_lettered: bool
    at: datetime
    """When it closed, or started if it runs."""
    problems: tuple[str, ...] = ()


class Visibility:
    """Lists executions of type `Job`, one call at a time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reader = PayloadReader(client.data_converter)
        self._paid_until = 0.0
        self.busy = 0.0
        """Seconds spent in calls."""

    def closed_between(self, since: datetime, until: datetime) -> AsyncIterator[list[Execution]]:
        """Runs that closed at `since` or later, and before `until`, in pages."""
        return self._list(f'CloseTime >= "{_quoted(since)}" AND CloseTime < "{_quoted(until)}"')

    async def count_closed(self, since: datetime, until: datetime, job_type: str | None = None) -> dict[str, int]:
        """How many runs, of a type of jobs or of all, closed in that time, by their status as Temporal spells it."""
        query = (
            f'WorkflowType = "{JOB_WORKFLOW}" AND CloseTime >= "{_quoted(since)}" AND CloseTime < "{_quoted(until)}"'
        )
        if job_type is not None:
            text = job_type.replace("\\", "\\\\").replace('"', '\\"')
            query += f' AND {ATTRIBUTE_TYPE} = "{text}"'
        await self._turn()
        request = CountWorkflowExecutionsRequest(
            namespace=self._client.namespace, query=f"{query} GROUP BY ExecutionStatus"
        )
        response = await self._client.workflow_service.count_workflow_executions(request, retry=True)
        return {str(await self._reader.one(group.group_values[0])): group.count for group in response.groups}

    def ended_from_outside_since(self, since: datetime) -> AsyncIterator[list[Execution]]:
        """Runs that ended without a worker's doing, which no mark tells of."""
        return self._list(f'ExecutionStatus IN ("Terminated", "TimedOut") AND CloseTime >= "{_quoted(since)}"')

    def started_since(self, since: datetime) -> AsyncIterator[list[Execution]]:
        """Runs that started at `since` or later and are running, in pages."""
        return self._list(f'ExecutionStatus = "Running" AND StartTime >= "{_quoted(since)}"')

    def running(self) -> AsyncIterator[list[Execution]]:
        """All runs that are running, in pages."""
        return self._list('ExecutionStatus = "Running"')

    def stuck(self) -> AsyncIterator[list[Execution]]:
        """Runs whose workflow task keeps failing."""
        return self._list(f'ExecutionStatus = "Running" AND {_PROBLEMS} IS NOT NULL')

    async def held(self) -> list[tuple[str, str]]:
        """(job, run) of the runs of which an activity is paused, at most a page: the newest."""
        query = f'WorkflowType = "{JOB_WORKFLOW}" AND ExecutionStatus = "Running" AND {_HELD} IS NOT NULL'
        response = await self._call(query, b"")
        return [(info.execution.workflow_id, info.execution.run_id) for info in response.executions]

    async def page_started_until(
        self, until: datetime, token: bytes, size: int = _PAGE
    ) -> tuple[list[tuple[str, str]], bytes]:
        """Some of the (job, run) pairs of all runs that started until then, and where the list goes on."""
        query = f'WorkflowType = "{JOB_WORKFLOW}" AND StartTime <= "{_quoted(until)}"'
        response = await self._call(query, token, size)
        pairs = [(info.execution.workflow_id, info.execution.run_id) for info in response.executions]
        return pairs, response.next_page_token

    async def _list(self, condition: str) -> AsyncIterator[list[Execution]]:
        token = b""
        while True:
            response = await self._call(f'WorkflowType = "{JOB_WORKFLOW}" AND {condition}', token)
            yield [await self._execution(info) for info in response.executions]
            token = response.next_page_token
            if not token:
                return

    async def _call(self, query: str, token: bytes, size: int = _PAGE) -> ListWorkflowExecutionsResponse:
        await self._turn()
        begun = time.monotonic()
        try:
            return await self._client.workflow_service.list_workflow_executions(
                ListWorkflowExecutionsRequest(
                    namespace=self._client.namespace, query=query, page_size=size, next_page_token=token
                ),
                retry=True,
            )
        finally:
            self.busy += time.monotonic() - begun

    async def _turn(self) -> None:
        now = time.monotonic()
        self._paid_until = max(now, self._paid_until) + _PAUSE
        await asyncio.sleep(max(0.0, self._paid_until - now - _BURST * _PAUSE))

    async def _execution(self, info: WorkflowExecutionInfo) -> Execution:
        fields = info.search_attributes.indexed_fields
        names = [name for name in (ATTRIBUTE_STATUS, _PROBLEMS) if name in fields]
        attributes: dict[str, Any] = {name: await self._reader.one(fields[name]) for name in names}
        notes = reading.mapping(await self._reader.memo(info.memo, (MEMO_NOTES,)), MEMO_NOTES)
        running = info.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
        return Execution(
            job_id=info.execution.workflow_id,
            run_id=info.execution.run_id,
            running=running,
            length=info.history_length,
            notes=reading.number(notes, "n") or 0,
            dead_lettered=JobStatus.DEAD_LETTERED in _strings(attributes.get(ATTRIBUTE_STATUS)),
            at=moment(info.start_time if running else info.close_time),
            problems=tuple(_strings(attributes.get(_PROBLEMS))),
        )


def _strings(value: Any) -> list[str]:
    """The strings of an attribute, which is a string or a list of them."""
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)]


def _quoted(moment_: datetime) -> str:
    return moment_.astimezone(UTC).isoformat().replace("+00:00", "Z")
