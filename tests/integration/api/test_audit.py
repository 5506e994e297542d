"""The audit: who made keys, saw payloads or was refused, for the key's own tenant, and nobody's secrets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from sqlalchemy import text

from api.audit import book
from tests.integration.api.auditing import AUDIT, entered, entries, tenant
from tests.integration.api.stack import Api, new_key, running_api, spec, unique, until
from tests.integration.api.test_bad_input import check_problem
from tests.integration.store.server import PostgresServer, running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
async def audited(postgres: PostgresServer, temporal_address: str) -> AsyncIterator[Api]:
    """An API whose Postgres these tests stop."""
    settings = postgres.create_database("audited").model_copy(update={"temporal_address": temporal_address})
    async with running_api(settings) as api:
        yield api


@asynccontextmanager
async def refused_by_postgres(api: Api, column: str, value: str) -> AsyncIterator[None]:
    """While it lasts no entry with that value can be added."""
    async with api.engine.begin() as connection:
        rule = f"CHECK ({column} <> '{value}') NOT VALID"
        await connection.execute(text(f"ALTER TABLE audit_entries ADD CONSTRAINT refused {rule}"))
    try:
        yield
    finally:
        async with api.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE audit_entries DROP CONSTRAINT refused"))


@asynccontextmanager
async def a_disk_that_fails(api: Api) -> AsyncIterator[None]:
    """While it lasts no entry can be added, through no fault of the entry's."""
    function = "RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'disk' USING ERRCODE = 'io_error'; END$$"
    async with api.engine.begin() as connection:
        await connection.execute(text(f"CREATE FUNCTION fails() {function}"))
        await connection.execute(text("CREATE TRIGGER fails BEFORE INSERT ON audit_entries EXECUTE FUNCTION fails()"))
    try:
        yield
    finally:
        async with api.engine.begin() as connection:
            await connection.execute(text("DROP FUNCTION fails CASCADE"))


async def submitted(api: Api, where: str) -> str:
    """A job with an input."""
    operator = api.client(await api.key(where, "operator"))
    answer = await operator.post("/v1/jobs", json=spec(input={"secret": "canary-9"}, queue="nobody"))
    return str(answer.json()["id"])


