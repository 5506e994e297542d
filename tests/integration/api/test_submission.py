"""`POST /v1/jobs` (contract 5): started exactly once, replayed for ever, never doubled."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime

import httpx
import pytest
from temporalio.service import RPCError

from api.jobs import entering
from perdure.admission.admission import admit
from perdure.admission.fingerprint import fingerprint
from perdure.contract.execution import JobStart
from perdure.contract.name import JOB_WORKFLOW
from perdure.contract.state import JobStatus
from perdure.store.ledger import LedgerEntry, close_entry, enter_keys, get_entry
from perdure.store.session import transaction
from tests.integration.api.stack import Api, spec, unique


async def test_a_new_job_is_accepted_with_its_location(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/jobs", json=spec(labels={"team": "billing"}, correlation_id="order-1"))
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert "idempotent-replayed" not in answer.headers
    assert (job["status"], job["status_reason"]) == ("QUEUED", "waiting for a worker on queue default")
    assert (job["tenant"], job["submitted_by"]) == ("default", "key:admin")
    assert job["steps"][0]["status"] == "PENDING"
    assert (await http.get(answer.headers["location"])).status_code == 200


async def test_the_answer_is_what_a_reading_gives(http: httpx.AsyncClient) -> None:
    submitted = (await http.post("/v1/jobs", json=spec(input={"a": [1, 2.5, "x"]}))).json()
    read = (await http.get(f"/v1/jobs/{submitted['id']}")).json()
    for job in (submitted, read):
        del job["created_at"], job["projection"]
    assert submitted == read


async def test_the_workflow_is_the_documented_one(api: Api, http: httpx.AsyncClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Request-Id": "request-1"}
    body = spec(queue="special", priority=2, fairness_key="acme", correlation_id="order-1")
    job = (await http.post("/v1/jobs", json=body, headers=headers)).json()
    described = await api.temporal.get_workflow_handle(job["id"]).describe()
    memo = await described.memo()
    assert (described.workflow_type, described.task_queue) == ("Job", "perdure-special")
    assert memo["submitted_by"] == "key:admin"
    assert memo["request_id"] == "request-1"
    assert memo["traceparent"] == headers["traceparent"]
    assert len(memo["fingerprint"]) == 64
    assert {pair.key.name: pair.value for pair in described.typed_search_attributes} == {
        "PerdureType": "INLINE",
        "PerdureTenant": "default",
        "PerdureCorrelationId": "order-1",
    }
    priority = described.raw_description.workflow_execution_info.priority
    assert (priority.priority_key, priority.fairness_key) == (2, "acme")
    assert job["trace_id"] == trace


async def test_fairness_is_by_tenant_unless_told(api: Api, http: httpx.AsyncClient) -> None:
    job = (await http.post("/v1/jobs", json=spec())).json()
    described = await api.temporal.get_workflow_handle(job["id"]).describe()
    assert described.raw_description.workflow_execution_info.priority.fairness_key == "default"


async def test_the_same_key_and_spec_are_replayed(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": unique()}
    first = await http.post("/v1/jobs", json=spec(), headers=headers)
    again = await http.post("/v1/jobs", json=spec(), headers=headers)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["run_id"] == first.json()["run_id"]


async def test_the_key_may_come_by_header_or_body(http: httpx.AsyncClient) -> None:
    key = unique()
    first = await http.post("/v1/jobs", json=spec(id=key))
    by_header = await http.post("/v1/jobs", json=spec(), headers={"Idempotency-Key": key})
    by_both = await http.post("/v1/jobs", json=spec(id=key), headers={"Idempotency-Key": key})
    assert first.json()["id"] == f"default:{key}"
    assert [answer.status_code for answer in (first, by_header, by_both)] == [202, 200, 200]


async def test_header_and_body_must_agree(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/jobs", json=spec(id=unique()), headers={"Idempotency-Key": unique()})
    assert (answer.status_code, answer.json()["code"]) == (422, "API.IDEMPOTENCY_KEY_MISMATCH")


async def test_another_spec_under_the_same_key_is_refused(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": unique()}
    await http.post("/v1/jobs", json=spec(), headers=headers)
    answer = await http.post("/v1/jobs", json=spec(priority=1), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "API.IDEMPOTENCY_KEY_REUSED")


async def test_the_same_spec_in_another_form_is_the_same(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": unique(), "Content-Type": "application/json; charset=UTF-8"}
    body = json.dumps(spec(input={"a": 1, "b": 100}))
    other = json.dumps(dict(reversed(spec(input={"b": 1e2, "a": 1.0}).items())), indent=2)
    assert (await http.post("/v1/jobs", content=body, headers=headers)).status_code == 202
    assert (await http.post("/v1/jobs", content=other, headers=headers)).status_code == 200


async def test_a_closed_job_is_replayed_too(api: Api, http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": unique()}
    job_id = (await http.post("/v1/jobs", json=spec(), headers=headers)).json()["id"]
    await api.temporal.get_workflow_handle(job_id).terminate("enough")
    answer = await http.post("/v1/jobs", json=spec(), headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "TERMINATED")


async def test_the_ledger_alone_is_enough_to_replay(api: Api, http: httpx.AsyncClient) -> None:
    key = unique()
    submitted_at = datetime(2020, 1, 2, tzinfo=UTC)
    async with transaction(api.engine) as connection:
        await enter_keys(connection, [LedgerEntry(f"default:{key}", fingerprint(spec()), submitted_at)])
        await close_entry(connection, f"default:{key}", JobStatus.COMPLETED, submitted_at)
    answer = await http.post("/v1/jobs", json=spec(), headers={"Idempotency-Key": key})
    job = answer.json()
    assert answer.status_code == 200
    assert (job["status"], job["name"], job["created_at"]) == ("COMPLETED", "test", "2020-01-02T00:00:00.000Z")
    other = await http.post("/v1/jobs", json=spec(name="other"), headers={"Idempotency-Key": key})
    assert other.json()["code"] == "API.IDEMPOTENCY_KEY_REUSED"
    with pytest.raises(RPCError):
        await api.temporal.get_workflow_handle(f"default:{key}").describe()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Submissions wait for their entry as long as any machine takes."""
    monkeypatch.setattr(entering, "_SECONDS", 60)


