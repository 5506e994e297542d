"""HTTP_CALL against a real HTTP server, without Temporal."""

import asyncio
import gzip
import json
import socket
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
import structlog

from activities.steps.http_call import http_call
from perdure.contract.effect import effect_unknown
from perdure.contract.error import PerdureError
from perdure.contract.limit import JobLimits
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.steps import StepContext, StepError
from perdure.steps.parameter.http_call import HttpCallParams
from tests.integration.activities.partner import Answer, Asked, Partner, partner_server

DYING_SERVER = """
import os, signal, socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    connection, _ = server.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 100\\r\\n\\r\\nhalf of ")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def context(http: httpx.AsyncClient, output_bytes: int = 10_000) -> StepContext:
    return StepContext(
        job_id="default:1",
        step_id="one",
        step_type="HTTP_CALL",
        tenant="default",
        round=1,
        attempt=1,
        attempts_before=0,
        idempotency_key="default:1/one",
        limits=JobLimits(output_bytes=output_bytes),
        log=structlog.get_logger(),
        http=http,
        checkpoint=None,
        on_heartbeat=lambda _progress, _checkpoint: None,
        on_secret=lambda name: name,
        on_cancelled=lambda: False,
    )


async def call(http: httpx.AsyncClient, url: str, output_bytes: int = 10_000, **params: Any) -> Any:
    parsed = HttpCallParams.model_validate_json(json.dumps({"url": url, **params}))
    return await http_call(context(http, output_bytes), parsed)


async def refusal(http: httpx.AsyncClient, url: str, output_bytes: int = 10_000, **params: Any) -> PerdureError:
    with pytest.raises(PerdureError) as raised:
        await call(http, url, output_bytes, **params)
    return raised.value


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


PACKED = gzip.compress(b"x" * 99, mtime=0)


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


async def test_a_slow_answer_times_out(http: httpx.AsyncClient, partner: Partner) -> None:
    async def drip(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(600):
            writer.write(b"x")
            await asyncio.sleep(0.05)

    partner.answers["/a"] = drip
    began = time.monotonic()
    error = await refusal(http, f"{partner.url}/a", timeout="300ms")
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.TIMEOUT", "TIMEOUT")
    assert time.monotonic() - began < 15  # the drip takes 30 s


async def test_nobody_listening_is_transient(http: httpx.AsyncClient, partner: Partner) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with guarded_client(EgressPolicy(allow_private=True)) as free:
            error = await refusal(free, f"http://127.0.0.1:{port}/")
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.CONNECT", "TRANSIENT")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" + PACKED[:12],
    ],
)
async def test_a_broken_answer_is_transient(http: httpx.AsyncClient, partner: Partner, raw: bytes) -> None:
    async def breaks(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    partner.answers["/a"] = breaks
    error = await refusal(http, f"{partner.url}/a")
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.DISCONNECTED", "TRANSIENT")


async def test_a_server_killed_in_the_middle_of_its_answer_leaves_the_effect_open(http: httpx.AsyncClient) -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", DYING_SERVER, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    port = int(await server.stdout.readline())
    async with guarded_client(EgressPolicy(allow_private=True)) as free:
        error = await refusal(free, f"http://127.0.0.1:{port}/pay", method="POST", json={"amount": 1})
        assert (await server.wait(), error.code) == (-9, "STEP.HTTP.DISCONNECTED")
        assert effect_unknown(error.info())
        gone = await refusal(free, f"http://127.0.0.1:{port}/pay", method="POST", json={"amount": 1})
    assert gone.code == "STEP.HTTP.CONNECT"
    assert not effect_unknown(gone.info())


async def test_a_handshake_that_hangs_sent_nothing(http: httpx.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with guarded_client(EgressPolicy(allow_private=True)) as free:
            error = await refusal(free, f"https://127.0.0.1:{port}/", timeout="300ms")
            assert (error.code, str(error.error_class)) == ("STEP.HTTP.CONNECT", "TRANSIENT")
            asked = await refusal(free, f"http://127.0.0.1:{port}/", timeout="300ms")
    assert (asked.code, str(asked.error_class)) == ("STEP.HTTP.TIMEOUT", "TIMEOUT")


async def test_a_redirect_to_where_nobody_listens_was_not_sent_there(http: httpx.AsyncClient, partner: Partner) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        partner.answers["/a"] = Answer(302, headers={"Location": f"http://127.0.0.1:{taken.getsockname()[1]}/"})
        async with guarded_client(EgressPolicy(allow_private=True)) as free:
            error = await refusal(free, f"{partner.url}/a")
    assert error.code == "STEP.HTTP.CONNECT"


async def test_an_unknown_name_is_transient(http: httpx.AsyncClient) -> None:
    error = await refusal(http, "http://no-such-host.invalid/")
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.CONNECT", "TRANSIENT")


async def test_an_endless_answer_is_not_read_on(http: httpx.AsyncClient, partner: Partner) -> None:
    sent = 0

    async def endless(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    partner.answers["/a"] = endless
    error = await refusal(http, f"{partner.url}/a", output_bytes=1000)
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.RESPONSE_TOO_LARGE", "PERMANENT")
    assert sent < 32 * 2**20


async def test_a_declared_length_over_the_limit_is_refused_unread(http: httpx.AsyncClient, partner: Partner) -> None:
    partner.answers["/a"] = Answer(200, b"", length=10**12)
    assert (await refusal(http, f"{partner.url}/a", timeout="5s")).code == "STEP.HTTP.RESPONSE_TOO_LARGE"


async def test_compressed_answers_are_unpacked(http: httpx.AsyncClient, partner: Partner) -> None:
    for encoding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress)):
        partner.answers["/a"] = Answer(200, pack(b"0" * 5_000), {"Content-Encoding": encoding})
        assert (await call(http, f"{partner.url}/a"))["body"] == "0" * 5_000


async def test_a_compressed_bomb_is_not_unpacked(http: httpx.AsyncClient, partner: Partner) -> None:
    partner.answers["/a"] = Answer(200, gzip.compress(b"0" * 60_000_000), {"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        error = await refusal(http, f"{partner.url}/a", output_bytes=250_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.code == "STEP.HTTP.RESPONSE_TOO_LARGE"
    assert peak < 8 * 2**20


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


async def test_two_hundred_slow_calls_hold_up_nobody(http: httpx.AsyncClient, partner: Partner) -> None:
    arrived, release = asyncio.Semaphore(0), asyncio.Event()

    async def slow(_asked: Asked, _writer: asyncio.StreamWriter) -> Answer:
        arrived.release()
        await release.wait()
        return Answer(200, b"late")

    partner.answers["/slow"] = slow
    partner.answers["/quick"] = Answer(200, b"now")
    waiting = [asyncio.create_task(call(http, f"{partner.url}/slow", output="body")) for _ in range(200)]
    for _ in waiting:
        await arrived.acquire()
    assert await call(http, f"{partner.url}/quick", output="body") == "now"
    release.set()
    assert await asyncio.gather(*waiting) == ["late"] * 200


async def test_connections_are_kept(partner: Partner) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with guarded_client(EgressPolicy(allow_private=True)) as http:
        for _ in range(5):
            await call(http, f"http://127.0.0.1:{port}/")
    server.close()
    await server.wait_closed()
    assert connections == 1
