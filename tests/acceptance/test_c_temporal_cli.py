"""Acceptance C2: the `temporal` CLI alone brings parked jobs home, ends and resets them; all that is shown is right."""

from typing import Any
from uuid import uuid4

import pytest

from perdure.client import PerdureClient
from perdure.client.view import Job
from tests.acceptance.conftest import until, until_found
from tests.server.partner import Partner
from tests.server.stack import Stack


def parked(client: PerdureClient, partner: Partner, *answers: int, **fields: Any) -> str:
    """A job whose second step is parked and listed so."""
    path = f"/{uuid4().hex}"
    partner.answers[path] = list(answers)
    steps = [
        {"id": id_, "type": "HTTP_CALL", "with": {"method": "POST", "url": partner.url + to}, "retry": policy}
        for id_, to, policy in (("order", "/order", {}), ("pay", path, {"maximum_attempts": 1}))
    ]
    id_ = client.submit({"name": "parked", "steps": steps, **fields}).job.id
    until(client, id_, lambda _: id_ in listed(client), 60)
    return id_


def listed(client: PerdureClient) -> list[str]:
    return [row.id for row in client.dead_letters(limit=200).data]


def gone_as(client: PerdureClient, job_id: str, status: str) -> Job:
    """The job once it is listed no more, and has ended so."""
    job = until(client, job_id, lambda job: job.status == status and job_id not in listed(client), 60)
    assert all(step.status != "DEAD_LETTERED" for step in job.steps) or status == "TERMINATED"
    return job


def test_c2_a_signal_by_query_means_only_what_the_query_says(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    chosen, other = (parked(client, partner, 404, 200, correlation_id=f"c-{uuid4().hex}") for _ in range(2))
    wanted = client.get(chosen).correlation_id
    query = f'PerdureStatus="DEAD_LETTERED" AND PerdureCorrelationId="{wanted}"'
    until_found(stack, query, [chosen])
    stack.temporal("workflow", "signal", "--query", query, "--name", "retry", "--reason", "x", "--yes")
    gone_as(client, chosen, "COMPLETED")
    assert (client.get(other).status, other in listed(client)) == ("DEAD_LETTERED", True)


@pytest.mark.parametrize(
    ("verb", "ended"),
    [("terminate", ("TERMINATED", "JOB_TERMINATED")), ("cancel", ("CANCELED", "JOB_CANCEL_REQUESTED"))],
)
def test_an_end_from_the_temporal_cli_takes_a_parked_job_off_the_list(
    stack: Stack, client: PerdureClient, partner: Partner, verb: str, ended: tuple[str, str]
) -> None:
    status, told = ended
    id_ = parked(client, partner, 404)
    stack.temporal("workflow", verb, "--workflow-id", id_, *(("--reason", "enough") if verb == "terminate" else ()))
    job = gone_as(client, id_, status)
    assert job.steps[1].error is not None
    assert job.steps[1].error.code == "STEP.HTTP.4XX"
    (row,) = [row for row in client.journal(id_, limit=200).data if row.type == told]
    assert "temporal-cli" in (row.actor or "")


def test_a_reset_from_the_temporal_cli_does_a_parked_job_again_from_its_start(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    id_ = parked(client, partner, 404, 404, 200)
    before = client.dead_letter(id_).parked[0].parked_at
    to_start = ("--type", "FirstWorkflowTask", "--reason", "again")
    stack.temporal("workflow", "reset", "--workflow-id", id_, *to_start)

    def parked_again(_: Job) -> bool:
        rows = [row for row in client.dead_letters(limit=200).data if row.id == id_]
        return bool(rows) and rows[0].parked_at > before

    until(client, id_, parked_again, 60)
    assert client.dead_letter(id_).parked_count == 1
    client.retry(id_, reason="the partner is back")
    gone_as(client, id_, "COMPLETED")
    types = [row.type for row in client.journal(id_, limit=200).data]
    assert types.count("JOB_RESET") == 1
    assert types.index("JOB_RESET") > types.index("STEP_PARKED")
    assert partner.calls["/order"] == 2
