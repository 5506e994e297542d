"""`/v1/audit`: what was done or refused at the API itself (contract 8, 9)."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.audit.listing import audit_filter
from api.audit.schemas import AuditEntryView, AuditPage, AuditQuery
from api.jobs.schemas import PageView
from api.openapi import problems
from api.query import only
from api.security import Viewer, authenticate
from api.state import UseServices
from perdure.store.audit import list_entries

router = APIRouter(prefix="/v1/audit", tags=["audit"], dependencies=[Depends(authenticate)])
_LIST: dict[str, Any] = {"summary": "List audit entries", "responses": problems(401, 403, 422, 503)}


@router.get("", dependencies=[Depends(only(AuditQuery))], operation_id="listAuditEntries", **_LIST)
async def list_audit_entries(found: UseServices, principal: Viewer, query: Annotated[AuditQuery, Query()]) -> AuditPage:
    """Who made keys, saw payloads, started bulk actions or was refused, newest first: of the key's own tenant.

    Decisions about a job (retry, cancel, …) are in its journal, with actor and reason.
    """
    wanted = audit_filter(query, principal)
    async with found.store.transaction() as connection:
        entries, cursor = await list_entries(connection, wanted, query.cursor, query.limit)
    data = [AuditEntryView(**asdict(entry)) for entry in entries]
    return AuditPage(data=data, page=PageView(cursor=cursor, has_more=cursor is not None))
