"""What `GET /v1/projection` tells of the last hour that was compared."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from perdure.store.reconciliation import Reconciliation, keep_reconciliation
from perdure.store.session import transaction
from tests.integration.api.stack import Api

HOUR = datetime(2026, 11, 22, 14, tzinfo=UTC)
COUNTS = {"INLINE": {"COMPLETED": 9, "FAILED": 2}}


async def _shown(api: Api, tenant: str, missing: int, **fields: Any) -> object:
    entry = Reconciliation(HOUR, HOUR, COUNTS, {"INLINE": {"COMPLETED": 9}}, missing, 0, **fields)
    async with transaction(api.engine) as connection:
        await connection.execute(text("TRUNCATE reconciliations"))
        await keep_reconciliation(connection, entry)
        await keep_reconciliation(connection, entry)
    answer = await api.client(await api.key(tenant)).get("/v1/projection")
    assert answer.status_code == 200, answer.text
    return answer.json()["reconciliation"]


async def test_a_difference_is_shown_with_its_type_and_outcome(api: Api) -> None:
    assert await _shown(api, "*", 2) == {
        "hour": "2026-11-22T14:00:00.000Z",
        "compared_at": "2026-11-22T14:00:00.000Z",
        "missing": 2,
        "extra": 0,
        "differences": [{"type": "INLINE", "outcome": "FAILED", "jobs": 2}],
        "miscounted": [],
        "vanished": 0,
    }


async def test_what_resets_explain_is_no_difference(api: Api) -> None:
    shown = await _shown(api, "*", 0)
    assert isinstance(shown, dict)
    assert shown["differences"] == []


async def test_what_workers_have_miscounted_is_shown(api: Api) -> None:
    shown = await _shown(api, "*", 0, metrics={"INLINE": {"COMPLETED": 7, "FAILED": 3}}, vanished=0)
    assert isinstance(shown, dict)
    assert shown["miscounted"] == [
        {"type": "INLINE", "outcome": "COMPLETED", "jobs": -2},
        {"type": "INLINE", "outcome": "FAILED", "jobs": 1},
    ]


async def test_an_admin_of_one_tenant_is_not_told_of_all(api: Api) -> None:
    assert await _shown(api, "acme", 2) is None
