"""The demo must not praise what went wrong: its checks fail when the thing they claim is not so."""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from perdure.cli.demo import closing
from perdure.cli.demo.partner import Partner, Received
from perdure.cli.demo.scenario import Check, Played
from perdure.cli.demo.stage import Stage
from perdure.cli.demo.story import dead_letter, followed, graph, order, payment
from perdure.client import Job, JournalEntry
from tests.unit.canned_api import attempt, job_view

JOB = "default:demo-1"


def job(**changes: Any) -> Job:
    return Job.model_validate(job_view(id=JOB, **changes))


def calls(*wanted: tuple[str, str, int]) -> list[Received]:
    return [Received(path, f"{JOB}/{step}", status) for path, step, status in wanted]


def held(checks: list[Check]) -> list[bool]:
    return [check.held for check in checks]


SHIPPED = (
    ("/reservations", "reserve", 202),
    ("/payments", "charge", 202),
    *([("/shipments", "ship", 500)] * 3),
    ("/shipments", "ship", 201),
    ("/notices", "notify", 202),
)
RETRIED = JournalEntry.model_validate(
    {"seq": 9, "type": "JOB_RETRY_REQUESTED", "at": "2026-11-22T10:00:00Z", "actor": "temporal-cli:me@here"}
)


def test_dead_letter_passes_when_it_went_as_told() -> None:
    played = Played(job(), frozenset({"DEAD_LETTERED", "COMPLETED"}), calls(*SHIPPED), [RETRIED])
    assert held(dead_letter.SCENARIO.checks(played)) == [True] * 4


@pytest.mark.parametrize(
    ("seen", "got", "journal", "missed"),
    [
        ({"COMPLETED"}, SHIPPED, [RETRIED], 0),
        ({"DEAD_LETTERED"}, (*SHIPPED, SHIPPED[0]), [RETRIED], 1),
        ({"DEAD_LETTERED"}, (*SHIPPED, ("/shipments", "ship", 201)), [RETRIED], 2),
        ({"DEAD_LETTERED"}, SHIPPED, [], 3),
    ],
    ids=["never parked", "a completed step ran again", "shipped twice", "nobody asked"],
)
def test_dead_letter_fails_when_it_did_not(
    seen: set[str], got: tuple[tuple[str, str, int], ...], journal: list[JournalEntry], missed: int
) -> None:
    result = held(dead_letter.SCENARIO.checks(Played(job(), frozenset(seen), calls(*got), journal)))
    assert [place for place, good in enumerate(result) if not good] == [missed]


def test_order_fails_when_a_call_came_twice() -> None:
    got = calls(("/orders", "order", 201), ("/orders", "order", 201), ("/invoices", "invoice", 201))
    assert held(order.SCENARIO.checks(Played(job(), frozenset(), got))) == [False, False]


def test_payment_fails_when_it_never_showed_retrying_or_did_not_back_off() -> None:
    at = "2026-11-22T10:00:0{}Z"
    times = [(0, 1), (2, 3), (4, 5)]
    attempts = [
        attempt(n, outcome, started_at=at.format(start), ended_at=at.format(end))
        for n, (outcome, (start, end)) in enumerate(zip(("FAILED", "FAILED", "COMPLETED"), times, strict=True), 1)
    ]
    step = {"id": "pay", "type": "HTTP_CALL", "status": "COMPLETED", "attempts": attempts}
    played = Played(job(steps=[step]), frozenset({"RUNNING"}), calls(*[("/moody/payments", "pay", 200)] * 3))
    assert held(payment.SCENARIO.checks(played)) == [False, True, False, True]


def test_graph_fails_when_the_branches_ran_one_after_the_other() -> None:
    at = "2026-11-22T10:00:0{}Z"
    ids = ("north", "south", "east", "total")
    steps = [
        {"id": one, "type": "X", "status": "COMPLETED", "started_at": at.format(n), "completed_at": at.format(n + 1)}
        for n, one in enumerate(ids)
    ]
    played = Played(job(steps=steps, output={"total": 128}), frozenset(), [], most_at_once=1)
    assert held(graph.SCENARIO.checks(played)) == [False, True, True]


def test_followed_fails_when_the_dependent_was_not_started_or_the_wrong_one_was() -> None:
    mail = Job.model_validate(job_view(id=f"{JOB}~~mail"))
    right, refund = calls(("/orders", "order", 201), ("/notices", "send", 202)), calls(("/payments", "pay_back", 202))
    good = Played(job(), frozenset(), right, children={"mail": mail})
    assert held(followed.SCENARIO.checks(good)) == [True, True]
    assert held(followed.SCENARIO.checks(replace(good, children={}))) == [False, True]
    assert held(followed.SCENARIO.checks(replace(good, calls=[*right, *refund]))) == [True, False]


@pytest.mark.parametrize(
    ("statuses", "good"), [((201,), True), ((500, 201), True), ((201, 201), False), ((500,), False)]
)
def test_an_effect_counts_once_per_key(statuses: tuple[int, ...], good: bool) -> None:
    one_effect = replace(order.SCENARIO, effects=1)
    with Partner() as partner:
        partner._received.extend(Received("/shipments", f"{JOB}/ship", status) for status in statuses)
        [check] = closing.overall([(one_effect, Played(job(), frozenset(), []), [])], partner)
    assert check.held is good


def test_what_did_not_hold_is_said_loudly() -> None:
    out = io.StringIO()
    Stage(Console(file=out, width=200)).checks([Check(True, "this held"), Check(False, "this did not")])
    assert "✓ this held" in out.getvalue()
    assert "✗ NOT SO: this did not" in out.getvalue()
