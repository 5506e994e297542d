"""What a step's row says of its items, its wait and its decisions."""

from datetime import UTC, datetime

import pytest

from perdure.cli.jobs import detail, picture
from perdure.client.view import Approval, ItemCounts, Job, WaitingFor

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def job(status: str, **step: object) -> Job:
    one = {"id": "ask", "type": "APPROVAL", "status": "WAITING", **step}
    return Job.model_validate({"id": "acme:1", "name": "x", "status": status, "steps": [one]})


def test_items_are_counted_by_state() -> None:
    found = ItemCounts(total=3, counts={"COMPLETED": 2, "DEAD_LETTERED": 1})
    assert detail.items(found) == "3 items: 2 completed, 1 dead lettered"
    assert detail.items(ItemCounts(total=1)) == "1 item"


@pytest.mark.parametrize(
    ("wait", "told"),
    [
        (WaitingFor(kind="WAIT", name="paid"), 'waits for "paid"'),
        (WaitingFor(kind="WAIT", expires_at=AT), 'waits for "a delivery", until 2026-11-22 12:00:00.000Z'),
        (
            WaitingFor(kind="APPROVAL", required_approvals=2, approvals=1, roles=["admin"], message="ship it?"),
            "1 of 2 approvals of admin: ship it?",
        ),
    ],
)
def test_a_wait_says_what_would_end_it(wait: WaitingFor, told: str) -> None:
    assert detail.waiting(wait) == told


def test_a_decision_says_who_when_and_why() -> None:
    said = Approval(actor="key:ann", decision="reject", reason="too dear", at=AT)
    assert detail.decision(said) == "reject by key:ann at 2026-11-22 12:00:00.000Z: too dear"


def test_the_hint_names_the_command_that_goes_on() -> None:
    waits = {"waiting_for": {"kind": "APPROVAL", "required_approvals": 1}}
    assert "perdure jobs approve acme:1 --step ask" in (picture.hint(job("WAITING", **waits)) or "")
    named = {"waiting_for": {"kind": "WAIT", "name": "go"}}
    assert "perdure jobs deliver acme:1 go" in (picture.hint(job("WAITING", **named)) or "")
    assert "perdure jobs resume acme:1" in (picture.hint(job("PAUSED", **waits)) or "")
    assert "perdure jobs retry acme:1" in (picture.hint(job("DEAD_LETTERED", **waits)) or "")
    assert picture.hint(job("COMPLETED", **waits)) is None
