"""`GET /v1/jobs` over HTTP: each filter by its name, orders, words, and what is wrong with a parameter."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from perdure.contract.error import ErrorClass, error_info
from perdure.contract.state import JobStatus
from perdure.projection.writer import write
from tests.integration.api.stack import Api
from tests.integration.api.test_bad_input import check_problem
from tests.integration.store.sample import START, job, projection, retrying

BROKEN = error_info("STEP.HTTP.5XX", ErrorClass.TRANSIENT, "partner answered 503")


@pytest.fixture(scope="module")
async def found(api: Api) -> httpx.AsyncClient:
    """A key of a tenant with four jobs: parent, child, one that is retried, and one that ended badly."""
    made: list[tuple[str, dict[str, Any]]] = [
        ("parent", {"submitted_by": "key:ops", "trace_id": "4bf9"}),
        ("child", {"parent_id": "searching:parent", "name": "invoice-mail", "trace_id": "4bf9"}),
        ("retried", {"correlation_id": "order/1"}),
        ("failed", {"status": JobStatus.FAILED, "error": BROKEN, "completed_at": START, "execution_ms": 5}),
    ]
    records = [
        job(f"searching:{name}", tenant="searching", **{"created_at": START + timedelta(seconds=number), **fields})
        for number, (name, fields) in enumerate(made)
    ]
    entries = [projection(record) for record in records]
    entries[2] = projection(records[2], retrying(records[2], 1))
    await write(api.engine, entries)
    return api.client(await api.key("searching", "viewer"))


async def listed(client: httpx.AsyncClient, query: dict[str, Any]) -> list[str]:
    answer = await client.get(f"/v1/jobs?{urlencode(query, doseq=True)}")
    assert answer.status_code == 200, answer.text
    return [job["id"].partition(":")[2] for job in answer.json()["data"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"submitted_by": "key:ops"}, ["parent"]),
        ({"parent": "searching:parent"}, ["child"]),
        ({"trace_id": "4bf9"}, ["child", "parent"]),
        ({"correlation_id": "order/1"}, ["retried"]),
        ({"error_code": "STEP.HTTP.5XX"}, ["failed", "retried"]),
        ({"error_code": "STEP.HTTP.5XX", "status": "FAILED"}, ["failed"]),
        ({"fingerprint": BROKEN.fingerprint}, ["failed"]),
        ({"q": "mail invoice"}, ["child"]),
        ({"q": "answered"}, ["failed", "retried"]),
        ({"q": "partner 503", "status": ["RETRYING", "RUNNING"]}, ["retried"]),
        ({"status": "RETRYING"}, ["retried"]),
        ({"status": "RETRYING,FAILED"}, ["failed", "retried"]),
        ({"status": "RUNNING"}, ["child", "parent"]),
        ({"sort": "created_at"}, ["parent", "child", "retried", "failed"]),
        ({"sort": "-completed_at"}, ["failed"]),
        ({"sort": "execution_ms"}, ["failed"]),
        ({"parent": "another:parent"}, []),
    ],
)
async def test_each_filter_narrows_the_list(found: httpx.AsyncClient, query: dict[str, Any], names: list[str]) -> None:
    assert await listed(found, query) == names


async def test_pages_in_another_order_follow_each_other(found: httpx.AsyncClient) -> None:
    first = (await found.get("/v1/jobs?sort=created_at&limit=3")).json()
    rest = (await found.get(f"/v1/jobs?sort=created_at&limit=3&cursor={first['page']['cursor']}")).json()
    names = [job["id"].partition(":")[2] for job in (*first["data"], *rest["data"])]
    assert names == ["parent", "child", "retried", "failed"]
    assert rest["page"] == {"cursor": None, "has_more": False}
    problem = check_problem(await found.get(f"/v1/jobs?cursor={first['page']['cursor']}"), 422)
    assert problem["errors"][0]["path"] == "query.cursor"


@pytest.mark.parametrize(
    ("query", "parameter", "told"),
    [
        ({"sort": "name"}, "sort", '"-created_at"'),
        ({"status": "DONE"}, "status", "The states are"),
        ({"q": "  "}, "q", "no word"),
        ({"q": "!?-"}, "q", "no word"),
        ({"q": "a b c d e f g h i j k"}, "q", "at most 10"),
        ({"q": "x" * 201}, "q", "200"),
        ({"limit": "201"}, "limit", "200"),
        ({"limit": "0"}, "limit", "1"),
        ({"since": "yesterday"}, "since", "2026"),
        ({"since": "2026-11-22T12:00:00Z", "until": "2026-11-22T12:00:00Z"}, "until", "not after since"),
        ({"label": "team"}, "label", "key=value"),
        ({"sort": ["created_at", "-created_at"]}, "sort", "only once"),
        ({"error": "x"}, "error", "unknown query parameter"),
        ({"cursor": "nonsense"}, "cursor", "start again without it"),
    ],
)
async def test_a_bad_value_is_named_and_explained(
    found: httpx.AsyncClient, query: dict[str, Any], parameter: str, told: str
) -> None:
    problem = check_problem(await found.get(f"/v1/jobs?{urlencode(query, doseq=True)}"), 422)
    (item,) = problem["errors"]
    assert item["path"] == f"query.{parameter}"
    assert told in item["message"]
