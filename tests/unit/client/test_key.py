"""Both clients' methods for keys: what they send, what they give, and that a secret does not show itself."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from perdure.client import AsyncPerdureClient, NewKey, PerdureClient
from tests.unit.canned_api import CannedApi

SECRET = f"pdr_k1k1k1k1k1k1_{'s' * 43}"
KEY = {"id": "k1k1k1k1k1k1", "name": "orders", "tenant": "acme", "role": "viewer", "status": "ACTIVE"}
NEW = {**KEY, "key": SECRET}
PAGE = {"data": [KEY], "page": {"cursor": "c", "has_more": True}}
ME = {"actor": "key:orders", "tenant": "acme", "role": "viewer", "payloads": False, "key_id": "k1k1k1k1k1k1"}

CALLS: list[tuple[str, Any, Any, Callable[[Any], Any]]] = [
    ("GET /v1/me", ME, None, lambda client: client.me()),
    (
        "POST /v1/api-keys",
        NEW,
        {"name": "orders", "role": "viewer", "expires_in": "90d"},
        lambda client: client.create_key("orders", "viewer", tenant=None, expires_in="90d"),
    ),
    ("GET /v1/api-keys", PAGE, None, lambda client: client.list_keys(limit=1, cursor="b")),
    (
        "POST /v1/api-keys/k1k1k1k1k1k1/rotate",
        NEW,
        {"grace": "1h"},
        lambda client: client.rotate_key("k1k1k1k1k1k1", grace="1h"),
    ),
    (
        "POST /v1/api-keys/k1k1k1k1k1k1/revoke",
        KEY,
        {"reason": "it leaked"},
        lambda client: client.revoke_key("k1k1k1k1k1k1", reason="it leaked"),
    ),
]


@pytest.mark.parametrize(("request_", "answer", "body", "call"), CALLS, ids=[call[0] for call in CALLS])
async def test_both_clients_send_and_read_the_same(
    api: CannedApi, request_: str, answer: Any, body: Any, call: Callable[[Any], Any]
) -> None:
    api.answer(request_, answer)
    with PerdureClient(api.url, api_key="k") as client:
        first = call(client)
    async with AsyncPerdureClient(api.url, api_key="k") as asynchronous:
        awaited: Awaitable[Any] = call(asynchronous)
        second = await awaited
    assert first == second
    for got in api.got:
        assert f"{got.method} {got.path}" == request_
        assert (json.loads(got.body) if got.body else None) == body


def test_a_new_key_does_not_show_its_secret() -> None:
    key = NewKey.model_validate(NEW)
    assert key.key == SECRET
    assert SECRET not in repr(key)
