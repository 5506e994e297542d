"""Keys, roles and tenants: a missing or wrong key is 401 and tells nothing more; another tenant's job is a 404."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text, update

from api.dashboard.files import BUILT
from perdure.security.key import parse_key
from perdure.security.key_ring import FRESH_SECONDS, OUTAGE_SECONDS, KeyRing
from perdure.store.session import StoreUnavailableError, transaction
from perdure.store.table import api_keys
from tests.integration.api.stack import PEPPER, Api, new_key, spec, unique, until
from tests.integration.api.test_bad_input import check_problem
from tests.integration.store.server import PostgresServer

PATHS = [
    ("GET", "/v1/jobs"),
    ("POST", "/v1/jobs"),
    ("GET", "/v1/jobs/default:x"),
    ("GET", "/v1/jobs/nonsense"),
    ("GET", "/v1/jobs/default:x/journal"),
    ("POST", "/v1/jobs/default:x/cancel"),
    ("POST", "/v1/jobs/default:x/retry"),
    ("POST", "/v1/jobs/batch"),
    ("POST", "/v1/jobs/default:x/terminate"),
    ("POST", "/v1/jobs/default:x/resubmit"),
    ("POST", "/v1/dead-letters/default:x/skip"),
    ("GET", "/v1/jobs?limit=x"),
]


def check_401(answer: httpx.Response) -> str:
    """The part of the answer that must not differ from case to case."""
    problem = check_problem(answer, 401)
    assert problem["code"] == "API.UNAUTHENTICATED"
    assert answer.headers["www-authenticate"] == 'Bearer realm="perdure"'
    return str(problem["detail"])


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_every_job_route_needs_a_key(api: Api, method: str, path: str) -> None:
    check_401(await api.client(None).request(method, path, content=b"not even JSON"))


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/info", "/openapi.json", "/docs", "/docs/errors"])
async def test_what_describes_the_server_is_open(api: Api, path: str) -> None:
    assert (await api.client(None).get(path)).status_code == 200


@pytest.mark.parametrize("path", ["/", "/dashboard"])
async def test_the_address_alone_leads_to_the_dashboard(api: Api, path: str) -> None:
    answer = await api.client(None).get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, "/dashboard/")


async def test_the_dashboards_page_is_open_and_says_what_to_run_where_it_was_not_built(api: Api) -> None:
    answer = await api.client(None).get("/dashboard/jobs/default:x")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-cache"
    if (BUILT / "index.html").is_file():
        assert (answer.status_code, answer.text) == (200, (BUILT / "index.html").read_text())
    else:
        assert (answer.status_code, "make setup" in answer.text) == (404, True)


async def test_the_dashboard_takes_no_other_method(api: Api) -> None:
    check_problem(await api.client(api.admin).post("/dashboard/"), 405)


def _headers(api: Api) -> dict[str, list[tuple[bytes, bytes]]]:
    good = api.admin.text
    wrong_secret = good[:-1] + ("a" if good[-1] != "a" else "b")
    return {
        "none": [],
        "empty": [(b"Authorization", b"")],
        "no scheme": [(b"Authorization", good.encode())],
        "Basic": [(b"Authorization", b"Basic " + good.encode())],
        "empty bearer": [(b"Authorization", b"Bearer")],
        "wrong secret": [(b"Authorization", b"Bearer " + wrong_secret.encode())],
        "unknown id": [(b"Authorization", b"Bearer " + new_key().text.encode())],
        "id only": [(b"X-API-Key", api.admin.id.encode())],
        "malformed": [(b"X-API-Key", b"pdr_x_y")],
        "long": [(b"X-API-Key", b"pdr_" + b"x" * 20_000)],
        "long and well-formed": [(b"X-API-Key", good.encode() + b"x" * 20_000)],
        "non-ASCII": [(b"X-API-Key", "pdr_é".encode("latin-1"))],
        "non-ASCII bytes": [(b"Authorization", b"Bearer \xff\xfe" + good.encode())],
        "two headers": [(b"X-API-Key", good.encode()), (b"Authorization", b"Bearer " + good.encode())],
        "the header twice": [(b"X-API-Key", good.encode()), (b"X-API-Key", good.encode())],
        "in a list": [(b"X-API-Key", good.encode() + b", " + good.encode())],
        "SQL": [(b"X-API-Key", b"pdr_a' OR '1'='1_" + b"x" * 40)],
    }


async def test_all_wrong_keys_are_answered_alike(api: Api) -> None:
    client = api.client(None)
    details = {
        name: check_401(await client.get("/v1/jobs", headers=headers)) for name, headers in _headers(api).items()
    }
    assert len(set(details.values())) == 1


async def test_a_key_in_the_query_is_no_key(api: Api) -> None:
    check_401(await api.client(None).get(f"/v1/jobs?api_key={api.admin.text}"))


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
async def test_the_key_may_come_as_bearer(api: Api, scheme: str) -> None:
    headers = {"Authorization": scheme + api.admin.text}
    assert (await api.client(None).get("/v1/jobs", headers=headers)).status_code == 200


async def test_the_key_may_come_in_its_own_header(api: Api) -> None:
    assert (await api.client(None).get("/v1/jobs", headers={"X-API-Key": api.admin.text})).status_code == 200


async def test_an_expired_key_is_401(api: Api) -> None:
    key = await api.key(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    check_401(await api.client(key).get("/v1/jobs"))


async def test_a_key_expires_while_it_is_known(api: Api) -> None:
    client = api.client(await api.key(expires_at=datetime.now(UTC) + timedelta(seconds=3)))
    assert (await client.get("/v1/jobs")).status_code == 200
    await until(lambda: _is_401(client))


async def _is_401(client: httpx.AsyncClient) -> bool:
    return (await client.get("/v1/jobs?limit=1")).status_code == 401


async def test_a_revoked_key_is_401(api: Api) -> None:
    key = await api.key(revoked_at=datetime.now(UTC))
    check_401(await api.client(key).get("/v1/jobs"))


async def test_a_known_key_is_401_within_five_seconds_of_being_revoked(api: Api) -> None:
    key = await api.key()
    client = api.client(key)
    assert (await client.get("/v1/jobs")).status_code == 200
    async with transaction(api.engine) as connection:
        await connection.execute(update(api_keys).where(api_keys.c.id == key.id).values(revoked_at=datetime.now(UTC)))
    await until(lambda: _is_401(client), FRESH_SECONDS + 15)  # what a busy machine adds


async def test_a_key_with_an_unknown_role_is_401(api: Api) -> None:
    check_401(await api.client(await api.key(role="root")).get("/v1/jobs"))


async def test_only_a_hash_of_the_key_is_stored(api: Api) -> None:
    async with transaction(api.engine) as connection:
        rows = str((await connection.execute(text("SELECT * FROM api_keys"))).all())
    assert api.admin.id in rows
    assert api.admin.text.rpartition("_")[2] not in rows


async def test_a_viewer_reads_and_decides_nothing(api: Api, http: httpx.AsyncClient) -> None:
    job_id = (await http.post("/v1/jobs", json=spec())).json()["id"]
    viewer = api.client(await api.key(role="viewer"))
    assert (await viewer.get(f"/v1/jobs/{job_id}")).status_code == 200
    for path in ("/v1/jobs", f"/v1/jobs/{job_id}/cancel", f"/v1/jobs/{job_id}/retry"):
        problem = check_problem(await viewer.post(path, json=spec()), 403)
        assert problem["code"] == "API.FORBIDDEN"
        assert "operator" in problem["detail"]


async def test_a_tenant_submits_to_itself(api: Api) -> None:
    acme = api.client(await api.key("acme", "operator", "ops"))
    job = (await acme.post("/v1/jobs", json=spec())).json()
    assert (job["tenant"], job["submitted_by"]) == ("acme", "key:ops")
    assert job["id"].startswith("acme:")


async def test_the_same_key_of_two_tenants_is_two_jobs(api: Api) -> None:
    acme, other = [api.client(await api.key(tenant, "operator")) for tenant in ("acme", "other")]
    headers = {"Idempotency-Key": unique()}
    answers = [await client.post("/v1/jobs", json=spec(), headers=headers) for client in (acme, other)]
    assert [answer.status_code for answer in answers] == [202, 202]


@pytest.mark.parametrize("projected", [False, True])
async def test_another_tenants_job_does_not_exist(api: Api, projected: bool) -> None:
    acme, other = [api.client(await api.key(tenant, "operator")) for tenant in ("acme", "other")]
    job_id = (await acme.post("/v1/jobs", json=spec())).json()["id"]
    if projected:
        await api.project(job_id)
    missing = (await other.get("/v1/jobs/other:nope")).json()
    for method, path in [
        ("GET", ""), ("GET", "?consistency=strong"), ("GET", "/journal"), ("POST", "/cancel"), ("POST", "/retry"),
    ]:  # fmt: skip
        problem = check_problem(await other.request(method, f"/v1/jobs/{job_id}{path}"), 404)
        assert (problem["code"], problem["detail"]) == (missing["code"], missing["detail"])
    assert all(job["tenant"] == "other" for job in (await other.get("/v1/jobs")).json()["data"])
    assert (await api.temporal.get_workflow_handle(job_id).describe()).history_length == 2


async def test_a_tenant_is_not_taken_for_one_it_begins_with(api: Api) -> None:
    acme, acme2 = [api.client(await api.key(tenant, "operator")) for tenant in ("acme", "acme2")]
    job_id = (await acme2.post("/v1/jobs", json=spec())).json()["id"]
    check_problem(await acme.get(f"/v1/jobs/{job_id}"), 404)


async def test_details_of_readiness_need_a_key(api: Api, http: httpx.AsyncClient) -> None:
    shown = (await http.get("/readyz")).json()
    assert {check["name"]: check["status"] for check in shown["checks"]} == {"temporal": "ok", "postgres": "ok"}
    assert all(check["latency_ms"] is not None for check in shown["checks"])
    for client in (api.client(None), api.client(new_key())):
        hidden = (await client.get("/readyz")).json()
        assert [check["latency_ms"] for check in hidden["checks"]] == [None, None]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_keys_seen_lately_work_while_postgres_is_away(api: Api, api_postgres: PostgresServer) -> None:
    clock = Clock()
    ring = KeyRing(api.engine, PEPPER, clock)
    known, unseen = await api.key(name="known"), await api.key(name="unseen")
    assert await ring.principal(known.text)
    api_postgres.stop()
    try:
        for age in (FRESH_SECONDS + 1, OUTAGE_SECONDS - 1):
            clock.now = 1000 + age
            found = await ring.principal(known.text)
            assert found is not None
            assert found.actor == "key:known"
            wrong = known.text[:-1] + ("a" if known.text[-1] != "a" else "b")
            assert await ring.principal(wrong) is None
        with pytest.raises(StoreUnavailableError):
            await ring.principal(unseen.text)
        assert await ring.principal("malformed") is None
        clock.now = 1000 + OUTAGE_SECONDS + 1
        with pytest.raises(StoreUnavailableError):
            await ring.principal(known.text)
    finally:
        api_postgres.start()
    assert await ring.principal(known.text)


async def test_a_wrong_secret_is_never_remembered(api: Api) -> None:
    clock = Clock()
    ring = KeyRing(api.engine, PEPPER, clock)
    key = await api.key()
    wrong = parse_key(key.text[:-1] + ("a" if key.text[-1] != "a" else "b"))
    assert wrong
    assert await ring.principal(wrong.text) is None
    assert not ring._seen
    assert await ring.principal(key.text)
    assert await ring.principal(wrong.text) is None
