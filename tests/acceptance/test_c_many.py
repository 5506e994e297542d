"""Acceptance C3 and C6 from outside: decisions by the CLI, many at once, across killed processes."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest

from perdure.client import PerdureClient
from perdure.client.bulk import BulkAction
from perdure.client.error import ClientError
from tests.acceptance.conftest import until
from tests.server.partner import Partner
from tests.server.stack import Stack, environment

WHY = ("--reason", "the partner is back")


def cli(stack: Stack, *words: str, code: int = 0) -> str:
    """`perdure …` against the stack; what it prints."""
    env = environment(PERDURE_SERVER=stack.info.api_url, PERDURE_API_KEY=stack.api_key)
    done = subprocess.run(
        [sys.executable, "-m", "perdure.cli", *words], capture_output=True, text=True, timeout=120, check=False, env=env
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def read(stack: Stack, *words: str) -> Any:
    return json.loads(cli(stack, *words, "-o", "json"))


def call(partner: Partner, id_: str, path: str) -> dict[str, Any]:
    with_ = {"method": "POST", "url": f"{partner.url}{path}"}
    # A refusal parks at once; an attempt that a killed worker takes with it is repeated.
    retry = {"maximum_attempts": 3, "initial_interval": "20ms", "non_retryable_errors": ["STEP.HTTP.*"]}
    return {"id": id_, "type": "HTTP_CALL", "with": with_, "retry": retry, "heartbeat_timeout": "5s"}


def park(client: PerdureClient, partner: Partner, number: int, run: str) -> list[str]:
    ids = []
    for count in range(number):
        partner.answers[f"/{run}/{count}"] = [500, 200]
        spec = {"name": "pay", "labels": {"run": run}, "steps": [call(partner, "pay", f"/{run}/{count}")]}
        ids.append(client.submit(spec).job.id)
    for id_ in ids:
        until(client, id_, lambda job: job.status == "DEAD_LETTERED")
    return ids


def told(client: PerdureClient, job_id: str, type_: str) -> list[tuple[str | None, Any]]:
    return [(row.actor, row.data.get("reason")) for row in client.journal(job_id, limit=200).data if row.type == type_]


def test_c3_retry_with_a_patch_skip_and_discard_by_the_cli_each_say_who_and_why(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    run = uuid4().hex
    patched, skipped, dropped = park(client, partner, 3, run)
    patch = json.dumps({"pay": {"url": f"{partner.url}/elsewhere"}})
    cli(stack, "dead-letters", "retry", patched, *WHY, "--patch", patch)
    cli(stack, "dead-letters", "skip", skipped, *WHY, "--step", "pay", "--with-output", '{"by": "phone"}')
    cli(stack, "dead-letters", "discard", dropped, *WHY, "--yes")
    assert client.wait(patched, timeout=60).status == "COMPLETED"
    assert partner.calls["/elsewhere"] == 1
    assert client.wait(skipped, timeout=60).steps[0].output == {"by": "phone"}
    assert client.wait(dropped, timeout=60).resolution == "DISMISSED"
    for job_id, type_ in ((patched, "JOB_RETRY_REQUESTED"), (skipped, "STEP_OVERRIDDEN"), (dropped, "JOB_DISCARDED")):
        assert told(client, job_id, type_) == [("key:admin", "the partner is back")]


def test_c6_groups_dry_run_canary_and_rate_by_the_cli(stack: Stack, client: PerdureClient, partner: Partner) -> None:
    run = uuid4().hex
    ids = park(client, partner, 6, run)
    group = read(stack, "dead-letters", "groups", "--label", f"run={run}")["data"][0]
    assert (group["count"], group["jobs"], group["error"]["code"]) == (6, 6, "STEP.HTTP.5XX")
    entry = read(stack, "dead-letters", "get", group["example"])
    assert entry["parked"][0]["attempts"][0]["outcome"] == "FAILED"
    chosen = ("--fingerprint", group["fingerprint"], "--label", f"run={run}")
    assert read(stack, "bulk-actions", "start", "retry", *chosen, *WHY, "--dry-run")["total"] == 6
    assert sum(partner.calls.values()) == 6
    begun = time.monotonic()
    done = read(stack, "bulk-actions", "start", "retry", *chosen, *WHY, "--canary", "2", "--rate", "4", "--yes")
    assert (done["status"], done["counts"]) == ("COMPLETED", {"ACCEPTED": 6})
    assert time.monotonic() - begun > 1.25
    assert {client.wait(id_, timeout=60).status for id_ in ids} == {"COMPLETED"}
    assert set(partner.calls.values()) == {2}
    assert done["id"] in cli(stack, "bulk-actions", "list")
    assert "6 accepted of 6 jobs" in cli(stack, "bulk-actions", "get", done["id"])


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_c6_a_bulk_action_outlives_killed_workers_and_apis_and_decides_once(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    run = uuid4().hex
    ids = park(client, partner, 40, run)
    words = ("bulk-actions", "start", "retry", "--label", f"run={run}", *WHY, "--rate", "8", "--no-wait", "--yes")
    action = read(stack, *words)
    _until_accepted(client, action["id"], 8)
    for part in ("worker", "api"):
        os.kill(getattr(stack.info.pids, part), signal.SIGKILL)
    done = _until_accepted(client, action["id"], 40)
    assert (done.counts, done.total) == ({"ACCEPTED": 40}, 40)
    with stack.client() as again:
        assert {again.wait(id_, timeout=120).status for id_ in ids} == {"COMPLETED"}
        reason = f"the partner is back (bulk action {action['id']})"
        assert {tuple(told(again, id_, "JOB_RETRY_REQUESTED")) for id_ in ids} == {(("key:admin", reason),)}
    # What was under way at the kill is repeated with the same key; nothing else is.
    assert {len(set(keys)) for keys in partner.keys.values()} == {1}


def _until_accepted(client: PerdureClient, action_id: str, number: int) -> BulkAction:
    deadline = time.monotonic() + 180
    while True:
        with suppress(ClientError):  # the API is being started again
            seen = client.bulk_action(action_id)
            if seen.counts.get("ACCEPTED", 0) >= number and (number < 40 or seen.final):
                return seen
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize("effect", ["idempotent", "at_most_once"])  # repeated by Temporal, and by the workflow
def test_retrying_jobs_are_listed_apart_hurried_and_given_up(
    stack: Stack, client: PerdureClient, partner: Partner, effect: str
) -> None:
    partner.answers["/slow"] = [500]
    retry = {"initial_interval": "1h", "maximum_attempts": 5}
    step = {**call(partner, "slow", "/slow"), "retry": retry, "effect": effect}
    id_ = client.submit({"name": "slow", "steps": [step]}).job.id
    until(client, id_, lambda job: job.status == "RETRYING")
    deadline = time.monotonic() + 60
    while not (rows := [row for row in read(stack, "dead-letters", "retrying")["data"] if row["id"] == id_]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [(unit["unit"], unit["attempt"]) for unit in rows[0]["retrying"]] == [("slow", 2)]
    assert id_ not in [row["id"] for row in read(stack, "dead-letters", "list")["data"]]
    cli(stack, "dead-letters", "retry-now", id_, *WHY)
    until(client, id_, lambda job: job.steps[0].attempt_count == 2 and job.status == "RETRYING", seconds=60)
    assert partner.calls["/slow"] == 2
    cli(stack, "dead-letters", "give-up", id_, *WHY, "--step", "slow")
    job = until(client, id_, lambda job: job.status == "DEAD_LETTERED", seconds=60)
    assert job.steps[0].attempt_count == 2
    for type_ in ("STEP_ATTEMPTED_NOW", "STEP_GIVEN_UP"):
        assert told(client, id_, type_) == [("key:admin", "the partner is back")]
