"""Keys over HTTP: made once shown, listed without secrets, rotated, revoked; never more than their maker has."""

import asyncio
import logging
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from perdure.security.key import parse_key
from perdure.store.session import transaction
from tests.integration.api.stack import Api, spec, unique
from tests.integration.api.test_bad_input import check_problem

VIEW = {
    "id", "name", "tenant", "role", "payloads", "status", "created_at", "created_by", "expires_at", "rotated_at",
    "previous_valid_until", "revoked_at", "revoked_by",
}  # fmt: skip


async def make(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/v1/api-keys", json={"name": f"k {unique()}", "role": "viewer", **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def using(api: Api, secret: str) -> httpx.AsyncClient:
    return api.client(parse_key(secret))


async def status(client: httpx.AsyncClient) -> int:
    return (await client.get("/v1/me")).status_code


async def test_a_made_key_opens_what_it_was_made_for(api: Api, http: httpx.AsyncClient) -> None:
    name = f"ops {unique()}"
    made = await make(http, name=name, role="operator", tenant="acme", expires_in="90d")
    assert made.keys() == VIEW | {"key"}
    assert (made["tenant"], made["role"], made["payloads"], made["status"]) == ("acme", "operator", False, "ACTIVE")
    assert (made["created_by"], made["revoked_at"]) == ("key:admin", None)
    assert (await using(api, made["key"]).get("/v1/me")).json() == {
        "actor": f"key:{name}",
        "tenant": "acme",
        "role": "operator",
        "payloads": False,
        "key_id": made["id"],
        "expires_at": made["expires_at"],
    }
    job = (await using(api, made["key"]).post("/v1/jobs", json=spec())).json()
    assert (job["tenant"], job["submitted_by"]) == ("acme", f"key:{name}")


async def test_the_location_leads_to_the_key(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/api-keys", json={"name": unique(), "role": "viewer"})
    shown = await http.get(answer.headers["location"])
    assert shown.json() == {name: value for name, value in answer.json().items() if name != "key"}
    assert answer.headers["cache-control"] == "no-store"


async def test_the_secret_is_shown_once_and_stored_nowhere(api: Api, http: httpx.AsyncClient) -> None:
    made = await make(http)
    secret = made["key"].rpartition("_")[2]
    for path in (f"/v1/api-keys/{made['id']}", "/v1/api-keys?limit=200"):
        answer = await http.get(path)
        assert made["id"] in answer.text
        assert secret not in answer.text
    async with transaction(api.engine) as connection:
        assert secret not in str((await connection.execute(text("SELECT * FROM api_keys"))).all())


async def test_a_key_with_a_role_of_another_version_does_not_hide_the_others(api: Api, http: httpx.AsyncClient) -> None:
    odd = await api.key(role="auditor", name=unique())
    listed = (await http.get("/v1/api-keys?limit=200")).json()["data"]
    assert [key["role"] for key in listed if key["id"] == odd.id] == ["auditor"]


async def test_a_key_of_every_tenant_has_to_be_asked_for(http: httpx.AsyncClient) -> None:
    assert (await make(http))["tenant"] == "default"
    assert (await make(http, tenant="*"))["tenant"] == "*"


async def test_the_first_admin_key_sees_payloads(http: httpx.AsyncClient) -> None:
    me = (await http.get("/v1/me")).json()
    assert (me["actor"], me["tenant"], me["role"], me["payloads"]) == ("key:admin", "*", "admin", True)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": ""}, "$.name"),
        ({"name": "a\nb"}, "$.name"),
        ({"name": None}, "$.name"),
        ({"role": "root"}, "$.role"),
        ({"role": "ADMIN"}, "$.role"),
        ({"role": 1}, "$.role"),
        ({"tenant": "Acme"}, "$.tenant"),
        ({"tenant": "**"}, "$.tenant"),
        ({"tenant": ""}, "$.tenant"),
        ({"payloads": "yes"}, "$.payloads"),
        ({"expires_in": "90"}, "$.expires_in"),
        ({"expires_in": "0s"}, "$.expires_in"),
        ({"expires_in": "366d"}, "$.expires_in"),
        ({"expires_at": "2030-01-01T00:00:00Z"}, "$.expires_at"),
        ({"id": "mine"}, "$.id"),
    ],
)
async def test_what_is_wrong_with_a_request_is_named(
    http: httpx.AsyncClient, fields: dict[str, Any], path: str
) -> None:
    answer = await http.post("/v1/api-keys", json={"name": unique(), "role": "viewer", **fields})
    assert [item["path"] for item in check_problem(answer, 422)["errors"]] == [path]


@pytest.mark.parametrize("key_id", ["nope", "a" * 41, "x%2Fy", "%00", "é", "a'--", " "])
async def test_an_unknown_key_is_404(http: httpx.AsyncClient, key_id: str) -> None:
    for answer in (
        await http.get(f"/v1/api-keys/{key_id}"),
        await http.post(f"/v1/api-keys/{key_id}/rotate"),
        await http.post(f"/v1/api-keys/{key_id}/revoke"),
    ):
        assert check_problem(answer, 404)["code"] == "API.NOT_FOUND"


