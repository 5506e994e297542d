"""`/openapi.json`, `/docs` and `/docs/errors`; open to everybody, for they say nothing about any job."""

from functools import lru_cache

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from api.reference.page import api_page, error_page

router = APIRouter(include_in_schema=False)

_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The OpenAPI 3.1 document."""
    return JSONResponse(request.app.state.openapi_document)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The same document for people."""
    return HTMLResponse(api_page(request.app.state.openapi_document), headers=_HEADERS)


@router.get("/docs/errors")
async def errors() -> HTMLResponse:
    """What the error codes mean; every problem's `type` leads here."""
    return HTMLResponse(_errors(), headers=_HEADERS)


@lru_cache(maxsize=1)
def _errors() -> str:
    return error_page()
