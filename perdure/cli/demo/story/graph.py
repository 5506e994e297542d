"""Three branches at once between a first and a last step."""

from typing import Any

from perdure.cli.demo.partner import QUOTE_SECONDS, QUOTES
from perdure.cli.demo.scenario import Check, Played, Scenario, call_step


def _spec(partner: str) -> dict[str, Any]:
    quotes = [
        call_step(place, f"{partner}/quotes/{place}", depends_on=["enquiry"], json={"what": "${ input.what }"})
        for place in QUOTES
    ]
    total = " + ".join(f"steps.{place}.output.body.price" for place in QUOTES)
    return {
        "name": "quotes",
        "input": {"what": "a bridge"},
        "steps": [
            {"id": "enquiry", "type": "LOG", "with": {"message": "asking three places for ${ input.what }"}},
            *quotes,
            {"id": "total", "type": "COMPUTE", "depends_on": list(QUOTES), "with": {"expression": total}},
        ],
        "output": {"total": "${ steps.total.output }"},
    }


def _checks(played: Played) -> list[Check]:
    last, quotes = played.step("total"), [played.step(place) for place in QUOTES]
    in_order = all(step.completed_at and last.started_at and step.completed_at <= last.started_at for step in quotes)
    return [
        Check(
            played.most_at_once == len(QUOTES),
            f"the partner was working on {played.most_at_once} of {len(QUOTES)} quotes at the same time",
        ),
        Check(in_order, "`total` began only when all three had answered"),
        Check(played.job.output == {"total": sum(QUOTES.values())}, f"the sum is right: {sum(QUOTES.values())}"),
    ]


SCENARIO = Scenario(
    key="quotes",
    title="A job with parallel branches",
    why=f"`enquiry`, then three quotes at once, then `total`: the steps say what they depend on, and what "
    f"can run together does. Each quote takes the partner {QUOTE_SECONDS:g} s; all three take no longer.",
    shows="three branches in parallel",
    spec=_spec,
    effects=len(QUOTES),
    checks=_checks,
)
