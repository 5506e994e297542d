"""Who asks, and whether they may: the dependencies every route of /v1 has (contract 10).

A route says the role it needs once, by the type of its principal (`Viewer`, `Operator`, `Admin`); this module
enforces it, the OpenAPI document tells it (as the scope of `security`), docs/reference/roles.md is made from that.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer, SecurityScopes

from api.audit.entry import Facts, entry_of
from api.context import context_of
from api.problem import ApiError
from api.request_subject import is_job_id, route_of, subject_of
from api.state import Services, UseServices
from perdure.security.audit import AuditEvent, tell_unknown
from perdure.security.key import parse_key
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
        if presented:
            _note_unknown(request, presented)
        message = "a valid API key is needed: send Authorization: Bearer <key>, or X-API-Key: <key>"
        raise ApiError("API.UNAUTHENTICATED", message, headers=_CHALLENGE)
    request.state.principal = principal  # for the request's line in the log
    return principal


def _note_unknown(request: Request, presented: str) -> None:
    key, request_id, path = parse_key(presented), context_of(request).request_id, request.url.path[:200]
    tell_unknown(key_id=key.id if key else None, request_id=request_id, method=request.method, path=path)


def forbidden(request: Request, principal: Principal, message: str) -> ApiError:
    """The refusal, entered in the audit, of something this principal may not do; `message` says what is needed."""
    named = request.path_params.get("job_id", "")
    job_id = named if is_job_id(named) and principal.sees(named) else None
    asked = {"method": request.method, "route": route_of(request.scope), "role": principal.role.value}
    about: Facts = {"job_id": job_id, "data": {**asked, "refusal": message}}
    if (subject := subject_of(request.path_params)) is not None:
        about["subject"] = subject
    entry = entry_of(context_of(request), principal, AuditEvent.ACCESS_DENIED, principal.tenant, **about)
    found: Services = request.state.services
    found.audit.refused(entry)
    return ApiError("API.FORBIDDEN", message)


async def _authorise(
    request: Request, scopes: SecurityScopes, principal: Annotated[Principal, Depends(authenticate)]
) -> Principal:
    """The principal, if its role allows what every role named by the route does.

    Raises:
        ApiError: API.FORBIDDEN, naming the role that is needed.
    """
    for needed in map(Role, scopes.scopes):
        if not principal.role.allows(needed):
            message = f"this needs the role {needed}; this key has the role {principal.role}"
            raise forbidden(request, principal, message)
    return principal


def require(needed: Role) -> Any:
    """What a route's principal is annotated with: refuses one whose role does not allow what `needed` does."""
    return Security(_authorise, scopes=[needed.value])


Viewer = Annotated[Principal, require(Role.VIEWER)]
Operator = Annotated[Principal, require(Role.OPERATOR)]
Admin = Annotated[Principal, require(Role.ADMIN)]


def declared_role(operation: Mapping[str, Any]) -> Role:
    """The least role that an operation of the OpenAPI document is open to.

    Raises:
        ValueError: it names no role: nobody decided who may use it.
    """
    named = {Role(scope) for scheme in operation.get("security", ()) for scopes in scheme.values() for scope in scopes}
    if not named:
        raise ValueError(f"the operation {operation.get('operationId')} names no role")
    return max(named, key=list(Role).index)
