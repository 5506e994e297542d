"""Acceptance D: what the record says is what happened, whoever did it, and whatever was away meanwhile."""

import os
import signal
import time
from typing import Any

import pytest

from perdure.client import PerdureClient
from perdure.client.view import Job, JournalEntry
from tests.acceptance.conftest import until
from tests.server.partner import Partner
from tests.server.stack import Stack, running_stack

CITED = {
    "JOB_SUBMITTED": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
    "JOB_STARTED": "EVENT_TYPE_WORKFLOW_TASK_COMPLETED",
    "JOB_COMPLETED": "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED",
    "JOB_CANCEL_REQUESTED": "EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED",
    "JOB_CANCELED": "EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED",
    "JOB_TERMINATED": "EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED",
    "STEP_SCHEDULED": "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED",
    "STEP_STARTED": "EVENT_TYPE_ACTIVITY_TASK_STARTED",
    "STEP_WAITING": "EVENT_TYPE_TIMER_STARTED",
    "STEP_PARKED": "EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED",
    "STEP_SKIPPED": "EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED",
    "STEP_OMITTED": "EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED",
    "JOB_DEAD_LETTERED": "EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED",
    "JOB_RETRY_REQUESTED": "EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED",
}
COMPLETING = {"EVENT_TYPE_ACTIVITY_TASK_COMPLETED", "EVENT_TYPE_TIMER_FIRED"}
NAP = {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}


def cited(stack: Stack, job_id: str, rows: list[JournalEntry]) -> list[tuple[str, str]]:
    history = stack.history(job_id)
    return [(row.type, history[row.event_id or 0]["eventType"]) for row in rows]


def rows_of(client: PerdureClient, job_id: str, last: str) -> list[JournalEntry]:
    """The journal, once its last row is there."""
    deadline = time.monotonic() + 20
    while True:
        rows = client.journal(job_id, limit=200).data
        if rows and rows[-1].type == last:
            return rows
        assert time.monotonic() < deadline, [row.type for row in rows]
        time.sleep(0.05)


