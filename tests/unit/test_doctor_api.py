"""The doctor asks an API over HTTP; here a server that plays one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import perdure
from perdure.doctor.api import examine_api
from perdure.doctor.finding import Finding, Level
from tests.unit.canned_api import CannedApi

KEY = "pdr_abcd_" + "x" * 43


def play(api: CannedApi, *, ahead: float = 0, **other: Any) -> None:
    server_time = (datetime.now(UTC) + timedelta(seconds=ahead)).isoformat()
    told = {"name": "perdure", "version": perdure.__version__, "server_time": server_time, **other}
    api.answer("GET /info", told)
    api.answer("GET /readyz", {"status": "ok", "checks": []})
    api.answer("GET /v1/me", {"actor": "key:ops", "tenant": "acme", "role": "operator", "payloads": True})


async def examine(api: CannedApi, key: str | None = KEY) -> dict[str, Finding]:
    return {finding.check: finding for finding in await examine_api(api.url, key)}


async def test_an_api_that_is_well(api: CannedApi) -> None:
    play(api)
    found = await examine(api)
    assert {check: finding.level for check, finding in found.items()} == dict.fromkeys(
        ("api", "clock of the API", "readiness", "key"), Level.OK
    )
    assert found["key"].what == "the API accepts it as key:ops: role operator, tenant acme, sees payloads"


@pytest.mark.parametrize(("ahead", "level"), [(-1.5, Level.WARNING), (30.0, Level.PROBLEM), (-30.0, Level.PROBLEM)])
async def test_a_clock_that_is_wrong(api: CannedApi, ahead: float, level: Level) -> None:
    play(api, ahead=ahead)
    assert (await examine(api))["clock of the API"].level is level


async def test_another_version_is_a_warning(api: CannedApi) -> None:
    play(api, version="9.9.9")
    finding = (await examine(api))["api"]
    assert (finding.level, "9.9.9" in finding.what) == (Level.WARNING, True)


async def test_parts_the_api_cannot_reach_are_told_with_their_error(api: CannedApi) -> None:
    parts = [{"name": "temporal", "status": "ok"}, {"name": "postgres", "status": "error", "error": "gone away"}]
    api.answer("GET /readyz", {"status": "error", "checks": parts}, 503)
    play(api)
    finding = (await examine(api))["readiness"]
    assert finding.level is Level.PROBLEM
    assert "postgres: gone away" in finding.what


@pytest.mark.parametrize("status", [401, 403, 500, 503])
async def test_a_key_that_is_refused(api: CannedApi, status: int) -> None:
    api.problem("GET /v1/me", status, "API.SOMETHING")
    play(api)
    finding = (await examine(api))["key"]
    assert finding.level is Level.PROBLEM
    assert f"HTTP {status}" in finding.what
    assert KEY not in finding.what


async def test_without_a_key_nothing_under_v1_is_asked(api: CannedApi) -> None:
    play(api)
    assert (await examine(api, None))["key"].level is Level.WARNING
    assert {got.path for got in api.got} == {"/info", "/readyz"}


@pytest.mark.parametrize("body", [b"<html>hello</html>", b'"perdure"', b'{"name": "nginx"}', b"\xff"])
async def test_something_else_that_answers_is_told(api: CannedApi, body: bytes) -> None:
    api.answer("GET /info", body)
    (finding,) = (await examine(api)).values()
    assert (finding.level, "not Perdure" in finding.what) == (Level.PROBLEM, True)


async def test_a_server_that_hangs_up_is_told(api: CannedApi) -> None:
    api.hang_up("GET /info")
    (finding,) = (await examine(api)).values()
    assert (finding.level, api.url in finding.what) == (Level.PROBLEM, True)


@pytest.mark.parametrize("server", ["ftp://perdure", "nonsense", "http://127.0.0.1:99999"])
async def test_a_server_that_is_no_url_is_told(server: str) -> None:
    (finding,) = await examine_api(server, None)
    assert (finding.level, "PERDURE_SERVER" in str(finding.remedy)) == (Level.PROBLEM, True)
