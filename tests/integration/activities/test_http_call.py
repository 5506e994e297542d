"""HTTP_CALL against a real HTTP server, without Temporal: what is sent, and what comes of the answer."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from perdure.steps import StepError
from tests.integration.activities.http_calling import call, refusal
from tests.integration.activities.partner import Answer, Partner


async def test_everything_asked_for_is_sent(http: httpx.AsyncClient, partner: Partner) -> None:
    partner.answers["/a"] = Answer(201, b'{"ok": true}', {"Content-Type": "application/json", "X-Id": "7"})
    output = await call(
        http,
        f"{partner.url}/a?kept=1",
        method="POST",
        query={"q": ["x", 2, True, None], "ü": "€"},
        headers={"X-Team": "billing"},
        json={"name": "Zoë 🦊", "n": [1, 1.5]},
    )
    assert output["status"] == 201
    assert output["body"] == {"ok": True}
    assert output["headers"]["x-id"] == "7"
    (asked,) = partner.asked
    assert (asked.method, asked.query) == ("POST", "kept=1&q=x&q=2&q=true&q=&%C3%BC=%E2%82%AC")
    assert json.loads(asked.body) == {"name": "Zoë 🦊", "n": [1, 1.5]}
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["x-team"] == "billing"
    assert asked.headers["idempotency-key"] == "default:1/one"
    assert asked.headers["user-agent"].startswith("perdure/")


async def test_the_users_headers_win(http: httpx.AsyncClient, partner: Partner) -> None:
    partner.answers["/a"] = Answer()
    mine = {"idempotency-key": "mine", "Content-Type": "text/csv", "User-Agent": "me"}
    await call(http, f"{partner.url}/a", method="PUT", headers=mine, body="a;b")
    headers = partner.asked[0].headers
    assert (headers["idempotency-key"], headers["content-type"], headers["user-agent"]) == ("mine", "text/csv", "me")
    assert partner.asked[0].body == b"a;b"


@pytest.mark.parametrize("value", [False, 0, "", [], {}])
async def test_every_json_value_is_a_body(http: httpx.AsyncClient, partner: Partner, value: Any) -> None:
    partner.answers["/a"] = Answer()
    await call(http, f"{partner.url}/a", method="POST", json=value)
    assert json.loads(partner.asked[0].body) == value


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_every_method(http: httpx.AsyncClient, partner: Partner, method: str) -> None:
    partner.answers["/a"] = Answer(204, length=0)
    output = await call(http, f"{partner.url}/a", method=method)
    assert (partner.asked[0].method, output["status"], output["body"]) == (method, 204, "")


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("application/json; charset=utf-8", b'{"a": 9007199254740993}', {"a": 9007199254740993}),
        ("application/problem+json", b"[1, 1.5]", [1, 1.5]),
        ("application/json", b"", None),
        ("application/json", b'{"a": NaN}', '{"a": NaN}'),
        ("application/json", b'{"a": 1e999}', '{"a": 1e999}'),
        ("application/json", b"{not json", "{not json"),
        ("application/json", b"[" * 5000, "[" * 5000),
        ("application/json", b"[" * 70 + b"]" * 70, "[" * 70 + "]" * 70),
        ("application/json", b'{"a": "\\u0000"}', '{"a": "\\u0000"}'),
        ("application/json", b'"\\ud800"', '"\\ud800"'),
        ("text/plain", b'{"a": 1}', '{"a": 1}'),
        ("text/plain; charset=latin-1", b"Zo\xeb", "Zoë"),
        ("text/plain", "مرحبا 🦊".encode(), "مرحبا 🦊"),
    ],
)
async def test_bodies_are_read_by_their_type(
    http: httpx.AsyncClient, partner: Partner, kind: str, body: bytes, value: Any
) -> None:
    partner.answers["/a"] = Answer(200, body, {"Content-Type": kind})
    output = await call(http, f"{partner.url}/a")
    assert (output["body"], "body_encoding" in output) == (value, False)
    assert await call(http, f"{partner.url}/a", output="body") == value


@pytest.mark.parametrize(
    ("kind", "body"),
    [("image/png", b"\x89PNG\x00\xff"), ("text/plain", b"a\x00b"), ("text/plain; charset=nonsense", b"\xff")],
)
async def test_what_is_no_text_is_in_base64(http: httpx.AsyncClient, partner: Partner, kind: str, body: bytes) -> None:
    partner.answers["/a"] = Answer(200, body, {"Content-Type": kind})
    output = await call(http, f"{partner.url}/a")
    assert output["body_encoding"] == "base64"
    assert output["body"] in {"iVBORwD/", "YQBi", "/w=="}


@pytest.mark.parametrize(
    ("status", "code", "error_class"),
    [
        (400, "STEP.HTTP.4XX", "PERMANENT"),
        (404, "STEP.HTTP.4XX", "PERMANENT"),
        (408, "STEP.HTTP.4XX", "TRANSIENT"),
        (425, "STEP.HTTP.4XX", "TRANSIENT"),
        (429, "STEP.HTTP.THROTTLED", "THROTTLED"),
        (500, "STEP.HTTP.5XX", "TRANSIENT"),
        (503, "STEP.HTTP.THROTTLED", "THROTTLED"),
        (504, "STEP.HTTP.5XX", "TRANSIENT"),
        (304, "STEP.HTTP.EXPECT", "PERMANENT"),
    ],
)
async def test_statuses_have_their_class(
    http: httpx.AsyncClient, partner: Partner, status: int, code: str, error_class: str
) -> None:
    partner.answers["/a"] = Answer(status, b"" if status == 304 else b"because \x00 \xff" + b"x" * 3000)
    error = await refusal(http, f"{partner.url.replace('//', '//me:pw@')}/a?token=1")
    assert (error.code, str(error.error_class)) == (code, error_class)
    assert error.message == f"GET {partner.url}/a answered {status} Said"
    assert error.details["url"] == f"{partner.url}/a"
    assert (error.details["status"], error.details["method"]) == (status, "GET")
    assert len(error.details["body_excerpt"]) <= 500
    assert "\x00" not in error.details["body_excerpt"]


@pytest.mark.parametrize("expect", [[404], 404, ["4xx"], ["200-299", "400-404"], "404"])
async def test_an_expected_status_is_a_success(http: httpx.AsyncClient, partner: Partner, expect: Any) -> None:
    partner.answers["/a"] = Answer(404, b"gone")
    assert (await call(http, f"{partner.url}/a", expect=expect))["status"] == 404


async def test_an_unexpected_success_is_an_error(http: httpx.AsyncClient, partner: Partner) -> None:
    partner.answers["/a"] = Answer(200)
    assert (await refusal(http, f"{partner.url}/a", expect=[201])).code == "STEP.HTTP.EXPECT"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3),
        ("0", 0),
        ("99999999999999999999", 10**9),
        (lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=1000), usegmt=True), 999),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("soon", None),
        ("-5", None),
    ],
)
async def test_retry_after_is_read(
    http: httpx.AsyncClient, partner: Partner, header: str | Callable[[], str], seconds: int | None
) -> None:
    value = header if isinstance(header, str) else header()
    partner.answers["/a"] = Answer(503, headers={"Retry-After": value})
    error = await refusal(http, f"{partner.url}/a")
    assert isinstance(error, StepError)
    if seconds is None:
        assert error.retry_after is None
    else:
        assert error.retry_after is not None
        passed = 1 if isinstance(header, str) else 60  # since the date was written, on a slow machine
        assert seconds - passed <= min(error.retry_after.total_seconds(), 10**9) <= seconds + 1