def test_d1_every_journal_row_cites_the_event_that_says_the_same(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    partner.answers["/pay"] = [500, 404, 200]
    quick = {"initial_interval": "10ms"}
    steps: list[dict[str, Any]] = [
        {"id": "never", "type": "LOG", "with": {"message": "no"}, "when": "${ input.go }"},
        {"id": "nap", "type": "SLEEP", "with": {"duration": "50ms"}},
        {"id": "pay", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/pay"}, "retry": quick},
    ]
    id_ = client.submit({"name": "record", "steps": steps, "input": {"go": False}}).job.id
    until(client, id_, lambda job: job.status == "DEAD_LETTERED")
    client.retry(id_, reason="mended")
    client.wait(id_, timeout=30)
    rows = rows_of(client, id_, "JOB_COMPLETED")
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    for type_, event in cited(stack, id_, rows):
        if type_ == "STEP_COMPLETED":
            assert event in COMPLETING
        elif type_ == "STEP_ATTEMPT_FAILED":
            assert event in {"EVENT_TYPE_ACTIVITY_TASK_FAILED", "EVENT_TYPE_ACTIVITY_TASK_COMPLETED"}
        else:
            assert event == CITED[type_]
    types = [row.type for row in rows]
    assert types[:3] == ["JOB_SUBMITTED", "JOB_STARTED", "STEP_SKIPPED"]
    assert types.count("STEP_ATTEMPT_FAILED") == 2
    assert {"STEP_PARKED", "JOB_RETRY_REQUESTED", "STEP_WAITING"} <= set(types)


def test_d1_terminate_from_the_temporal_cli_shows_within_five_seconds(stack: Stack, client: PerdureClient) -> None:
    id_ = client.submit({"name": "idle", "steps": [NAP]}).job.id
    until(client, id_, lambda job: job.status == "WAITING")
    stack.temporal("workflow", "terminate", "--workflow-id", id_, "--reason", "wrong order")
    job = until(client, id_, lambda job: job.status == "TERMINATED", seconds=5)
    assert "wrong order" in (job.status_reason or "")
    last = rows_of(client, id_, "JOB_TERMINATED")[-1]
    assert "temporal-cli" in (last.actor or "")
    assert last.data["reason"] == "wrong order"


def test_cancel_from_the_temporal_cli_shows_who_and_ends_the_job(stack: Stack, client: PerdureClient) -> None:
    id_ = client.submit({"name": "idle", "steps": [NAP]}).job.id
    until(client, id_, lambda job: job.status == "WAITING")
    stack.temporal("workflow", "cancel", "--workflow-id", id_)
    until(client, id_, lambda job: job.status == "CANCELED", seconds=5)
    asked = next(row for row in rows_of(client, id_, "JOB_CANCELED") if row.type == "JOB_CANCEL_REQUESTED")
    assert "temporal-cli" in (asked.actor or "")


def test_cancel_through_the_api_has_actor_and_reason(client: PerdureClient) -> None:
    id_ = client.submit({"name": "idle", "steps": [NAP]}).job.id
    client.cancel(id_, reason="ordered twice")
    job = client.wait(id_, timeout=20)
    assert (job.status, job.steps[0].status) in {("CANCELED", "CANCELED"), ("CANCELED", "OMITTED")}
    asked = next(row for row in rows_of(client, id_, "JOB_CANCELED") if row.type == "JOB_CANCEL_REQUESTED")
    assert (asked.actor, asked.data["reason"]) == ("key:admin", "ordered twice")


def test_b11_attempts_of_a_step_terminated_in_backoff_are_shown(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    partner.answers["/x"] = [500]
    retry = {"maximum_attempts": 9, "initial_interval": "50ms", "backoff_coefficient": 40, "jitter": 0}
    step = {"id": "x", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/x"}, "retry": retry}
    id_ = client.submit({"name": "backoff", "steps": [step]}).job.id
    until(client, id_, lambda job: job.steps[0].attempt_count == 3 and job.status == "RETRYING")
    stack.temporal("workflow", "terminate", "--workflow-id", id_)
    job = until(client, id_, lambda job: job.status == "TERMINATED", seconds=5)
    assert [attempt.outcome for attempt in job.steps[0].attempts] == ["FAILED"] * 3


def settled(client: PerdureClient, ids: list[str]) -> list[Job]:
    return [client.wait(id_, timeout=60) for id_ in ids]


@pytest.mark.slow
def test_the_record_catches_up_after_postgres_worker_and_api_were_killed(
    tmp_path_factory: pytest.TempPathFactory, partner: Partner
) -> None:
    steps = [
        {"id": "a", "type": "HTTP_CALL", "with": {"method": "POST", "url": f"{partner.url}/a"}},
        {"id": "nap", "type": "SLEEP", "with": {"duration": "2s"}},
        {"id": "b", "type": "HTTP_CALL", "with": {"method": "POST", "url": f"{partner.url}/b"}},
    ]
    home = tmp_path_factory.mktemp("kill")
    with running_stack(home, PERDURE_HTTP_ALLOWED_HOSTS="127.0.0.1") as own, own.client() as client:
        ids: list[str] = []
        for victim in ("postgres", "worker", "api", "temporal"):
            ids += [client.submit({"name": "kill", "steps": steps}).job.id for _ in range(5)]
            os.kill(getattr(own.info.pids, victim), signal.SIGKILL)
            wait_until_well(own, victim)
        jobs = settled(client, ids)
        assert {job.status for job in jobs} == {"COMPLETED"}
        for id_ in ids:
            rows = rows_of(client, id_, "JOB_COMPLETED")
            assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    for path in ("/a", "/b"):
        assert set(partner.keys[path]) == {f"{id_}{path}" for id_ in ids}


def wait_until_well(own: Stack, victim: str) -> None:
    """Wait until the killed process was replaced and the API answers again."""
    deadline = time.monotonic() + 40
    killed = getattr(own.info.pids, victim)
    while True:
        try:
            with own.client() as client:
                client.list(limit=1)
            if getattr(own.info.pids, victim) != killed:
                return
        except Exception:  # noqa: BLE001  not yet
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
