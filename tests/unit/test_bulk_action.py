"""What a bulk action sends to one job, and how much at a time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activities.bulk_action import command_of, page_size
from perdure.contract.bulk import BulkStatus, BulkVerb
from perdure.contract.command import DiscardCommand, RetryCommand, SkipCommand
from perdure.store.bulk_action import BulkActionRow, BulkItem


def action(verb: BulkVerb, **fields: Any) -> BulkActionRow:
    defaults: dict[str, Any] = {
        "id": "b1",
        "tenant": "*",
        "action": verb,
        "status": BulkStatus.RUNNING,
        "reason": "why",
        "requested_by": "key:ops",
        "requested_at": datetime(2026, 1, 1, tzinfo=UTC),
        "filter": None,
        "step": None,
        "output": None,
        "force": False,
        "rate_per_second": None,
        "canary": 0,
        "canary_seconds": 1,
        "total": 1,
        "idempotency_key": None,
        "fingerprint": "",
    }
    return BulkActionRow(**(defaults | fields))


def test_each_decision_names_who_why_and_the_action() -> None:
    item = BulkItem(0, "default:x", ["a", "b.7"])
    who: dict[str, Any] = {"actor": "key:ops", "reason": "why (bulk action b1)"}
    assert command_of(action(BulkVerb.RETRY, force=True), item) == RetryCommand(**who, steps=["a", "b.7"], force=True)
    assert command_of(action(BulkVerb.RETRY), BulkItem(0, "default:x", None)) == RetryCommand(**who)
    assert command_of(action(BulkVerb.SKIP, step="a", output=0), item) == SkipCommand(**who, step="a", output=0)
    assert command_of(action(BulkVerb.DISCARD), item) == DiscardCommand(**who)


@pytest.mark.parametrize(("rate", "size"), [(None, 20), (0.1, 1), (1, 5), (2.5, 12), (1_000, 20)])
def test_a_page_takes_seconds_so_that_an_abort_is_soon_heard(rate: float | None, size: int) -> None:
    assert page_size(rate) == size
