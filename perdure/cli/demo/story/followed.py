"""A job with dependents: one that is due when it succeeds, one that is due when it fails."""

from typing import Any

from perdure.cli.demo.scenario import Check, Played, Scenario, call_step


def _spec(partner: str) -> dict[str, Any]:
    mail = {
        "name": "mail",
        "input": {"order": "${ steps.order.output.body.order }"},
        "steps": [call_step("send", f"{partner}/notices", json={"text": "Order ${ input.order } is on its way"})],
    }
    refund = {"name": "refund", "steps": [call_step("pay_back", f"{partner}/payments")]}
    return {
        "name": "followed",
        "steps": [call_step("order", f"{partner}/orders")],
        "dependents": [
            {"name": "mail", "when": "success", "job": mail},
            {"name": "refund", "when": "failure", "job": refund},
        ],
    }


def _checks(played: Played) -> list[Check]:
    mail = played.children.get("mail")
    paths = sorted(call.path for call in played.calls)
    return [
        Check(
            mail is not None and mail.completed,
            f"its dependent `mail` was started and ended {mail.status if mail else 'never'}",
        ),
        Check(paths == ["/notices", "/orders"], "the partner got one order and one notice, and no refund"),
    ]


SCENARIO = Scenario(
    key="followed",
    title="A job that is followed by another",
    why="When the order has gone through, a job of its own sends the mail; had it failed, another would pay the "
    "customer back. Each has an id made from its parent's, so that no retry can start it twice.",
    shows="a dependent job is started",
    spec=_spec,
    effects=2,
    children=("mail",),
    checks=_checks,
)
