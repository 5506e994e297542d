"""`/v1/bulk-actions`: decisions about many parked jobs at once, as a resource (contract 9)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.body import JsonBody
from api.bulk_actions import operation, service
from api.bulk_actions.schemas import (
    AbortRequest,
    BulkActionPage,
    BulkActionRequest,
    BulkActionView,
    BulkItemPage,
    BulkItemQuery,
    BulkItemView,
    BulkLinksView,
    BulkListQuery,
)
from api.idempotency_key import IdempotencyKey
from api.jobs.listing import journal_position
from api.jobs.schemas import PageView
from api.query import NoQuery, only
from api.security import Operator, Viewer, authenticate
from api.state import Services, UseServices
from perdure.contract.bulk import BulkItemStatus
from perdure.store import bulk_action as store
from perdure.store.bulk_action import BulkActionRow, BulkItem

router = APIRouter(prefix="/v1/bulk-actions", tags=["dead letters"], dependencies=[Depends(authenticate)])
_NO_QUERY = [Depends(only(NoQuery))]


@router.post("", dependencies=_NO_QUERY, operation_id="createBulkAction", **operation.CREATE)
async def create_bulk_action(
    request: Request, found: UseServices, principal: Operator, body: JsonBody, key: IdempotencyKey
) -> Response:
    """Retry, skip or discard many parked jobs: those named, or those a filter means now. Admins only over 1,000."""
    wanted = await body.read(BulkActionRequest)
    if wanted.dry_run:
        preview = await service.preview(request, found, principal, wanted)
        return Response(preview.model_dump_json(), media_type="application/json")
    action, replayed = await service.create(request, found, principal, wanted, key)
    headers = {"Location": f"/v1/bulk-actions/{action.id}"}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    view = await _view(found, action)
    return Response(view.model_dump_json(), 200 if replayed else 202, headers, media_type="application/json")


@router.get("", dependencies=[Depends(only(BulkListQuery))], operation_id="listBulkActions", **operation.LIST)
async def list_bulk_actions(
    found: UseServices, principal: Viewer, query: Annotated[BulkListQuery, Query()]
) -> BulkActionPage:
    """Bulk actions, newest first."""
    async with found.store.transaction() as connection:
        actions, cursor = await store.list_actions(connection, principal.scope, query.cursor, query.limit)
    data = [_action_view(*each) for each in await service.counted(found, actions)]
    return BulkActionPage(data=data, page=PageView(cursor=cursor, has_more=cursor is not None))


@router.get("/{action_id}", dependencies=_NO_QUERY, operation_id="getBulkAction", **operation.GET)
async def get_bulk_action(found: UseServices, principal: Viewer, action_id: str) -> BulkActionView:
    """How far a bulk action is."""
    return await _view(found, await service.one(found, principal, action_id))


@router.get(
    "/{action_id}/items",
    dependencies=[Depends(only(BulkItemQuery))],
    operation_id="listBulkActionItems",
    **operation.ITEMS,
)
async def list_bulk_action_items(
    found: UseServices, principal: Viewer, action_id: str, query: Annotated[BulkItemQuery, Query()]
) -> BulkItemPage:
    """The jobs of a bulk action in the order they are decided about, with what became of each."""
    action = await service.one(found, principal, action_id)
    after = journal_position(query.cursor) - 1
    async with found.store.transaction() as connection:
        rows = await store.list_items(connection, action.id, statuses=query.status, after=after, limit=query.limit + 1)
    page, more = rows[: query.limit], len(rows) > query.limit
    cursor = str(page[-1].position + 1) if more else None
    return BulkItemPage(data=[_item_view(item) for item in page], page=PageView(cursor=cursor, has_more=more))


@router.post(
    "/{action_id}/abort", status_code=202, dependencies=_NO_QUERY, operation_id="abortBulkAction", **operation.ABORT
)
async def abort_bulk_action(
    request: Request, found: UseServices, principal: Operator, action_id: str, body: JsonBody
) -> BulkActionView:
    """Send no more decisions. Those that were sent stay; what is under way (2 s of it) is still sent."""
    wanted = await body.read(AbortRequest)
    return await _view(found, await service.abort(request, found, principal, action_id, wanted))


async def _view(found: Services, action: BulkActionRow) -> BulkActionView:
    (counted,) = await service.counted(found, [action])
    return _action_view(*counted)


def _action_view(action: BulkActionRow, counts: dict[BulkItemStatus, int]) -> BulkActionView:
    own = ("counts", "canary", "links")
    same = {name: getattr(action, name) for name in BulkActionView.model_fields if name not in own}
    links = BulkLinksView(self=f"{router.prefix}/{action.id}", audit=f"/v1/audit?subject={action.id}")
    return BulkActionView(**same, counts=counts, canary=action.canary or None, links=links)


def _item_view(item: BulkItem) -> BulkItemView:
    return BulkItemView(**{name: getattr(item, name) for name in BulkItemView.model_fields})
