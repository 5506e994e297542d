"""`/v1/projection` over HTTP: asked for, told, each admin its own tenant."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from perdure.store.operation import Operation, OperationKind, Progress, finish, list_operations, request, save
from perdure.store.session import transaction
from perdure.store.set_aside import set_aside
from tests.integration.api.stack import Api, unique
from tests.integration.api.test_bad_input import check_problem

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATHS = ("/v1/projection/check", "/v1/projection/rebuild")


@pytest.fixture(autouse=True)
async def _nothing_waits(api: Api) -> AsyncIterator[None]:
    yield
    async with transaction(api.engine) as connection:
        for operation in await list_operations(connection, None, 100):
            await finish(connection, operation.id, START)


@pytest.mark.parametrize("path", PATHS)
async def test_an_operation_is_asked_for_and_shown(api: Api, path: str) -> None:
    tenant = f"t{unique()[:12]}"
    http = api.client(await api.key(tenant, name="keeper"))
    answer = await http.post(path, json={"reason": "after the restore", "job_ids": [f"{tenant}:1"]})
    assert answer.status_code == 202, answer.text
    asked = answer.json()
    assert (asked["status"], asked["requested_by"], asked["tenant"]) == ("QUEUED", "key:keeper", tenant)
    assert asked["kind"] == path.rpartition("/")[2].upper()
    assert asked["digest"] is None
    state = (await http.get("/v1/projection")).json()
    assert state["operations"] == [asked]


async def test_what_was_found_is_told(api: Api) -> None:
    tenant = f"t{unique()[:12]}"
    finding = {"kind": "DIFFERENT", "job_id": f"{tenant}:1", "table": "jobs", "row": "x", "columns": ["status"]}
    counts = {"jobs": 7, "runs": 8, "drifted": 1, "rows.jobs": 1}
    asked = Operation("op-" + unique(), OperationKind.CHECK, "key:x", START, tenant=tenant)
    async with transaction(api.engine) as connection:
        await request(connection, asked)
        await save(connection, asked.id, Progress(counts, -1, [finding]), started_at=START)
        await finish(connection, asked.id, START + timedelta(seconds=3))
        await set_aside(connection, f"{tenant}:poison", "ValueError: it is no job", START)
        await set_aside(connection, f"{tenant}:poison", "ValueError: again", START + timedelta(seconds=1))
        await set_aside(connection, "other:poison", "x", START)
    state = (await api.client(await api.key(tenant)).get("/v1/projection")).json()
    (told,) = state["operations"]
    assert told["counts"] == {
        "jobs": 7,
        "runs": 8,
        "drifted": 1,
        "mended": 0,
        "moving": 0,
        "unreadable": 0,
        "unknown": 0,
    }
    assert (told["rows"], told["findings"]) == ({"jobs": 1}, [finding | {"problem": None}])
    assert (told["status"], told["digest"]) == ("COMPLETED", "f" * 16)
    (aside,) = state["set_aside"]
    assert (aside["job_id"], aside["failures"], aside["problem"]) == (f"{tenant}:poison", 2, "ValueError: again")
    everybody = (await api.client(api.admin).get("/v1/projection")).json()
    assert {f"{tenant}:poison", "other:poison"} <= {job["job_id"] for job in everybody["set_aside"]}


async def test_a_second_one_of_a_kind_is_refused_while_the_first_waits(api: Api) -> None:
    http = api.client(await api.key(f"t{unique()[:12]}"))
    assert (await http.post(PATHS[0])).status_code == 202
    problem = check_problem(await http.post(PATHS[0]), 409)
    assert (problem["code"], "GET /v1/projection" in problem["detail"]) == ("API.CONFLICT", True)
    assert (await http.post(PATHS[1])).status_code == 202


@pytest.mark.parametrize("path", PATHS)
async def test_another_tenants_job_is_not_there(api: Api, path: str) -> None:
    http = api.client(await api.key("mine"))
    check_problem(await http.post(path, json={"job_ids": ["mine:1", "yours:1"]}), 404)
    assert (await http.get("/v1/projection")).json()["operations"] == []


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"job_ids": []}, "job_ids"),
        ({"job_ids": ["x"] * 1_001}, "job_ids"),
        ({"job_ids": [""]}, "job_ids"),
        ({"jobs": ["x"]}, "jobs"),
        ({"reason": 1}, "reason"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
async def test_a_bad_body_is_refused(api: Api, path: str, body: dict[str, object], place: str) -> None:
    problem = check_problem(await api.client(api.admin).post(path, json=body), 422)
    assert place in problem["errors"][0]["path"]
