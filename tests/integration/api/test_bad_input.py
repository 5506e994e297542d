"""Bad input of every kind (acceptance E2): always a 4xx problem that names the place; nothing is started."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.api.stack import Api, spec, until
from tests.unit.test_admission_spec import ONE_PROBLEM, any_json
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
    query = 'PerdureTenant = "badinput"'
    await api.temporal.start_workflow("Job", id="marker:1", task_queue="none")
    await until(lambda: _count(api, 'WorkflowId = "marker:1"'))
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


QUERIES = [
    ("/v1/jobs?limit=0", "query.limit"),
    ("/v1/jobs?limit=201", "query.limit"),
    ("/v1/jobs?limit=-1", "query.limit"),
    ("/v1/jobs?limit=x", "query.limit"),
    ("/v1/jobs?limit=", "query.limit"),
    ("/v1/jobs?limit=" + "9" * 5000, "query.limit"),
    ("/v1/jobs?limit=1&limit=2", "query.limit"),
    ("/v1/jobs?limti=1", "query.limti"),
    ("/v1/jobs?status=DONE", "query.status"),
    ("/v1/jobs?status=completed", "query.status"),
    ("/v1/jobs?status=", "query.status"),
    ("/v1/jobs?status=COMPLETED,,FAILED", "query.status"),
    ("/v1/jobs?label=team", "query.label"),
    ("/v1/jobs?label==x", "query.label"),
    ("/v1/jobs?label=a%3D1&label=a%3D2", "query.label"),
    ("/v1/jobs?since=yesterday", "query.since"),
    ("/v1/jobs?since=1700000000", "query.since"),
    ("/v1/jobs?since=2026-02-30T00:00:00Z", "query.since"),
    ("/v1/jobs?since=2026-01-01", "query.since"),
    ("/v1/jobs?until=9999-12-31T23:59:59-23:59", "query.until"),
    ("/v1/jobs?cursor=x", "query.cursor"),
    ("/v1/jobs?cursor=" + "A" * 5000, "query.cursor"),
    ("/v1/jobs?cursor=bnVsbA", "query.cursor"),
    ("/v1/jobs?correlation_id=" + "x" * 256, "query.correlation_id"),
    ("/v1/jobs?queue=%00", "query"),
    ("/v1/jobs?queue=%ff", "query"),
    ("/v1/jobs?queue=%ed%a0%80", "query"),
    ("/v1/jobs?%00=1", "query"),
    ("/v1/jobs?" + "&".join(f"x{n}=1" for n in range(3)), "query.x0"),
    ("/v1/jobs/default:x?consistency=weak", "query.consistency"),
    ("/v1/jobs/default:x?strong", "query.strong"),
    ("/v1/jobs/default:x/journal?cursor=-1", "query.cursor"),
    ("/v1/jobs/default:x/journal?cursor=1e3", "query.cursor"),
    ("/v1/jobs/default:x/journal?cursor=%D9%A3", "query.cursor"),
    ("/v1/jobs/default:x/journal?cursor=" + "9" * 400, "query.cursor"),
    ("/v1/jobs/default:x/journal?limit=1000", "query.limit"),
    ("/livez?x=1", "query.x"),
]


@pytest.mark.parametrize(("path", "place"), QUERIES)
async def test_a_bad_query_is_a_problem_that_names_the_parameter(
    http: httpx.AsyncClient, path: str, place: str
) -> None:
    problem = check_problem(await http.get(path), 422)
    assert problem["errors"][0]["path"] == place


@pytest.mark.parametrize(
    "query", ["dry_run=maybe", "dry_run=", "dryrun=1", "dry_run=true&dry_run=false", "dry_run=%00"]
)
async def test_a_bad_query_starts_nothing(tenant: httpx.AsyncClient, query: str) -> None:
    check_problem(await tenant.post(f"/v1/jobs?{query}", json=spec()), 422)


IDS = [
    "x", "default", "default:", ":x", "Default:x", "default:a b", "default:\u00e9", "default:%00", "default:%ff",
    "default:" + "x" * 248, "default:" + "x" * 60_000, "*:x", "a" * 41 + ":x", "default:..%2f..", "%2e%2e",
    "default:x%0a", "default:%D9%A3", "-a:x",
]  # fmt: skip


@pytest.mark.parametrize("job_id", IDS)
@pytest.mark.parametrize("route", ["", "/journal"])
async def test_an_impossible_id_is_404(http: httpx.AsyncClient, job_id: str, route: str) -> None:
    problem = check_problem(await http.get(f"/v1/jobs/{job_id}{route}"), 404)
    assert problem["code"] == "API.NOT_FOUND"
    assert len(problem["instance"]) <= 500


@pytest.mark.parametrize("verb", ["cancel", "retry"])
async def test_deciding_about_an_impossible_id_is_404(http: httpx.AsyncClient, verb: str) -> None:
    for job_id in ("default:nope", "default:%00", "x"):
        check_problem(await http.post(f"/v1/jobs/{job_id}/{verb}", json={"reason": "x"}), 404)


@pytest.mark.parametrize(
    "path", ["/nope", "/v1", "/v1/", "/v1/jobs/", "/v2/jobs", "/v1/jobs/a:b/c/d", "//v1/jobs", "/v1/jobs/%2f", "/%00"]
)
async def test_an_unknown_path_is_404(http: httpx.AsyncClient, path: str) -> None:
    check_problem(await http.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/jobs", "GET, POST"),
        ("PUT", "/v1/jobs", "GET, POST"),
        ("POST", "/v1/jobs/default:x", "GET"),
        ("GET", "/v1/jobs/default:x/retry", "POST"),
        ("PATCH", "/v1/jobs/default:x/journal", "GET"),
        ("POST", "/livez", "GET"),
        ("POST", "/docs", "GET"),
        ("PROPFIND", "/v1/jobs", "GET, POST"),
    ],
)
async def test_another_method_is_405(http: httpx.AsyncClient, method: str, path: str, allowed: str) -> None:
    answer = await http.request(method, path)
    check_problem(answer, 405)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/v1/jobs", 200), ("/v1/jobs/default:nope", 404)])
async def test_head_is_get_without_its_body(http: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await http.head(path)
    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers["content-type"] == (await http.get(path)).headers["content-type"]


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


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@FUZZ
@given(st.binary(max_size=300))
async def test_any_bytes_are_a_4xx_and_start_nothing(tenant: httpx.AsyncClient, body: bytes) -> None:
    check_problem(await tenant.post("/v1/jobs", content=body, headers=JSON))


@FUZZ
@given(any_json)
async def test_any_json_is_admitted_or_a_4xx(http: httpx.AsyncClient, document: Any) -> None:
    answer = await http.post("/v1/jobs?dry_run=true", content=json.dumps(document), headers=JSON)
    if answer.status_code != 200:
        check_problem(answer)


@FUZZ
@given(any_json, st.sampled_from(["name", "steps", "labels", "retry", "dependents", "output", "input", "priority"]))
async def test_any_value_in_any_field_is_admitted_or_a_4xx(http: httpx.AsyncClient, value: Any, field: str) -> None:
    answer = await http.post("/v1/jobs?dry_run=true", content=json.dumps(spec(**{field: value})), headers=JSON)
    if answer.status_code != 200:
        check_problem(answer)


@FUZZ
@given(st.text(max_size=40), st.sampled_from(["limit", "cursor", "status", "label", "since", "queue", "type", "q"]))
async def test_any_query_is_answered_or_a_4xx(http: httpx.AsyncClient, value: str, name: str) -> None:
    encoded = value.encode("utf-8", "surrogatepass")
    query = name.encode() + b"=" + b"".join(b"%%%02x" % byte for byte in encoded)
    answer = await http.get(http.base_url.copy_with(path="/v1/jobs", query=query))
    if answer.status_code != 200:
        check_problem(answer)
