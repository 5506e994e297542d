"""Dead letters at the level of the workflow: parking, decisions, retention."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from perdure.contract.state import JobStatus, Resolution
from tests.integration.workflow.conftest import Bench, Handle
from tests.server.partner import Partner


def call(partner: Partner, id_: str, **fields: Any) -> dict[str, Any]:
    quick = {"maximum_attempts": 2, "initial_interval": "10ms"}
    return {
        "id": id_,
        "type": "HTTP_CALL",
        "with": {"url": f"{partner.url}/{id_}", "method": "POST"},
        "retry": quick,
        **fields,
    }


async def status_attribute(handle: Handle) -> list[str]:
    values = (await handle.describe()).search_attributes.get("PerdureStatus")
    return [str(value) for value in values] if values else []


async def refused(handle: Handle, name: str, *args: Any) -> str | None:
    """The code an update is refused with."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update(name, args=args)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause.type


async def test_c1_a_bare_signal_resumes_at_the_failed_step_and_completed_steps_do_not_run_again(
    bench: Bench, partner: Partner
) -> None:
    partner.answers["/pay"] = [500, 500, 200]
    handle = await bench.start([call(partner, "order"), call(partner, "pay"), call(partner, "mail")])
    await bench.until(handle, "pay", "DEAD_LETTERED")
    assert await status_attribute(handle) == ["DEAD_LETTERED"]
    await handle.signal("retry")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert partner.calls == {"/order": 1, "/pay": 3, "/mail": 1}
    assert set(partner.keys["/pay"]) == {f"{handle.id}/pay"}
    assert await status_attribute(handle) == []


async def test_branches_that_do_not_need_the_parked_step_run_on(bench: Bench, partner: Partner) -> None:
    partner.answers["/bad"] = [404, 200]
    handle = await bench.start(
        [
            call(partner, "bad", depends_on=[]),
            call(partner, "good", depends_on=[]),
            call(partner, "more", depends_on=["good"]),
            call(partner, "join", depends_on=["bad", "more"]),
        ]
    )
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await bench.until(handle, "more", "COMPLETED")
    assert (await bench.states(handle))["join"] == "PENDING"
    await handle.execute_update("retry", {"actor": "me", "reason": "mended"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_named_steps_alone_are_retried(bench: Bench, partner: Partner) -> None:
    partner.answers.update({"/a": [404, 200], "/b": [404, 200]})
    handle = await bench.start([call(partner, "a", depends_on=[]), call(partner, "b", depends_on=[])])
    await bench.until(handle, "a", "DEAD_LETTERED")
    await bench.until(handle, "b", "DEAD_LETTERED")
    assert await handle.execute_update("retry", {"steps": ["b"]}) == {"steps": ["b"]}
    await bench.until(handle, "b", "COMPLETED")
    assert (await bench.states(handle))["a"] == "DEAD_LETTERED"
    assert await status_attribute(handle) == ["DEAD_LETTERED"]
    await handle.signal("retry", {"actor": "me"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_a_step_may_park_again_and_again(bench: Bench, partner: Partner) -> None:
    partner.answers["/x"] = [404, 404, 404, 200]
    handle = await bench.start([call(partner, "x")])
    for round_ in (1, 2, 3):
        async with asyncio.timeout(60):
            while (await handle.query("state"))["steps"]["x"] != {"status": "DEAD_LETTERED", "round": round_}:
                await asyncio.sleep(0.02)
        await handle.signal("retry")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert partner.calls["/x"] == 4


async def test_thirty_retries_at_once_are_one_re_execution(bench: Bench, partner: Partner) -> None:
    partner.answers["/x"] = [404, 200]
    handle = await bench.start([call(partner, "x"), {"id": "z", "type": "SLEEP", "with": {"duration": "1s"}}])
    await bench.until(handle, "x", "DEAD_LETTERED")
    answers = await asyncio.gather(
        *(handle.execute_update("retry", {"actor": f"a{n}"}) for n in range(30)),
        handle.signal("retry"),
        return_exceptions=True,
    )
    accepted = [answer for answer in answers if isinstance(answer, dict)]
    assert len(accepted) <= 1
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert partner.calls["/x"] == 2


async def test_a_retry_that_concerns_nothing_parked_is_refused_with_its_reason(bench: Bench, partner: Partner) -> None:
    partner.answers["/x"] = [404]
    handle = await bench.start([call(partner, "y"), call(partner, "x")])
    await bench.until(handle, "x", "DEAD_LETTERED")
    assert await refused(handle, "retry", {"steps": ["y"]}) == "API.JOB_NOT_PARKED"
    assert await refused(handle, "retry", {"steps": ["nope"]}) == "API.STEP_UNKNOWN"
    assert await refused(handle, "retry", {"stepz": 1}) == "API.VALIDATION"
    assert await refused(handle, "retry", "x", "y") == "API.VALIDATION"
    assert await refused(handle, "make_coffee") == "API.COMMAND_UNKNOWN"
    assert (await bench.states(handle))["x"] == "DEAD_LETTERED"
    await handle.cancel()


async def test_without_dead_letters_the_job_fails_at_once_and_stops_what_runs(bench: Bench, partner: Partner) -> None:
    partner.answers["/bad"] = [404]
    nap = {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}, "depends_on": []}
    handle = await bench.start(
        [nap, call(partner, "bad", depends_on=[]), call(partner, "never", depends_on=["nap"])],
        dead_letter={"enabled": False},
    )
    result = await bench.finish(handle)
    assert result.error is not None
    assert (result.status, result.error.code, result.error_step) == (JobStatus.FAILED, "STEP.HTTP.4XX", "bad")
    assert partner.calls["/never"] == 0


async def test_the_end_of_the_retention_ends_the_job_as_expired(bench: Bench, partner: Partner) -> None:
    partner.answers["/x"] = [404]
    result = await bench.run([call(partner, "x")], dead_letter={"retention": "300ms"})
    assert (result.status, result.resolution, result.error_step) == (JobStatus.FAILED, Resolution.EXPIRED, "x")


async def test_parked_time_does_not_count_against_the_jobs_timeout(bench: Bench, partner: Partner) -> None:
    partner.answers["/x"] = [404, 200]
    handle = await bench.start([call(partner, "x")], timeout="3s")
    await bench.until(handle, "x", "DEAD_LETTERED")
    await asyncio.sleep(3.5)  # longer than the timeout: that it passes without effect is the claim
    await handle.signal("retry")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_a_job_that_runs_longer_than_its_timeout_is_timed_out(bench: Bench) -> None:
    result = await bench.run([{"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}], timeout="300ms")
    assert result.error is not None
    assert (result.status, result.error.code) == (JobStatus.TIMED_OUT, "ENGINE.JOB_TIMEOUT")
