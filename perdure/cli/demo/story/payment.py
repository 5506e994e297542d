"""A call that is refused twice and then goes through."""

from itertools import pairwise
from typing import Any

from perdure.cli.demo.partner import MOODY_REFUSALS
from perdure.cli.demo.scenario import Check, Played, Scenario, call_step


def _spec(partner: str) -> dict[str, Any]:
    retry = {"maximum_attempts": 5, "initial_interval": "1s", "backoff_coefficient": 2.0, "jitter": 0.0}
    return {
        "name": "payment",
        "steps": [call_step("pay", f"{partner}/moody/payments", retry=retry, json={"amount": 79.8})],
        "output": "${ steps.pay.output.body }",
    }


def _checks(played: Played) -> list[Check]:
    attempts = played.step("pay").attempts
    outcomes = [attempt.outcome for attempt in attempts]
    waits = [
        (after.started_at - before.ended_at).total_seconds()
        for before, after in pairwise(attempts)
        if after.started_at and before.ended_at
    ]
    keys = {call.key for call in played.calls}
    return [
        Check("RETRYING" in played.seen, "the job showed RETRYING while it waited for the next try"),
        Check(
            outcomes == ["FAILED", "FAILED", "COMPLETED"],
            "three attempts on record: failed, failed, completed",
        ),
        Check(
            len(waits) == MOODY_REFUSALS and waits[0] < waits[1],
            f"the waits grew: {' then '.join(f'{wait:.1f} s' for wait in waits) or 'none'}",
        ),
        Check(
            len(played.calls) == MOODY_REFUSALS + 1 and len(keys) == 1,
            f"the partner got {len(played.calls)} calls under {len(keys)} idempotency key: one payment",
        ),
    ]


SCENARIO = Scenario(
    key="payment",
    title="A job that fails twice, tries again and succeeds",
    why="The partner answers 503 twice (too busy). Perdure waits 1 s, then 2 s, and keeps a record of each "
    "attempt: when, by which worker, how it failed. No worker is held while it waits.",
    shows="two failures, then success",
    spec=_spec,
    effects=1,
    checks=_checks,
)
