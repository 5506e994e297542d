"""E1: role x route x tenant, walked from the OpenAPI document, as docs/reference/roles.md has it; nothing leaks."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.app import Secrets, create_app
from api.role_reference import render
from perdure.contract.bulk import BulkStatus, BulkVerb
from perdure.settings import Settings
from perdure.store.bulk_action import BulkActionRow, add
from perdure.store.session import transaction
from tests.integration.api.stack import Api, new_key, running_api, spec, unique
from tests.integration.api.test_bad_input import check_problem
from tests.integration.api.walk import ROLES, Operation, documented, operations

DOCUMENT: dict[str, Any] = create_app(Settings(), Secrets(b"p" * 32, None)).state.openapi_document
TABLE = documented()
V1 = list(operations(DOCUMENT))
CANARY = "canary-e1-7f3a"


@pytest.fixture(scope="module")
async def api(api: Api) -> AsyncIterator[Api]:
    """One that waits for no worker: there is none to take a decision."""
    hasty = api.settings.model_copy(update={"decision_timeout_seconds": 0.1})
    async with running_api(hasty, api.temporal) as running:
        yield running


def test_e1_the_table_is_current() -> None:
    assert ROLES.read_text() == render(DOCUMENT), "run: python -m api.role_reference > docs/reference/roles.md"


def test_e1_the_table_has_every_route_and_no_other() -> None:
    assert TABLE.keys() == {str(operation) for operation in V1}


@pytest.mark.parametrize("operation", V1, ids=str)
def test_e1_no_route_under_v1_is_open(operation: Operation) -> None:
    assert TABLE[str(operation)]["no key"] == "401"


@pytest.mark.parametrize(
    ("route", "role"),
    [
        ("GET /v1/jobs", "viewer"),
        ("GET /v1/jobs/{job_id}", "viewer"),
        ("GET /v1/me", "viewer"),
        ("GET /v1/audit", "viewer"),
        ("POST /v1/jobs", "operator"),
        ("POST /v1/jobs/batch", "operator"),
        ("POST /v1/jobs/{job_id}/cancel", "operator"),
        ("POST /v1/jobs/{job_id}/retry", "operator"),
        ("POST /v1/jobs/{job_id}/pause", "operator"),
        ("POST /v1/jobs/{job_id}/resume", "operator"),
        ("POST /v1/jobs/{job_id}/deliver", "operator"),
        ("POST /v1/jobs/{job_id}/approve", "operator"),
        ("POST /v1/jobs/{job_id}/resubmit", "operator"),
        ("POST /v1/jobs/{job_id}/terminate", "admin"),
        ("POST /v1/dead-letters/{job_id}/retry", "operator"),
        ("POST /v1/dead-letters/{job_id}/skip", "operator"),
        ("POST /v1/dead-letters/{job_id}/discard", "operator"),
        ("GET /v1/dead-letters", "viewer"),
        ("GET /v1/dead-letters/groups", "viewer"),
        ("POST /v1/bulk-actions", "operator"),
        ("POST /v1/bulk-actions/{action_id}/abort", "operator"),
        ("POST /v1/retrying/{job_id}/now", "operator"),
        ("POST /v1/retrying/{job_id}/give-up", "operator"),
        ("GET /v1/projection", "admin"),
        ("POST /v1/projection/check", "admin"),
        ("POST /v1/projection/rebuild", "admin"),
        ("GET /v1/api-keys", "admin"),
        ("POST /v1/api-keys", "admin"),
        ("POST /v1/api-keys/{key_id}/rotate", "admin"),
        ("POST /v1/api-keys/{key_id}/revoke", "admin"),
    ],
)
def test_e1_the_least_role_is_that_of_the_contract(route: str, role: str) -> None:
    allowed = [name for name in ("viewer", "operator", "admin") if TABLE[route][name] == "ok"]
    assert allowed[0] == role


@pytest.fixture(scope="module", autouse=True)
async def acme(api: Api) -> None:
    """What there is all along for a list to leak."""
    for make in MAKERS.values():
        await make(api, "acme")


async def things(api: Api, operation: Operation) -> dict[str, str]:
    """What the operation names in its path, of tenant acme, made for one request."""
    return {name: await MAKERS[name](api, "acme") for name in operation.needs}


async def job(api: Api, tenant: str) -> str:
    """A job of a tenant, submitted."""
    submitter = api.client(await api.key(tenant, "operator"))
    body = spec(input={"secret": CANARY}, name=CANARY, labels={"x": CANARY})
    answer = await submitter.post("/v1/jobs", json=body)
    return str(answer.json()["id"])


async def key(api: Api, tenant: str) -> str:
    """A key of a tenant, for viewers."""
    return (await api.key(tenant, "viewer", name=CANARY)).id


async def step(_api: Api, _tenant: str) -> str:
    """The step of every such job."""
    return "a"


async def bulk_action(api: Api, tenant: str) -> str:
    """A bulk action of a tenant that nobody has begun."""
    row = BulkActionRow(
        id=str(uuid4()),
        tenant=tenant,
        action=BulkVerb.RETRY,
        status=BulkStatus.QUEUED,
        reason=CANARY,
        requested_by=CANARY,
        requested_at=datetime.now(UTC),
        filter={"q": CANARY},
        step=None,
        output=None,
        force=False,
        rate_per_second=None,
        canary=0,
        canary_seconds=1,
        total=0,
        idempotency_key=None,
        fingerprint="",
    )
    async with transaction(api.engine) as connection:
        await add(connection, row)
    return row.id


MAKERS = {"job_id": job, "key_id": key, "step_id": step, "action_id": bulk_action}


async def send(client: httpx.AsyncClient, operation: Operation, path: str) -> httpx.Response:
    body = operation.body
    if str(operation) == "POST /v1/api-keys":
        body = {"name": f"made {unique()}", "role": "viewer"}
    return await client.request(operation.method, path, json=body)


@pytest.mark.parametrize("operation", V1, ids=str)
async def test_e1_without_a_key(api: Api, operation: Operation) -> None:
    path = operation.filled(await things(api, operation))
    for client in (api.client(None), api.client(new_key())):
        answer = await send(client, operation, path)
        assert check_problem(answer, 401)["code"] == "API.UNAUTHENTICATED"
        assert CANARY not in answer.text


@pytest.mark.parametrize("tenant", ["acme", "*"])
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
@pytest.mark.parametrize("operation", V1, ids=str)
async def test_e1_every_role(api: Api, operation: Operation, role: str, tenant: str) -> None:
    path = operation.filled(await things(api, operation))
    answer = await send(api.client(await api.key(tenant, role)), operation, path)
    if TABLE[str(operation)][role] == "403":
        problem = check_problem(answer, 403)
        needed = next(name for name in ("operator", "admin") if TABLE[str(operation)][name] == "ok")
        assert (problem["code"], f"the role {needed};" in problem["detail"]) == ("API.FORBIDDEN", True)
    else:
        # 504: no worker is there to take a decision.
        assert answer.status_code not in (401, 403, 404)
        assert answer.status_code < 500 or answer.json()["code"] == "API.DECISION_TIMEOUT"


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
@pytest.mark.parametrize("operation", V1, ids=str)
async def test_e1_another_tenant(api: Api, operation: Operation, role: str) -> None:
    stranger = api.client(await api.key(f"t{unique()[:12]}", role, "stranger", payloads=True))
    theirs = await things(api, operation)
    answer = await send(stranger, operation, operation.filled(theirs))
    assert CANARY not in answer.text.replace(theirs.get("job_id", ""), "")
    if TABLE[str(operation)][role] == "403":
        check_problem(answer, 403)
    elif TABLE[str(operation)]["another tenant's"] == "404":
        ids = {"job_id": f"acme:{unique()}", "key_id": unique()[:12], "step_id": "a", "action_id": str(uuid4())}
        absent = operation.filled(ids)
        there, not_there = check_problem(answer, 404), check_problem(await send(stranger, operation, absent), 404)
        assert [there[name] for name in ("code", "title", "detail")] == [
            not_there[name] for name in ("code", "title", "detail")
        ]
    else:
        assert answer.status_code < 300


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
@pytest.mark.parametrize("operation", [one for one in V1 if one.method == "GET"], ids=str)
async def test_e1_without_the_grant_no_route_shows_a_payload(api: Api, operation: Operation, role: str) -> None:
    submitter = api.client(await api.key("masked", "operator"))
    canary = f"canary-{unique()}"
    job_id = (await submitter.post("/v1/jobs", json=spec(input={"secret": canary}))).json()["id"]
    await api.project(job_id)
    made = {name: job_id if name == "job_id" else await MAKERS[name](api, "masked") for name in operation.needs}
    answer = await send(api.client(await api.key("masked", role)), operation, operation.filled(made))
    assert canary not in answer.text
