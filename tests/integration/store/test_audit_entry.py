"""Audit entries: the database itself refuses to change or remove one, and takes them up and down."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.security.audit import AuditEntry, AuditEvent
from perdure.store.audit import AuditFilter, add_entries, list_entries
from perdure.store.engine import create_engine
from perdure.store.migrate import downgrade, upgrade
from perdure.store.session import transaction
from tests.integration.store.sample import START
from tests.integration.store.server import PostgresServer


def entry(subject: str) -> AuditEntry:
    data = {"name": "ü😀", "role": "viewer", "expires_at": None, "many": [1, {"deep": True}]}
    return AuditEntry(AuditEvent.KEY_CREATED, "acme", "key:boss", "k1", None, subject, "why", "r", "t", data, START)


_REPLACE = """INSERT INTO audit_entries OVERRIDING SYSTEM VALUE SELECT * FROM audit_entries
ON CONFLICT (seq) DO UPDATE SET reason = 'x'"""


async def _run(engine: AsyncEngine, *statements: str) -> None:
    async with transaction(engine) as connection:
        for statement in statements:
            await connection.execute(text(statement))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entries SET reason = 'x'",
        "UPDATE audit_entries SET seq = DEFAULT",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        _REPLACE,
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_d4_an_entry_can_neither_be_changed_nor_removed(engine: AsyncEngine, change: str, role: str) -> None:
    async with transaction(engine) as connection:
        await add_entries(connection, [entry("kept")])
    with pytest.raises(DBAPIError, match="can be added, but neither changed nor removed") as refused:
        await _run(engine, f"SET LOCAL session_replication_role = {role}", change)
    assert getattr(refused.value.orig, "sqlstate", None) == "42501"
    async with transaction(engine) as connection:
        (kept,), _ = await list_entries(connection, AuditFilter(subject="kept"), None, 1)
    assert (kept.reason, kept.data) == ("why", entry("kept").data)


async def test_entries_of_one_moment_are_paged_without_a_gap(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await add_entries(connection, [entry(f"s{number}") for number in range(5)])
    seen, cursor = [], None
    while True:
        async with transaction(engine) as connection:
            page, cursor = await list_entries(connection, AuditFilter(tenant="acme"), cursor, 2)
        seen += [one.subject for one in page if one.subject != "kept"]
        if cursor is None:
            break
    assert seen == ["s4", "s3", "s2", "s1", "s0"]


async def test_a_type_of_a_later_version_is_listed(engine: AsyncEngine) -> None:
    later = "INSERT INTO audit_entries (at, type, tenant, actor, data) VALUES (now(), 'QUEUE_CHANGED', 'l', 'a', '{}')"
    async with transaction(engine) as connection:
        await connection.execute(text(later))
        page, _ = await list_entries(connection, AuditFilter(tenant="l"), None, 1)
    assert [one.type for one in page] == ["QUEUE_CHANGED"]


async def test_down_and_up_again_leaves_the_ledger_refusing(postgres: PostgresServer) -> None:
    engine = create_engine(postgres.create_database("audit_down"))
    await upgrade(engine)
    async with transaction(engine) as connection:
        await add_entries(connection, [entry("gone")])
    await downgrade(engine, "0026")
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT to_regclass('audit_entries')")) is None
        with pytest.raises(DBAPIError, match="neither changed nor removed"):
            await connection.execute(text("TRUNCATE ledger"))
    await upgrade(engine)
    async with transaction(engine) as connection:
        assert await list_entries(connection, AuditFilter(), None, 1) == ([], None)
    await engine.dispose()
