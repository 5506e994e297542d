"""`/v1/me` and `/v1/api-keys` (contract 9, 10)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.body import JsonBody, OptionalJsonBody
from api.jobs.schemas import PageView
from api.keys import operation, service
from api.keys.schemas import (
    KeyListQuery,
    KeyPage,
    KeyRequest,
    KeyView,
    NewKeyView,
    PrincipalView,
    RevokeRequest,
    RotateRequest,
)
from api.keys.view import key_view, new_key_view, principal_view
from api.query import NoQuery, only
from api.security import Admin, Viewer, authenticate
from api.state import UseServices
from perdure.admission.structure import read_model
from perdure.store.key import list_keys

router = APIRouter(prefix="/v1", tags=["keys"], dependencies=[Depends(authenticate)])
_NO_QUERY = [Depends(only(NoQuery))]


@router.get("/me", dependencies=_NO_QUERY, operation_id="getMe", **operation.ME)
async def me(principal: Viewer) -> PrincipalView:
    """Name, tenant, role and grants of the key that was sent."""
    return principal_view(principal)


@router.get("/api-keys", dependencies=[Depends(only(KeyListQuery))], operation_id="listKeys", **operation.LIST)
async def list_all_keys(found: UseServices, principal: Admin, query: Annotated[KeyListQuery, Query()]) -> KeyPage:
    """The keys of the admin's tenant (of all tenants for `*`), revoked and expired ones too, newest first."""
    async with found.store.transaction() as connection:
        keys, cursor = await list_keys(connection, principal.scope, query.cursor, query.limit)
    page = PageView(cursor=cursor, has_more=cursor is not None)
    return KeyPage(data=[key_view(key) for key in keys], page=page)


@router.post("/api-keys", status_code=201, dependencies=_NO_QUERY, operation_id="createKey", **operation.CREATE)
async def create_key(
    request: Request, response: Response, found: UseServices, principal: Admin, body: JsonBody
) -> NewKeyView:
    """Make a key. Nobody can give more than they have: tenant, role, the grant `payloads`, time."""
    wanted = await body.through(lambda document: read_model(KeyRequest, document))
    key, secret = await service.create(request, found, principal, wanted)
    response.headers["Location"] = f"/v1/api-keys/{key.id}"
    return new_key_view(key, secret)


@router.get("/api-keys/{key_id}", dependencies=_NO_QUERY, operation_id="getKey", **operation.GET)
async def get_one_key(found: UseServices, principal: Admin, key_id: str) -> KeyView:
    """One key, without its secret."""
    return key_view(await service.one(found, principal, key_id))


@router.post("/api-keys/{key_id}/rotate", dependencies=_NO_QUERY, operation_id="rotateKey", **operation.ROTATE)
async def rotate_key(
    request: Request, found: UseServices, principal: Admin, key_id: str, body: OptionalJsonBody
) -> NewKeyView:
    """Give a key a new secret; the old one counts no more, or for `grace`. Id, name and role stay."""
    wanted = await body.through(lambda document: read_model(RotateRequest, document))
    return new_key_view(*await service.rotate(request, found, principal, key_id, wanted))


@router.post("/api-keys/{key_id}/revoke", dependencies=_NO_QUERY, operation_id="revokeKey", **operation.REVOKE)
async def revoke_key(
    request: Request, found: UseServices, principal: Admin, key_id: str, body: OptionalJsonBody
) -> KeyView:
    """End a key for good: at once where it is asked, within 5 s at other API processes. Twice is once."""
    wanted = await body.through(lambda document: read_model(RevokeRequest, document))
    return key_view(await service.revoke(request, found, principal, key_id, wanted))
