"""`retry` from a step and with a patch, `skip` with an output: what runs again, and what partners are asked."""

import asyncio

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench
from tests.integration.workflow.test_parking import call, refused
from tests.server.partner import Partner


async def test_c3_a_retry_with_a_patch_asks_a_new_thing_under_a_new_key(bench: Bench, partner: Partner) -> None:
    partner.answers["/pay"] = [404]
    handle = await bench.start([call(partner, "order"), call(partner, "pay")])
    await bench.until(handle, "pay", "DEAD_LETTERED")
    assert await refused(handle, "retry", {"patch": {"order": {"url": "x"}}}) == "API.VALIDATION"
    assert await refused(handle, "retry", {"patch": {"pay": "x"}}) == "API.VALIDATION"
    await handle.execute_update("retry", {"actor": "me", "patch": {"pay": {"url": f"{partner.url}/pay/v2"}}})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert partner.keys["/pay"] == [f"{handle.id}/pay"]
    assert partner.keys["/pay/v2"] == [f"{handle.id}/pay#2"]


async def test_c3_a_retry_from_a_step_runs_it_and_what_comes_after_and_keeps_the_rest(
    bench: Bench, partner: Partner
) -> None:
    partner.answers["/d"] = [404, 200]
    steps = [
        call(partner, "a", depends_on=[]),
        call(partner, "b", depends_on=["a"]),
        call(partner, "c", depends_on=["a"]),
        call(partner, "d", depends_on=["b"]),
    ]
    handle = await bench.start(steps)
    await bench.until(handle, "d", "DEAD_LETTERED")
    await bench.until(handle, "c", "COMPLETED")
    assert await refused(handle, "retry", {"from_step": "x"}) == "API.STEP_UNKNOWN"
    assert await refused(handle, "retry", {"from_step": "b", "steps": ["d"]}) == "API.VALIDATION"
    assert await handle.execute_update("retry", {"from_step": "b"}) == {"steps": ["b", "d"]}
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert partner.calls == {"/a": 1, "/b": 2, "/c": 1, "/d": 2}
    assert partner.keys["/b"] == [f"{handle.id}/b", f"{handle.id}/b#2"]


async def test_a_retry_from_a_step_before_one_that_still_runs_is_refused(bench: Bench, partner: Partner) -> None:
    partner.answers["/bad"] = [404]
    steps = [
        call(partner, "a", depends_on=[]),
        call(partner, "bad", depends_on=["a"]),
        {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}, "depends_on": ["a"]},
    ]
    handle = await bench.start(steps)
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await bench.until(handle, "nap", "WAITING")
    assert await refused(handle, "retry", {"from_step": "a"}) == "API.STEP_RUNNING"
    await handle.terminate()


async def test_c3_a_skipped_step_gives_the_output_it_was_given(bench: Bench, partner: Partner) -> None:
    partner.answers["/pay"] = [404]
    after = {"id": "after", "type": "COMPUTE", "with": {"expression": "steps.pay.output.id + steps.pay.status"}}
    handle = await bench.start([call(partner, "pay"), after])
    await bench.until(handle, "pay", "DEAD_LETTERED")
    assert await refused(handle, "skip", {"step": "after"}) == "API.JOB_NOT_PARKED"
    assert await refused(handle, "skip", {"output": "x" * 300_000}) == "API.PAYLOAD_INVALID"
    assert await handle.execute_update("skip", {"step": "pay", "output": {"id": "p1"}}) == {"steps": ["pay"]}
    assert (await bench.finish(handle)).output == {"after": "p1SKIPPED"}
    assert await refused_late(handle) == "closed"


async def refused_late(handle: object) -> str:
    """A decision about a job that ended finds no workflow to take it."""
    try:
        await handle.execute_update("skip", {"step": "pay"})  # type: ignore[attr-defined]  # any handle
    except Exception:  # noqa: BLE001  whatever the server says
        return "closed"
    return "taken"


async def test_c5_two_steps_fail_in_parallel_one_is_skipped_the_other_retried_by_thirty_at_once(
    bench: Bench, partner: Partner
) -> None:
    partner.answers.update({"/a": [404], "/b": [404, 200]})
    handle = await bench.start([call(partner, "a", depends_on=[]), call(partner, "b", depends_on=[])])
    await bench.until(handle, "a", "DEAD_LETTERED")
    await bench.until(handle, "b", "DEAD_LETTERED")

    async def retry() -> bool:
        try:
            await handle.execute_update("retry", {"steps": ["b"], "actor": "me"})
        except Exception:  # noqa: BLE001  refused: somebody was faster
            return False
        return True

    taken = await asyncio.gather(*(retry() for _ in range(30)), handle.signal("retry", {"steps": ["b"]}))
    assert taken[:30].count(True) <= 1
    await handle.execute_update("skip", {"step": "a", "output": 1, "actor": "me"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert partner.calls == {"/a": 1, "/b": 2}


async def test_a_job_that_is_not_parked_refuses_every_decision_with_its_state(bench: Bench) -> None:
    handle = await bench.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}])
    await bench.until(handle, "nap", "WAITING")
    for name in ("retry", "skip", "discard"):
        assert await refused(handle, name) == "API.JOB_NOT_PARKED"
    await handle.signal("discard")
    await handle.signal("skip", {"step": "nap"})
    assert (await bench.states(handle)) == {"nap": "WAITING"}
    await handle.terminate()
