"""What the doctor asks the API over HTTP: whether it answers, its version, readiness, clock, and the key."""

from datetime import datetime
from typing import Any

import httpx

import perdure
from perdure.client.connection import Connection
from perdure.doctor.clock import examine_clock, now
from perdure.doctor.finding import Finding, cause_of, ok, problem, warning
from perdure.doctor.key import described

PATIENCE = 8.0
"""Seconds for an answer: `/readyz` itself waits for Temporal and Postgres."""
_CHECK = "api"
_OTHER_KEY = "Give a valid one with PERDURE_API_KEY or --api-key."


async def examine_api(server: str, api_key: str | None) -> list[Finding]:
    """Everything about the API at that URL. Where it cannot be reached, that alone."""
    try:
        options = Connection(server, api_key).options()
    except ValueError as error:
        return [problem(_CHECK, cause_of(error), "Correct --server and --api-key (PERDURE_SERVER, PERDURE_API_KEY).")]
    async with httpx.AsyncClient(**{**options, "timeout": PATIENCE}) as http:
        try:
            return await _examine(http, server, has_key=api_key is not None)
        except httpx.HTTPError as error:
            what = f"The API does not answer at {server}: {cause_of(error)}"
            return [problem(_CHECK, what, "Start it (perdure dev, or python -m api), or name another with --server.")]


async def _examine(http: httpx.AsyncClient, server: str, *, has_key: bool) -> list[Finding]:
    before = now()
    answer = await http.get("/info")
    after = now()
    told = _json(answer)
    if told.get("name") != "perdure":
        what = f"What answers at {server} is not Perdure (HTTP {answer.status_code} for /info)"
        return [problem(_CHECK, what, "Correct --server (PERDURE_SERVER).")]
    findings = [judge_version(str(told.get("version")), server)]
    if theirs := _moment(told.get("server_time")):
        findings.append(examine_clock("the API", before, theirs, after))
    return [*findings, *judge_readiness(_json(await http.get("/readyz"))), await _key(http, has_key=has_key)]


def judge_version(told: str, server: str) -> Finding:
    """Whether the API is of our own version."""
    what = f"Perdure {told} answers at {server}"
    if told == perdure.__version__:
        return ok(_CHECK, what)
    return warning(_CHECK, f"{what}; this is {perdure.__version__}", "Bring both to the same version.")


def judge_readiness(told: dict[str, Any]) -> list[Finding]:
    """What the API itself sees of Temporal and Postgres, from the answer of `/readyz`."""
    if told.get("status") == "ok":
        return [ok("readiness", "the API reaches Temporal and Postgres")]
    parts = [one for one in told.get("checks", []) if one.get("status") != "ok"]
    remedy = "Mend that part first; if it works from here, compare the API's own settings."
    return [
        problem("readiness", f"the API cannot use {one.get('name')}: {one.get('error') or 'no reason told'}", remedy)
        for one in parts
    ] or [problem("readiness", "the API is not ready", "See the API's log.")]


async def _key(http: httpx.AsyncClient, *, has_key: bool) -> Finding:
    check = "key"
    if not has_key:
        return warning(check, "no key is given, so nothing under /v1 can be asked", _OTHER_KEY)
    answer = await http.get("/v1/me")
    told = _json(answer)
    if answer.status_code == httpx.codes.OK:
        gives = described(
            str(told.get("role")),
            str(told.get("tenant")),
            payloads=told.get("payloads") is True,
            expires_at=_moment(told.get("expires_at")),
        )
        return ok(check, f"the API accepts it as {told.get('actor')}: {gives}")
    what = f"HTTP {answer.status_code}: {told.get('title') or 'no reason told'}"
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return problem(check, f"the API does not accept it ({what})", _OTHER_KEY)
    return problem(check, f"the API could not tell ({what})", "See the API's log.")


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
