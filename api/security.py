"""Who asks, and whether they may: the dependencies every route of /v1 has but the session's (contract 10).

A route says the role it needs once, by the type of its principal (`Viewer`, `Operator`, `Admin`); this module
enforces it, the OpenAPI document tells it (as the scope of `security`), docs/reference/roles.md is made from that.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer, SecurityScopes

from api import same_origin, session_cookie
from api.audit.entry import Facts, entry_of
from api.context import context_of
from api.problem import ApiError
from api.request_subject import is_job_id, route_of, subject_of
from api.state import Services, UseServices
from perdure.security.audit import AuditEvent, tell_unknown
from perdure.security.key import PresentedKey, parse_key
from perdure.security.principal import Principal
from perdure.security.role import Role

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="perdure"'}
_BEARER = "bearer "
_CROSS_SITE = (
    "the browser does not say that a page of this server asks: with the cookie of a session everything but reading "
    "needs Sec-Fetch-Site: same-origin, or an Origin that is this server; programs send the key itself"
)

# These only describe the schemes in the OpenAPI document; headers and cookie are read below.
_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key: `pdr_<id>_<secret>`.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="apiKey", description="The same key.")
_cookie = APIKeyCookie(
    name=session_cookie.NAME,
    auto_error=False,
    scheme_name="session",
    description="What `POST /v1/session` gives a browser for a key. Counts only where no key is sent; all but reading"
    " is open to pages of this server alone.",
)


def _presented(request: Request) -> str | None:
    """The key of a request; None where there is none, or more than one could be meant."""
    bearer = request.headers.getlist("authorization")
    plain = request.headers.getlist("x-api-key")
    if len(bearer) + len(plain) != 1:
        return None
    if plain:
        return plain[0]
    return bearer[0][len(_BEARER) :].strip() if bearer[0][: len(_BEARER)].lower() == _BEARER else None


def _sends_key(request: Request) -> bool:
    """Whether a key is meant to count, be it any good: then no cookie does."""
    return "authorization" in request.headers or "x-api-key" in request.headers


async def authenticate(
    request: Request,
    found: UseServices,
    _one: Annotated[object, Depends(_bearer)] = None,
    _other: Annotated[object, Depends(_header)] = None,
    _third: Annotated[object, Depends(_cookie)] = None,
) -> Principal:
    """Who makes the request.

    Raises:
        ApiError: API.UNAUTHENTICATED, in the same words whatever is wrong; API.CROSS_SITE.
    """
    session = None if _sends_key(request) else session_cookie.text_of(request)
    if session is not None:
        return await _principal_of_session(request, found, session)
    principal, _ = await principal_of_key(request, found, _presented(request))
    return principal


async def principal_of_key(request: Request, found: Services, presented: str | None) -> tuple[Principal, PresentedKey]:
    """Who presents the key, and the key.

    Raises:
        ApiError: API.UNAUTHENTICATED.
    """
    principal = await found.keys.principal(presented) if presented else None
    key = parse_key(presented) if presented else None
    if principal is None or key is None:
        if presented:
            _note_unknown(request, key)
        raise _unauthenticated()
    request.state.principal = principal  # for the request's line in the log
    return principal, key


async def _principal_of_session(request: Request, found: Services, text: str) -> Principal:
    proof = found.sessions.read(text)
    principal = await found.keys.principal_by(proof) if proof else None
    if principal is None:
        raise _unauthenticated()
    request.state.principal = principal
    if request.method not in same_origin.SAFE and not same_origin.is_ours(request):
        raise forbidden(request, principal, _CROSS_SITE, "API.CROSS_SITE")
    return principal


async def same_origin_only(request: Request) -> None:
    """What the routes ask that give or take a cookie.

    Raises:
        ApiError: API.CROSS_SITE.
    """
    if not same_origin.is_ours(request):
        raise ApiError("API.CROSS_SITE", _CROSS_SITE)


def _unauthenticated() -> ApiError:
    message = "a valid API key is needed: send Authorization: Bearer <key>, or X-API-Key: <key>"
    return ApiError("API.UNAUTHENTICATED", message, headers=_CHALLENGE)


def _note_unknown(request: Request, key: PresentedKey | None) -> None:
    request_id, path = context_of(request).request_id, request.url.path[:200]
    tell_unknown(key_id=key.id if key else None, request_id=request_id, method=request.method, path=path)


def forbidden(request: Request, principal: Principal, message: str, code: str = "API.FORBIDDEN") -> ApiError:
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
    return ApiError(code, message)


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
