"""A job that runs out of attempts, is parked, and is brought home by a signal from the command line."""

from typing import Any

from perdure.cli.demo.scenario import Check, Played, Scenario, call_step

ATTEMPTS = 3


def _spec(partner: str) -> dict[str, Any]:
    retry = {"maximum_attempts": ATTEMPTS, "initial_interval": "300ms", "jitter": 0.0}
    return {
        "name": "shipment",
        "retry": retry,
        "steps": [
            call_step("reserve", f"{partner}/reservations"),
            call_step("charge", f"{partner}/payments"),
            call_step("ship", f"{partner}/shipments"),
            call_step("notify", f"{partner}/notices", json={"parcel": "${ steps.ship.output.body.parcel }"}),
        ],
        "output": {"parcel": "${ steps.ship.output.body.parcel }"},
    }


def _checks(played: Played) -> list[Check]:
    before = {step_id: played.calls_of(step_id) for step_id in ("reserve", "charge")}
    ships = [call for call in played.calls if call.path == "/shipments"]
    actors = [entry.actor for entry in played.journal if entry.type == "JOB_RETRY_REQUESTED"]
    return [
        Check("DEAD_LETTERED" in played.seen, f"after {ATTEMPTS} attempts the job was parked as DEAD_LETTERED"),
        Check(
            set(before.values()) == {1},
            f"the steps that had completed did not run again: reserve {before['reserve']} call, "
            f"charge {before['charge']} call",
        ),
        Check(
            [call.effect for call in ships] == [False] * ATTEMPTS + [True] and len({call.key for call in ships}) == 1,
            f"`ship`: {len(ships)} calls under one idempotency key, one parcel",
        ),
        Check(
            len(actors) == 1 and bool(actors[0]),
            f"the journal says who asked for it: {', '.join(map(str, actors))}",
        ),
    ]


SCENARIO = Scenario(
    key="shipment",
    title="A job that cannot go on, and is brought home",
    why=f"reserve, charge, ship, notify; but the depot is broken. After {ATTEMPTS} attempts the job is "
    "parked as a dead letter: nothing is lost, and what completed stays completed.",
    shows="parked, then brought home",
    spec=_spec,
    effects=4,
    checks=_checks,
    repair="Somebody repairs the depot. Now the job is told to try again, with Temporal's own command line "
    "tool (anybody could type this):",
)
