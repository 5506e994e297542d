"""Dead letters, retrying jobs and bulk actions by both clients, against a server that plays the API's answers."""

import json
from typing import Any

import pytest

from perdure.client import AsyncPerdureClient, PerdureClient, StillOpenError
from tests.unit.canned_api import CannedApi, job_view

ID = "01a2049e-5f52-75bd-a2fc-64d9b6e1ed32"
AT = "2026-11-22T12:00:00.000Z"
PARKED, RETRYING, BULK = "/v1/dead-letters", "/v1/retrying", "/v1/bulk-actions"
ERROR = {"code": "STEP.BAD", "class": "PERMANENT", "message": "no", "fingerprint": "f"}
ENTRY = {"id": "default:x", "job": job_view(), "parked_at": AT, "parked_count": 1, "parked": []}
GROUP = {"fingerprint": "f", "error": ERROR, "count": 0, "jobs": 0, "resolved": 2, "example": "default:x"}
GROUP |= {"first_seen": AT, "last_seen": AT, "hours": [{"at": AT, "count": 2}]}
ACTION = {"id": ID, "action": "retry", "status": "COMPLETED", "total": 2, "counts": {"ACCEPTED": 2}, "finished_at": AT}
DECISION = {"job_id": "default:x", "steps": ["a"], "job": job_view()}
ITEM = {"position": 0, "job_id": "default:x", "status": "REFUSED", "code": "API.JOB_CLOSED"}
WHY: dict[str, Any] = {"reason": "mended"}
Query = list[tuple[str, str]]
READ: list[tuple[str, tuple[Any, ...], dict[str, Any], str, Query, Any]] = [
    ("dead_letters", (), {"labels": {"a": "b"}, "older_than": "2h", "limit": 5}, PARKED,
     [("label", "a=b"), ("older_than", "2h"), ("limit", "5")], {"data": [ENTRY], "page": {}}),
    ("dead_letter_groups", (), {"state": "RESOLVED", "http_status": 503}, f"{PARKED}/groups",
     [("state", "RESOLVED"), ("http_status", "503")], {"data": [GROUP], "page": {}}),
    ("dead_letter", ("default:x",), {}, f"{PARKED}/default:x", [], ENTRY),
    ("retrying", (), {"error_code": "STEP.BAD"}, RETRYING, [("error_code", "STEP.BAD")], {"data": [], "page": {}}),
    ("bulk_action", (ID,), {}, f"{BULK}/{ID}", [], ACTION),
    ("bulk_actions", (), {"limit": 1}, BULK, [("limit", "1")], {"data": [ACTION], "page": {}}),
    ("bulk_action_items", (ID,), {"status": "REFUSED"}, f"{BULK}/{ID}/items", [("status", "REFUSED")],
     {"data": [ITEM], "page": {}}),
]  # fmt: skip
DECIDED: list[tuple[str, tuple[Any, ...], dict[str, Any], str, dict[str, Any], Any]] = [
    ("retry_now", ("default:x",), WHY, f"{RETRYING}/default:x/now", WHY, DECISION),
    ("retry_now", ("default:x",), {"steps": ("a",), **WHY}, f"{RETRYING}/default:x/now", {"steps": ["a"], **WHY},
     DECISION),
    ("give_up", ("default:x", ["a"]), WHY, f"{RETRYING}/default:x/give-up", {"steps": ["a"], **WHY}, DECISION),
    ("preview_bulk_action", ("skip",), {"ids": ["default:x"], "step": "a", "output": None, **WHY}, BULK,
     {"action": "skip", "ids": ["default:x"], "step": "a", "output": None, "dry_run": True, **WHY},
     {"total": 1, "not_parked": 0, "sample": ["default:x"]}),
    ("start_bulk_action", ("retry",), {"filter": {"fingerprint": "f"}, "canary": 5, **WHY}, BULK,
     {"action": "retry", "filter": {"fingerprint": "f"}, "canary": 5, **WHY}, ACTION),
    ("abort_bulk_action", (ID,), WHY, f"{BULK}/{ID}/abort", WHY, ACTION),
]  # fmt: skip


@pytest.mark.parametrize("case", READ, ids=[case[0] for case in READ])
async def test_both_clients_read(
    api: CannedApi, client: PerdureClient, async_client: AsyncPerdureClient, case: Any
) -> None:
    method, args, options, path, query, answer = case
    api.answer(f"GET {path}", answer)
    found = getattr(client, method)(*args, **options)
    assert await getattr(async_client, method)(*args, **options) == found
    assert [sorted(got.query) for got in api.got] == [sorted(query)] * 2


@pytest.mark.parametrize("case", DECIDED, ids=[case[0] for case in DECIDED])
async def test_both_clients_decide(
    api: CannedApi, client: PerdureClient, async_client: AsyncPerdureClient, case: Any
) -> None:
    method, args, options, path, body, answer = case
    api.answer(f"POST {path}", answer, 202)
    found = getattr(client, method)(*args, **options)
    assert await getattr(async_client, method)(*args, **options) == found
    assert [json.loads(got.body) for got in api.got] == [body] * 2


async def test_a_bulk_action_is_started_once_for_a_key(
    api: CannedApi, client: PerdureClient, async_client: AsyncPerdureClient
) -> None:
    api.answer(f"POST {BULK}", ACTION, 202)
    client.start_bulk_action("retry", reason="x", ids=["default:x"], idempotency_key="k-1")
    await async_client.start_bulk_action("retry", reason="x", ids=["default:x"], idempotency_key="k-1")
    assert [got.headers["idempotency-key"] for got in api.got] == ["k-1", "k-1"]


async def test_a_bulk_action_is_waited_for_also_while_the_api_restarts(
    api: CannedApi, client: PerdureClient, async_client: AsyncPerdureClient
) -> None:
    path = f"GET {BULK}/{ID}"
    running = {**ACTION, "status": "RUNNING", "counts": {"ACCEPTED": 1, "PENDING": 1}, "finished_at": None}
    api.answer(path, running)
    api.problem(path, 503, "API.UNAVAILABLE")
    api.answer(path, ACTION)
    seen = list(client.watch_bulk_action(ID, timeout=60))
    assert [(one.status, one.decided, one.well) for one in seen] == [("RUNNING", 1, False), ("COMPLETED", 2, True)]
    assert (await async_client.wait_bulk_action(ID, timeout=60)).status == "COMPLETED"


async def test_waiting_for_a_bulk_action_has_an_end(
    api: CannedApi, client: PerdureClient, async_client: AsyncPerdureClient
) -> None:
    api.answer(f"GET {BULK}/{ID}", {**ACTION, "status": "RUNNING", "finished_at": None})
    with pytest.raises(StillOpenError, match=f"bulk action {ID} is still RUNNING"):
        client.wait_bulk_action(ID, timeout=0.01)
    with pytest.raises(StillOpenError):
        await async_client.wait_bulk_action(ID, timeout=0.01)
