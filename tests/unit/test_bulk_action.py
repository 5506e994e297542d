"""What a bulk action sends to one job, and how quickly."""

from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

import activities.bulk_decision
from activities.bulk_decision import Decisions, command_of
from activities.bulk_pace import Pace
from perdure.contract.bulk import BulkItemStatus, BulkStatus, BulkVerb
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


def rests(pace: Pace, took: float, times: int) -> float:
    """The last of so many rests, in times of what each decision took."""
    return [pace.rest(took) for _ in range(times)][-1] / took


def test_decisions_follow_quickly_where_workers_answer_as_ever_and_slowly_where_they_do_not() -> None:
    pace = Pace()
    assert rests(pace, 0.02, 60) == pytest.approx(2)
    assert rests(pace, 0.2, 20) == pytest.approx(4)
    assert rests(pace, 0.02, 100) == pytest.approx(2)


def test_the_pace_gets_used_to_a_machine_that_has_become_slower() -> None:
    pace = Pace()
    rests(pace, 0.02, 50)
    assert rests(pace, 0.2, 300) == pytest.approx(2)


def test_no_rest_is_longer_than_some_seconds() -> None:
    assert Pace().rest(60) == 5


class Refusing:
    """A Temporal that answers each update with one status."""

    def __init__(self, status: RPCStatusCode) -> None:
        self.status = status
        self.asked = 0

    def get_workflow_handle(self, _: str) -> "Refusing":
        return self

    async def execute_update(self, *_: Any, **__: Any) -> None:
        self.asked += 1
        raise RPCError("no", self.status, b"")


@pytest.mark.parametrize(
    ("status", "became", "asked"),
    [
        (RPCStatusCode.NOT_FOUND, BulkItemStatus.REFUSED, 1),
        (RPCStatusCode.INVALID_ARGUMENT, BulkItemStatus.REFUSED, 1),
        (RPCStatusCode.FAILED_PRECONDITION, BulkItemStatus.UNANSWERED, 3),
        (RPCStatusCode.RESOURCE_EXHAUSTED, BulkItemStatus.UNANSWERED, 3),
        (RPCStatusCode.DEADLINE_EXCEEDED, BulkItemStatus.UNANSWERED, 3),
    ],
)
async def test_what_ails_one_job_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch, status: RPCStatusCode, became: BulkItemStatus, asked: int
) -> None:
    monkeypatch.setattr(activities.bulk_decision, "_AGAIN_SECONDS", 0)
    temporal = Refusing(status)
    done = await Decisions(temporal).send(action(BulkVerb.RETRY), BulkItem(0, "default:x", None))  # type: ignore[arg-type]
    assert (done.status, temporal.asked, bool(done.detail)) == (became, asked, True)


@pytest.mark.parametrize("status", [RPCStatusCode.UNAVAILABLE, RPCStatusCode.PERMISSION_DENIED])
async def test_where_temporal_is_away_nothing_is_said_of_a_job(status: RPCStatusCode) -> None:
    with pytest.raises(RPCError):
        await Decisions(Refusing(status)).send(action(BulkVerb.RETRY), BulkItem(0, "default:x", None))  # type: ignore[arg-type]
