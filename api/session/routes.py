"""`/v1/session`: a cookie for a key (contract 10, decision 0031)."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request, Response

from api import session_cookie
from api.body import JsonBody
from api.keys.schemas import PrincipalView
from api.keys.view import principal_view
from api.query import NoQuery, only
from api.security import principal_of_key, same_origin_only
from api.session import operation
from api.session.schemas import SessionRequest
from api.state import UseServices

router = APIRouter(prefix="/v1", tags=["keys"], dependencies=[Depends(only(NoQuery)), Depends(same_origin_only)])


@router.post("/session", operation_id="beginSession", **operation.BEGIN)
async def begin(request: Request, response: Response, found: UseServices, body: JsonBody) -> PrincipalView:
    """Give a key, get a cookie that stands for it: as long as PERDURE_SESSION_HOURS, and no longer than the key counts.

    For pages of this server only, of which the browser has to tell (`Sec-Fetch-Site` or `Origin`).
    """
    key = (await body.read(SessionRequest)).api_key.get_secret_value()
    principal, presented = await principal_of_key(request, found, key)
    seconds = _lasts(found.sessions.seconds, principal.expires_at)
    session_cookie.give(request, response, found.sessions.begin(presented), seconds)
    return principal_view(principal)


def _lasts(seconds: int, until: datetime | None) -> int:
    """How long the browser keeps the cookie: not when its key is over. The server asks the key each time anyway."""
    return seconds if until is None else min(seconds, max(0, int((until - datetime.now(UTC)).total_seconds())))


@router.delete("/session", status_code=204, operation_id="endSession", **operation.END)
async def end(request: Request, response: Response) -> None:
    """Take the cookie back. The key stays as it is: revoke it where it may have been seen."""
    session_cookie.take_back(request, response)
