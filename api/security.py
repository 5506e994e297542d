"""Who asks, and whether they may: the dependencies every route of /v1 has (contract 10)."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPBearer

from api.problem import ApiError
from api.state import UseServices
from perdure.security.principal import Principal
from perdure.security.role import Role

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="perdure"'}
_BEARER = "bearer "

# These two only describe the schemes in the OpenAPI document; the headers are read below.
_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key: `pdr_<id>_<secret>`.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="apiKey", description="The same key.")


def _presented(request: Request) -> str | None:
    """The key of a request; None where there is none, or more than one could be meant."""
    bearer = request.headers.getlist("authorization")
    plain = request.headers.getlist("x-api-key")
    if len(bearer) + len(plain) != 1:
        return None
    if plain:
        return plain[0]
    return bearer[0][len(_BEARER) :].strip() if bearer[0][: len(_BEARER)].lower() == _BEARER else None


async def authenticate(
    request: Request,
    found: UseServices,
    _one: Annotated[object, Depends(_bearer)] = None,
    _other: Annotated[object, Depends(_header)] = None,
) -> Principal:
    """Who makes the request.

    Raises:
        ApiError: API.UNAUTHENTICATED, in the same words whatever is wrong.
    """
    presented = _presented(request)
    principal = await found.keys.principal(presented) if presented else None
    if principal is None:
        message = "a valid API key is needed: send Authorization: Bearer <key>, or X-API-Key: <key>"
        raise ApiError("API.UNAUTHENTICATED", message, headers=_CHALLENGE)
    return principal


def require(needed: Role) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that gives the principal, or refuses one whose role does not allow what `needed` does."""

    async def check(principal: Annotated[Principal, Depends(authenticate)]) -> Principal:
        if not principal.role.allows(needed):
            message = f"this needs the role {needed}; this key has the role {principal.role}"
            raise ApiError("API.FORBIDDEN", message)
        return principal

    return check


Viewer = Annotated[Principal, Depends(require(Role.VIEWER))]
Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
