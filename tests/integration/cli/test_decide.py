"""Decisions by the command line on a real stack: park, patch, skip, discard, pause, deliver, approve, do again."""

import json
from typing import Any

from tests.integration.cli.conftest import Cli
from tests.integration.cli.test_jobs import answered, until

FAIL = {"id": "book", "type": "FAIL", "with": {"code": "STEP.CLOSED", "message": "the depot is closed"}}
LOG = {"id": "note", "type": "LOG", "with": {"message": "x"}}
WAIT = {"id": "paid", "type": "WAIT", "with": {"name": "payment"}}
ASK = {"id": "release", "type": "APPROVAL", "with": {"allow_self_approval": True}}
WHY = ("--reason", "the depot has opened")


def submit(cli: Cli, key: str, *steps: dict[str, Any]) -> None:
    done = cli("jobs", "submit", "-", "--id", key, stdin={"name": "decided", "steps": steps})
    assert done.returncode == 0, done.stderr


def status(cli: Cli, key: str, wanted: str) -> dict[str, Any]:
    job: dict[str, Any] = until(
        lambda: answered(cli("jobs", "get", key, "-o", "json")), lambda job: bool(job["status"] == wanted)
    )
    return job


def told(cli: Cli, key: str, type_: str) -> Any:
    """Actor and reason of the journal row of this type."""

    def rows() -> list[Any]:
        found = answered(cli("jobs", "get", key, "--journal", "-o", "json"))["data"]
        return [(row["actor"], row["data"].get("reason")) for row in found if row["type"] == type_]

    return until(rows, bool)[0]


def test_c3_a_patch_brings_a_parked_job_home(cli: Cli, key: str) -> None:
    submit(cli, key, FAIL, LOG)
    status(cli, key, "DEAD_LETTERED")
    wrong = cli("dead-letters", "retry", key, *WHY, "--patch", '{"book": {"tims": 1}}')
    assert (wrong.returncode, "$.patch.book.tims" in wrong.stderr) == (1, True)
    done = cli("dead-letters", "retry", key, *WHY, "--patch", '{"book": {"times": 1}}')
    assert (done.returncode, done.stdout) == (0, f"default:{key} tries again: book\n")
    status(cli, key, "COMPLETED" if cli("jobs", "watch", key).returncode == 0 else "DEAD_LETTERED")
    assert told(cli, key, "JOB_RETRY_REQUESTED") == ("key:admin", WHY[1])


def test_c3_skip_and_discard_say_who_and_why(cli: Cli, key: str) -> None:
    for name in (f"{key}-a", f"{key}-b"):
        submit(cli, name, FAIL, LOG)
        status(cli, name, "DEAD_LETTERED")
    skipped = cli("dead-letters", "skip", f"{key}-a", *WHY, "--step", "book", "--with-output", '{"by": "phone"}')
    assert skipped.returncode == 0, skipped.stderr
    assert status(cli, f"{key}-a", "COMPLETED")["steps"][0]["output"] == {"by": "phone"}
    assert told(cli, f"{key}-a", "STEP_OVERRIDDEN") == ("key:admin", WHY[1])
    assert cli("dead-letters", "discard", f"{key}-b", *WHY, "--yes").returncode == 0
    assert status(cli, f"{key}-b", "FAILED")["resolution"] == "DISMISSED"
    assert told(cli, f"{key}-b", "JOB_DISCARDED") == ("key:admin", WHY[1])
    late = cli("dead-letters", "discard", f"{key}-b", *WHY)
    assert (late.returncode, "API.JOB_CLOSED" in late.stderr) == (1, True)


def test_pause_deliver_resume_and_approve(cli: Cli, key: str) -> None:
    submit(cli, key, WAIT, ASK)
    status(cli, key, "WAITING")
    assert cli("jobs", "pause", key).returncode == 0
    status(cli, key, "PAUSED")
    delivered = cli("jobs", "deliver", key, "payment", "--payload", '{"amount": 19.99}')
    assert delivered.returncode == 0, delivered.stderr
    assert cli("jobs", "deliver", key, "nothing").returncode == 1
    assert cli("jobs", "resume", key).returncode == 0
    assert "API.JOB_NOT_PAUSED" in cli("jobs", "resume", key).stderr
    until(lambda: cli("jobs", "approve", key, *WHY).returncode, lambda code: code == 0)
    job = status(cli, key, "COMPLETED")
    assert job["steps"][0]["output"] == {"amount": 19.99}
    assert job["steps"][1]["output"]["approved"] is True


def test_terminate_and_resubmit(cli: Cli, key: str) -> None:
    submit(cli, key, LOG, WAIT)
    status(cli, key, "WAITING")
    early = cli("jobs", "resubmit", key)
    assert (early.returncode, "API.JOB_OPEN" in early.stderr) == (1, True)
    assert cli("jobs", "terminate", key, *WHY, "--yes").returncode == 0
    assert status(cli, key, "TERMINATED")["steps"][0]["status"] == "COMPLETED"
    again = cli("jobs", "resubmit", key, *WHY, "--from-step", "paid", "--id", f"{key}-2")
    assert (again.returncode, again.stdout) == (0, f"default:{key}-2 accepted\n")
    assert "was there already" in cli("jobs", "resubmit", key, "--from-step", "paid", "--id", f"{key}-2").stdout
    assert status(cli, f"{key}-2", "WAITING")["resubmit_of"] == f"default:{key}"
    delivered = cli("jobs", "deliver", f"{key}-2", "payment", "-o", "json")
    assert json.loads(delivered.stdout)["steps"] == ["paid"]
    status(cli, f"{key}-2", "COMPLETED")
