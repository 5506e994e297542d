"""The files of the built dashboard and the headers they go out with. Used by the routes."""

from pathlib import Path
from typing import Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

import api

BUILT: Final = Path(api.__file__).parents[1] / "dashboard/dist"
"""Beside `api`, as in the checkout, so in the image and in the wheel's data."""
_ASSETS = "assets/"
_INDEX = "index.html"
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_NOT_BUILT = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Perdure: the dashboard is not built</title>'
    "<h1>The dashboard is not built</h1>"
    "<p>Run <code>make setup</code> in the checkout, then load this page again. "
    'The API is here, and <a href="/docs">described</a> for people.</p></html>'
)


class Files:
    """Those below one directory, read when they are asked for: what is built anew is served at once."""

    def __init__(self, directory: Path) -> None:
        self._index = directory / _INDEX
        self._static = StaticFiles(directory=directory, check_dir=False)

    async def answer(self, request: Request, path: str) -> Response:
        """The file at `path`; else the page, whose own router knows what to show there.

        Raises:
            HTTPException: 404 for an asset that is not there.
        """
        response = await self._file(request, path) or await self._page(request)
        response.headers.update(_HEADERS)
        return response

    async def _file(self, request: Request, path: str) -> Response | None:
        try:
            response = await self._static.get_response(path, request.scope)
        except HTTPException as error:
            if path.startswith(_ASSETS) and self._index.is_file():
                raise
            if error.status_code not in (401, 404):  # 401: what the process may not read
                raise
            return None
        response.headers["Cache-Control"] = _FOREVER if path.startswith(_ASSETS) else _ASK_AGAIN
        return response

    async def _page(self, request: Request) -> Response:
        if not self._index.is_file():
            return HTMLResponse(_NOT_BUILT, 404, {"Cache-Control": _ASK_AGAIN})
        response = await self._static.get_response(_INDEX, request.scope)
        response.headers["Cache-Control"] = _ASK_AGAIN
        return response
