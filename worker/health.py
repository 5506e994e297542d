"""The worker's /livez, /readyz and /metrics, for supervisors, orchestrators and Prometheus.

Started by the composition root.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from perdure.telemetry.metric.registry import CONTENT_TYPE

Check = Callable[[], Awaitable[list[str]]]
"""Answers what is wrong, a sentence each; nothing when all is well."""
Metrics = Callable[[], Awaitable[bytes]]
"""All metrics as text."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the process has its own handlers


@contextlib.asynccontextmanager
async def health_server(host: str, port: int | None, ready: Check, metrics: Metrics) -> AsyncIterator[None]:
    """Serve on `port` while the context is open; do nothing where it is None."""
    if port is None:
        yield
        return
    app = _app(ready, metrics)
    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off")
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _app(ready: Check, metrics: Metrics) -> Starlette:
    async def livez(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        problems = await ready()
        if problems:
            return JSONResponse({"status": "error", "problems": problems}, status_code=503)
        return JSONResponse({"status": "ok"})

    async def shown(_: Request) -> Response:
        return Response(await metrics(), media_type=CONTENT_TYPE)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", shown)])