@pytest.mark.usefixtures("patient")
async def test_the_key_is_in_the_ledger_once_the_job_is_accepted(api: Api, http: httpx.AsyncClient) -> None:
    job = (await http.post("/v1/jobs", json=spec())).json()
    async with transaction(api.engine) as connection:
        entry = await get_entry(connection, job["id"])
    assert entry is not None
    assert entry.outcome is None


@pytest.mark.usefixtures("patient")
async def test_the_keys_of_many_submissions_at_once_are_all_in_the_ledger(api: Api, http: httpx.AsyncClient) -> None:
    async def in_ledger(number: int) -> bool:
        headers = {"Idempotency-Key": unique()} if number % 2 else {}
        job = (await http.post("/v1/jobs", json=spec(), headers=headers)).json()
        async with transaction(api.engine) as connection:
            entry = await get_entry(connection, job["id"])
        return entry is not None and entry.fingerprint == fingerprint(spec())

    assert all(await asyncio.gather(*(in_ledger(number) for number in range(50))))


async def test_b8_the_same_key_a_hundred_times_at_once_starts_one_workflow(api: Api, http: httpx.AsyncClient) -> None:
    key = unique()
    sent = [http.post("/v1/jobs", json=spec(), headers={"Idempotency-Key": key}) for _ in range(100)]
    answers = await asyncio.gather(*sent)
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 99}
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 99
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    other = await http.post("/v1/jobs", json=spec(priority=1), headers={"Idempotency-Key": key})
    assert (other.status_code, other.json()["code"]) == (422, "API.IDEMPOTENCY_KEY_REUSED")


async def test_b8_two_specs_fight_for_a_key_and_one_wins(http: httpx.AsyncClient) -> None:
    key = unique()
    sent = [
        http.post("/v1/jobs", json=spec(priority=1 + number % 2), headers={"Idempotency-Key": key})
        for number in range(60)
    ]
    answers = await asyncio.gather(*sent)
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 29, 422: 30}


async def test_without_a_key_every_submission_is_a_job_of_its_own(http: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(http.post("/v1/jobs", json=spec()) for _ in range(20)))
    assert len({answer.json()["id"] for answer in answers}) == 20


