"""Acceptance C1, C3, C4, C5 from outside: each decision by API and signal, at the worst moments, effects counted."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from perdure.client import PerdureClient
from perdure.client.error import ConflictError
from tests.acceptance.conftest import until
from tests.server.partner import Partner
from tests.server.stack import Stack

ONCE = {"maximum_attempts": 1}


def call(partner: Partner, id_: str, **fields: Any) -> dict[str, Any]:
    with_ = {"method": "POST", "url": f"{partner.url}/{id_}"}
    return {"id": id_, "type": "HTTP_CALL", "with": with_, "retry": ONCE, **fields}


def undone(partner: Partner, id_: str) -> dict[str, Any]:
    undo = {"type": "HTTP_CALL", "with": {"method": "POST", "url": f"{partner.url}/undo-{id_}"}, "retry": ONCE}
    return call(partner, id_, compensate=undo)


def park(client: PerdureClient, steps: list[dict[str, Any]], count: int = 1, **fields: Any) -> str:
    """A job of which so many steps are parked."""
    id_ = client.submit({"name": "decided", "steps": steps, **fields}).job.id
    until(client, id_, lambda job: sum(step.status == "DEAD_LETTERED" for step in job.steps) == count, 60)
    return id_


def is_listed(client: PerdureClient, job_id: str) -> bool:
    return job_id in [row.id for row in client.dead_letters(limit=200).data]


def parked_units(client: PerdureClient, job_id: str) -> list[str]:
    return [unit.unit for row in client.dead_letters(limit=200).data if row.id == job_id for unit in row.parked]


def said(client: PerdureClient, job_id: str, type_: str) -> list[tuple[str | None, Any]]:
    rows = client.journal(job_id, limit=200).data
    return [(row.actor, row.data.get("reason")) for row in rows if row.type == type_]


def test_c1_what_a_retry_repeats_is_counted_across_a_killed_worker(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    partner.answers["/pay"] = [500, 200]
    steps = [call(partner, "order"), call(partner, "pay", heartbeat_timeout="5s"), call(partner, "mail")]
    steps[1]["retry"] = {"maximum_attempts": 5, "non_retryable_errors": ["STEP.HTTP.5XX"]}
    id_ = park(client, steps)
    partner.delays["/pay"] = 20
    client.retry(id_, reason="the partner is back")
    until(client, id_, lambda _: partner.calls["/pay"] == 2, 60)
    os.kill(stack.info.pids.worker, signal.SIGKILL)
    partner.delays["/pay"] = 0
    done = client.wait(id_, timeout=90)
    assert done.status == "COMPLETED"
    assert partner.calls == {"/order": 1, "/pay": 3, "/mail": 1}
    assert {len(set(keys)) for keys in partner.keys.values()} == {1}
    outcomes = [(attempt.round, attempt.outcome) for attempt in done.steps[1].attempts]
    assert outcomes == [(1, "FAILED"), (2, "LOST"), (2, "COMPLETED")]


def test_c3_each_decision_by_the_api_says_who_and_why(client: PerdureClient, partner: Partner) -> None:
    partner.answers.update({"/pay": [404], "/undo-order": [200]})
    steps = [undone(partner, "order"), call(partner, "pay"), call(partner, "mail")]
    patched, skipped, dropped = (park(client, steps) for _ in range(3))
    client.retry(patched, reason="moved", patch={"pay": {"url": f"{partner.url}/pay2"}})
    client.skip(skipped, "pay", {"by": "phone"}, reason="paid by phone")
    client.discard(dropped, reason="withdrawn")
    done = [client.wait(id_, timeout=60) for id_ in (patched, skipped, dropped)]
    assert [(job.status, job.resolution) for job in done] == [
        ("COMPLETED", None),
        ("COMPLETED", None),
        ("FAILED", "DISMISSED"),
    ]
    assert (done[1].steps[1].status, done[1].steps[1].output) == ("SKIPPED", {"by": "phone"})
    assert [step.status for step in done[2].steps] == ["COMPENSATED", "FAILED", "OMITTED"]
    assert partner.calls == {"/order": 3, "/pay": 3, "/pay2": 1, "/mail": 2, "/undo-order": 1}
    assert said(client, patched, "JOB_RETRY_REQUESTED") == [("key:admin", "moved")]
    assert said(client, skipped, "STEP_OVERRIDDEN") == [("key:admin", "paid by phone")]
    assert said(client, dropped, "JOB_DISCARDED") == [("key:admin", "withdrawn")]


def test_c3_each_decision_by_a_bare_signal_is_the_same(stack: Stack, client: PerdureClient, partner: Partner) -> None:
    partner.answers["/pay"] = [404]
    steps = [undone(partner, "order"), call(partner, "pay"), call(partner, "mail")]
    patched, skipped, dropped = (park(client, steps) for _ in range(3))
    inputs: dict[str, tuple[str, dict[str, Any]]] = {
        patched: ("retry", {"reason": "moved", "patch": {"pay": {"url": f"{partner.url}/pay2"}}}),
        skipped: ("skip", {"reason": "by phone", "output": {"by": "phone"}}),
        dropped: ("discard", {"reason": "withdrawn"}),
    }
    for id_, (name, given) in inputs.items():
        stack.temporal("workflow", "signal", "--workflow-id", id_, "--name", name, "--input", json.dumps(given))
    done = [client.wait(id_, timeout=60) for id_ in inputs]
    assert [(job.status, job.resolution) for job in done] == [
        ("COMPLETED", None),
        ("COMPLETED", None),
        ("FAILED", "DISMISSED"),
    ]
    assert partner.calls == {"/order": 3, "/pay": 3, "/pay2": 1, "/mail": 2, "/undo-order": 1}
    for id_, type_ in zip(inputs, ("JOB_RETRY_REQUESTED", "STEP_OVERRIDDEN", "JOB_DISCARDED"), strict=True):
        ((actor, reason),) = said(client, id_, type_)
        assert ("temporal-cli" in (actor or ""), reason) == (True, inputs[id_][1]["reason"])


def test_c3_the_end_of_the_retention_compensates_and_is_told(client: PerdureClient, partner: Partner) -> None:
    partner.answers["/pay"] = [404]
    steps = [undone(partner, "order"), call(partner, "pay")]
    id_ = client.submit({"name": "x", "steps": steps, "dead_letter": {"retention": "2s"}}).job.id
    done = client.wait(id_, timeout=60)
    assert (done.status, done.resolution) == ("FAILED", "EXPIRED")
    assert [step.status for step in done.steps] == ["COMPENSATED", "FAILED"]
    assert partner.calls == {"/order": 1, "/pay": 1, "/undo-order": 1}
    ((_, reason),) = said(client, id_, "JOB_DISCARDED")
    assert "retention" in reason


def test_c4_a_parent_of_a_parked_child_waits_and_completes_after_the_childs_retry(
    client: PerdureClient, partner: Partner
) -> None:
    partner.answers["/pay"] = [404, 200]
    child = {"name": "child", "steps": [call(partner, "pay")]}
    steps = [{"id": "sub", "type": "JOB", "with": {"job": child}}, call(partner, "mail")]
    parent = client.submit({"name": "parent", "steps": steps}).job.id
    until(client, parent, lambda job: job.steps[0].status == "RUNNING", 60)
    below = f"{parent}~sub"
    until(client, parent, lambda _: is_listed(client, below), 60)
    assert (client.get(parent).status, client.dead_letter(below).job.parent_id) == ("RUNNING", parent)
    client.retry(below, reason="the partner is back")
    assert client.wait(parent, timeout=60).status == "COMPLETED"
    assert partner.calls == {"/pay": 2, "/mail": 1}


def test_c5_one_step_is_skipped_the_other_retried_by_thirty_clients_and_a_signal_at_once(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    partner.answers.update({"/one": [404, 200], "/two": [404]})
    steps = [call(partner, "one", depends_on=[]), call(partner, "two", depends_on=[])]
    steps.append(call(partner, "three", depends_on=["one", "two"]))
    id_ = park(client, steps, 2)
    partner.delays["/one"] = 0.5

    def retry(_: int) -> str:
        with stack.client() as own:
            try:
                own.retry(id_, reason="now", steps=["one"])
            except ConflictError as refused:
                return refused.code
        return "taken"

    given = json.dumps({"steps": ["one"]})
    with ThreadPoolExecutor(31) as pool:
        bare = pool.submit(
            stack.temporal, "workflow", "signal", "--workflow-id", id_, "--name", "retry", "--input", given
        )
        answers = list(pool.map(retry, range(30)))
        client.skip(id_, "two", None, reason="not needed")
        bare.result()
    assert set(answers) <= {"taken", "API.JOB_NOT_PARKED", "API.JOB_CLOSED"}
    assert client.wait(id_, timeout=60).status == "COMPLETED"
    assert partner.calls == {"/one": 2, "/two": 1, "/three": 1}
    assert len(said(client, id_, "JOB_RETRY_REQUESTED")) == 1


def test_c5_a_compensation_that_fails_while_a_cancel_arrives_parks_and_is_brought_home(
    client: PerdureClient, partner: Partner
) -> None:
    partner.answers.update({"/bad": [404], "/undo-two": [404, 200]})
    partner.delays["/undo-two"] = 2
    id_ = park(client, [undone(partner, "one"), undone(partner, "two"), call(partner, "bad")])
    client.discard(id_, reason="withdrawn")
    until(client, id_, lambda _: partner.calls["/undo-two"] == 1, 60)
    client.cancel(id_, reason="and stop it")
    until(client, id_, lambda _: parked_units(client, id_) == ["two.compensate"], 60)
    assert partner.calls["/undo-one"] == 0
    client.retry(id_, reason="undo it now", steps=["two.compensate"])
    done = client.wait(id_, timeout=60)
    assert (done.status, done.resolution) == ("FAILED", "DISMISSED")
    assert [step.status for step in done.steps] == ["COMPENSATED", "COMPENSATED", "FAILED"]
    assert partner.calls == {"/one": 1, "/two": 1, "/bad": 1, "/undo-two": 2, "/undo-one": 1}
    assert said(client, id_, "JOB_CANCEL_REQUESTED") == [("key:admin", "and stop it")]
