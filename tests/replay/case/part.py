"""Steps the recorded jobs are put together from, and what their recording waits for."""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState

from perdure.contract.name import TIMER_BACKOFF
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.test_parking import status_attribute
from tests.server.partner import Partner

Case = Callable[[Bench, Partner], Awaitable[Handle]]
QUICK = {"maximum_attempts": 3, "initial_interval": "10ms"}
BY = {"actor": "key:ops", "reason": "so it is"}


def call(partner: Partner, id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "HTTP_CALL", "with": {"url": f"{partner.url}/{id_}"}, "retry": QUICK, **fields}


def undone(partner: Partner, id_: str, **fields: Any) -> dict[str, Any]:
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo-{id_}"}, "retry": QUICK}
    return call(partner, id_, compensate=undo, **fields)


def each(partner: Partner, items: list[Any], **fields: Any) -> dict[str, Any]:
    params = {"url": f"{partner.url}/each-${{ item }}"}
    many = {"items": items, "max_parallel": 2}
    return {"id": "each", "type": "HTTP_CALL", "with": params, "retry": QUICK, "for_each": many, **fields}


def compute(id_: str, expression: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "COMPUTE", "with": {"expression": expression}, **fields}


def nap(id_: str, duration: str = "50ms", **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "SLEEP", "with": {"duration": duration}, **fields}


def fail(id_: str = "bad", **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "FAIL", "with": {"code": "MY.CODE", "message": "no"}, **fields}


def wait(id_: str, **params: Any) -> dict[str, Any]:
    return {"id": id_, "type": "WAIT", "with": {"name": id_, **params}}


def approval(id_: str, **params: Any) -> dict[str, Any]:
    return {"id": id_, "type": "APPROVAL", "with": params}


def child(bench: Bench, id_: str, steps: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    job = {"name": "child", "queue": bench.queue, "steps": steps, **fields.pop("job", {})}
    return {"id": id_, "type": "JOB", "with": {"job": job, **fields.pop("with", {})}, **fields}


async def parked_compensation(bench: Bench, handle: Handle) -> None:
    """Wait until the job is ending and something of it is parked."""

    async def parked() -> bool:
        state = await handle.query("state")
        return state["ending"] is not None and bool(state["parked"])

    await bench.eventually(parked)


async def parked_units(bench: Bench, handle: Handle, count: int) -> None:
    """Wait until so many units are parked."""

    async def parked() -> bool:
        return len((await handle.query("state"))["parked"]) == count

    await bench.eventually(parked)


async def needs_nobody(bench: Bench, handle: Handle) -> None:
    """Wait until no person is needed any more."""

    async def free() -> bool:
        return await status_attribute(handle) == []

    await bench.eventually(free)


async def asked(partner: Partner, path: str, times: int) -> bool:
    return partner.calls[path] >= times


async def waits_for_an_attempt(handle: Handle, count: int) -> bool:
    """Whether so many activities of the job failed and wait to be attempted again."""
    pending = (await handle.describe()).raw_description.pending_activities
    idle = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    return sum(one.attempt > 1 and one.state == idle for one in pending) == count


async def backs_off(handle: Handle, units: int) -> bool:
    """Whether so many units have waited on timers of the workflow for another attempt."""
    events = (await handle.fetch_history()).events
    summaries = [
        event.user_metadata.summary.data for event in events if event.HasField("timer_started_event_attributes")
    ]
    return sum(TIMER_BACKOFF.encode() in summary for summary in summaries) == units
