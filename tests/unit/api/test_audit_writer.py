"""Audit entries while Postgres is away: remembered up to a bound, and none is lost without a word."""

from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from api.audit import writer as module
from api.audit.book import AuditBook
from api.audit.minute import Minutes
from api.audit.writer import AuditWriter
from api.store import Store
from perdure.security.audit import AuditEntry, AuditEvent
from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.telemetry.metric.audit import AuditMetrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def writer(registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AuditWriter]:
    """One whose Postgres nobody has started."""
    monkeypatch.setattr(module, "_LAST_SECONDS", 0.1)
    engine = create_engine(Settings(database_url=SecretStr("postgresql+asyncpg://nobody@127.0.0.1:1/none")))
    made = AuditWriter(Store(engine, 2), AuditMetrics(registry))
    yield made
    await made.close()
    await engine.dispose()


def view(number: int) -> AuditEntry:
    job_id, data = f"acme:{number}", {"part": "job"}
    return AuditEntry(AuditEvent.PAYLOAD_VIEWED, "acme", "key:x", job_id=job_id, data=data)


def refusal(number: int) -> AuditEntry:
    data = {"method": "GET", "route": f"/v1/{number}", "refusal": "no"}
    return AuditEntry(AuditEvent.ACCESS_DENIED, "acme", "key:x", data=data)


async def test_a_view_is_remembered_and_what_is_left_at_the_end_is_counted(
    writer: AuditWriter, registry: CollectorRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await writer.write(view(1))
    assert writer.add(view(2)) is not None
    assert registry.get_sample_value("perdure_audit_waiting_entries") == 2
    await writer.close()
    assert registry.get_sample_value("perdure_audit_lost_entries_total") == 2
    told = capsys.readouterr().out
    assert told.count("PAYLOAD_VIEWED") == 2
    assert "the API ended while Postgres was away" in told


async def test_what_cannot_be_remembered_is_not_shown_and_may_be_asked_again(
    writer: AuditWriter, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    book = AuditBook(writer)
    assert await book.viewed(view(1))
    assert not await book.viewed(view(2))
    assert registry.get_sample_value("perdure_audit_lost_entries_total") == 1
    assert await book.viewed(view(1))  # within its minute: it is remembered
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    assert await book.viewed(view(2))
    book.refused(refusal(1))
    assert registry.get_sample_value("perdure_audit_lost_entries_total") == 2


def test_a_minute_is_one_actors_own_and_bounded() -> None:
    now = 0.0
    minutes = Minutes(lambda: now)
    assert [minutes.first("a", what, 2) for what in (1, 1, 2, 3)] == [True, False, True, False]
    assert minutes.first("b", 1, 2)
    now = 59.9
    assert not minutes.first("a", 1, 2)
    now = 60.1
    assert minutes.first("a", 3, 2)
    minutes.forget("a", 3)
    assert minutes.first("a", 3, 2)


def test_actors_whose_minute_is_over_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("api.audit.minute._MANY", 10)
    minutes = Minutes(lambda: now)
    for number in range(100):
        now = number * 61.0
        assert minutes.first(f"key:{number}", "x")
    assert len(minutes._of) <= 10
