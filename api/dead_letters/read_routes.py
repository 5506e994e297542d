"""`GET /v1/dead-letters…`: what is parked, listed, grouped by kind of failure, and one entry (contract 9)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.dead_letters import read_operation as operation
from api.dead_letters.entry import read_entry
from api.dead_letters.listing import dead_letter_filter
from api.dead_letters.read_schemas import (
    DeadLetterEntryView,
    DeadLetterFilterQuery,
    DeadLetterPage,
    GroupPage,
    GroupQuery,
)
from api.dead_letters.view import dead_letter_view, group_view
from api.jobs.payload import Onlooker
from api.jobs.schemas import PageView
from api.jobs.target import JobId
from api.jobs.view import Linker
from api.query import NoQuery, only
from api.security import Viewer, authenticate
from api.state import UseServices
from perdure.store import dead_letter as store
from perdure.store import dead_letter_group as group_store

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], dependencies=[Depends(authenticate)])
_FILTERED = [Depends(only(DeadLetterFilterQuery))]
_GROUPED = [Depends(only(GroupQuery))]


@router.get("", dependencies=_FILTERED, operation_id="listDeadLetters", **operation.LIST)
async def list_dead_letters(
    found: UseServices, principal: Viewer, query: Annotated[DeadLetterFilterQuery, Query()]
) -> DeadLetterPage:
    """Jobs of which something is parked, the last parked first."""
    wanted = dead_letter_filter(query, principal)
    async with found.store.transaction() as connection:
        parked, cursor = await store.list_dead_letters(connection, wanted, query.cursor, query.limit)
    linker = Linker.of(found.settings)
    data = [dead_letter_view(one, linker) for one in parked]
    return DeadLetterPage(data=data, page=PageView(cursor=cursor, has_more=cursor is not None))


@router.get("/groups", dependencies=_GROUPED, operation_id="listDeadLetterGroups", **operation.GROUPS)
async def list_groups(found: UseServices, principal: Viewer, query: Annotated[GroupQuery, Query()]) -> GroupPage:
    """What is parked, or was, by kind of failure (fingerprint), with how many when."""
    wanted = dead_letter_filter(query, principal)
    async with found.store.transaction() as connection:
        groups, cursor = await group_store.list_groups(
            connection, wanted, datetime.now(UTC), query.cursor, query.limit, state=query.state
        )
    page = PageView(cursor=cursor, has_more=cursor is not None)
    return GroupPage(data=[group_view(group) for group in groups], page=page)


@router.get("/{job_id}", dependencies=[Depends(only(NoQuery))], operation_id="getDeadLetter", **operation.GET)
async def get_dead_letter(
    request: Request, found: UseServices, principal: Viewer, job_id: JobId
) -> DeadLetterEntryView:
    """One parked job: what is parked and its attempts, how long it is kept, its lineage, what can be decided."""
    return await read_entry(Onlooker.of(request, found, principal), job_id)
