"""A small, fast HTTP server in a process of its own, for the benchmarks' calls."""

import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

_START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
_BODY = {"type": "http.response.body", "body": b'{"ok":true}'}


async def _answer(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(_START)
    await send(_BODY)


def _serve(listening: socket.socket) -> None:
    config = uvicorn.Config(_answer, log_level="critical", lifespan="off", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def partner() -> Iterator[str]:
    """Its URL while it runs."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(200)
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(listening,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        process.terminate()
        process.join()
        listening.close()
