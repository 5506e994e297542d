"""What the doctor asks Temporal: whether it answers, its version, and what `namespace` and `task_queue` ask."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.doctor.finding import Finding, Level, cause_of, ok, problem, warning
from perdure.doctor.namespace import examine_attributes, examine_namespace
from perdure.doctor.task_queue import examine_clock_of_temporal, examine_workers
from perdure.doctor.version import parse_version
from perdure.settings import Settings
from perdure.temporal import TemporalProfileError, TemporalTarget, connect, temporal_target

PATIENCE = 5.0
"""Seconds for the connection and for every question."""
OLDEST_SERVER = (1, 25)
"""Before it, updates (retry, skip, discard, cancel) are switched off unless the server is told otherwise."""
RECOMMENDED_SERVER = (1, 28)
"""From it on, a task queue honours priorities."""
_CAUSE = re.compile(r'message: "([^"]+)"')
_Check = Callable[[Client, Settings], Awaitable[Sequence[Finding]]]


async def examine_temporal(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Everything about the Temporal that settings and environment name; if it or its namespace is away, that alone."""
    try:
        target = temporal_target(settings, environ)
    except TemporalProfileError as error:
        return [problem("temporal", str(error), "Correct it, or set PERDURE_TEMPORAL_ADDRESS and leave it out.")]
    try:
        async with asyncio.timeout(PATIENCE):
            client = await connect(settings, identity="perdure-doctor", environ=environ)
    except (RuntimeError, OSError, ValueError, TimeoutError) as error:
        what = f"Temporal does not answer at {_told(target)}: {_shortened(cause_of(error))}"
        return [problem("temporal", what, f"Start it (perdure dev does), or correct {_variable(target)}.")]
    settings = settings.model_copy(update={"temporal_address": _told(target), "temporal_namespace": target.namespace})
    found = await _together(client, settings, {"temporal": _server, "namespace": examine_namespace})
    if any(finding.check == "namespace" and finding.level is not Level.OK for finding in found):
        return found
    checks: dict[str, _Check] = {
        "search attributes": examine_attributes,
        "workers": examine_workers,
        "clock of Temporal": examine_clock_of_temporal,
    }
    return found + await _together(client, settings, checks)


def temporal_address(settings: Settings, environ: Mapping[str, str]) -> str:
    """Where Temporal is looked for."""
    try:
        return temporal_target(settings, environ).address
    except TemporalProfileError:
        return settings.temporal_address


async def _together(client: Client, settings: Settings, checks: Mapping[str, _Check]) -> list[Finding]:
    asked = await asyncio.gather(*(_asked(check, ask, client, settings) for check, ask in checks.items()))
    return [finding for findings in asked for finding in findings]


async def _asked(check: str, ask: _Check, client: Client, settings: Settings) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await ask(client, settings)
    except TimeoutError:
        return [problem(check, f"Temporal gave no answer within {PATIENCE:g} s", "See its log: it may be overloaded.")]
    except RPCError as error:
        if error.status is RPCStatusCode.PERMISSION_DENIED:
            return [warning(check, f"may not be asked: {error.message}", "Examine as somebody whom Temporal tells it.")]
        return [problem(check, f"Temporal refused: {error.message}", "See Temporal's log.")]


async def _server(client: Client, settings: Settings) -> Sequence[Finding]:
    told = (await client.workflow_service.get_system_info(GetSystemInfoRequest())).server_version
    return [judge_server(told, settings.temporal_address)]


def judge_server(told: str, address: str) -> Finding:
    """Whether a server of this version will do."""
    what = f"Temporal server {told or '(version not told)'} at {address}"
    version = parse_version(told)
    if not version:
        return warning("temporal", what, "Make sure it is 1.28 or newer.")
    if version < OLDEST_SERVER:
        return problem("temporal", f"{what} does not take updates", "Upgrade it to 1.28 or newer.")
    if version < RECOMMENDED_SERVER:
        return warning("temporal", f"{what} ignores the priorities of jobs", "Upgrade it to 1.28 or newer.")
    return ok("temporal", what)


def _told(target: TemporalTarget) -> str:
    """The address, how it is reached, and where that is from."""
    return ", ".join(filter(None, [f"{target.address} (from {target.source}", target.secured])) + ")"


def _variable(target: TemporalTarget) -> str:
    return "PERDURE_TEMPORAL_ADDRESS" if target.source == "the default" else target.source


def _shortened(cause: str) -> str:
    """The system's own words where the SDK wraps them in its types."""
    words = _CAUSE.findall(cause)
    return words[-1] if words else cause or "no answer in time"
