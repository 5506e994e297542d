"""Acceptance C: a job that failed for good is brought home from outside."""

from typing import Any

import pytest

from perdure.client import PerdureClient
from perdure.client.error import ConflictError
from tests.acceptance.conftest import until, until_found
from tests.server.partner import Partner
from tests.server.stack import Stack


def spec(partner: Partner, **fields: Any) -> dict[str, Any]:
    steps = [
        {
            "id": id_,
            "type": "HTTP_CALL",
            "with": {"method": "POST", "url": f"{partner.url}/{id_}"},
            "retry": {"maximum_attempts": 2, "initial_interval": "20ms"},
        }
        for id_ in ("order", "pay", "mail")
    ]
    return {"name": "dead letter", "steps": steps, **fields}


def parked(client: PerdureClient, partner: Partner, *answers: int) -> str:
    partner.answers["/pay"] = list(answers)
    id_ = client.submit(spec(partner)).job.id
    until(client, id_, lambda job: job.status == "DEAD_LETTERED")
    return id_


def test_c1_a_dead_letter_has_its_context_and_a_bare_signal_from_the_temporal_cli_brings_it_home(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    id_ = parked(client, partner, 500, 500, 200)
    job = client.get(id_)
    assert job.error is not None
    assert (job.error.code, job.error.error_class, job.error.step_id) == ("STEP.HTTP.5XX", "TRANSIENT", "pay")
    assert job.error.fingerprint
    assert "pay" in (job.status_reason or "")
    pay = job.steps[1]
    assert (pay.status, [attempt.outcome for attempt in pay.attempts]) == ("DEAD_LETTERED", ["FAILED", "FAILED"])

    stack.temporal("workflow", "signal", "--workflow-id", id_, "--name", "retry")
    done = client.wait(id_, timeout=60)
    assert done.status == "COMPLETED"
    assert partner.calls == {"/order": 1, "/pay": 3, "/mail": 1}
    assert {key for keys in partner.keys.values() for key in keys} == {
        f"{id_}/{step}" for step in ("order", "pay", "mail")
    }

    rows = client.journal(id_).data
    asked = next(row for row in rows if row.type == "JOB_RETRY_REQUESTED")
    assert asked.actor
    assert "temporal-cli" in asked.actor
    assert [row.type for row in rows if row.type in ("STEP_PARKED", "JOB_DEAD_LETTERED", "JOB_RETRY_REQUESTED")] == [
        "STEP_PARKED",
        "JOB_DEAD_LETTERED",
        "JOB_RETRY_REQUESTED",
    ]


def test_c2_a_signal_by_query_retries_every_dead_letter(stack: Stack, client: PerdureClient, partner: Partner) -> None:
    ids = [parked(client, partner, 404) for _ in range(5)]
    partner.answers["/pay"] = [200]
    query = 'PerdureStatus="DEAD_LETTERED"'
    until_found(stack, query, ids)
    stack.temporal("workflow", "signal", "--query", query, "--name", "retry", "--reason", "partner is back", "--yes")
    assert {client.wait(id_, timeout=60).status for id_ in ids} == {"COMPLETED"}


def test_c3_a_retry_through_the_api_is_in_the_journal_with_actor_and_reason(
    client: PerdureClient, partner: Partner
) -> None:
    id_ = parked(client, partner, 404, 200)
    assert client.retry(id_, reason="invoice was mended").steps == ["pay"]
    assert client.wait(id_, timeout=60).status == "COMPLETED"
    asked = next(row for row in client.journal(id_).data if row.type == "JOB_RETRY_REQUESTED")
    assert (asked.actor, asked.data["reason"], asked.data["via"]) == ("key:admin", "invoice was mended", "update")


def test_c3_a_retry_of_a_job_that_is_not_parked_is_refused_with_its_state(
    client: PerdureClient, partner: Partner
) -> None:
    id_ = client.submit(spec(partner)).job.id
    client.wait(id_, timeout=60)
    with pytest.raises(ConflictError) as refused:
        client.retry(id_, reason="once more")
    assert "COMPLETED" in str(refused.value)


def test_a_job_without_dead_letter_fails_at_once(client: PerdureClient, partner: Partner) -> None:
    partner.answers["/pay"] = [404]
    done = client.wait(client.submit(spec(partner, dead_letter={"enabled": False})).job.id, timeout=60)
    assert done.error is not None
    assert (done.status, done.error.code) == ("FAILED", "STEP.HTTP.4XX")
    assert [step.status for step in done.steps] == ["COMPLETED", "FAILED", "OMITTED"]
