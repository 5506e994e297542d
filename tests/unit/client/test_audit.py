"""Both clients' method for the audit: what it sends, and what it gives."""

from typing import Any

from perdure.client import AsyncPerdureClient, PerdureClient
from tests.unit.canned_api import CannedApi, audit_entry

ENTRY = audit_entry(a_field_of_tomorrow=1)


async def test_both_clients_send_and_read_the_same(api: CannedApi) -> None:
    api.answer("GET /v1/audit", {"data": [ENTRY], "page": {"cursor": "c", "has_more": True}})
    query: dict[str, Any] = {
        "types": ["KEY_REVOKED", "KEY_CREATED"],
        "actor": "key:boss",
        "subject": "k2",
        "since": "2026-11-22T00:00:00Z",
        "limit": 1,
        "cursor": None,
    }
    with PerdureClient(api.url, api_key="k") as client:
        first = client.audit_entries(**query)
    async with AsyncPerdureClient(api.url, api_key="k") as asynchronous:
        second = await asynchronous.audit_entries(**query)
    assert first == second
    (entry,) = first.data
    assert (entry.seq, entry.reason, entry.data["name"], first.page.cursor) == (7, "it leaked", "orders", "c")
    sent = [("type", "KEY_REVOKED"), ("type", "KEY_CREATED"), ("actor", "key:boss"), ("subject", "k2")]
    assert [got.query for got in api.got] == [[*sent, ("since", "2026-11-22T00:00:00Z"), ("limit", "1")]] * 2
