"""Records the histories of bulk actions: `python -m tests.replay.record_bulk`. As `record`, never an old one again."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.contract.bulk import (
    ACTIVITY_BULK_CANARY,
    ACTIVITY_BULK_FINISH,
    ACTIVITY_BULK_PAGE,
    BULK_TASK_QUEUE,
    BULK_WORKFLOW,
    AbortCommand,
    BulkCanary,
    BulkFinish,
    BulkPage,
    BulkProgress,
    BulkStart,
    BulkVerdict,
    bulk_workflow_id,
)
from tests.replay.record import without_traces
from tests.server.temporal import running_temporal
from workflows.bulk_action.workflow import BulkAction

HISTORIES = Path(__file__).parent / "bulk_histories"
_THROTTLE = timedelta(milliseconds=100)


class Rows:
    """What the activities would find in Postgres: so many pages, and a canary that says this, or nothing for ever."""

    def __init__(self, pages: int, problem: str | None = None, *, watches: bool = False) -> None:
        self.left, self._problem, self._watches = pages, problem, watches
        self.canaries = 0

    @property
    def all(self) -> list[Callable[..., Any]]:
        return [self.page, self.canary, self.finish]

    @activity.defn(name=ACTIVITY_BULK_PAGE)
    async def page(self, wanted: BulkPage) -> BulkProgress:
        if wanted.before is not None:
            return BulkProgress(left=0)
        self.left -= 1
        await asyncio.sleep(0.01)
        return BulkProgress(left=max(0, self.left))

    @activity.defn(name=ACTIVITY_BULK_CANARY)
    async def canary(self, wanted: BulkCanary) -> BulkVerdict:
        self.canaries += 1
        assert datetime.fromisoformat(wanted.deadline) > datetime.now(UTC)
        while self._watches:
            activity.heartbeat()
            await asyncio.sleep(0.1)
        return BulkVerdict(problem=self._problem)

    @activity.defn(name=ACTIVITY_BULK_FINISH)
    async def finish(self, wanted: BulkFinish) -> None:
        pass


CASES: dict[str, tuple[Rows, BulkStart, bool]] = {
    "all": (Rows(3), BulkStart(id="all"), False),
    "canary": (Rows(2), BulkStart(id="canary", canary=2), False),
    "stopped": (Rows(2, "a job is parked again"), BulkStart(id="stopped", canary=2), False),
    "aborted": (Rows(2, watches=True), BulkStart(id="aborted", canary=2), True),
}


async def record(address: str) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    for name, (rows, start, abort) in CASES.items():
        id_ = bulk_workflow_id(start.id)
        async with Worker(
            client,
            task_queue=BULK_TASK_QUEUE,
            workflows=[BulkAction],
            activities=rows.all,
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_heartbeat_throttle_interval=_THROTTLE,
        ):
            handle = await client.start_workflow(BULK_WORKFLOW, start, id=id_, task_queue=BULK_TASK_QUEUE)
            first = handle.first_execution_run_id
            if abort:
                await asyncio.sleep(1)
                await handle.signal("nonsense", args=[1, 2])
                await handle.signal("abort", AbortCommand(actor="key:ops", reason="enough"))
            await handle.result()
        history = await client.get_workflow_handle(id_, run_id=first).fetch_history()
        (HISTORIES / f"{name}.json").write_text(without_traces(history.to_json()) + "\n")


def main() -> None:
    """Records all cases."""
    with running_temporal() as address:
        asyncio.run(record(address))


if __name__ == "__main__":
    main()
