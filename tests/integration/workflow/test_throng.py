"""Many at once: thousands of parked items, and people and programs that decide about one job at the same moment."""

import asyncio
import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHistory, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from perdure.contract.journal import JournalType
from perdure.projection import fold
from perdure.projection.decoder import decode_events
from perdure.projection.record import JournalEvent
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.history_check import check_closed_once, check_no_task_failed, histories
from tests.integration.workflow.test_control import no_task_failed, parked
from tests.integration.workflow.test_parking import call
from tests.server.partner import Partner

COUNT = 2_000
CLIENTS = 4


async def test_c5_two_thousand_parked_items_retried_by_many_at_once_run_again_once(bench: Bench) -> None:
    many = {"items": "${ input }", "max_parallel": 500}
    step = {"id": "each", "type": "COMPUTE", "with": {"expression": "1 / (item - item)"}, "for_each": many}
    handle = await bench.start([step], input=list(range(COUNT)))
    await parked(bench, handle, COUNT)
    patch = {"actor": "ann", "patch": {"each": {"expression": "item + 1"}}}
    answers = await asyncio.gather(
        *(handle.execute_update("retry", patch) for _ in range(5)),
        handle.signal("retry", patch),
        return_exceptions=True,
    )
    # The job may end in the task that takes the first one; where the signal crosses with that, it is an RPCError.
    assert all(isinstance(answer, dict | WorkflowUpdateFailedError | RPCError | None) for answer in answers), answers
    assert (await bench.finish(handle)).output == {"each": list(range(1, COUNT + 1))}
    asked = [row for row in await journal(bench, handle) if row.type is JournalType.JOB_RETRY_REQUESTED]
    assert [len(row.data["steps"]) for row in asked] == [COUNT]
    assert set(asked[0].data["rounds"].values()) == {2}
    await no_task_failed(bench, handle)


def commands() -> list[tuple[str, dict[str, Any], bool]]:
    """Everything somebody may say to a job, from many mouths: the command, its argument, whether as a signal."""
    said = [
        (name, fields, via)
        for name, fields in (
            ("retry", {}),
            ("retry", {"steps": ["bad"]}),
            ("retry", {"from_step": "bad"}),
            ("skip", {"step": "worse", "output": 1}),
            ("skip", {"step": "each.1", "output": None}),
            ("deliver", {"name": "go", "payload": {"n": 1}}),
            ("nonsense", {"step": "each"}),
        )
        for via in (True, False, False)
    ]
    said += [(name, {}, False) for name in ("pause", "resume") for _ in range(6)]
    said += [("approve", {"decision": "approve"}, False)] * 4
    random.Random(5).shuffle(said)
    return [
        (name, {"actor": f"person {number}", "reason": "now", **fields}, via)
        for number, (name, fields, via) in enumerate(said)
    ]


@pytest.mark.parametrize("end", ["discard", "cancel"])
async def test_b14_whatever_many_clients_say_at_once_is_told_and_the_job_ends_once(
    bench: Bench, partner: Partner, temporal_address: str, end: str
) -> None:
    handle = await contested(bench, partner)
    clients = [await Client.connect(temporal_address, data_converter=pydantic_data_converter) for _ in range(CLIENTS)]
    doors: list[Handle] = [client.get_workflow_handle(handle.id) for client in clients]
    taken = Counter[str]()

    async def say(number: int, name: str, fields: dict[str, Any], *, as_signal: bool) -> None:
        door = doors[number % CLIENTS]
        try:
            await (door.signal(name, fields) if as_signal else door.execute_update(name, fields))
        except (WorkflowUpdateFailedError, RPCError):
            return
        taken[f"{'signal' if as_signal else 'update'} {name}"] += 1

    said = commands()
    signals = sum(via for _, _, via in said)
    await asyncio.gather(*(say(number, name, it, as_signal=via) for number, (name, it, via) in enumerate(said)))
    assert sum(count for what, count in taken.items() if what.startswith("signal")) == signals
    by = {"actor": "the end"}
    await asyncio.gather(*(say(number, name, by, as_signal=False) for number, name in enumerate(["resume", end] * 3)))
    await asyncio.gather(say(0, "cancel", by, as_signal=False), handle.cancel(), return_exceptions=True)
    await ended(handle)
    runs = [run for run in await histories(bench.client, handle.id) if run.workflow_id == handle.id]
    check_closed_once(runs)
    for run in runs:
        check_no_task_failed(run)
    accepted = Counter[str]()
    for run in runs:
        accepted += succeeded(run)
    assert taken.total() <= accepted.total() + signals
    check_told(await journal(bench, handle), accepted, signals)


