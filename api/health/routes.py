"""`/livez`, `/readyz` and `/info`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Depends, Request, Response
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

import perdure
from api.health.schemas import Info, Liveness, PartView, Readiness
from api.query import NoQuery, only
from api.security import authenticate
from api.state import Services, UseServices
from api.temporal_call import temporal_call
from perdure.contract.error import PerdureError
from perdure.store.health import ping

router = APIRouter(tags=["health"], dependencies=[Depends(only(NoQuery))])

_PROBE_SECONDS = 3.0
Part = Literal["temporal", "postgres"]


@router.get("/livez", operation_id="getLiveness", summary="Does the process answer?")
async def livez() -> Liveness:
    """Always `ok`: whatever Perdure depends on, this process can answer."""
    return Liveness()


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Can requests be served?",
    responses={503: {"model": Readiness, "description": "Temporal or Postgres cannot be reached"}},
)
async def readyz(request: Request, response: Response, found: UseServices) -> Readiness:
    """Asks Temporal and Postgres. Latency and errors are shown only with a valid API key."""
    checks = list(await asyncio.gather(_temporal(found), _postgres(found)))
    ready = all(check.status == "ok" for check in checks)
    if not ready:
        response.status_code = 503
    if not await _is_known(request, found):
        checks = [PartView(name=check.name, status=check.status) for check in checks]
    return Readiness(status="ok" if ready else "error", checks=checks)


@router.get("/info", operation_id="getInfo", summary="What is this?")
async def info() -> Info:
    """Name and version of the server, and its clock."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Info(name="perdure", version=perdure.__version__, api_version="v1", server_time=now)


async def _is_known(request: Request, found: Services) -> bool:
    try:
        await authenticate(request, found)
    except PerdureError:
        return False
    return True


async def _temporal(found: Services) -> PartView:
    async def ask() -> None:
        request = DescribeNamespaceRequest(namespace=found.temporal.namespace)
        async with temporal_call(_PROBE_SECONDS):
            await found.temporal.workflow_service.describe_namespace(request)

    return await _check("temporal", ask)


async def _postgres(found: Services) -> PartView:
    return await _check("postgres", lambda: ping(found.store.engine))


async def _check(name: Part, ask: Callable[[], Awaitable[None]]) -> PartView:
    began = time.monotonic()
    try:
        await ask()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the part is not ready
        cause = error.__cause__ or error
        return PartView(name=name, status="error", latency_ms=_since(began), error=str(cause)[:300])
    return PartView(name=name, status="ok", latency_ms=_since(began))


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
