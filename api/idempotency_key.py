"""The Idempotency-Key header: read strictly; a dependency of the routes that take it."""

from typing import Annotated

from fastapi import Depends, Request

from api.problem import invalid
from perdure.contract.identifier import KEY

HEADER = "Idempotency-Key"
_PATH = f"header.{HEADER}"


async def idempotency_key(request: Request) -> str | None:
    """The header's value.

    Raises:
        ApiError: API.VALIDATION, where it is malformed or there twice.
    """
    sent = request.headers.getlist(HEADER)
    if len(sent) > 1:
        raise invalid(_PATH, "API.PARAMETER.REPEATED", "can be given only once")
    if sent and KEY.fullmatch(sent[0]) is None:
        raise invalid(_PATH, "API.PARAMETER.VALUE", "must be 1-200 of A-Z, a-z, 0-9 and . _ : -")
    return sent[0] if sent else None


IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]