async def contested(bench: Bench, partner: Partner) -> Handle:
    """A job with something for everybody to decide: two parked steps, parked items, a wait, an approval."""
    for path in ("bad", "worse", "each"):
        partner.answers[f"/{path}"] = [404]
    undo = {"type": "LOG", "with": {"message": "undone"}}
    each = {**call(partner, "each"), "for_each": {"items": [1, 2, 3]}}
    ask = {"id": "ask", "type": "APPROVAL", "with": {"required_approvals": 2}}
    go = {"id": "go", "type": "WAIT", "with": {"name": "go"}}
    first = {"id": "first", "type": "LOG", "with": {"message": "done"}, "compensate": undo}
    others = [call(partner, "bad"), call(partner, "worse"), each, ask, go]
    handle = await bench.start([{**first, "depends_on": []}, *({**step, "depends_on": []} for step in others)])
    await parked(bench, handle, 5)
    await bench.until(handle, "ask", "WAITING")
    await bench.until(handle, "go", "WAITING")
    return handle


async def ended(handle: Handle) -> None:
    try:
        await asyncio.wait_for(handle.result(), 60)
    except TimeoutError:
        raise
    except Exception:  # noqa: BLE001  how it ended is checked by its history
        pass


def succeeded(run: WorkflowHistory) -> Counter[str]:
    """The updates that the job took, by name."""
    names: dict[int, str] = {}
    found = Counter[str]()
    for event in run.events:
        accepted = event.workflow_execution_update_accepted_event_attributes
        completed = event.workflow_execution_update_completed_event_attributes
        if event.HasField("workflow_execution_update_accepted_event_attributes"):
            names[event.event_id] = accepted.accepted_request.input.name
        elif completed.outcome.HasField("success"):
            found[f"update {names[completed.accepted_event_id]}"] += 1
    return found


def check_told(rows: list[JournalEvent], taken: Counter[str], signals: int) -> None:
    """What was taken is in the journal, once each; what was not is not, but for signals, which are told as refused."""
    noted = Counter[str]()
    for row in rows:
        if row.data.get("via") in ("signal", "update"):
            noted[f"{row.data['via']} {NAMES.get(row.type, 'deliver')}"] += 1
    told = sum(count for what, count in noted.items() if what.startswith("signal"))
    assert told == signals, (noted, taken)
    for what in ("retry", "skip", "resume", "discard"):
        assert noted[f"update {what}"] == taken[f"update {what}"], (what, noted, taken)
    assert noted["update deliver"] == taken["update deliver"] + taken["update approve"], (noted, taken)
    states = [row.type for row in rows if row.type in (JournalType.JOB_PAUSED, JournalType.JOB_RESUMED)]
    assert all(one is not other for one, other in pairwise(states)), states
    assert noted["update pause"] <= taken["update pause"]
    ends = [row for row in rows if row.type in ENDS]
    assert len(ends) == 1, ends
    assert all(row.actor for row in rows if row.data.get("via"))


NAMES = {
    JournalType.JOB_RETRY_REQUESTED: "retry",
    JournalType.STEP_OVERRIDDEN: "skip",
    JournalType.JOB_PAUSED: "pause",
    JournalType.JOB_RESUMED: "resume",
    JournalType.JOB_DISCARDED: "discard",
    JournalType.JOB_COMMAND_REFUSED: "refused",
}
ENDS = {JournalType.JOB_COMPLETED, JournalType.JOB_FAILED, JournalType.JOB_CANCELED, JournalType.JOB_TIMED_OUT}


async def journal(bench: Bench, handle: Handle) -> list[JournalEvent]:
    """What all runs of the job tell."""
    rows: list[JournalEvent] = []
    for run in await histories(bench.client, handle.id):
        if run.workflow_id == handle.id:
            run_id = run.events[0].workflow_execution_started_event_attributes.original_execution_run_id
            events = await decode_events(pydantic_data_converter, run.events)
            rows.extend(fold.fold_run(handle.id, run_id, events)[1])
    return rows
