"""Acceptance B: jobs, from outside, through REST, on a whole stack."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx
import pytest

from perdure.client import PerdureClient
from perdure.client.error import ProblemError
from tests.acceptance.conftest import until
from tests.server.partner import Partner
from tests.server.stack import Stack

Step = dict[str, Any]


def log(id_: str, **fields: Any) -> Step:
    return {"id": id_, "type": "LOG", "with": {"message": id_}, **fields}


def call(partner: Partner, id_: str, **fields: Any) -> Step:
    return {"id": id_, "type": "HTTP_CALL", "with": {"method": "POST", "url": f"{partner.url}/{id_}"}, **fields}


def job(*steps: Step, **fields: Any) -> dict[str, Any]:
    return {"name": "acceptance", "steps": list(steps), **fields}


def test_b1_each_step_type_does_what_it_says(client: PerdureClient, partner: Partner) -> None:
    steps: list[Step] = [
        {"id": "nap", "type": "SLEEP", "with": {"duration": "300ms"}},
        log("say"),
        {"id": "sum", "type": "COMPUTE", "with": {"expression": "input.rows.map(r, r * 2)"}},
        {"id": "hash", "type": "COMPUTE", "with": {"operation": "hash", "value": "abc"}},
        call(partner, "pay"),
        {"id": "twice", "type": "FAIL", "with": {"message": "no", "class": "TRANSIENT", "times": 1}},
    ]
    steps[-1]["retry"] = {"initial_interval": "10ms"}
    started = time.monotonic()
    submitted = client.submit(job(*steps, input={"rows": [1, 2, 3]}))
    done = client.wait(submitted.job.id, timeout=60)
    outputs = {step.id: step.output for step in done.steps}
    assert done.status == "COMPLETED"
    assert time.monotonic() - started > 0.3
    assert outputs["sum"] == [2, 4, 6]
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" in str(outputs["hash"])
    assert (outputs["pay"]["status"], outputs["pay"]["body"]["path"]) == (200, "/pay")
    assert partner.calls["/pay"] == 1
    assert done.steps[-1].attempt_count == 2


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_b2_a_thousand_jobs_all_complete_none_twice_none_stuck(stack: Stack) -> None:
    total = 1_000
    spec = job(*(log(name) for name in "abc"), labels={"run": str(time.monotonic_ns())})
    with stack.client() as client, ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda n: client.submit(spec, idempotency_key=f"b2-{n}-{total}").job.id, range(total)))
        done = list(pool.map(lambda id_: client.wait(id_, timeout=200), ids))
    assert len(set(ids)) == total
    assert {each.status for each in done} == {"COMPLETED"}
    assert {(each.attempts, len(each.steps)) for each in done} == {(3, 3)}


def test_b3_a_step_that_fails_twice_shows_retrying_then_three_attempts_with_growing_backoff(
    client: PerdureClient, partner: Partner
) -> None:
    partner.answers["/flaky"] = [500, 503, 200]
    retry = {"initial_interval": "2s", "backoff_coefficient": 2, "maximum_interval": "3s", "jitter": 0}
    id_ = client.submit(job(call(partner, "flaky", retry=retry))).job.id
    seen = until(client, id_, lambda each: each.status == "RETRYING")
    assert (seen.steps[0].status, seen.error and seen.error.code) == ("RETRYING", "STEP.HTTP.5XX")
    done = client.wait(id_, timeout=60)
    attempts = done.steps[0].attempts
    assert [attempt.outcome for attempt in attempts] == ["FAILED", "FAILED", "COMPLETED"]
    assert [attempt.error.code if attempt.error else None for attempt in attempts] == [
        "STEP.HTTP.5XX",
        "STEP.HTTP.THROTTLED",
        None,
    ]
    pauses = [
        (after.started_at - before.ended_at).total_seconds()
        for before, after in pairwise(attempts)
        if before.ended_at and after.started_at
    ]
    assert pauses[0] > 1.95
    assert pauses[1] > 2.95
    said = [
        (attempt.next_retry_at - attempt.ended_at).total_seconds()
        for attempt in attempts
        if attempt.ended_at and attempt.next_retry_at
    ]
    assert said == pytest.approx([2.0, 3.0], abs=0.1), "4.0 without the cap"
    assert (done.attempts, done.retry_count) == (3, 2)
    assert done.queue_wait_ms is not None
    assert done.execution_ms is not None


def test_a_step_that_runs_long_shows_its_first_attempt_and_worker(client: PerdureClient, partner: Partner) -> None:
    partner.delays["/slow"] = 8
    id_ = client.submit(job(call(partner, "slow"))).job.id
    # In the list there are stored rows only; a single job may also be read from Temporal.
    until(client, id_, lambda _: any(row.id == id_ and row.attempts == 1 for row in client.list(limit=5).data), 7.8)
    seen = client.get(id_)
    attempt = seen.steps[0].attempts[0]
    assert (seen.steps[0].status, attempt.attempt, attempt.live, attempt.outcome) == ("RUNNING", 1, True, None)
    assert attempt.worker
    assert client.wait(id_, timeout=60).steps[0].attempts[0].outcome == "COMPLETED"


def test_b4_a_graph_runs_in_dependency_order_and_in_parallel(client: PerdureClient) -> None:
    nap = {"type": "SLEEP", "with": {"duration": "700ms"}}
    done = client.wait(
        client.submit(
            job(
                log("first", depends_on=[]),
                {"id": "left", **nap, "depends_on": ["first"]},
                {"id": "right", **nap, "depends_on": ["first"]},
                log("last", depends_on=["left", "right"]),
            )
        ).job.id,
        timeout=60,
    )
    steps = {step.id: step for step in done.steps}

    def moment(step: str, which: str) -> datetime:
        value: datetime = getattr(steps[step], which)
        return value

    assert moment("first", "completed_at") <= moment("left", "started_at")
    assert max(moment("left", "started_at"), moment("right", "started_at")) < min(
        moment("left", "completed_at"), moment("right", "completed_at")
    )
    assert moment("last", "started_at") >= max(moment("left", "completed_at"), moment("right", "completed_at"))


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([log("a", depends_on=["b"]), log("b", depends_on=["a"])], "API.SPEC.CYCLE"),
        ([log("a", depends_on=["zz"])], "API.SPEC.STEP_UNKNOWN"),
        ([log("a"), log("a")], "API.SPEC.STEP_REPEATED"),
        ([log("a", depends_on=["a"])], "API.SPEC.STEP_SELF_DEPENDENCY"),
    ],
)
def test_b4_what_is_no_graph_is_refused_before_start(
    stack: Stack, client: PerdureClient, key: str, steps: list[Step], code: str
) -> None:
    with pytest.raises(ProblemError) as refused:
        client.submit(job(*steps), idempotency_key=key)
    assert refused.value.status == 422
    assert code in {error.code for error in refused.value.errors}
    assert "not found" in stack_describe(stack, f"default:{key}").lower()


def stack_describe(stack: Stack, job_id: str) -> str:
    """What the `temporal` CLI says of a workflow, on whatever stream."""
    return stack.temporal_anyway("workflow", "describe", "--workflow-id", job_id)


def test_b8_the_same_key_a_hundred_times_at_once_is_one_workflow(stack: Stack, key: str) -> None:
    headers = {"Authorization": f"Bearer {stack.api_key}", "Idempotency-Key": key}
    url = f"{stack.info.api_url}/v1/jobs"
    with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=100)) as http, ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: http.post(url, json=job(log("a")), headers=headers), range(100)))
        other = http.post(url, json=job(log("b")), headers=headers)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 99 + [202]
    assert {answer.json()["id"] for answer in answers} == {f"default:{key}"}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert all(answer.headers["Idempotent-Replayed"] == "true" for answer in answers if answer.status_code == 200)
    assert (other.status_code, other.json()["code"]) == (422, "API.IDEMPOTENCY_KEY_REUSED")


def test_b12_a_job_with_outputs_beyond_the_limit_ends_in_a_clear_failure(client: PerdureClient) -> None:
    steps = [{"id": f"s{n}", "type": "COMPUTE", "with": {"expression": "input"}} for n in range(200)]
    spec = job(*steps, input="x" * 250_000, dead_letter={"enabled": False})
    done = client.wait(client.submit(spec).job.id, timeout=60)
    assert done.error is not None
    assert (done.status, done.error.code) == ("FAILED", "ENGINE.STATE_TOO_LARGE")


def test_b14_anything_the_temporal_cli_sends_leaves_the_job_going(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    partner.answers["/x"] = [404, 200]
    hold = {"id": "hold", "type": "WAIT", "with": {"name": "go"}}
    id_ = client.submit(job(hold, call(partner, "x"))).job.id
    strays: list[list[str]] = [
        ["signal", "--name", "retry", "--input", "7"],
        ["signal", "--name", "retry", "--input", '"a"', "--input", '"b"'],
        ["signal", "--name", "nothing_like_it", "--input", "[[[]]]"],
        ["signal", "--name", "cancel"],
        ["update", "execute", "--name", "retry"],
        ["update", "execute", "--name", "whatever", "--input", "null"],
    ]
    for words in strays:
        stack.temporal_anyway("workflow", *words, "--workflow-id", id_)
    client.deliver(id_, "go", None, reason="all is said")
    until(client, id_, lambda each: each.status == "DEAD_LETTERED")
    stack.temporal("workflow", "signal", "--workflow-id", id_, "--name", "retry", "--input", "null")
    assert client.wait(id_, timeout=60).status == "COMPLETED"
    refused = [row for row in client.journal(id_).data if row.type == "JOB_COMMAND_REFUSED"]
    assert len(refused) == 4


def test_a_job_with_a_dependent_shows_its_child(client: PerdureClient) -> None:
    mail = {"name": "mail", "when": "success", "job": job(log("send"))}
    id_ = client.submit(job(log("a"), dependents=[mail])).job.id
    client.wait(id_, timeout=60)
    child = client.wait(f"{id_}~~mail", timeout=60)
    assert (child.status, child.parent_id) == ("COMPLETED", id_)
