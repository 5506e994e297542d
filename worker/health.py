"""The worker's /livez and /readyz, for supervisors and orchestrators; started by the composition root."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

Check = Callable[[], Awaitable[str | None]]
"""Answers None when all is well, else what is wrong."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the process has its own handlers


@contextlib.asynccontextmanager
async def health_server(port: int | None, ready: Check) -> AsyncIterator[None]:
    """Serve on `port` of the loopback interface while the context is open; do nothing where it is None."""
    if port is None:
        yield
        return
    config = uvicorn.Config(_app(ready), host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off")
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _app(ready: Check) -> Starlette:
    async def livez(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> JSONResponse:
        problem = await ready()
        if problem is not None:
            return JSONResponse({"status": "error", "problem": problem}, status_code=503)
        return JSONResponse({"status": "ok"})

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz)])
