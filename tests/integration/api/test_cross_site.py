"""What another site's page can do with a cookie that the browser sends for it: nothing but read what it cannot see."""

import httpx
import pytest

from perdure.security.session import Sessions
from tests.integration.api.auditing import entered
from tests.integration.api.browser import COOKIE, bearing
from tests.integration.api.stack import PEPPER, Api, spec, unique
from tests.integration.api.test_bad_input import check_problem

HERE = "http://{host}"
OURS = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://a.proxy.that.keeps.no.host"},
    {"Origin": HERE},
    {"Origin": "HTTP://{host}"},
]
OTHERS = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": HERE},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://{host}.evil.example"},
    {"Origin": "http://evil.example/{host}"},
    {"Origin": "http://{host}@evil.example"},
    {"Origin": "http://[::1"},
    {"Origin": "{host}"},
    {"Referer": HERE},
]


def filled(api: Api, headers: dict[str, str]) -> dict[str, str]:
    host = httpx.URL(api.url).netloc.decode()
    return {name: value.format(host=host) for name, value in headers.items()}


def session(api: Api, headers: dict[str, str]) -> httpx.AsyncClient:
    return bearing(api, Sessions(PEPPER, 12).begin(api.admin), filled(api, headers))


@pytest.mark.parametrize("headers", OURS, ids=str)
async def test_a_page_of_this_server_may_do_everything(api: Api, headers: dict[str, str]) -> None:
    assert (await session(api, headers).post("/v1/jobs", json=spec())).status_code == 202
    login = await api.client(None).post("/v1/session", json={"api_key": api.admin.text}, headers=filled(api, headers))
    assert login.status_code == 200


@pytest.mark.parametrize("headers", OTHERS, ids=str)
async def test_no_other_page_may_do_anything(api: Api, headers: dict[str, str]) -> None:
    client = session(api, headers)
    assert check_problem(await client.post("/v1/jobs", json=spec()), 403)["code"] == "API.CROSS_SITE"
    assert check_problem(await client.delete("/v1/session"), 403)["code"] == "API.CROSS_SITE"
    login = await api.client(None).post("/v1/session", json={"api_key": api.admin.text}, headers=filled(api, headers))
    assert check_problem(login, 403)["code"] == "API.CROSS_SITE"
    assert "set-cookie" not in login.headers


@pytest.mark.parametrize("headers", OTHERS, ids=str)
async def test_reading_and_keys_are_asked_no_such_thing(api: Api, headers: dict[str, str]) -> None:
    assert (await session(api, headers).get("/v1/me")).status_code == 200
    key = api.client(api.admin)
    key.headers.update(filled(api, headers))
    key.headers["Cookie"] = f"{COOKIE}=whatever"
    assert (await key.post("/v1/jobs", json=spec())).status_code == 202


async def test_headers_sent_twice_are_not_ours(api: Api) -> None:
    twice = [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "same-origin")]
    cookie = ("Cookie", f"{COOKIE}={Sessions(PEPPER, 12).begin(api.admin)}")
    check_problem(await api.client(None).post("/v1/jobs", json=spec(), headers=[*twice, cookie]), 403)


async def test_what_another_site_tried_is_in_the_audit(api: Api) -> None:
    name = f"ann {unique()}"
    key = await api.key(name=name)
    stranger = bearing(api, Sessions(PEPPER, 12).begin(key), {"Sec-Fetch-Site": "cross-site"})
    check_problem(await stranger.post("/v1/jobs", json=spec()), 403)
    (entry,) = await entered(api, 1, actor=f"key:{name}", type="ACCESS_DENIED")
    assert (entry["data"]["route"], entry["actor_key_id"]) == ("/v1/jobs", key.id)