async def test_an_admin_of_a_tenant_rules_its_keys_and_no_other(api: Api, http: httpx.AsyncClient) -> None:
    tenant = f"t{unique()[:10]}"
    admin = using(api, (await make(http, tenant=tenant, role="admin"))["key"])
    own = await make(admin)
    assert own["tenant"] == tenant
    foreign, every = await make(http, tenant="acme"), await make(http, tenant="*")
    assert {key["tenant"] for key in (await admin.get("/v1/api-keys")).json()["data"]} == {tenant}
    for key in (foreign, every):
        for verb in ("", "/rotate", "/revoke"):
            answer = await admin.request("POST" if verb else "GET", f"/v1/api-keys/{key['id']}{verb}")
            check_problem(answer, 404)
        assert await status(using(api, key["key"])) == 200
    for asked in ("*", "acme"):
        answer = await admin.post("/v1/api-keys", json={"name": unique(), "role": "viewer", "tenant": asked})
        problem = check_problem(answer, 403)
        assert (problem["code"], tenant in problem["detail"]) == ("API.FORBIDDEN", True)


async def test_nobody_gives_payloads_without_having_them(api: Api, http: httpx.AsyncClient) -> None:
    admin = using(api, (await make(http, tenant="*", role="admin"))["key"])
    body = {"name": unique(), "role": "viewer", "payloads": True}
    assert "payloads" in check_problem(await admin.post("/v1/api-keys", json=body), 403)["detail"]
    seeing = await make(http, payloads=True)
    # whoever rotates a key holds its new secret, and so all it gives
    check_problem(await admin.post(f"/v1/api-keys/{seeing['id']}/rotate"), 403)
    assert await status(using(api, seeing["key"])) == 200


async def test_a_key_that_expires_makes_none_that_outlives_it(api: Api, http: httpx.AsyncClient) -> None:
    mine = await make(http, role="admin", tenant="*", expires_in="1h")
    admin = using(api, mine["key"])
    assert (
        "expires"
        in check_problem(await admin.post("/v1/api-keys", json={"name": "x", "role": "viewer"}), 403)["detail"]
    )
    assert (await make(admin, expires_in="30m"))["status"] == "ACTIVE"
    longer = await admin.post(f"/v1/api-keys/{mine['id']}/rotate", json={"expires_in": "2h"})
    check_problem(longer, 403)


async def test_a_living_name_is_taken_so_that_actors_are_told_apart(http: httpx.AsyncClient) -> None:
    name = unique()
    made = await make(http, name=name, tenant="acme")

    async def again(tenant: str) -> httpx.Response:
        return await http.post("/v1/api-keys", json={"name": name, "role": "viewer", "tenant": tenant})

    for tenant in ("acme", "*"):
        assert check_problem(await again(tenant), 409)["code"] == "API.CONFLICT"
    assert (await again("other")).status_code == 201
    assert (await http.post(f"/v1/api-keys/{made['id']}/revoke")).status_code == 200
    assert (await again("acme")).status_code == 201


async def test_no_tenant_can_pose_as_a_key_of_every_tenant(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/api-keys", json={"name": "admin", "role": "viewer", "tenant": "acme"})
    check_problem(answer, 409)


async def test_of_twenty_keys_of_one_name_at_once_one_is_made(http: httpx.AsyncClient) -> None:
    body = {"name": unique(), "role": "viewer"}
    answers = await asyncio.gather(*(http.post("/v1/api-keys", json=body) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


async def test_lists_go_on_from_page_to_page(api: Api, http: httpx.AsyncClient) -> None:
    tenant = f"t{unique()[:10]}"
    admin = using(api, (await make(http, tenant=tenant, role="admin"))["key"])
    made = [(await make(admin))["id"] for _ in range(4)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await admin.get(f"/v1/api-keys?limit=2{cursor}")).json()
        seen += [key["id"] for key in page["data"]]
        if not page["page"]["has_more"]:
            break
        cursor = f"&cursor={page['page']['cursor']}"
    assert seen[:4] == made[::-1]
    assert len(seen) == 5


@pytest.mark.parametrize("query", ["cursor=nonsense", "limit=0", "limit=201", "tenant=acme", "cursor="])
async def test_a_wrong_query_of_the_list_is_422(http: httpx.AsyncClient, query: str) -> None:
    check_problem(await http.get(f"/v1/api-keys?{query}"), 422)


async def test_who_did_what_to_a_key_is_noted_without_its_secret(
    api: Api, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    made = await make(http)
    rotated = (await http.post(f"/v1/api-keys/{made['id']}/rotate")).json()
    await http.post(f"/v1/api-keys/{made['id']}/revoke", json={"reason": "it leaked"})
    await using(api, made["key"]).get("/v1/me")
    logged = caplog.text + "".join(capsys.readouterr())
    for said in ("KEY_CREATED", "KEY_ROTATED", "KEY_REVOKED", "it leaked", "ACCESS_DENIED", made["id"]):
        assert said in logged
    for secret in (made["key"], rotated["key"]):
        assert secret.rpartition("_")[2] not in logged
