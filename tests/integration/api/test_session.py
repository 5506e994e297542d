"""Sessions over HTTP: a key is given once, and the cookie does what the key does for as long as the key does it."""

from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.app import Secrets, create_app
from perdure.security.key_ring import FRESH_SECONDS, OUTAGE_SECONDS, KeyRing
from perdure.security.session import Sessions
from perdure.settings import Settings
from perdure.store.session import StoreUnavailableError
from tests.integration.api.browser import COOKIE, SAME, bearing, logged_in
from tests.integration.api.stack import PEPPER, Api, new_key, spec, unique
from tests.integration.api.test_access import check_401
from tests.integration.api.test_bad_input import check_problem
from tests.integration.api.test_e1_roles import send
from tests.integration.api.test_keys import make, status, using
from tests.integration.api.walk import documented, operations
from tests.integration.store.server import PostgresServer

V1 = list(operations(create_app(Settings(), Secrets(b"p" * 32, None)).state.openapi_document))
NOBODYS = {"job_id": f"default:{unique()}", "key_id": "nobodyskey12", "step_id": "a", "action_id": str(uuid4())}


async def login(api: Api, text: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    return await api.client(None).post("/v1/session", json={"api_key": text}, headers=headers or SAME)


def cookie_of(answer: httpx.Response) -> Any:
    (header,) = answer.headers.get_list("set-cookie")
    return SimpleCookie(header)[COOKIE]


async def test_a_key_gives_a_cookie_and_the_view_of_the_key(api: Api) -> None:
    key = await api.key("acme", "operator", "ann")
    answer = await login(api, key.text)
    assert answer.status_code == 200
    assert answer.json() == (await api.client(key).get("/v1/me")).json()
    assert answer.headers["cache-control"] == "no-store"
    assert key.text.rpartition("_")[2] not in answer.headers["set-cookie"]
    assert answer.json() == (await (await logged_in(api, key)).get("/v1/me")).json()


async def test_no_script_and_no_other_site_gets_at_the_cookie(api: Api) -> None:
    cookie = cookie_of(await login(api, api.admin.text))
    assert (cookie["httponly"], cookie["samesite"].lower(), cookie["path"]) == (True, "strict", "/")
    assert cookie["domain"] == ""
    assert int(cookie["max-age"]) == 12 * 3600


@pytest.mark.parametrize(
    ("headers", "secure"),
    [
        (SAME, False),
        ({**SAME, "Origin": "http://127.0.0.1:8080"}, False),
        ({**SAME, "Origin": "https://perdure.example"}, True),
        ({**SAME, "X-Forwarded-Proto": "https"}, True),
        ({**SAME, "X-Forwarded-Proto": "HTTPS, http"}, True),
    ],
)
async def test_the_cookie_of_a_browser_that_speaks_https_goes_by_https_only(
    api: Api, headers: dict[str, str], secure: bool
) -> None:
    assert bool(cookie_of(await login(api, api.admin.text, headers))["secure"]) is secure


async def test_the_cookie_is_kept_no_longer_than_the_key_counts(api: Api) -> None:
    key = await api.key(expires_at=datetime.now(UTC) + timedelta(minutes=10))
    assert 400 < int(cookie_of(await login(api, key.text))["max-age"]) <= 600


async def test_wrong_keys_are_told_alike_whatever_is_wrong(api: Api) -> None:
    good = api.admin.text
    expired = await api.key(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    revoked = await api.key(revoked_at=datetime.now(UTC))
    wrong = [new_key().text, good[:-1] + ("a" if good[-1] != "a" else "b"), expired.text, revoked.text]
    answers = [await login(api, text) for text in [*wrong, "", "nonsense", "pdr_é_x", good + "x" * 20_000, f" {good}"]]
    bearer = check_401(await api.client(new_key()).get("/v1/jobs"))
    assert {check_401(answer) for answer in answers} == {bearer}
    assert not [answer for answer in answers if "set-cookie" in answer.headers]


@pytest.mark.parametrize(
    ("body", "status_code", "path"),
    [
        ({}, 422, "$.api_key"),
        ({"api_key": None}, 422, "$.api_key"),
        ({"api_key": 5}, 422, "$.api_key"),
        ({"api_key": ["canary"]}, 422, "$.api_key"),
        ({"api_key": "canary", "remember": True}, 422, "$.remember"),
        ([], 422, "$"),
    ],
)
async def test_a_bad_login_is_a_problem_that_names_the_place_and_shows_no_key(
    api: Api, body: Any, status_code: int, path: str
) -> None:
    answer = await api.client(None).post("/v1/session", json=body, headers=SAME)
    assert check_problem(answer, status_code)["errors"][0]["path"] == path
    assert "canary" not in answer.text


async def test_a_login_that_is_no_json_is_refused(api: Api) -> None:
    client = api.client(None)
    check_problem(await client.post("/v1/session", data={"api_key": api.admin.text}, headers=SAME), 415)
    json = {**SAME, "Content-Type": "application/json"}
    check_problem(await client.post("/v1/session", content=b"{", headers=json), 400)
    check_problem(await client.post("/v1/session?x=1", json={"api_key": api.admin.text}, headers=SAME), 422)


async def test_what_is_done_in_a_session_is_done_by_the_key(api: Api) -> None:
    key = await api.key("acme", "operator", "ann")
    client = await logged_in(api, key)
    job = (await client.post("/v1/jobs", json=spec())).json()
    assert (job["tenant"], job["submitted_by"]) == ("acme", "key:ann")


async def test_an_entry_of_the_audit_names_the_key_of_the_session(api: Api) -> None:
    admin = await api.key(f"t{unique()[:12]}", "admin", "boss")
    client = await logged_in(api, admin)
    made = await make(client)
    found = (await client.get("/v1/audit", params={"subject": made["id"]})).json()["data"]
    assert [(entry["actor"], entry["actor_key_id"]) for entry in found] == [("key:boss", admin.id)]


async def test_logging_out_takes_the_cookie_back(api: Api) -> None:
    client = await logged_in(api, await api.key())
    answer = await client.delete("/v1/session")
    assert (answer.status_code, answer.content) == (204, b"")
    assert cookie_of(answer)["max-age"] == "0"
    assert COOKIE not in client.cookies
    check_401(await client.get("/v1/me"))
    assert (await client.delete("/v1/session")).status_code == 204


async def test_a_key_that_is_sent_counts_before_the_cookie(api: Api) -> None:
    one, other = await api.key(name="one"), await api.key(name="other")
    client = await logged_in(api, one)
    for header in ({"Authorization": f"Bearer {other.text}"}, {"X-API-Key": other.text}):
        assert (await client.get("/v1/me", headers=header)).json()["actor"] == "key:other"
    for wrong in ({"Authorization": f"Bearer {new_key().text}"}, {"X-API-Key": ""}, {"Authorization": "Basic x"}):
        check_401(await client.get("/v1/me", headers=wrong))


async def test_readiness_tells_details_in_a_session(api: Api) -> None:
    client = await logged_in(api, await api.key())
    assert all(check["latency_ms"] is not None for check in (await client.get("/readyz")).json()["checks"])


def _forged(text: str) -> dict[str, str]:
    key_id, began, mark, signature = text.split(".")
    last = "a" if signature[-1] != "a" else "b"
    return {
        "another key": f"{new_key().id}.{began}.{mark}.{signature}",
        "later": f"{key_id}.{int(began) + 1}.{mark}.{signature}",
        "another secret": f"{key_id}.{began}.{'0' * 64}.{signature}",
        "another signature": f"{key_id}.{began}.{mark}.{signature[:-1]}{last}",
        "no signature": f"{key_id}.{began}.{mark}.",
        "a part less": f"{key_id}.{began}.{mark}",
        "longer": f"{text}0",
        "quoted": f'"{text}x"',
        "long": "x" * 20_000,
        "another pepper": Sessions(b"q" * 32, 12).begin(new_key()),
        "of no key": Sessions(PEPPER, 12).begin(new_key()),
        "over": Sessions(PEPPER, 12, lambda: 1_700_000_000.0).begin(new_key()),
    }


async def test_forged_altered_and_old_cookies_are_answered_as_any_wrong_key(api: Api) -> None:
    key = await api.key()
    good = Sessions(PEPPER, 12).begin(key)
    assert await status(bearing(api, good)) == 200
    over = Sessions(PEPPER, 12, lambda: datetime.now(UTC).timestamp() - 12 * 3600).begin(key)
    for cookie in [*_forged(good).values(), over, key.text]:
        check_401(await bearing(api, cookie).get("/v1/me"))


async def test_the_key_itself_is_no_session_and_a_session_no_key(api: Api) -> None:
    text = Sessions(PEPPER, 12).begin(api.admin)
    check_401(await bearing(api, api.admin.text).get("/v1/me"))
    check_401(await api.client(None).get("/v1/me", headers={"Authorization": f"Bearer {text}"}))


async def test_a_revoked_key_ends_its_sessions_at_once(api: Api, http: httpx.AsyncClient) -> None:
    made = await make(http)
    client = api.client(None)
    assert (await client.post("/v1/session", json={"api_key": made["key"]}, headers=SAME)).status_code == 200
    assert await status(client) == 200
    await http.post(f"/v1/api-keys/{made['id']}/revoke")
    check_401(await client.get("/v1/me"))


async def test_a_rotated_key_ends_the_sessions_of_its_old_secret(api: Api, http: httpx.AsyncClient) -> None:
    made = await make(http)
    client = api.client(None)
    await client.post("/v1/session", json={"api_key": made["key"]}, headers=SAME)
    assert await status(client) == 200
    rotated = (await http.post(f"/v1/api-keys/{made['id']}/rotate", json={"grace": "1h"})).json()
    assert [await status(one) for one in (client, using(api, made["key"]))] == [200, 200]
    assert (await http.post(f"/v1/api-keys/{made['id']}/rotate")).status_code == 200
    check_401(await client.get("/v1/me"))
    check_401(await using(api, rotated["key"]).get("/v1/me"))


async def test_the_sessions_of_an_expired_key_are_over(api: Api) -> None:
    key = await api.key(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    check_401(await bearing(api, Sessions(PEPPER, 12).begin(key)).get("/v1/me"))


async def test_sessions_go_on_while_postgres_is_away_as_their_keys_do(api: Api, api_postgres: PostgresServer) -> None:
    now = 1000.0
    ring, sessions = KeyRing(api.engine, PEPPER, lambda: now), Sessions(PEPPER, 12)
    known, unseen = [sessions.read(sessions.begin(await api.key(name=name))) for name in ("known", "unseen")]
    assert known
    assert unseen
    assert await ring.principal_by(known)
    api_postgres.stop()
    try:
        for age in (FRESH_SECONDS + 1, OUTAGE_SECONDS - 1):
            now = 1000 + age
            found = await ring.principal_by(known)
            assert found is not None
            assert found.actor == "key:known"
        with pytest.raises(StoreUnavailableError):
            await ring.principal_by(unseen)
        now = 1000 + OUTAGE_SECONDS + 1
        with pytest.raises(StoreUnavailableError):
            await ring.principal_by(known)
    finally:
        api_postgres.start()
    assert await ring.principal_by(known)


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_e1_a_session_may_what_its_key_may_on_every_route(api: Api, role: str) -> None:
    client, table = await logged_in(api, await api.key(role=role)), documented()
    for operation in V1:
        answer = await send(client, operation, operation.filled(NOBODYS))
        assert (answer.status_code == 403) is (table[str(operation)][role] == "403"), (operation, answer.text)
        assert answer.status_code != 401, operation


async def test_e1_no_route_takes_a_forged_session(api: Api) -> None:
    forged = bearing(api, f"{Sessions(PEPPER, 12).begin(api.admin)[:-4]}beef")
    for operation in V1:
        check_401(await forged.request(operation.method, operation.filled(NOBODYS), json=operation.body))


async def test_e1_another_site_can_do_nothing_in_a_session(api: Api) -> None:
    stranger = bearing(api, Sessions(PEPPER, 12).begin(api.admin), {"Sec-Fetch-Site": "cross-site"})
    for operation in V1:
        if operation.method != "GET":
            answer = await stranger.request(operation.method, operation.filled(NOBODYS), json=operation.body)
            assert check_problem(answer, 403)["code"] == "API.CROSS_SITE", operation
