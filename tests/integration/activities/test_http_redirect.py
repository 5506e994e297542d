"""HTTP_CALL follows redirects where that is safe, and shows another origin nothing."""

import httpx
import pytest

from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from tests.integration.activities.http_calling import call, refusal
from tests.integration.activities.partner import Answer, Partner, partner_server


async def test_redirects_are_followed_for_get(http: httpx.AsyncClient, partner: Partner) -> None:
    partner.answers["/a"] = Answer(302, headers={"Location": "/b?x=1"})
    partner.answers["/b"] = Answer(200, b"here")
    output = await call(http, f"{partner.url}/a", headers={"X-Key": "mine"})
    assert output["body"] == "here"
    assert partner.to("/b")[0].headers["x-key"] == "mine"
    assert (await call(http, f"{partner.url}/a", expect=[302]))["status"] == 302
    error = await refusal(http, f"{partner.url}/a", method="POST")
    assert (error.code, error.details["status"]) == ("STEP.HTTP.EXPECT", 302)


async def test_another_origin_sees_no_header_of_the_user(partner: Partner) -> None:
    async with partner_server() as other, guarded_client(EgressPolicy(allow_private=True)) as http:
        partner.answers["/a"] = Answer(307, headers={"Location": f"{other.url}/b"})
        other.answers["/b"] = Answer(200, b"there")
        headers = {"X-Key": "mine", "Authorization": "Bearer mine", "Cookie": "mine=1", "Accept": "text/plain"}
        output = await call(http, f"{partner.url}/a", headers=headers, json={"secret": "mine"}, output="body")
    assert output == "there"
    (asked,) = other.asked
    assert "mine" not in str(asked)
    assert (asked.headers["accept"], asked.body) == ("text/plain", b"")


async def test_redirects_end_after_five(http: httpx.AsyncClient, partner: Partner) -> None:
    partner.answers["/a"] = Answer(302, headers={"Location": "/a"})
    error = await refusal(http, f"{partner.url}/a")
    assert (error.code, len(partner.asked)) == ("STEP.HTTP.EXPECT", 6)


@pytest.mark.parametrize(
    "target",
    [
        "ftp://example.com/",
        "http://[",
        "http://:0:0/",
        "http://127.0.0.1:99999/",
        "file:///etc/passwd",
        f"http://xn--{'a' * 80}/",
    ],
)
async def test_a_redirect_to_nowhere_is_permanent_or_a_broken_answer(
    http: httpx.AsyncClient, partner: Partner, target: str
) -> None:
    partner.answers["/a"] = Answer(302, headers={"Location": target})
    error = await refusal(http, f"{partner.url}/a")
    assert error.code in {"STEP.HTTP.EXPECT", "STEP.HTTP.CONNECT", "STEP.HTTP.DISCONNECTED"}


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:1/", "http://169.254.169.254/latest/", "http://[::1]/", "//localhost/", "http://2130706433/"],
)
async def test_e3_a_redirect_inside_is_blocked(http: httpx.AsyncClient, partner: Partner, target: str) -> None:
    partner.answers["/a"] = Answer(302, headers={"Location": target})
    error = await refusal(http, f"{partner.url}/a")
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.BLOCKED", "PERMANENT")


async def test_no_cookie_is_kept(http: httpx.AsyncClient, partner: Partner) -> None:
    partner.answers["/a"] = Answer(200, headers={"Set-Cookie": "session=1; Path=/"})
    for _ in range(2):
        output = await call(http, f"{partner.url}/a")
        assert output["headers"]["set-cookie"] == "session=1; Path=/"
    assert "cookie" not in partner.asked[1].headers


async def test_proxy_variables_are_ignored(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    partner.answers["/a"] = Answer(200, b"direct")
    async with guarded_client(EgressPolicy(allow_private=True)) as http:
        assert await call(http, f"{partner.url}/a", output="body") == "direct"
