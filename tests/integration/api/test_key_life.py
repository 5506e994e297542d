"""The end of keys and of their secrets: revoked at once, rotated with or without a grace, expired for good."""

import asyncio

import httpx

from tests.integration.api.stack import Api, until
from tests.integration.api.test_access import check_401
from tests.integration.api.test_bad_input import check_problem
from tests.integration.api.test_keys import make, status, using


async def test_a_revoked_key_dies_at_once(api: Api, http: httpx.AsyncClient) -> None:
    made = await make(http)
    client = using(api, made["key"])
    assert await status(client) == 200
    revoked = await http.post(f"/v1/api-keys/{made['id']}/revoke", json={"reason": "it leaked"})
    assert (revoked.json()["status"], revoked.json()["revoked_by"]) == ("REVOKED", "key:admin")
    check_401(await client.get("/v1/me"))


async def test_a_revoked_key_dies_at_once_also_under_load(api: Api, http: httpx.AsyncClient) -> None:
    made = await make(http)
    client, stop = using(api, made["key"]), asyncio.Event()

    async def use() -> None:
        while not stop.is_set():
            await client.get("/v1/me")

    users = [asyncio.create_task(use()) for _ in range(10)]
    assert (await http.post(f"/v1/api-keys/{made['id']}/revoke")).status_code == 200
    after = [await status(client) for _ in range(20)]
    stop.set()
    await asyncio.gather(*users)
    assert set(after) == {401}


async def test_revoking_twice_is_revoking_once(http: httpx.AsyncClient) -> None:
    made = await make(http)
    first, second = [(await http.post(f"/v1/api-keys/{made['id']}/revoke")).json() for _ in range(2)]
    assert first == second


async def test_a_key_may_revoke_itself(api: Api, http: httpx.AsyncClient) -> None:
    made = await make(http, role="admin")
    client = using(api, made["key"])
    assert (await client.post(f"/v1/api-keys/{made['id']}/revoke")).status_code == 200
    check_401(await client.get("/v1/me"))


async def test_rotation_gives_a_new_secret_and_ends_the_old_one(api: Api, http: httpx.AsyncClient) -> None:
    made = await make(http, role="operator", expires_in="1d")
    assert await status(using(api, made["key"])) == 200
    rotated = (await http.post(f"/v1/api-keys/{made['id']}/rotate")).json()
    for same in ("id", "name", "tenant", "role", "payloads", "expires_at", "created_at"):
        assert rotated[same] == made[same]
    assert rotated["previous_valid_until"] is None
    assert await status(using(api, rotated["key"])) == 200
    check_401(await using(api, made["key"]).get("/v1/me"))


async def test_with_a_grace_the_old_secret_works_on_for_that_long(api: Api, http: httpx.AsyncClient) -> None:
    made = await make(http)
    rotated = (await http.post(f"/v1/api-keys/{made['id']}/rotate", json={"grace": "10s"})).json()
    old, new = using(api, made["key"]), using(api, rotated["key"])
    assert [await status(old), await status(new)] == [200, 200]

    async def ended() -> bool:
        return await status(old) == 401

    await until(ended, 60)
    assert await status(new) == 200


async def test_revoking_ends_the_secret_in_its_grace_too(api: Api, http: httpx.AsyncClient) -> None:
    made = await make(http)
    rotated = (await http.post(f"/v1/api-keys/{made['id']}/rotate", json={"grace": "1h"})).json()
    await http.post(f"/v1/api-keys/{made['id']}/revoke")
    for secret in (made["key"], rotated["key"]):
        check_401(await using(api, secret).get("/v1/me"))


async def test_rotation_can_set_a_new_expiry(http: httpx.AsyncClient) -> None:
    made = await make(http, expires_in="1h")
    rotated = (await http.post(f"/v1/api-keys/{made['id']}/rotate", json={"expires_in": "90d"})).json()
    assert rotated["expires_at"] > made["expires_at"]


async def test_a_dead_key_cannot_be_rotated_back_to_life(api: Api, http: httpx.AsyncClient) -> None:
    revoked, expired = await make(http), await make(http, expires_in="1ms")
    await http.post(f"/v1/api-keys/{revoked['id']}/revoke")
    check_401(await using(api, expired["key"]).get("/v1/me"))
    for key in (revoked, expired):
        problem = check_problem(await http.post(f"/v1/api-keys/{key['id']}/rotate", json={"expires_in": "1d"}), 409)
        assert problem["code"] == "API.CONFLICT"
    assert (await http.get(f"/v1/api-keys/{expired['id']}")).json()["status"] == "EXPIRED"
