"""Request bodies, read strictly (docs/decisions/0005-strict-bodies.md); a dependency of the routes that take one."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel

from api.problem import ApiError
from api.state import UseServices
from perdure.admission.strict_json import read_json, too_large
from perdure.admission.structure import read_model
from perdure.settings import Settings

_JSON = re.compile(r"\s*application/json\s*(?:;\s*charset\s*=\s*\"?utf-8\"?\s*)?;?\s*", re.IGNORECASE | re.ASCII)
_QUICK_BYTES = 16 * 1024
"""Up to here reading takes no longer than handing it to a thread."""


T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is acceptable JSON."""

    document: Any
    size: int

    async def through(self, check: Callable[[Any], T]) -> T:
        """What `check` makes of the document; a large one is worked on in a thread, so that others go on."""
        return await _run(self.size, check, self.document)

    async def read(self, model: type[M]) -> M:
        """The document as a `model`; raises as `read_model`."""
        return await self.through(lambda document: read_model(model, document))


async def json_body(request: Request, found: UseServices) -> Body:
    """The JSON body.

    Raises:
        AdmissionError: it is missing, too large, or not acceptable as JSON.
        ApiError: API.CONTENT_TYPE, or API.BODY_TIMEOUT.
    """
    return await _read(request, found.settings, found.settings.body_limit_bytes)


async def batch_body(request: Request, found: UseServices) -> Body:
    """Like `json_body`, with the limit of batches."""
    return await _read(request, found.settings, found.settings.batch_limit_bytes)


async def optional_json_body(request: Request, found: UseServices) -> Body:
    """Like `json_body`, but no body at all is an empty object."""
    limit = found.settings.body_limit_bytes
    body = await _bytes(request, found.settings, limit)
    if not body:
        return Body({}, 0)
    _check_type(request)
    return await _parsed(body, limit)


JsonBody = Annotated[Body, Depends(json_body)]
OptionalJsonBody = Annotated[Body, Depends(optional_json_body)]
BatchBody = Annotated[Body, Depends(batch_body)]


async def _read(request: Request, settings: Settings, limit: int) -> Body:
    _check_type(request)
    return await _parsed(await _bytes(request, settings, limit), limit)


def _check_type(request: Request) -> None:
    types = request.headers.getlist("content-type")
    if len(types) != 1 or _JSON.fullmatch(types[0]) is None:
        was = f"{types[0][:100]!r}" if types else "nothing"
        message = f"the body must be declared as Content-Type: application/json; the request says {was}"
        raise ApiError("API.CONTENT_TYPE", message)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        message = f"the body must be sent as it is, without Content-Encoding: {encoding[:40]}"
        raise ApiError("API.CONTENT_TYPE", message)


async def _bytes(request: Request, settings: Settings, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > len(str(limit)) + 1 or int(declared) > limit):
        raise too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(settings.body_timeout_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_large(limit)
    except TimeoutError:
        raise _late(len(body), settings.body_timeout_seconds) from None
    return bytes(body)


def _late(arrived: int, seconds: float) -> ApiError:
    message = f"after {seconds:g} s only {arrived} bytes of the body have arrived; the connection is closed"
    return ApiError("API.BODY_TIMEOUT", message, headers={"Connection": "close"})


async def _parsed(body: bytes, limit: int) -> Body:
    return Body(await _run(len(body), read_json, body, limit), len(body))


async def _run(size: int, work: Callable[..., T], *arguments: Any) -> T:
    if size <= _QUICK_BYTES:
        return work(*arguments)
    return await asyncio.to_thread(work, *arguments)
