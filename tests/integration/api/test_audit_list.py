"""`GET /v1/audit`: to each tenant its own, narrowed and in pages, and a wrong query by its place."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.integration.api.auditing import AUDIT, entries, tenant
from tests.integration.api.stack import Api, unique
from tests.integration.api.test_bad_input import check_problem


async def test_a_tenant_sees_its_own_entries_and_no_others(api: Api) -> None:
    ours, theirs = tenant(), tenant()
    for where in (ours, theirs):
        admin = api.client(await api.key(where, "admin"))
        await admin.post("/v1/api-keys", json={"name": f"of-{where}", "role": "viewer"})
    viewer = api.client(await api.key(ours, "viewer"))
    found = (await viewer.get(AUDIT)).json()["data"]
    assert [(entry["tenant"], entry["data"]["name"]) for entry in found] == [(ours, f"of-{ours}")]
    (hidden,) = [entry for entry in await entries(api, type="KEY_CREATED") if entry["tenant"] == theirs]
    for query in ({"subject": hidden["subject"]}, {"until": "2100-01-01T00:00:00Z", "actor": "key:nobody"}):
        assert (await viewer.get(AUDIT, params=query)).json()["data"] == []
    assert {ours, theirs} <= {entry["tenant"] for entry in await entries(api, type="KEY_CREATED")}


async def test_filters_and_pages_miss_nothing(api: Api) -> None:
    where, name = tenant(), unique()
    http = api.client(await api.key(where, "admin", name))
    made = [
        (await http.post("/v1/api-keys", json={"name": f"k{number}", "role": "viewer"})).json()["id"]
        for number in range(5)
    ]
    await http.post(f"/v1/api-keys/{made[0]}/revoke", json={"reason": "over"})
    whole = (await http.get(AUDIT)).json()
    assert whole["page"] == {"cursor": None, "has_more": False}
    assert [entry["subject"] for entry in whole["data"]] == [made[0], *made[::-1]]
    assert [entry["at"] for entry in whole["data"]] == sorted((entry["at"] for entry in whole["data"]), reverse=True)
    seen: list[Any] = []
    query: dict[str, Any] = {"limit": 2, "type": "KEY_CREATED,KEY_REVOKED"}
    while True:
        page = (await http.get(AUDIT, params=query)).json()
        seen += page["data"]
        if not page["page"]["has_more"]:
            break
        query["cursor"] = page["page"]["cursor"]
    assert seen == whole["data"]
    revoked = (await http.get(AUDIT, params={"type": "KEY_REVOKED", "actor": f"key:{name}"})).json()["data"]
    assert [entry["reason"] for entry in revoked] == ["over"]
    both = (await http.get(f"{AUDIT}?type=KEY_REVOKED&type=KEY_CREATED&subject={made[0]}")).json()["data"]
    assert [entry["type"] for entry in both] == ["KEY_REVOKED", "KEY_CREATED"]


async def test_times_narrow_the_list(api: Api) -> None:
    where = tenant()
    http = api.client(await api.key(where, "admin"))
    for number in range(2):
        await http.post("/v1/api-keys", json={"name": f"k{number}", "role": "viewer"})
    # Microseconds, which the list does not show, tell the two apart.
    async with api.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT at, subject FROM audit_entries WHERE tenant = :t ORDER BY at"), {"t": where}
        )
        (_, early), (at, late) = rows.all()
    moment = at.isoformat()
    assert [e["subject"] for e in (await http.get(AUDIT, params={"since": moment})).json()["data"]] == [late]
    assert [e["subject"] for e in (await http.get(AUDIT, params={"until": moment})).json()["data"]] == [early]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("type=KEY_MADE", "query.type"),
        ("type=", "query.type"),
        ("limit=0", "query.limit"),
        ("limit=201", "query.limit"),
        ("cursor=nonsense", "query.cursor"),
        ("cursor=WyIyMDI2LTExLTIzVDAwOjAwOjAwKzAwOjAwIiwieCJd", "query.cursor"),
        ("cursor=", "query.cursor"),
        ("since=yesterday", "query.since"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "query.until"),
        ("actor=a&actor=b", "query.actor"),
        ("actor=%00", "query"),
        ("tenant=acme", "query.tenant"),
        (f"subject={'x' * 256}", "query.subject"),
    ],
)
async def test_a_wrong_query_is_422_and_names_the_place(api: Api, query: str, place: str) -> None:
    problem = check_problem(await api.client(api.admin).get(f"{AUDIT}?{query}"), 422)
    assert problem["errors"][0]["path"] == place
