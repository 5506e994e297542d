"""`perdure keys ...`: what is sent, what is shown, and that a secret stands alone on stdout."""

import json
from typing import Any

import pytest

from tests.unit.canned_api import CannedApi
from tests.unit.cli.conftest import Run

CREATE, LIST = "POST /v1/api-keys", "GET /v1/api-keys"
SECRET = f"pdr_k1k1k1k1k1k1_{'s' * 43}"


def view(**changes: Any) -> dict[str, Any]:
    key = {
        "id": "k1k1k1k1k1k1",
        "name": "orders",
        "tenant": "acme",
        "role": "operator",
        "payloads": False,
        "status": "ACTIVE",
        "created_at": "2026-11-22T10:00:00.000Z",
        "created_by": "key:admin",
        "expires_at": None,
        "a_field_of_tomorrow": 1,
    }
    return {**key, **changes}


def test_create_prints_the_key_alone_on_stdout(api: CannedApi, run: Run) -> None:
    api.answer(CREATE, view(key=SECRET, payloads=True, expires_at="2027-02-20T10:00:00Z"), 201)
    result = run(
        "keys", "create", "--name", "orders", "--role", "operator", "--tenant", "acme", "--expires", "90d", "--payloads"
    )
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{SECRET}\n"
    assert "cannot be shown again" in result.stderr
    assert "until 2027-02-20" in result.stderr
    assert json.loads(api.got[0].body) == {
        "name": "orders",
        "role": "operator",
        "tenant": "acme",
        "payloads": True,
        "expires_in": "90d",
    }


def test_what_is_not_given_is_left_to_the_api(api: CannedApi, run: Run) -> None:
    api.answer(CREATE, view(key=SECRET), 201)
    assert run("keys", "create", "--name", "orders", "--role", "viewer").exit_code == 0
    assert json.loads(api.got[0].body) == {"name": "orders", "role": "viewer", "payloads": False}


def test_create_json_is_the_apis_own(api: CannedApi, run: Run) -> None:
    api.answer(CREATE, view(key=SECRET), 201)
    result = run("keys", "create", "--name", "orders", "--role", "viewer", "-o", "json")
    assert json.loads(result.stdout) == view(key=SECRET)
    assert result.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ("create", "--name", "x"),
        ("create", "--role", "viewer"),
        ("create", "--name", "x", "--role", "viewer", "--expires", "90"),
        ("rotate", "k1k1k1k1k1k1", "--grace", "soon"),
        ("rotate",),
        ("revoke",),
        ("revoke", SECRET),
        ("revoke", ".."),
        ("revoke", "a/b"),
    ],
)
def test_wrong_usage_exits_2_calls_nobody_and_repeats_no_secret(
    api: CannedApi, run: Run, words: tuple[str, ...]
) -> None:
    result = run("keys", *words)
    assert (result.exit_code, api.got) == (2, [])
    assert "s" * 20 not in result.output


def test_a_refusal_is_told_with_its_exit_code(api: CannedApi, run: Run) -> None:
    api.problem(CREATE, 403, "API.FORBIDDEN", detail="this needs the role admin; this key has the role viewer")
    result = run("keys", "create", "--name", "x", "--role", "viewer")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "needs the role admin" in result.stderr


def test_list_shows_living_keys_over_all_pages(api: CannedApi, run: Run) -> None:
    api.answer(LIST, {"data": [view()], "page": {"cursor": "c", "has_more": True}})
    dead = view(id="deaddeaddead", name="gone", status="REVOKED")
    api.answer(LIST, {"data": [dead, view(id="k2", name="second")], "page": {"cursor": None, "has_more": False}})
    out = run("keys", "list").stdout
    assert "orders" in out
    assert "second" in out
    assert "gone" not in out
    assert dict(api.got[1].query)["cursor"] == "c"


def test_list_all_shows_the_dead_ones_too(api: CannedApi, run: Run) -> None:
    dead = view(name="gone", status="REVOKED")
    api.answer(LIST, {"data": [dead], "page": {"cursor": None, "has_more": False}})
    assert "gone" in run("keys", "list", "--all").stdout
    assert json.loads(run("keys", "list", "-o", "json").stdout)["data"] == [dead]
    assert run("keys", "list").stdout == ""


def test_rotate_sends_its_grace(api: CannedApi, run: Run) -> None:
    api.answer("POST /v1/api-keys/k1k1k1k1k1k1/rotate", view(key=SECRET))
    result = run("keys", "rotate", "k1k1k1k1k1k1", "--grace", "1h")
    assert (result.exit_code, result.stdout) == (0, f"{SECRET}\n")
    assert json.loads(api.got[0].body) == {"grace": "1h"}


def test_revoke_sends_its_reason(api: CannedApi, run: Run) -> None:
    api.answer("POST /v1/api-keys/k1k1k1k1k1k1/revoke", view(status="REVOKED"))
    result = run("keys", "revoke", "k1k1k1k1k1k1", "--reason", "it leaked")
    assert result.exit_code == 0
    assert "orders" in result.stdout
    assert json.loads(api.got[0].body) == {"reason": "it leaked"}


def test_a_name_cannot_steer_the_terminal(api: CannedApi, run: Run) -> None:
    evil = "\x1b]0;owned\x07"
    api.answer(LIST, {"data": [view(name=evil)], "page": {"cursor": None, "has_more": False}})
    assert "\x1b" not in run("keys", "list").stdout
