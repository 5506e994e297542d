"""Queries, ids, paths and methods that cannot be meant: a 4xx problem that names the place."""

import httpx
import pytest

from tests.integration.api.stack import spec
from tests.integration.api.test_bad_input import check_problem, tenant

__all__ = ["tenant"]


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