async def test_the_life_of_a_key_is_told_with_who_and_why_and_without_its_secret(audited: Api) -> None:
    where, trace = tenant(), unique()
    admin = await audited.key(where, "admin", "boss", payloads=True)
    http = audited.client(admin)
    http.headers["X-Request-Id"] = "asked-so"
    http.headers["traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
    made = (await http.post("/v1/api-keys", json={"name": "orders", "role": "viewer", "expires_in": "90d"})).json()
    path = f"/v1/api-keys/{made['id']}"
    rotated = (await http.post(f"{path}/rotate", json={"grace": "1h"})).json()
    for _ in range(2):
        await http.post(f"{path}/revoke", json={"reason": "it leaked"})
    found = await entries(audited, subject=made["id"])
    assert [entry["type"] for entry in found] == ["KEY_CREATED", "KEY_ROTATED", "KEY_REVOKED"]
    assert {(entry["actor"], entry["actor_key_id"], entry["tenant"]) for entry in found} == {
        ("key:boss", admin.id, where)
    }
    assert {(entry["request_id"], entry["trace_id"], entry["job_id"]) for entry in found} == {("asked-so", trace, None)}
    assert [entry["reason"] for entry in found] == [None, None, "it leaked"]
    assert [entry["data"]["name"] for entry in found] == ["orders"] * 3
    assert (found[0]["data"]["role"], found[0]["data"]["payloads"]) == ("viewer", False)
    assert found[0]["data"]["expires_at"].startswith(made["expires_at"][:19])
    assert found[1]["data"]["grace"] == "1h"
    for secret in (made["key"], rotated["key"]):
        assert secret.rpartition("_")[2] not in str(found)


async def test_the_first_key_is_told_too(audited: Api) -> None:
    (entry,) = await entries(audited, subject=audited.admin.id)
    assert (entry["type"], entry["actor"], entry["tenant"]) == ("KEY_CREATED", "perdure:bootstrap", "*")


async def test_no_key_is_made_or_ended_without_its_entry(audited: Api) -> None:
    where = tenant()
    http = audited.client(await audited.key(where, "admin"))
    kept = (await http.post("/v1/api-keys", json={"name": "kept", "role": "viewer"})).json()["id"]
    before = (await http.get("/v1/api-keys")).json()["data"]
    async with refused_by_postgres(audited, "tenant", where):
        assert (await http.post("/v1/api-keys", json={"name": "x", "role": "viewer"})).status_code == 500
        assert (await http.post(f"/v1/api-keys/{kept}/revoke")).status_code == 500
        assert (await http.post(f"/v1/api-keys/{kept}/rotate")).status_code == 500
    assert (await http.get("/v1/api-keys")).json()["data"] == before
    assert [entry["subject"] for entry in await entries(audited, subject=kept)] == [kept]


async def test_a_view_of_payloads_is_entered_once_a_minute_for_each_part_of_each_job(audited: Api) -> None:
    where = tenant()
    first, second = await submitted(audited, where), await submitted(audited, where)
    key = await audited.key("*", "viewer", "curious", payloads=True)
    http = audited.client(key)
    for job_id, part in ((first, ""), (first, ""), (second, ""), (first, "/diagnosis")):
        assert "canary-9" in (await http.get(f"/v1/jobs/{job_id}{part}")).text
    found = await entered(audited, 3, type="PAYLOAD_VIEWED", actor="key:curious")
    assert [(entry["job_id"], entry["data"]) for entry in found] == [
        (first, {"part": "job"}),
        (second, {"part": "job"}),
        (first, {"part": "diagnosis"}),
    ]
    # Whose payloads they are sees it, although the key is of every tenant.
    assert {(entry["tenant"], entry["actor_key_id"]) for entry in found} == {(where, key.id)}
    assert "canary-9" not in str(found)


async def test_who_sees_no_payload_is_not_entered(audited: Api) -> None:
    where = tenant()
    job_id = await submitted(audited, where)
    for key in (await audited.key(where, "admin"), await audited.key(where, "viewer")):
        assert "canary-9" not in (await audited.client(key).get(f"/v1/jobs/{job_id}")).text
    assert await entries(audited, job_id=job_id) == []


async def test_what_a_role_refuses_is_entered_with_what_was_asked(audited: Api) -> None:
    where, name = tenant(), unique()
    job_id = await submitted(audited, where)
    key = await audited.key(where, "viewer", name)
    http = audited.client(key)
    for _ in range(3):
        check_problem(await http.post(f"/v1/jobs/{job_id}/cancel", json={"reason": "x"}), 403)
    check_problem(await http.get("/v1/api-keys"), 403)
    cancel, keys = await entered(audited, 2, actor=f"key:{name}")
    assert (cancel["type"], cancel["tenant"], cancel["job_id"]) == ("ACCESS_DENIED", where, job_id)
    assert cancel["data"] == {
        "method": "POST",
        "route": "/v1/jobs/{job_id}/cancel",
        "role": "viewer",
        "refusal": "this needs the role operator; this key has the role viewer",
    }
    assert (keys["job_id"], keys["data"]["route"], keys["actor_key_id"]) == (None, "/v1/api-keys", key.id)


async def test_a_refusal_tells_whose_key_it_was_about_and_each_other_thing_is_another(audited: Api) -> None:
    where, name = tenant(), unique()
    http = audited.client(await audited.key(where, "admin", name))
    kept = [await audited.key(where, "viewer", payloads=True) for _ in range(2)]
    for key in kept:
        check_problem(await http.post(f"/v1/api-keys/{key.id}/rotate", json={}), 403)
    for more in ({"payloads": True}, {"tenant": "elsewhere"}, {"tenant": "elsewhere"}):
        check_problem(await http.post("/v1/api-keys", json={"name": "x", "role": "viewer", **more}), 403)
    found = await entered(audited, 4, actor=f"key:{name}")
    assert [entry["subject"] for entry in found] == [*(key.id for key in kept), None, None]
    assert "elsewhere" in found[-1]["data"]["refusal"]
    assert found[:1] == await entries(audited, subject=kept[0].id, type="ACCESS_DENIED")


async def test_giving_more_than_one_has_is_entered(audited: Api) -> None:
    where, name = tenant(), unique()
    http = audited.client(await audited.key(where, "admin", name))
    check_problem(await http.post("/v1/api-keys", json={"name": "x", "role": "viewer", "payloads": True}), 403)
    (entry,) = await entered(audited, 1, actor=f"key:{name}")
    assert (entry["type"], entry["data"]["refusal"]) == (
        "ACCESS_DENIED",
        "this key lacks the grant payloads and cannot give it",
    )


@pytest.mark.parametrize("job_id", ["a%00b", "other:job", "%F0%9F%98%80:x", "x" * 300])
async def test_a_path_that_names_no_job_of_the_actors_is_not_taken_for_one(audited: Api, job_id: str) -> None:
    name = unique()
    http = audited.client(await audited.key(tenant(), "viewer", name))
    check_problem(await http.post(f"/v1/jobs/{job_id}/terminate"), 403)
    (entry,) = await entered(audited, 1, actor=f"key:{name}")
    assert entry["job_id"] is None


async def test_whoever_has_no_key_enters_nothing(audited: Api) -> None:
    asked, name = unique(), unique()
    headers = {"X-Request-Id": asked}
    for key in (None, new_key()):
        check_problem(await audited.client(key).get("/v1/api-keys", headers=headers), 401)
    http = audited.client(await audited.key(tenant(), "viewer", name))
    check_problem(await http.get("/v1/api-keys", headers=headers), 403)
    (entry,) = await entered(audited, 1, actor=f"key:{name}")
    assert [one["seq"] for one in await entries(audited) if one["request_id"] == asked] == [entry["seq"]]


async def test_a_key_that_is_refused_again_and_again_does_not_fill_the_table(
    audited: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "MOST_REFUSALS", 3)
    where, name = tenant(), unique()
    http = audited.client(await audited.key(where, "viewer", name))
    for number in range(6):
        check_problem(await http.post(f"/v1/jobs/{where}:{number}/terminate"), 403)
    other = f"{name}-2"
    check_problem(await audited.client(await audited.key(where, "viewer", other)).get("/v1/api-keys"), 403)
    await entered(audited, 1, actor=f"key:{other}")
    assert len(await entries(audited, actor=f"key:{name}")) == 3


async def test_an_entry_that_postgres_does_not_take_holds_up_no_other_and_no_view(audited: Api) -> None:
    where, name = tenant(), unique()
    job_id = await submitted(audited, where)
    odd, other = [
        audited.client(await audited.key(where, "viewer", f"{name}-{end}", payloads=True)) for end in ("odd", "other")
    ]
    async with refused_by_postgres(audited, "actor", f"key:{name}-odd"):
        answers = await asyncio.gather(*(client.get(f"/v1/jobs/{job_id}") for client in (odd, other, odd)))

        async def counted() -> bool:
            metrics = (await audited.client(None).get("/metrics")).text
            return "perdure_audit_lost_entries_total 1.0" in metrics

        await until(counted)
    assert all("canary-9" in answer.text for answer in answers)
    assert [entry["actor"] for entry in await entered(audited, 1, job_id=job_id)] == [f"key:{name}-other"]


async def test_an_entry_waits_for_all_that_somebody_can_mend(audited: Api) -> None:
    where = tenant()
    job_id = await submitted(audited, where)
    http = audited.client(await audited.key(where, "viewer", unique(), payloads=True))
    async with a_disk_that_fails(audited):
        assert "canary-9" in (await http.get(f"/v1/jobs/{job_id}")).text
        assert await entries(audited, job_id=job_id) == []
    await entered(audited, 1, job_id=job_id)


async def known(client: httpx.AsyncClient) -> None:
    async def answers() -> bool:
        return (await client.get("/v1/me")).status_code == 200

    await until(answers)


async def test_views_and_refusals_while_postgres_is_away_are_entered_when_it_is_back(
    audited: Api, postgres: PostgresServer
) -> None:
    where, name = tenant(), unique()
    job_id = await submitted(audited, where)
    http = audited.client(await audited.key(where, "viewer", name, payloads=True))
    await known(http)
    postgres.stop()
    try:
        assert "canary-9" in (await http.get(f"/v1/jobs/{job_id}")).text
        check_problem(await http.get("/v1/api-keys"), 403)
        assert (await http.get(AUDIT)).json()["code"] == "API.UNAVAILABLE"
    finally:
        postgres.start()
    await known(http)

    async def back() -> bool:
        return (await http.get(AUDIT)).status_code == 200

    await until(back)
    found = await entered(audited, 2, actor=f"key:{name}")
    assert {entry["type"] for entry in found} == {"PAYLOAD_VIEWED", "ACCESS_DENIED"}
