"""The cookie a browser keeps of a session: set by the session routes, read by `api.security`."""

from typing import Final

from fastapi import Request, Response

NAME: Final = "perdure_session"


def text_of(request: Request) -> str | None:
    """The text of the session the browser sent, whatever it is worth; None where there is none."""
    return request.cookies.get(NAME) or None


def give(request: Request, response: Response, text: str, seconds: int) -> None:
    """Have the browser keep the session for so long."""
    response.set_cookie(NAME, text, max_age=seconds, secure=_is_https(request), httponly=True, samesite="strict")


def take_back(request: Request, response: Response) -> None:
    """Have the browser forget the session."""
    response.delete_cookie(NAME, secure=_is_https(request), httponly=True, samesite="strict")


def _is_https(request: Request) -> bool:
    """Whether the browser speaks https, be it to a proxy before this process. Who lies gets a cookie of less use."""
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    origin = request.headers.get("origin", "")
    return "https" in (request.url.scheme, forwarded, origin.partition("://")[0].lower())
