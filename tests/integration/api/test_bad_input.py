"""Bad bodies and decisions (acceptance E2): always a 4xx problem that names the place; nothing is started."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.integration.api.stack import Api, spec, unique, until
from tests.unit.test_admission_spec import ONE_PROBLEM
from tests.unit.test_strict_body import REFUSED

JSON = {"Content-Type": "application/json"}
FIELDS = {
    "type", "title", "status", "detail", "instance", "code", "retryable", "errors", "trace_id", "request_id",
}  # fmt: skip


@pytest.fixture(scope="module")
async def tenant(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a tenant that has nothing but what these tests start, which must be nothing."""
    client = api.client(await api.key("badinput", "operator"))
    yield client
    assert (await client.get("/v1/jobs")).json()["data"] == []
    query, marker = 'PerdureTenant = "badinput"', f"marker:{unique()}"
    await api.temporal.start_workflow("Job", id=marker, task_queue="none")
    await until(lambda: _count(api, f'WorkflowId = "{marker}"'))
    assert await _count(api, query) == 0


async def _count(api: Api, query: str) -> int:
    return (await api.temporal.count_workflows(query)).count


def check_problem(answer: httpx.Response, status: int | None = None) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.keys() == FIELDS
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"/docs/errors#{problem['code']}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]
    assert status is None or answer.status_code == status, answer.text
    return problem


@pytest.mark.parametrize("name", REFUSED)
async def test_malformed_body_is_a_problem_that_names_the_place(tenant: httpx.AsyncClient, name: str) -> None:
    body, path, code = REFUSED[name]
    problem = check_problem(await tenant.post("/v1/jobs", content=body, headers=JSON), 400)
    assert problem["code"] == "API.BODY_INVALID"
    assert (problem["errors"][0]["path"], problem["errors"][0]["code"]) == (path, f"API.BODY.{code}")


@pytest.mark.parametrize("name", ONE_PROBLEM)
async def test_bad_spec_is_a_problem_that_names_the_place(tenant: httpx.AsyncClient, name: str) -> None:
    document, path, code = ONE_PROBLEM[name]
    problem = check_problem(await tenant.post("/v1/jobs", content=json.dumps(document), headers=JSON), 422)
    assert problem["code"] == "API.VALIDATION"
    assert [(found["path"], found["code"]) for found in problem["errors"]] == [(path, f"API.{code}")]


async def _chunks(size: int, count: int) -> AsyncIterator[bytes]:
    yield b'{"name": "'
    for _ in range(count):
        yield b"x" * size
        await asyncio.sleep(0)
    yield b'"}'


async def test_too_large_a_body_is_413(tenant: httpx.AsyncClient) -> None:
    problem = check_problem(await tenant.post("/v1/jobs", content=b" " * (1024 * 1024 + 1), headers=JSON), 413)
    assert problem["code"] == "API.BODY_TOO_LARGE"
    assert "1048576" in problem["detail"]


async def test_too_large_a_body_without_a_length_is_413(tenant: httpx.AsyncClient) -> None:
    check_problem(await tenant.post("/v1/jobs", content=_chunks(65536, 40), headers=JSON), 413)


async def test_a_body_in_many_small_chunks_is_read(tenant: httpx.AsyncClient) -> None:
    check_problem(await tenant.post("/v1/jobs", content=_chunks(1, 3000), headers=JSON), 422)


async def test_a_body_that_declares_too_much_is_refused_without_being_read(api: Api) -> None:
    answer = await _raw(api, b"POST /v1/jobs HTTP/1.1\r\n%sContent-Length: 99999999999999999999\r\n\r\n{")
    assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400"))


async def test_a_cut_connection_harms_nobody(api: Api, http: httpx.AsyncClient) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    for _ in range(5):
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nX-API-Key: {api.admin.text}\r\nContent-Length: 100\r\n"
        writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert (await http.get("/v1/jobs?limit=1")).status_code == 200


async def _raw(api: Api, request: bytes) -> bytes:
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    headers = f"Host: x\r\nX-API-Key: {api.admin.text}\r\nContent-Type: application/json\r\n".encode()
    writer.write(request.replace(b"%s", headers))
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(65536), 60)
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "declared",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/json, text/plain",
        "application/jsonp",
        "application/problem+json",
        "json",
        "\xff",
    ],
)
async def test_another_content_type_is_415(tenant: httpx.AsyncClient, declared: str | None) -> None:
    headers = [] if declared is None else [(b"Content-Type", declared.encode("latin-1"))]
    problem = check_problem(await tenant.post("/v1/jobs", content=json.dumps(spec()).encode(), headers=headers), 415)
    assert "Content-Type: application/json" in problem["detail"]


async def test_a_compressed_body_is_415(tenant: httpx.AsyncClient) -> None:
    check_problem(await tenant.post("/v1/jobs", content=b"x", headers={**JSON, "Content-Encoding": "gzip"}), 415)


DECISIONS: list[tuple[str, bytes, str]] = [
    ("cancel", b"[]", "$"),
    ("cancel", b"null", "$"),
    ("cancel", b'{"reason": 5}', "$.reason"),
    ("cancel", b'{"reason": "x", "actor": "me"}', "$.actor"),
    ("cancel", b'{"reason": "x", "reason": "y"}', "$.reason"),
    ("cancel", b'{"reason": "\\u0000"}', "$.reason"),
    ("cancel", b'{"reason": "' + b"x" * 2001 + b'"}', "$.reason"),
    ("cancel", b"{", "$"),
    ("retry", b'{"steps": "a"}', "$.steps"),
    ("retry", b'{"steps": []}', "$.steps"),
    ("retry", b'{"steps": [1]}', "$.steps[0]"),
    ("retry", b'{"steps": ["A B"]}', "$.steps[0]"),
    ("retry", b'{"step": "a"}', "$.step"),
    ("retry", b'{"steps": ["' + b'a","' * 10_001 + b'a"]}', "$.steps"),
]


@pytest.mark.parametrize(("verb", "body", "place"), DECISIONS)
async def test_a_bad_decision_is_a_problem_and_decides_nothing(
    api: Api, http: httpx.AsyncClient, verb: str, body: bytes, place: str
) -> None:
    job_id = (await http.post("/v1/jobs", json=spec())).json()["id"]
    problem = check_problem(await http.post(f"/v1/jobs/{job_id}/{verb}", content=body, headers=JSON))
    assert problem["errors"][0]["path"] == place
    assert (await api.temporal.get_workflow_handle(job_id).describe()).history_length == 2


async def test_the_trace_of_the_request_is_in_the_problem(http: httpx.AsyncClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Request-Id": "mine-1"}
    problem = check_problem(await http.get("/v1/jobs/default:nope", headers=headers), 404)
    assert (problem["trace_id"], problem["request_id"]) == (trace, "mine-1")
