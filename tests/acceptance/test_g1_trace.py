"""Acceptance G1: one trace a job, seen by a real receiver of traces."""

import os
import secrets
import signal
import time
from typing import Any

import httpx
import pytest

from perdure.client import PerdureClient
from tests.acceptance.conftest import until
from tests.acceptance.traced import SECRET, Submit, call, client, complete, receiver, retries, submit, traced, whole
from tests.server.otlp import Receiver, children, tree
from tests.server.partner import Partner
from tests.server.stack import Stack

__all__ = ["client", "receiver", "submit", "traced"]


PAYLOAD = "payload-nobody-else-may-see"
FIXED = {"job_id", "step_id", "attempt", "status", "trace_id", "tenant"}


def test_g1_one_trace_from_the_request_to_the_last_step_with_its_retries_and_calls(
    receiver: Receiver, client: PerdureClient, submit: Submit, partner: Partner
) -> None:
    partner.answers["/pay"] = [503, 503, 200]
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    job = submit(
        {"id": "hello", "type": "LOG", "with": {"message": "hello"}},
        {"id": "nap", "type": "SLEEP", "with": {"duration": "50ms"}},
        call(partner, "pay", retry=retries(4)),
        traceparent=f"00-{trace_id}-{caller}-01",
    )
    assert client.wait(job["id"], timeout=60).status == "COMPLETED"
    assert job["trace_id"] == trace_id
    spans, own = complete(receiver, job)

    (request,) = [span for span in spans if span.kind == "SERVER"]
    assert (request.name, request.parent_id, request.service) == ("POST /v1/jobs", caller, "perdure-api")
    assert (request["http.response.status_code"], request["job_id"]) == (202, job["id"])
    assert children(spans, request) == [own]
    assert (own.name, own["status"], own["attempts"], own["retry_count"]) == ("job order", "COMPLETED", 4, 2)
    under = children(spans, own)
    assert [(span.name, span["attempt"], span["status"], span["error_code"]) for span in under] == [
        ("LOG hello", 1, "COMPLETED", None),
        ("SLEEP nap", None, "COMPLETED", None),
        ("HTTP_CALL pay", 1, "FAILED", "STEP.HTTP.THROTTLED"),
        ("HTTP_CALL pay", 2, "FAILED", "STEP.HTTP.THROTTLED"),
        ("HTTP_CALL pay", 3, "COMPLETED", None),
    ]
    assert [span.failed for span in under] == [False, False, True, True, False]
    assert own.start <= under[0].start <= under[-1].end <= own.end + 0.05
    assert under[1].end - under[1].start >= 0.05

    calls = [found for attempt in under for found in children(spans, attempt)]
    assert [(span.name, span.kind, span["http.response.status_code"]) for span in calls] == [
        ("POST", "CLIENT", 503),
        ("POST", "CLIENT", 503),
        ("POST", "CLIENT", 200),
    ]
    assert partner.traceparents["/pay"] == [f"00-{trace_id}-{span.span_id}-01" for span in calls]
    assert len(spans) == 2 + len(under) + len(calls), tree(spans)
    for span in [*under[2:], *calls]:
        assert span.attributes.keys() >= FIXED - ({"status"} if span.kind == "CLIENT" else set())
        assert (span["trace_id"], span["tenant"], span["step_id"]) == (trace_id, "default", "pay")


def test_g1_what_people_decide_is_in_the_trace_with_who_and_why(
    receiver: Receiver, traced: Stack, client: PerdureClient, submit: Submit, partner: Partner
) -> None:
    partner.answers["/pay"] = [500, 500, 200]
    job = submit(call(partner, "pay", retry=retries(1)))
    until(client, job["id"], lambda seen: seen.status == "DEAD_LETTERED")
    parked = receiver.until(job["trace_id"], lambda found: any(span.name == "dead letter" for span in found))
    assert not whole(parked, job["id"])  # told while the job waits, not when it ends
    client.retry(job["id"], reason="the bank is back")
    until(client, job["id"], lambda seen: seen.status == "DEAD_LETTERED" and seen.steps[0].round == 2)
    traced.temporal("workflow", "signal", "--workflow-id", job["id"], "--name", "retry")
    client.wait(job["id"], timeout=60)

    spans, own = complete(receiver, job)
    under = [(span.name, span["round"], span["status"]) for span in children(spans, own)]
    assert under == [
        ("HTTP_CALL pay", 1, "FAILED"),
        ("dead letter", None, "DEAD_LETTERED"),
        ("retry", None, under[2][2]),
        ("HTTP_CALL pay", 2, "FAILED"),
        ("dead letter", None, "DEAD_LETTERED"),
        ("retry", None, under[5][2]),
        ("HTTP_CALL pay", 3, "COMPLETED"),
    ]
    asked, signalled = (span for span in children(spans, own) if span.name == "retry")
    assert (asked["actor"], asked["reason"], asked.service) == ("key:admin", "the bank is back", "perdure-api")
    ((asking_trace, asking_span),) = asked.links
    requests = receiver.until(asking_trace, lambda found: any(span.span_id == asking_span for span in found))
    (request,) = [span for span in requests if span.span_id == asking_span]
    assert (request.name, request["job_id"]) == ("POST /v1/jobs/{job_id}/retry", job["id"])
    assert "temporal-cli" in signalled["actor"]


