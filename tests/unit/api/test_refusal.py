"""Each code a decision can be refused with has its HTTP status, and each status is in the OpenAPI document."""

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from api.app import Secrets, create_app
from api.errors import STATUS
from api.jobs.decision import places
from perdure.contract.code import CODES
from perdure.contract.command import SkipCommand
from perdure.settings import Settings

REFUSALS = {
    "API.JOB_CLOSED": 409,
    "API.JOB_OPEN": 409,
    "API.JOB_NOT_PARKED": 409,
    "API.JOB_NOT_PAUSED": 409,
    "API.STEP_RUNNING": 409,
    "API.FORCE_REQUIRED": 409,
    "API.NOTHING_WAITS": 409,
    "API.STEP_UNKNOWN": 422,
    "API.PAYLOAD_INVALID": 422,
    "API.VALIDATION": 422,
    "API.APPROVAL_NOT_ALLOWED": 403,
    "API.DECISION_TIMEOUT": 504,
}
VERBS = ("cancel", "terminate", "pause", "resume", "retry", "resubmit", "deliver", "approve")
ROUTES = [f"/v1/jobs/{{job_id}}/{verb}" for verb in VERBS]
ROUTES += [f"/v1/dead-letters/{{job_id}}/{verb}" for verb in ("retry", "skip", "discard")]
NO_WORKER_NEEDED = ("/cancel", "/terminate", "/resubmit")


@pytest.mark.parametrize(("code", "status"), REFUSALS.items())
def test_every_refusal_has_its_status(code: str, status: int) -> None:
    assert STATUS[code] == status
    assert code in CODES


def test_every_code_with_a_status_is_registered() -> None:
    assert STATUS.keys() <= CODES.keys()


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ([], ["$.output.n"]),
        (["what a later version says"], ["$.output.n"]),
        ([{"at": ["steps", 1], "message": "name another"}, 7, {"at": ["patch", "each.1"]}], ["$.steps[1]"]),
        ([{"at": ["patch", "each.1"], "message": "leave it out"}], ['$.patch["each.1"]']),
    ],
)
def test_places_are_told_also_of_workers_that_name_none(details: list[Any], told: list[str]) -> None:
    message = "the output does not meet the schema of step a: schema: $.n has to be a number"
    refused = ApplicationError(message, *details, type="API.PAYLOAD_INVALID")
    found = places(SkipCommand(step="a", output={"n": "x"}), "API.PAYLOAD_INVALID", message, refused)
    assert [problem.path for problem in found] == told


@pytest.mark.parametrize("route", ROUTES)
def test_every_decision_tells_how_it_can_be_refused(route: str) -> None:
    document = create_app(Settings(), Secrets(b"p" * 32, None)).state.openapi_document
    answers = set(document["paths"][route]["post"]["responses"])
    expected = {"202", "401", "403", "404", "409", "422", "503"}
    assert expected | (set() if route.endswith(NO_WORKER_NEEDED) else {"504"}) <= answers