@pytest.mark.parametrize("key", ["", "a b", "a/b", "a~b", "k" * 201, "\xe9", "a,b", "*"])
async def test_a_malformed_key_is_refused(http: httpx.AsyncClient, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1")), (b"Content-Type", b"application/json")]
    answer = await http.post("/v1/jobs", content=json.dumps(spec()), headers=headers)
    assert answer.status_code == 422
    assert [found["path"] for found in answer.json()["errors"]] == ["header.Idempotency-Key"]


async def test_a_key_sent_twice_is_refused(http: httpx.AsyncClient) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "a"), ("Content-Type", "application/json")]
    answer = await http.post("/v1/jobs", content=json.dumps(spec()), headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "API.PARAMETER.REPEATED")


@pytest.mark.parametrize("key", ["a", "k" * 200, "A.b_c:d-9", "..", "-", "::"])
async def test_every_documented_key_works(http: httpx.AsyncClient, key: str) -> None:
    answer = await http.post("/v1/jobs", json=spec(), headers={"Idempotency-Key": key})
    assert answer.status_code in (200, 202)
    assert (await http.get(answer.headers["location"])).json()["id"] == f"default:{key}"


async def test_a_dry_run_shows_the_effective_spec_and_starts_nothing(api: Api, http: httpx.AsyncClient) -> None:
    key = unique()
    answer = await http.post("/v1/jobs?dry_run=true", json=spec(id=key))
    assert answer.status_code == 200
    assert answer.json()["spec"]["steps"][0]["retry"]["maximum_attempts"] == 4
    with pytest.raises(RPCError):
        await api.temporal.get_workflow_handle(f"default:{key}").describe()
    assert (await http.post("/v1/jobs", json=spec(id=key))).status_code == 202


async def test_a_dry_run_tells_all_problems(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/jobs?dry_run=true", json=spec(nmae=1, priority=7))
    assert answer.status_code == 422
    assert {found["path"] for found in answer.json()["errors"]} == {"$.nmae", "$.priority"}


async def test_ids_of_dependents_are_checked_with_the_key(http: httpx.AsyncClient) -> None:
    body = spec(dependents=[{"name": "d" * 60, "job": spec()}])
    assert (await http.post("/v1/jobs", json=body)).status_code == 202
    answer = await http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "k" * 190})
    assert [found["path"] for found in answer.json()["errors"]] == ["$.dependents[0].name"]


async def test_b13_odd_but_allowed_text_comes_back_as_it_was(http: httpx.AsyncClient) -> None:
    odd = {"\U0001f600": "\u05d0\u05d1 \u202e x", "n": [1, 1.0, 0.1, 1e300, 9007199254740991], "": "\u0001\x7f"}
    body = spec(input=odd, labels={"a": "\U0001f600"}, correlation_id="\u05d0" * 255)
    job_id = (await http.post("/v1/jobs", json=body)).json()["id"]
    job = (await http.get(f"/v1/jobs/{job_id}")).json()
    assert (job["input"], job["labels"], job["correlation_id"]) == (odd, {"a": "\U0001f600"}, "\u05d0" * 255)


async def test_what_is_refused_now_is_replayed_where_its_key_was_used_before(api: Api, http: httpx.AsyncClient) -> None:
    refused = spec(retry={"non_retryable_errors": ["  "]})
    key = {"Idempotency-Key": unique()}
    assert (await http.post("/v1/jobs", json=refused, headers=key)).status_code == 422
    job_id = f"default:{key['Idempotency-Key']}"
    start = JobStart(spec=admit(refused, again=True).spec, tenant="default")
    await api.temporal.start_workflow(JOB_WORKFLOW, start, id=job_id, task_queue="perdure-nobody")
    async with transaction(api.engine) as connection:
        await enter_keys(connection, [LedgerEntry(job_id, fingerprint(refused), datetime.now(UTC))])
    again = await http.post("/v1/jobs", json=refused, headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"], again.json()["id"]) == (200, "true", job_id)
    batch = await http.post("/v1/jobs/batch", json={"jobs": [{**refused, "id": key["Idempotency-Key"]}, refused]})
    assert [item["status"] for item in batch.json()["data"]] == [200, 422]
    other = spec(retry={"non_retryable_errors": [" "]})
    assert (await http.post("/v1/jobs", json=other, headers=key)).status_code == 422
    assert (await http.post("/v1/jobs?dry_run=true", json=refused, headers=key)).status_code == 422