def test_g1_a_canceled_job_tells_who_canceled_it(receiver: Receiver, client: PerdureClient, submit: Submit) -> None:
    job = submit({"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}})
    until(client, job["id"], lambda seen: seen.status == "WAITING")
    client.cancel(job["id"], reason="ordered twice")
    client.wait(job["id"], timeout=60)
    spans, own = complete(receiver, job)
    spans = receiver.until(job["trace_id"], lambda found: any(span.name == "cancel" for span in found))
    asked = next(span for span in spans if span.name == "cancel")
    assert (asked.parent_id, asked["actor"], asked["reason"]) == (own.span_id, "key:admin", "ordered twice")
    assert (own["status"], own.failed) == ("CANCELED", False)
    assert [(span.name, span["status"]) for span in children(spans, own) if span is not asked] == [
        ("SLEEP nap", "CANCELED")
    ]


@pytest.mark.parametrize("way", ["dependent", "step"])
def test_g1_a_child_job_is_under_the_job_that_started_it(
    receiver: Receiver, client: PerdureClient, submit: Submit, partner: Partner, way: str
) -> None:
    receipt = {"name": "receipt", "steps": [call(partner, "mail")]}
    if way == "dependent":
        job = submit(call(partner, "pay"), dependents=[{"name": "receipt", "when": "success", "job": receipt}])
    else:
        job = submit({"id": "receipt", "type": "JOB", "with": {"job": receipt}})
    client.wait(job["id"], timeout=60)
    child = client.wait(f"{job['id']}{'~~' if way == 'dependent' else '~'}receipt", timeout=60)
    assert child.trace_id == job["trace_id"]
    receiver.until(job["trace_id"], lambda found: whole(found, child.id))
    spans, own = complete(receiver, job)
    below = whole(spans, child.id)
    assert below
    assert (below.parent_id, below["parent_job_id"]) == (own.span_id, job["id"])
    (attempt,) = children(spans, below)
    assert (attempt["job_id"], attempt["parent_job_id"]) == (child.id, job["id"])
    assert [found["job_id"] for found in children(spans, attempt)] == [child.id]


def test_g1_of_traces_that_are_not_sampled_failures_are_exported_and_nothing_else(
    receiver: Receiver, client: PerdureClient, submit: Submit, partner: Partner
) -> None:
    def unsampled() -> str:
        return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"

    partner.answers["/broken"] = [500]
    good = submit(call(partner, "fine"), traceparent=unsampled())
    bad = submit(
        call(partner, "before"),
        call(partner, "broken", retry=retries(2)),
        traceparent=unsampled(),
        dead_letter={"enabled": False},
    )
    assert client.wait(good["id"], timeout=60).status == "COMPLETED"
    assert client.wait(bad["id"], timeout=60).status == "FAILED"
    assert partner.traceparents["/fine"] == [partner.traceparents["/fine"][0]]
    assert str(partner.traceparents["/fine"][0]).endswith("-00")

    spans = receiver.until(bad["trace_id"], lambda found: whole(found, bad["id"]))
    own = whole(spans, bad["id"])
    assert own
    assert (own.failed, own.status, own["error_code"]) == (True, "STEP.HTTP.5XX", "STEP.HTTP.5XX")
    assert [(span.name, span["attempt"]) for span in children(spans, own)] == [
        ("HTTP_CALL broken", 1),
        ("HTTP_CALL broken", 2),
    ]
    # Whatever is told of the good one was told before that of the bad one, in the same batches or earlier ones.
    assert receiver.trace(good["trace_id"]) == []


def test_g1_a_job_that_was_parked_is_exported_though_it_ended_well(
    receiver: Receiver, client: PerdureClient, submit: Submit, partner: Partner
) -> None:
    partner.answers["/pay"] = [500, 200]
    traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    job = submit(call(partner, "pay", retry=retries(1)), traceparent=traceparent)
    until(client, job["id"], lambda seen: seen.status == "DEAD_LETTERED")
    client.retry(job["id"])
    client.wait(job["id"], timeout=60)
    spans = receiver.until(job["trace_id"], lambda found: whole(found, job["id"]))
    own = whole(spans, job["id"])
    assert own
    assert (own.failed, own["status"], own["perdure.kept"]) == (False, "COMPLETED", True)
    assert [span.name for span in children(spans, own)] == ["HTTP_CALL pay", "dead letter", "retry"]


def test_g1_the_trace_id_is_in_job_journal_and_logs_though_the_client_sent_none(
    traced: Stack, client: PerdureClient, submit: Submit
) -> None:
    job = submit({"id": "hello", "type": "LOG", "with": {"message": "hello"}})
    assert len(job["trace_id"]) == 32
    done = client.wait(job["id"], timeout=60)
    assert done.trace_id == job["trace_id"]
    assert job["links"]["trace"] == f"http://jaeger.example/trace/{job['trace_id']}"
    assert {row["trace_id"] for row in _journal(traced, job["id"])} == {job["trace_id"]}
    for service in ("api", "worker"):
        lines = (traced.directory / ".perdure" / "log" / f"{service}.log").read_text().splitlines()
        assert any(job["trace_id"] in line for line in lines)


def _journal(stack: Stack, job_id: str) -> list[dict[str, Any]]:
    """The rows, once the projection has the last one."""
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    deadline = time.monotonic() + 60
    while True:
        answer = httpx.get(f"{stack.info.api_url}/v1/jobs/{job_id}/journal", headers=headers, trust_env=False)
        rows: list[dict[str, Any]] = answer.json()["data"]
        if rows and rows[-1]["type"] == "JOB_COMPLETED":
            return rows
        assert time.monotonic() < deadline, rows
        time.sleep(0.05)


def test_g1_a_problem_names_the_trace_of_its_request(receiver: Receiver, traced: Stack) -> None:
    answer = httpx.get(f"{traced.info.api_url}/v1/jobs/none", trust_env=False)
    problem = answer.json()
    spans = receiver.until(problem["trace_id"], lambda found: found)
    assert [(span.name, span["http.response.status_code"], span.failed) for span in spans] == [
        ("GET /v1/jobs/{job_id}", 401, False)
    ]


def test_g1_no_secret_and_no_payload_is_in_any_span(
    receiver: Receiver, client: PerdureClient, submit: Submit, partner: Partner
) -> None:
    partner.answers[f"/{PAYLOAD}/fails"] = [500]
    url = f"{partner.url}/{PAYLOAD}/fails?token={PAYLOAD}"
    job = submit(
        {"id": "say", "type": "LOG", "with": {"message": PAYLOAD, "fields": {"x": "${ input.x }"}}},
        {
            "id": "tell",
            "type": "HTTP_CALL",
            "with": {
                "method": "POST",
                "url": url,
                "headers": {"Authorization": "Bearer ${ secrets.PARTNER }"},
                "json": {"x": "${ input.x }"},
            },
            "retry": retries(1),
        },
        # The secret becomes a part of the host, which is told: a name that does not resolve.
        call(
            partner,
            "host",
            with_={"url": "http://${ secrets.PARTNER }.invalid/"},
            depends_on=[],
            retry=retries(1),
        ),
        input={"x": PAYLOAD},
        labels={"note": PAYLOAD},
        dead_letter={"enabled": False},
    )
    client.wait(job["id"], timeout=60)
    spans, _ = complete(receiver, job)
    receiver.until(job["trace_id"], lambda found: len([span for span in found if span.kind == "CLIENT"]) == 2)
    assert len(spans) >= 4
    for span in receiver.spans:
        told = span.raw.decode("latin-1")
        assert SECRET not in told
        assert PAYLOAD not in told
    hosts = {span["server.address"] for span in receiver.trace(job["trace_id"]) if span.kind == "CLIENT"}
    assert hosts == {"127.0.0.1", "***.invalid"}


@pytest.mark.slow
def test_g1_an_attempt_that_was_lost_with_its_worker_is_in_the_trace(
    receiver: Receiver, traced: Stack, client: PerdureClient, submit: Submit, partner: Partner
) -> None:
    partner.delays["/long"] = 60
    job = submit(call(partner, "long", heartbeat_timeout="2s", retry=retries(3), with_={"timeout": "90s"}))
    deadline = time.monotonic() + 60
    while not partner.calls["/long"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)  # until its first heartbeat: an attempt that is lost before says nothing of itself
    lost = traced.info.pids.worker
    partner.delays.clear()
    os.kill(lost, signal.SIGKILL)
    done = client.wait(job["id"], timeout=60)
    assert [attempt.outcome for attempt in done.steps[0].attempts] == ["LOST", "COMPLETED"]
    spans, own = complete(receiver, job)
    first, second = children(spans, own)
    assert (first["attempt"], first["error_code"], first["status"]) == (1, "WORKER.LOST", "LOST")
    assert (first.failed, str(first["worker"]).endswith(f"/{lost}")) == (True, True)
    assert first.end - first.start >= 0.5
    assert (second["attempt"], second["status"]) == (2, "COMPLETED")
