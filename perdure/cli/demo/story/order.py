"""Three HTTP calls in a row, each using what the one before answered."""

from typing import Any

from perdure.cli.demo.scenario import Check, Played, Scenario, call_step


def _spec(partner: str) -> dict[str, Any]:
    return {
        "name": "order",
        "input": {"customer": "Ada", "items": 2},
        "steps": [
            call_step("order", f"{partner}/orders", json={"customer": "${ input.customer }"}),
            call_step("invoice", f"{partner}/invoices", json={"order": "${ steps.order.output.body.order }"}),
            call_step(
                "notify",
                f"{partner}/notices",
                json={"text": "Invoice ${ steps.invoice.output.body.invoice } for ${ input.customer }"},
            ),
        ],
        "output": {"invoice": "${ steps.invoice.output.body.invoice }"},
    }


def _checks(played: Played) -> list[Check]:
    paths = [call.path for call in played.calls]
    return [
        Check(
            paths == ["/orders", "/invoices", "/notices"],
            "the partner got the three calls, once each, in order",
        ),
        Check(
            played.job.output == {"invoice": "INV-7"},
            "the invoice number went from step to step to the result",
        ),
    ]


SCENARIO = Scenario(
    key="order",
    title="A job of three HTTP calls",
    why="order, then invoice, then notify. Each step uses what the step before answered, and each call "
    "carries an Idempotency-Key of its own, so that the partner can tell a repetition from a new request.",
    shows="three HTTP calls in a row",
    spec=_spec,
    effects=3,
    checks=_checks,
)
