"""The HTTP client against a server that plays the API's answers."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from perdure.client import (
    AsyncPerdureClient,
    ConflictError,
    InvalidError,
    NotAuthorisedError,
    NotFoundError,
    PerdureClient,
    ProblemError,
    StillOpenError,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
    UnsendableError,
)
from perdure.contract.spec import JobSpec
from tests.unit.canned_api import CannedApi, job_view

SPEC = {"name": "hello", "steps": [{"id": "greet", "type": "LOG", "with": {"message": "Grüße"}}]}
GET = "GET /v1/jobs/default:order-1"


def test_submit_sends_spec_key_and_credentials(api: CannedApi, client: PerdureClient) -> None:
    api.answer("POST /v1/jobs", job_view(), 202)
    submission = client.submit(SPEC, idempotency_key="order-1")
    assert (submission.job.id, submission.replayed) == ("default:order-1", False)
    [got] = api.got
    assert json.loads(got.body) == SPEC
    assert got.headers["idempotency-key"] == "order-1"
    assert got.headers["authorization"] == "Bearer pdr_a_b"
    assert got.headers["content-type"] == "application/json"


def test_submit_tells_a_replay(api: CannedApi, client: PerdureClient) -> None:
    api.answer("POST /v1/jobs", job_view(), 200, {"Idempotent-Replayed": "true"})
    assert client.submit(SPEC).replayed


def test_submit_sends_bytes_untouched(api: CannedApi, client: PerdureClient) -> None:
    api.answer("POST /v1/jobs", job_view(), 202)
    client.submit(b' {"a":1,"a":2} ')
    assert api.got[0].body == b' {"a":1,"a":2} '


def test_submit_takes_the_model_as_written_without_defaults(api: CannedApi, client: PerdureClient) -> None:
    api.answer("POST /v1/jobs", job_view(), 202)
    client.submit(JobSpec.model_validate(SPEC))
    assert json.loads(api.got[0].body) == SPEC


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "\ud800", object()])
def test_submit_refuses_what_is_not_json(api: CannedApi, client: PerdureClient, bad: Any) -> None:
    with pytest.raises(UnsendableError, match="JSON"):
        client.submit({"input": bad})
    assert api.got == []


@pytest.mark.parametrize("bad", ["schlüssel", "a\nb", "a\x00"])
def test_a_key_that_no_header_can_hold_is_not_sent(api: CannedApi, client: PerdureClient, bad: str) -> None:
    with pytest.raises(UnsendableError, match="Idempotency-Key"):
        client.submit(SPEC, idempotency_key=bad)
    assert api.got == []


def test_half_characters_reach_neither_query_nor_path(api: CannedApi, client: PerdureClient) -> None:
    with pytest.raises(UnsendableError, match="label"):
        client.list(labels={"a": "\udcff"})
    with pytest.raises(UnexpectedAnswerError):
        client.get("default:\udcff")
    assert [got.path for got in api.got] == ["/v1/jobs/default:%5Cudcff"]


def test_dry_run_is_a_parameter(api: CannedApi, client: PerdureClient) -> None:
    api.answer("POST /v1/jobs", {"admitted": True, "fingerprint": "f", "spec": SPEC})
    assert client.dry_run(SPEC).spec == SPEC
    assert api.got[0].query == [("dry_run", "true")]


def test_states_and_fields_of_tomorrow_are_borne(api: CannedApi, client: PerdureClient) -> None:
    api.answer(GET, job_view(status="HIBERNATING"))
    job = client.get("default:order-1")
    assert (job.status, job.final) == ("HIBERNATING", False)


def test_list_passes_every_filter(api: CannedApi, client: PerdureClient) -> None:
    api.answer("GET /v1/jobs", {"data": [], "page": {"cursor": "c2", "has_more": True}})
    page = client.list(status=["RUNNING", "QUEUED"], labels={"team": "a=b"}, type="INLINE", limit=5, cursor="c1")
    assert (page.page.cursor, page.page.has_more) == ("c2", True)
    assert sorted(api.got[0].query) == [
        ("cursor", "c1"),
        ("label", "team=a=b"),
        ("limit", "5"),
        ("status", "QUEUED"),
        ("status", "RUNNING"),
        ("type", "INLINE"),
    ]


def test_a_job_id_cannot_leave_its_place_in_the_path(api: CannedApi, client: PerdureClient) -> None:
    with pytest.raises(UnexpectedAnswerError):
        client.get("a/../b?c#d e")
    assert api.got[0].path == "/v1/jobs/a%2F..%2Fb%3Fc%23d%20e"


def test_decisions_send_only_what_was_given(api: CannedApi, client: PerdureClient) -> None:
    api.answer("POST /v1/jobs/default:order-1/retry", {"steps": ["fetch"], "job": job_view()})
    api.answer("POST /v1/jobs/default:order-1/cancel", {"steps": [], "job": job_view()})
    assert client.retry("default:order-1", reason="mended").steps == ["fetch"]
    client.cancel("default:order-1")
    assert [json.loads(got.body) for got in api.got] == [{"reason": "mended"}, {}]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidError),
        (401, NotAuthorisedError),
        (403, NotAuthorisedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, InvalidError),
        (422, InvalidError),
        (503, UnavailableError),
        (500, ProblemError),
    ],
)
def test_problems_become_their_exception(
    api: CannedApi, client: PerdureClient, status: int, kind: type[ProblemError]
) -> None:
    errors = [{"path": "$.steps[0].id", "code": "API.SPEC.STEP_REPEATED", "message": "twice", "more": 1}]
    api.problem(GET, status, "API.X", detail="why", errors=errors, request_id="rq", headers={"Retry-After": "7"})
    with pytest.raises(ProblemError) as caught:
        client.get("default:order-1")
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.detail, error.status, error.request_id) == ("API.X", "why", status, "rq")
    assert [(item.path, item.code, item.message) for item in error.errors] == [
        ("$.steps[0].id", "API.SPEC.STEP_REPEATED", "twice")
    ]
    assert error.retry_after == 7


@pytest.mark.parametrize(
    ("status", "body"), [(502, b"<html>Bad gateway"), (200, b"<html>Welcome"), (200, b"{}"), (302, b"")]
)
def test_what_is_not_the_api_is_said_to_be_so(api: CannedApi, client: PerdureClient, status: int, body: bytes) -> None:
    api.answer(GET, body, status, {"Content-Type": "text/html"})
    with pytest.raises(UnexpectedAnswerError, match=str(status)):
        client.get("default:order-1")


def test_nothing_listening_names_url_and_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with PerdureClient(url) as client, pytest.raises(UnreachableError, match="perdure dev") as caught:
            client.get("default:x")
    assert url in str(caught.value)


def test_a_proxy_of_the_environment_does_not_see_loopback(api: CannedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    api.answer(GET, job_view())
    with PerdureClient(api.url) as client:
        assert client.get("default:order-1").completed


@pytest.mark.parametrize("server", ["localhost:8080", "ftp://x", "", "http://", "http://[::1", "http://h:99999"])
def test_a_server_that_is_no_url_is_refused(server: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        PerdureClient(server)


@pytest.mark.parametrize("key", ["a\nb", "schlüssel"])
def test_a_key_that_no_header_may_hold_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        PerdureClient("http://h", api_key=key)


def test_wait_returns_the_job_once_it_ended(api: CannedApi, client: PerdureClient) -> None:
    for status in ("RUNNING", "RUNNING", "FAILED"):
        api.answer(GET, job_view(status=status))
    assert client.wait("default:order-1", timeout=10).status == "FAILED"


def test_watch_yields_each_change_once(api: CannedApi, client: PerdureClient) -> None:
    for status in ("QUEUED", "QUEUED", "RUNNING", "RUNNING", "COMPLETED"):
        api.answer(GET, job_view(status=status))
    assert [job.status for job in client.watch("default:order-1")] == ["QUEUED", "RUNNING", "COMPLETED"]


def test_watch_does_not_go_back_in_time(api: CannedApi, client: PerdureClient) -> None:
    for status, event_id in (("RUNNING", 17), ("QUEUED", 5), ("WAITING", 23)):
        api.answer(GET, job_view(status=status, projection={"event_id": event_id, "lag_ms": 0}))
    api.answer(GET, job_view(status="COMPLETED", run_id="the next run", projection={"event_id": 3, "lag_ms": 0}))
    assert [job.status for job in client.watch("default:order-1")] == ["RUNNING", "WAITING", "COMPLETED"]


def test_watch_gives_up_after_its_time(api: CannedApi, client: PerdureClient) -> None:
    api.answer(GET, job_view(status="RUNNING"))
    with pytest.raises(StillOpenError, match="RUNNING"):
        client.wait("default:order-1", timeout=0.2)


@pytest.mark.parametrize(
    "trouble",
    [
        lambda api: api.hang_up(GET),
        lambda api: api.problem(GET, 503, "API.UNAVAILABLE"),
    ],
    ids=["connection lost", "503"],
)
def test_watch_bears_an_api_that_restarts(
    api: CannedApi, client: PerdureClient, trouble: Callable[[CannedApi], None]
) -> None:
    api.answer(GET, job_view(status="RUNNING"))
    trouble(api)
    api.answer(GET, job_view())
    assert [job.status for job in client.watch("default:order-1")] == ["RUNNING", "COMPLETED"]


def test_watch_does_not_hide_a_first_failure(api: CannedApi, client: PerdureClient) -> None:
    api.problem(GET, 503, "API.UNAVAILABLE")
    with pytest.raises(UnavailableError):
        next(client.watch("default:order-1"))


def test_watch_does_not_hide_a_refusal(api: CannedApi, client: PerdureClient) -> None:
    api.answer(GET, job_view(status="RUNNING"))
    api.problem(GET, 401, "API.UNAUTHENTICATED")
    with pytest.raises(NotAuthorisedError):
        client.wait("default:order-1")


async def test_async_client_does_the_same(api: CannedApi, async_client: AsyncPerdureClient) -> None:
    api.answer("POST /v1/jobs", job_view(status="QUEUED"), 202)
    api.answer("POST /v1/jobs/default:order-1/retry", {"steps": ["fetch"], "job": job_view()})
    api.answer("POST /v1/jobs/default:order-1/cancel", {"steps": [], "job": job_view()})
    api.answer("GET /v1/jobs", {"data": [job_view()], "page": {"cursor": None, "has_more": False}})
    api.answer("GET /v1/jobs/default:order-1/journal", {"data": [], "page": {"cursor": None, "has_more": False}})
    for status in ("RUNNING", "COMPLETED"):
        api.answer(GET, job_view(status=status))
    assert (await async_client.submit(SPEC, idempotency_key="k")).job.status == "QUEUED"
    assert [job.status async for job in async_client.watch("default:order-1")] == ["RUNNING", "COMPLETED"]
    assert (await async_client.wait("default:order-1")).completed
    assert (await async_client.get("default:order-1", strong=True)).completed
    assert [job.id for job in (await async_client.list(limit=1)).data] == ["default:order-1"]
    assert (await async_client.journal("default:order-1")).data == []
    assert (await async_client.retry("default:order-1")).steps == ["fetch"]
    await async_client.cancel("default:order-1", reason="enough")


async def test_async_client_raises_the_same(api: CannedApi, async_client: AsyncPerdureClient) -> None:
    api.problem(GET, 404, "API.NOT_FOUND")
    with pytest.raises(NotFoundError):
        await async_client.get("default:order-1")
    with pytest.raises(UnreachableError):
        async with AsyncPerdureClient("http://127.0.0.1:9") as nobody:
            await nobody.get("default:order-1")


async def test_async_watch_can_be_cancelled(api: CannedApi, async_client: AsyncPerdureClient) -> None:
    api.answer(GET, job_view(status="RUNNING"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await async_client.wait("default:order-1")
