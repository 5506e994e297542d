"""Names at the edges of what ids allow, in commands and in the jobs themselves."""

from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from perdure.contract.identifier import STEP_ID_FORM, parse_unit_id
from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.test_compensation import undone
from tests.integration.workflow.test_control import no_task_failed, parked
from tests.server.partner import Partner

LONGEST = "s" + "0_z9" * 15 + "_x"
"""63 characters: as long as a step's id may be."""
HEADS = ("nobody", LONGEST, LONGEST + "x", "a", "r2", "compensate", "é", "Ａ", "~", "a~b", "", " ", "__class__", "🦊")
TAILS = (
    "",
    ".0",
    ".2",
    ".3",
    ".00",
    ".-1",
    ".٣",
    ".999999",
    ".1000000",
    ".compensate",
    ".0.compensate",
    ".0.0",
    "~c",
    "\n",
)
NAMES = [f"{head}{tail}" for head, tail in product(HEADS, TAILS)]
KEYS = ["A" * 200, "a:b:c", "...", "-", "_", "a.r2", "0"]
"""Forms that a client's job id may have, after the tenant."""


def fields(name: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("retry", {"steps": [name], "patch": {name: {}}}),
        ("retry", {"from_step": name}),
        ("skip", {"step": name}),
        ("deliver", {"name": name, "payload": name}),
        ("approve", {"step": name, "decision": "approve", "actor": name}),
    ]


async def test_b14_commands_with_any_name_leave_the_job_going(bench: Bench, partner: Partner) -> None:
    handle = await fan_out_that_parks(bench, partner, "default:b14~~names~run.3")
    own = {f"{LONGEST}.2", LONGEST}
    for place, name in enumerate(NAMES):
        command, argument = fields(name)[place % 5]
        if name in own and command in {"retry", "skip"}:
            continue
        await handle.signal(command, argument)
        if place % 4 == 0:
            with pytest.raises((WorkflowUpdateFailedError, RPCError)):
                await handle.execute_update(command, argument)
    partner.answers["/x"] = [200]
    await handle.execute_update("retry", {"steps": [f"{LONGEST}.2"], "patch": {LONGEST: {"query": {"n": "1"}}}})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    await no_task_failed(bench, handle)


@pytest.mark.parametrize("key", KEYS)
async def test_b14_a_job_of_any_id_is_undone_under_keys_of_its_own(bench: Bench, partner: Partner, key: str) -> None:
    child = {"name": "child", "queue": bench.queue, "steps": [{"id": LONGEST, "type": "LOG", "with": {"message": "x"}}]}
    wait = {"id": "a", "type": "JOB", "with": {"job": child}}
    with suppress(RPCError):  # other tests use the shortest names too
        await bench.client.get_workflow_handle(f"default:{key}").terminate()
    handle = await bench.start([undone(partner, LONGEST), wait, {"id": "bad", "type": "FAIL"}], id_=f"default:{key}")
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.signal("discard")
    assert (await bench.finish(handle)).status is JobStatus.FAILED
    assert partner.keys[f"/undo/{LONGEST}"] == [f"default:{key}/{LONGEST}/compensate"]


@given(st.from_regex(r"[a-z_.0-9~]{0,70}", fullmatch=True) | st.text(max_size=12) | st.from_regex(STEP_ID_FORM))
def test_a_unit_has_one_name_only(text: str) -> None:
    unit = parse_unit_id(text)
    assert unit is None or str(unit) == text


async def fan_out_that_parks(bench: Bench, partner: Partner, id_: str) -> Handle:
    """A job whose third item is parked."""
    partner.answers["/x"] = [200, 200, 404]
    step = {"id": LONGEST, "type": "HTTP_CALL", "with": {"url": f"{partner.url}/x"}}
    undo = {"type": "LOG", "with": {"message": "${ item }"}}
    many = {"items": [0, 1, 2], "max_parallel": 1}
    handle = await bench.start([{**step, "for_each": many, "compensate": undo}], id_=id_)
    await parked(bench, handle, 1)
    return handle
