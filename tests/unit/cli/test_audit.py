"""`perdure audit list`: what is sent, and what is shown."""

import json
from typing import Any

import pytest

from tests.unit.canned_api import CannedApi, audit_entry
from tests.unit.cli.conftest import Run

LIST = "GET /v1/audit"


def page(*entries: dict[str, Any], cursor: str | None = None) -> dict[str, Any]:
    return {"data": list(entries), "page": {"cursor": cursor, "has_more": cursor is not None}}


def test_every_option_narrows_the_list(api: CannedApi, run: Run) -> None:
    api.answer(LIST, page())
    what = ("--type", "A", "--type", "B", "--actor", "key:x", "--job", "order-1", "--subject", "k2")
    result = run("audit", "list", *what, "--since", "S", "--until", "U", "--limit", "3")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No audit entries.\n")
    sent = [("type", "A"), ("type", "B"), ("limit", "3"), ("actor", "key:x"), ("job_id", "default:order-1")]
    assert api.got[0].query == [*sent, ("subject", "k2"), ("since", "S"), ("until", "U")]


def test_the_table_says_who_did_what_to_what_and_why(api: CannedApi, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    viewed = audit_entry(type="PAYLOAD_VIEWED", job_id="acme:order-1", subject=None, reason=None, data={"part": "job"})
    api.answer(LIST, page(audit_entry(), viewed, cursor="c"))
    result = run("audit", "list")
    first, second = result.stdout.splitlines()[1:]
    for word in ("7", "KEY_REVOKED", "acme", "key:boss", "k2", "name=orders", "it leaked"):
        assert word in first
    assert "acme:order-1" in second
    assert "There are more" in result.stderr


def test_the_table_tells_the_facts_that_say_something(
    api: CannedApi, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    data = {"action": "retry", "jobs": 40, "filter": {"labels": {"team": "x"}}, "force": False, "canary": None}
    api.answer(LIST, page(audit_entry(data=data), audit_entry(data={"role": "viewer", "payloads": True})))
    first, second = run("audit", "list").stdout.splitlines()[1:]
    assert "action=retry jobs=40 filter.labels.team=x  " in first
    assert "force" not in first
    assert "role=viewer payloads  " in second


def test_all_follows_the_pages_and_json_is_the_apis_own(api: CannedApi, run: Run) -> None:
    api.answer(LIST, page(audit_entry(), cursor="c"))
    api.answer(LIST, page(audit_entry(seq=6)))
    told = json.loads(run("audit", "list", "--all", "-o", "json").stdout)
    assert told == page(audit_entry(), audit_entry(seq=6))
    assert [dict(got.query).get("cursor") for got in api.got] == [None, "c"]
    assert dict(api.got[0].query)["limit"] == "200"


def test_what_an_actor_wrote_cannot_steer_the_terminal(api: CannedApi, run: Run) -> None:
    evil = "\x1b]0;owned\x07"
    api.answer(LIST, page(audit_entry(reason=evil, data={"name": evil}, subject=evil)))
    assert "\x1b" not in run("audit", "list").stdout


def test_a_refusal_is_told_with_its_exit_code(api: CannedApi, run: Run) -> None:
    api.problem(LIST, 422, "API.VALIDATION", detail='query.type: "KEY_MADE" is no type of audit entry')
    result = run("audit", "list", "--type", "KEY_MADE")
    assert result.exit_code != 0
    assert "is no type of audit entry" in result.stderr
