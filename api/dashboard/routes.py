"""`/` and `/dashboard/…`: the dashboard; open to everybody, for its files say nothing about any job."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.dashboard.files import BUILT, Files

router = APIRouter(include_in_schema=False)
_files = Files(BUILT)


@router.get("/")
@router.get("/dashboard")
async def root() -> RedirectResponse:
    """A person who opens the server's address wants to see jobs."""
    return RedirectResponse("/dashboard/")


@router.get("/dashboard/{path:path}")
async def dashboard(request: Request, path: str) -> Response:
    """A file of the dashboard, or its page."""
    return await _files.answer(request, path)
