"""`perdure keys ...` on a real stack: a made key works with the CLI, within its role, until it is revoked."""

import json

from tests.integration.cli.conftest import Cli
from tests.server.stack import ROOT

HELLO = str(ROOT / "examples" / "hello.json")


def make(cli: Cli, name: str, *words: str) -> str:
    done = cli("keys", "create", "--name", name, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_made_key_does_what_its_role_may_until_it_is_revoked(cli: Cli, key: str) -> None:
    made = make(cli, key, "--role", "operator", "--tenant", "acme", "--expires", "1h")
    submitted = cli("jobs", "submit", HELLO, "--id", key, "-o", "json", PERDURE_API_KEY=made)
    job = json.loads(submitted.stdout)
    assert (job["id"], job["submitted_by"], job["input"]) == (f"acme:{key}", f"key:{key}", "***")
    assert cli("keys", "list", PERDURE_API_KEY=made).returncode == 3
    key_id = made.split("_")[1]
    assert cli("keys", "revoke", key_id, "--reason", "the test is over").returncode == 0
    assert cli("jobs", "list", PERDURE_API_KEY=made).returncode == 3
    assert key not in cli("keys", "list").stdout
    assert key in cli("keys", "list", "--all").stdout
    told = json.loads(cli("audit", "list", "--subject", key_id, "-o", "json").stdout)["data"]
    assert [(entry["type"], entry["reason"]) for entry in told] == [
        ("KEY_REVOKED", "the test is over"),
        ("KEY_CREATED", None),
    ]
    assert "KEY_REVOKED" in cli("audit", "list", "--subject", key_id).stdout


def test_a_viewer_sees_payloads_only_with_the_grant(cli: Cli, key: str) -> None:
    assert cli("jobs", "submit", HELLO, "--id", key, "--watch").returncode == 0
    masked = make(cli, f"{key}-m", "--role", "viewer")
    seeing = make(cli, f"{key}-s", "--role", "viewer", "--payloads")
    outputs = [
        json.loads(cli("jobs", "get", key, "-o", "json", PERDURE_API_KEY=made).stdout)["output"]
        for made in (masked, seeing)
    ]
    assert outputs[0] == "***"
    assert outputs[1]["greeting"] == "Hello, world!"


def test_a_rotated_key_is_another_one_of_the_same_name(cli: Cli, key: str) -> None:
    first = make(cli, key, "--role", "viewer")
    rotated = cli("keys", "rotate", first.split("_")[1])
    assert rotated.returncode == 0, rotated.stderr
    assert cli("jobs", "list", PERDURE_API_KEY=first).returncode == 3
    assert cli("jobs", "list", PERDURE_API_KEY=rotated.stdout.strip()).returncode == 0


def test_a_taken_name_is_refused(cli: Cli, key: str) -> None:
    make(cli, key, "--role", "viewer")
    again = cli("keys", "create", "--name", key, "--role", "viewer")
    assert (again.returncode, again.stdout) == (1, "")
    assert "there already" in again.stderr
