"""The decisions of both clients against a server that plays the API's answers: they send the same."""

import json
from typing import Any

import pytest

from perdure.client import AsyncPerdureClient, PerdureClient, UnsendableError
from perdure.client import decision as decisions
from perdure.contract.spec import JobSpec
from tests.unit.canned_api import CannedApi, job_view

JOB, PARKED = "/v1/jobs/default:x/", "/v1/dead-letters/default:x/"
WHY: dict[str, Any] = {"reason": "mended"}
Case = tuple[str, tuple[Any, ...], dict[str, Any], str, dict[str, Any]]
CASES: list[Case] = [
    ("cancel", (), {}, f"{JOB}cancel", {}),
    ("terminate", (), WHY, f"{JOB}terminate", WHY),
    ("pause", (), {"reason": None}, f"{JOB}pause", {}),
    ("resume", (), WHY, f"{JOB}resume", WHY),
    ("retry", (), {}, f"{JOB}retry", {}),
    ("retry", (), {"steps": ("a", "b.7"), "force": True, **WHY}, f"{JOB}retry",
     {"steps": ["a", "b.7"], "force": True, **WHY}),
    ("retry", (), {"from_step": "a", "patch": {"a": {"n": None}}}, f"{JOB}retry",
     {"from_step": "a", "patch": {"a": {"n": None}}}),
    ("skip", ("a", None), WHY, f"{PARKED}skip", {"step": "a", "output": None, **WHY}),
    ("discard", (), WHY, f"{PARKED}discard", WHY),
    ("deliver", ("go",), {}, f"{JOB}deliver", {"name": "go", "payload": None}),
    ("deliver", ("go", {"n": 1}), WHY, f"{JOB}deliver", {"name": "go", "payload": {"n": 1}, **WHY}),
    ("approve", (), {}, f"{JOB}approve", {"decision": "approve"}),
    ("approve", ("reject",), {"step": "a", **WHY}, f"{JOB}approve", {"decision": "reject", "step": "a", **WHY}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
async def test_both_clients_send_the_decision(
    api: CannedApi, client: PerdureClient, async_client: AsyncPerdureClient, case: Case
) -> None:
    method, args, options, path, body = case
    api.answer(f"POST {path}", {"job_id": "default:x", "steps": ["a"], "job": job_view()}, 202)
    first = getattr(client, method)("default:x", *args, **options)
    second = await getattr(async_client, method)("default:x", *args, **options)
    assert first == second
    assert first.steps == ["a"]
    assert [json.loads(got.body) for got in api.got] == [body, body]
    assert all("idempotency-key" not in got.headers for got in api.got)


def test_a_retry_of_a_dead_letter_has_a_reason(api: CannedApi, client: PerdureClient) -> None:
    api.answer(f"POST {PARKED}retry", {"steps": [], "job": job_view()}, 202)
    client.exchange(decisions.retry_dead_letter("default:x", "mended", steps=["a"]))
    assert json.loads(api.got[0].body) == {"reason": "mended", "steps": ["a"]}


@pytest.mark.parametrize("method", ["pause", "retry", "approve"])
def test_a_decision_under_a_key(api: CannedApi, client: PerdureClient, method: str) -> None:
    api.answer(f"POST {JOB}{method}", {"steps": [], "job": job_view()}, 202)
    getattr(client, method)("default:x", idempotency_key="k")
    assert api.got[0].headers["idempotency-key"] == "k"
    assert "idempotency_key" not in json.loads(api.got[0].body)


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, {}),
        ({"input": None}, {"input": None}),
        ({"input": {"n": 1}, "from_step": "a", "reason": None}, {"input": {"n": 1}, "from_step": "a"}),
    ],
)
def test_a_resubmission_tells_null_from_nothing(
    api: CannedApi, client: PerdureClient, options: dict[str, Any], body: dict[str, Any]
) -> None:
    api.answer(f"POST {JOB}resubmit", job_view(id="default:y"), 202)
    done = client.resubmit("default:x", idempotency_key="y", **options)
    assert (done.job.id, done.replayed) == ("default:y", False)
    assert json.loads(api.got[0].body) == body
    assert api.got[0].headers["idempotency-key"] == "y"


def test_a_payload_that_is_not_json_is_not_sent(api: CannedApi, client: PerdureClient) -> None:
    with pytest.raises(UnsendableError):
        client.deliver("default:x", "go", float("nan"))
    assert api.got == []


async def test_both_clients_send_a_batch(
    api: CannedApi, client: PerdureClient, async_client: AsyncPerdureClient
) -> None:
    refused = {"index": 1, "status": 422, "job": None, "error": {"code": "API.VALIDATION", "detail": "why"}}
    started = {"index": 0, "status": 202, "job": job_view(), "error": None}
    answer = {"accepted": 1, "replayed": 0, "refused": 1, "data": [started, refused]}
    api.answer("POST /v1/jobs/batch", answer)
    spec = {"name": "x", "steps": [{"id": "a", "type": "LOG", "with": {"message": "Grüße"}}]}
    done = client.submit_batch([spec, JobSpec.model_validate(spec)])
    assert done == await async_client.submit_batch([spec, JobSpec.model_validate(spec)])
    assert [json.loads(got.body) for got in api.got] == [{"jobs": [spec, spec]}] * 2
    assert (done.accepted, done.data[1].error and done.data[1].error.code) == (1, "API.VALIDATION")
