"""Pause and resume over HTTP."""

import asyncio
from collections import Counter

from tests.integration.api.desk import NAP, WAIT, Desk, log
from tests.integration.api.test_bad_input import check_problem


async def test_a_paused_job_starts_no_further_step_until_it_is_resumed(desk: Desk) -> None:
    job_id = await desk.started([WAIT, log("after")], "WAITING")
    answer = await desk.decide(job_id, "pause", {"reason": "the partner moves"})
    assert (answer.status_code, answer.json()["job"]["status"]) == (202, "PAUSED")
    assert (await desk.decide(job_id, "deliver", {"name": "go"})).status_code == 202
    await desk.until_step(job_id, "w", "COMPLETED")
    assert (await desk.steps(job_id))["after"] == "PENDING"
    assert (await desk.job(job_id))["status"] == "PAUSED"
    answer = await desk.decide(job_id, "resume", {"reason": "it moved"})
    assert answer.status_code == 202, answer.text
    await desk.reach(job_id, "COMPLETED")
    assert await desk.said(job_id, "JOB_PAUSED") == [("key:admin", "the partner moves")]
    assert await desk.said(job_id, "JOB_RESUMED") == [("key:admin", "it moved")]


async def test_pausing_twice_is_once_and_resuming_twice_is_refused(desk: Desk) -> None:
    job_id = await desk.started([NAP], "WAITING")
    for _ in range(2):
        assert (await desk.decide(job_id, "pause")).status_code == 202
    assert (await desk.decide(job_id, "resume")).status_code == 202
    assert check_problem(await desk.decide(job_id, "resume"), 409)["code"] == "API.JOB_NOT_PAUSED"
    rows = Counter(row["type"] for row in await desk.journal(job_id))
    assert (rows["JOB_PAUSED"], rows["JOB_RESUMED"]) == (1, 1)
    await desk.decide(job_id, "terminate")


async def test_thirty_clients_pause_one_job_once(desk: Desk) -> None:
    job_id = await desk.started([NAP], "WAITING")
    clients = [desk.api.client(await desk.api.key(name=f"pauser {number}")) for number in range(30)]
    answers = await asyncio.gather(*(desk.decide(job_id, "pause", by=client) for client in clients))
    assert Counter(answer.status_code for answer in answers) == {202: 30}
    assert len(await desk.said(job_id, "JOB_PAUSED")) == 1
    await desk.decide(job_id, "terminate")


async def test_b10_a_job_that_waits_for_its_start_takes_decisions_at_once_and_starts_no_earlier(desk: Desk) -> None:
    job_id = await desk.start([log("a")], delay="1h")
    await desk.reach(job_id, "SCHEDULED")
    for verb in ("pause", "resume"):
        assert (await desk.decide(job_id, verb)).status_code == 202
    await desk.reach(job_id, "SCHEDULED")
    assert (await desk.steps(job_id))["a"] == "PENDING"
    await desk.decide(job_id, "cancel")
    await desk.reach(job_id, "CANCELED")
